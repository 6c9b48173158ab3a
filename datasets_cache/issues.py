"""Rows that were skipped or repaired: counted for manifests, listed in messages, refused on demand."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from datasets_cache.duplicates import LEFT_OUT
from datasets_cache.schema import SPLITS, RowIssue
from datasets_cache.sources.index import Record

_LISTED = 20


def count_issues(issues: Iterable[RowIssue]) -> dict[str, int]:
    """How many rows each thing happened to, as manifests have it."""
    return dict(sorted(Counter(f"{issue.action}: {issue.reason}" for issue in issues).items()))


def refuse_skipped(issues: Sequence[RowIssue], *, strict: bool) -> None:
    """Refuse rows that had to be skipped, where `strict` allows none; what was left out on demand does not count.

    Raises:
        ValueError: lists the first of them.
    """
    skipped = [issue for issue in issues if issue.action == "skipped" and issue.reason not in LEFT_OUT]
    if strict and skipped:
        msg = f"{len(skipped)} rows of the source cannot be used, and --strict allows none. {list_issues(skipped)}"
        raise ValueError(msg)


def refuse_empty(sampled: Sequence[Record], issues: Sequence[RowIssue]) -> None:
    """Refuse a sample with a split that no film of is left.

    Raises:
        ValueError: lists why the films that were looked at cannot be used.
    """
    for split in SPLITS:
        if not any(record.split == split for record in sampled):
            skipped = [issue for issue in issues if issue.action == "skipped" and issue.split == split]
            msg = f"no film of {split} can be used; {len(skipped)} were looked at. {list_issues(skipped)}"
            raise ValueError(msg)


def first_skipped(issues: Iterable[RowIssue]) -> list[str]:
    """The first skipped rows, as manifests have them."""
    skipped = (issue for issue in issues if issue.action == "skipped" and issue.reason not in LEFT_OUT)
    return [_line(issue) for issue in islice(skipped, _LISTED)]


def list_issues(issues: Sequence[RowIssue]) -> str:
    """The first issues, a line each, for a message."""
    shown = [f"\n  {_line(issue)}" for issue in issues[:_LISTED]]
    more = f"\n  and {len(issues) - _LISTED} more" if len(issues) > _LISTED else ""
    return "".join(shown) + more


def _line(issue: RowIssue) -> str:
    return f"{issue.split or '-'} {issue.id}: {issue.reason}" + (f": {issue.detail}" if issue.detail else "")
