"""What a back-translation changed, word by word."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple


class Span(NamedTuple):
    """Words in a row that are all kept or all changed."""

    text: str
    changed: bool


class WordDiff(NamedTuple):
    """Two texts as spans."""

    original: list[Span]
    augmented: list[Span]
    changed: float
    """Share of the original's words that the augmented text does not have in their place."""


def word_diff(original: str, augmented: str) -> WordDiff:
    """Compare two texts by whitespace-separated words.

    Examples:
        >>> compared = word_diff("Nobody believes him.", "No one believes him.")
        >>> compared.augmented
        [Span(text='No one', changed=True), Span(text='believes him.', changed=False)]
        >>> round(compared.changed, 2)  # one of three words
        0.33
    """
    one, two = original.split(), augmented.split()
    left: list[Span] = []
    right: list[Span] = []
    changed = 0
    for kind, start, end, other_start, other_end in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if end > start:
            left.append(Span(" ".join(one[start:end]), kind != "equal"))
        if other_end > other_start:
            right.append(Span(" ".join(two[other_start:other_end]), kind != "equal"))
        changed += (end - start) if kind != "equal" else 0
    return WordDiff(left, right, changed / len(one) if one else 0.0)


def excerpt(spans: Sequence[Span], *, words: int, worth: int = 0) -> tuple[list[Span], list[Span]]:
    """The first `words` words of `spans`, and the rest; no more than `worth` words over are not worth cutting off."""
    if sum(len(span.text.split()) for span in spans) <= words + worth:
        return list(spans), []
    head: list[Span] = []
    left = words
    for number, span in enumerate(spans):
        parts = span.text.split()
        if len(parts) > left:
            cut = [Span(" ".join(parts[:left]), span.changed)] if left else []
            return head + cut, [Span(" ".join(parts[left:]), span.changed), *spans[number + 1 :]]
        head.append(span)
        left -= len(parts)
    return head, []
