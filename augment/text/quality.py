"""Guards: whether a sentence's back-translation is used, or the original kept, and why."""

import re
from typing import Literal

from augment.text.engines.protocol import Problem

KeptReason = Literal["too short", "empty", "length changed", "repetition"] | Problem
KEPT_REASONS: tuple[KeptReason, ...] = ("too short", "engine failed", "unfinished", "empty", "length changed", "repetition")
"""In the order in which they are looked for."""

LONGEST_LOOP = 8
"""Words of the longest phrase whose repetition is noticed."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_RUN = re.compile(r"(\w{1,4}?)\1{5,}|([^\w\s])\2{5,}")


def reason_to_keep(
    original: str,
    translation: str,
    problem: Problem | None = None,
    *,
    min_chars: int = 10,
    max_length_change: float = 0.5,
    max_repeats: int = 2,
) -> KeptReason | None:
    """Why `original` is kept instead of `translation`; None where the translation is used.

    In this order: the original has fewer than `min_chars` characters; the engine had a `problem`; the translation is empty;
    it has fewer than `min_chars` characters; its length differs by more than `max_length_change` of the original's; it says
    a phrase more than `max_repeats` times in a row, and more often than the original does.

    Source:
        google-research/uda, text/augmentation/sent_level_augment.py (lengths). Deviation: by sentence; repetition is ours.
    """
    if len(original) < min_chars:
        return "too short"
    if problem:
        return problem
    if not translation.strip():
        return "empty"
    if len(translation) < min_chars:
        return "too short"
    if abs(len(translation) - len(original)) > max_length_change * len(original):
        return "length changed"
    if repeats(translation) > max(max_repeats, repeats(original)):
        return "repetition"
    return None


def repeats(text: str) -> int:
    """How often in a row `text` says a phrase, at most: 1 for "a dog", 3 for "no, no, no" or "go to go to go to".

    Phrases of up to `LONGEST_LOOP` words count, case and punctuation aside; so does a run of characters within a word, or of
    one mark, six times or more ("hahahahahaha", "!!!!!!").
    """
    words = _WORD.findall(text.casefold())
    most = 1 if words else 0
    for size in range(1, LONGEST_LOOP + 1):
        run = 0  # words that equal the one `size` before them, in a row
        for position in range(size, len(words)):
            run = run + 1 if words[position] == words[position - size] else 0
            most = max(most, run // size + 1)
    for found in _RUN.finditer(text.casefold()):
        most = max(most, len(found[0]) // len(found[1] or found[2]))
    return most
