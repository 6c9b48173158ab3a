"""What every source is read into, and the rules that hold for all of them (``docs/sources.md``)."""

import re
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from datasets_cache import plots
from datasets_cache.schema import SPLITS, Reason, RowIssue, Split

MAX_ID_LENGTH = 100
_USABLE_ID = re.compile(rf"\w(?:[\w.\- ]{{0,{MAX_ID_LENGTH - 2}}}[\w\-])?")

_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxlist, _BRIEF.maxdict, _BRIEF.maxstring, _BRIEF.maxlong, _BRIEF.maxother = 3, 20, 10, 100, 100, 100


class RowError(ValueError):
    """A row that cannot be used, and why."""

    def __init__(self, *, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Reason = reason
        self.detail = detail


class Posters(Protocol):
    """Encoded posters by location."""

    def load(self, locations: Sequence[str]) -> None:
        """Make these readable at the price of one pass, where reading one by one would cost a pass each."""
        ...

    def read(self, location: str) -> bytes:
        """Bytes of one poster; safe to call from several threads.

        Raises:
            PosterError: it is missing, unreadable or too large.
        """
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """A film's metadata, and where its pictures lie."""

    id: str
    split: Split
    title: str
    plot: str
    genres: tuple[str, ...]
    poster: str
    given_plot: str | None = None
    given_poster: str | None = None
    repairs: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceIndex:
    """All films of a source that are usable by their metadata; no picture has been looked at yet."""

    genres: tuple[str, ...]
    """Genres of the task, in label order."""
    records: tuple[Record, ...]
    """Usable films, each id once, each split in the source's order."""
    skipped: tuple[RowIssue, ...]
    """Rows that are not usable."""
    posters: Posters
    """Where `Record.poster` and `Record.given_poster` are read from."""
    notes: tuple[str, ...] = ()
    """How the source was understood where it left a choice, a line each, for people."""
    genres_are_own: bool = False
    """Whether the list of genres comes from the films, so that other films may give another."""


def build(rows: Iterable[Record | RowIssue], *, genres: Sequence[str], posters: Posters) -> SourceIndex:
    """Settle what concerns several rows: an id twice, in two splits, or the same plot in two splits.

    The later split keeps the film (test before validation before train), so that the published evaluation sets stay whole
    and no training film gives away a test film. Within a split the first row stays.
    """
    records: list[Record] = []
    skipped: list[RowIssue] = []
    for row in rows:
        if isinstance(row, Record):
            records.append(row)
        else:
            skipped.append(row)
    records = _each_id_once(records, skipped)
    records = _each_plot_in_one_split(records, skipped)
    return SourceIndex(tuple(genres), tuple(records), tuple(skipped), posters)


def skip(film: str, split: Split | None, reason: Reason, detail: str = "") -> RowIssue:
    """A row that no film comes out of."""
    return RowIssue(printable(film), split, "skipped", reason, printable(detail))


def usable_id(value: object) -> str:
    """The id as text, where it can name a file on any system.

    Raises:
        RowError: neither text nor a whole number, empty, too long, or with characters other than letters, digits,
            ``_ - .`` and single inner spaces.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RowError(reason="id not usable", detail=f"expected text or a whole number, got {short(value)}")
    text = str(value).strip() if isinstance(value, str) or abs(value) < 10**MAX_ID_LENGTH else "a number too long"
    if not _USABLE_ID.fullmatch(text) or len(text.encode()) > 2 * MAX_ID_LENGTH:
        raise RowError(
            reason="id not usable", detail=f"{short(value)}: expected 1 to {MAX_ID_LENGTH} letters, digits, '_', '-' or '.'"
        )
    return text


def task_genres(value: object, order: Sequence[str]) -> tuple[str, ...]:
    """The genres of the task among `value`, in label order, whatever their case; others are ignored.

    Raises:
        RowError: not a list of texts, or none of the task.
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RowError(reason="metadata wrong type", detail=f"genres: expected a list of texts, got {short(value)}")
    named = {str(name).strip().casefold() for name in value}
    found = tuple(genre for genre in order if genre.casefold() in named)
    if not found:
        raise RowError(reason="no genre of the task", detail=f"it has {short(value)}")
    return found


def usable_plot(value: object) -> plots.CleanPlot:
    """The repaired plot.

    Raises:
        RowError: null, not text, or nothing readable in it.
    """
    if value is None:
        raise RowError(reason="plot missing")
    if not isinstance(value, str):
        raise RowError(reason="metadata wrong type", detail=f"plot: expected text, got {short(value)}")
    cleaned = plots.clean(value)
    if not cleaned.text:
        raise RowError(reason="plot empty", detail=f"the source has {short(value)}")
    return cleaned


def usable_title(value: object, *, otherwise: str) -> str:
    """The title in one clean line; a film without one goes by its id. No rule skips a film for its title."""
    return (plots.clean(value).text if isinstance(value, str) else "") or otherwise


def field(row: dict[str, object], name: str) -> object:
    """Value of a field that must be there.

    Raises:
        RowError: it is not.
    """
    if name not in row:
        raise RowError(reason="field missing", detail=f"{name!r}; the row has {short(sorted(row))}")
    return row[name]


def _each_id_once(records: Sequence[Record], skipped: list[RowIssue]) -> list[Record]:
    kept: dict[str, Record] = {}
    for record in sorted(records, key=_latest_first):  # stable: of one split the first row comes first
        first = kept.setdefault(record.id, record)
        if first is record:
            continue
        if first.split == record.split:
            skipped.append(skip(record.id, record.split, "id duplicated", "an earlier row has it"))
        else:
            skipped.append(skip(record.id, record.split, "id in two splits", f"kept in {first.split}"))
    return [record for record in records if kept[record.id] is record]


def _each_plot_in_one_split(records: Sequence[Record], skipped: list[RowIssue]) -> list[Record]:
    stories = {record.id: plots.comparable(record.plot) for record in records}
    keeper: dict[str, Record] = {}
    for record in sorted(records, key=_latest_first):
        keeper.setdefault(stories[record.id], record)
    kept: list[Record] = []
    for record in records:
        first = keeper[stories[record.id]]
        if first.split == record.split:
            kept.append(record)
            continue
        reason: Reason = "plot also in test" if first.split == "test" else "plot also in validation"
        skipped.append(skip(record.id, record.split, reason, f"film {first.id} ({first.title})"))
    return kept


def _latest_first(record: Record) -> int:
    return -SPLITS.index(record.split)


def short(value: object) -> str:
    """A value in at most 80 characters, for a message; what nests deeply, or is long, is not written out to be cut."""
    text = _BRIEF.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def name_of(value: object) -> str:
    """What stands where an id should, in at most 100 characters, for speaking of a row that is skipped."""
    return value[:100] if isinstance(value, str) else short(value)


def printable(text: str) -> str:
    """`text` with escapes for what no terminal should be sent and no file can hold: control characters, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
