"""A plot beside its back-translation, as the page shows them: changed words marked, an excerpt first, the rest on a click."""

from dataclasses import dataclass

from train.report.words import Span, excerpt, word_diff

EXCERPT_WORDS, WORTH_CUTTING = 70, 30
LEAD = 12
"""Unchanged words that are shown before the first change where `compared` is told to skip the others."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its changed words marked: what is shown at once, and the rest."""

    head: list[Span]
    rest: list[Span]
    skipped: int = 0
    """Unchanged words before `head` that are not shown."""

    @property
    def more(self) -> int:
        """Words of `rest`."""
        return _words(self.rest)


@dataclass(frozen=True, slots=True)
class Compared:
    """A plot and its augmented one."""

    original: Passage
    augmented: Passage
    changed: float
    """Share of the original's words that were changed."""


def compared(original: str, augmented: str, *, skip: bool = False) -> Compared:
    """Two plots with the words that differ.

    Args:
        original: the plot.
        augmented: its back-translation.
        skip: whether unchanged words before the first change are left out, all but `LEAD`.
    """
    found = word_diff(original, augmented)
    skipped = max(0, _unchanged_at_first(found.original) - LEAD) if skip else 0
    return Compared(_passage(found.original, skipped), _passage(found.augmented, skipped), found.changed)


def _unchanged_at_first(spans: list[Span]) -> int:
    return len(spans[0].text.split()) if len(spans) > 1 and not spans[0].changed else 0


def _passage(spans: list[Span], skipped: int) -> Passage:
    if skipped:
        first = " ".join(spans[0].text.split()[skipped:])
        spans = [Span(first, changed=False), *spans[1:]]
    head, rest = excerpt(spans, words=EXCERPT_WORDS, worth=WORTH_CUTTING)
    return Passage(head, rest, skipped)


def _words(spans: list[Span]) -> int:
    return sum(len(span.text.split()) for span in spans)
