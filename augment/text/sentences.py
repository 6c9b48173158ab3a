"""Sentences of a text, and parts of a sentence, such that putting them together again gives the text back.

`sentencex` was chosen over `pysbd` and `syntok`; ``docs/back_translation.md`` has the comparison on real synopses.
"""

import re
from collections.abc import Callable, Iterator

from sentencex import segment as segment_text  # pyright: ignore[reportAttributeAccessIssue]

LONG_SENTENCE = 400
"""Characters; a longer sentence is usually an unclosed quotation mark or bracket that hides the ends within it."""

BLOCK = 10_000
"""Characters that the library sees at once: its time grows with the square of the number of sentence marks."""
_TAIL = 64
"""Characters at the end of a sentence that tell whether it ends there."""
_NOT_SHOWN = re.compile(r"[\s\ud800-\udfff]")
_WHITESPACE_RUN = re.compile(r"\s+")
_QUOTES = re.compile(r"[\"“”„«»()\[\]{}]")
_NO_END = re.compile(r"(?:\b(?:Ms|Mx|Messrs|Mmes)\.|(?:\b[A-Z]\.\s?)+)$")
_PLACES_AND_ERAS = re.compile(r"\b(?:U\.S(?:\.A)?|U\.K|U\.N|E\.U|D\.C|L\.A|N\.Y|A\.D|B\.C|C\.E)\.$")
_CLAUSE_END = re.compile(r"(?<=[;:,)—–])\s+|(?<!\s)\s+(?=[—–-]\s)")


def split(text: str, language: str = "en") -> list[tuple[str, str]]:
    """Sentences of `text`, each with what separates it from the next.

    Args:
        text: anything, line breaks included.
        language: of `text`; decides abbreviations.
    Returns:
        Pairs (sentence, separator): a sentence has no whitespace at its ends, a separator is whitespace or empty. All pairs
        joined are `text`. A text that begins with whitespace has an empty first sentence.

    Examples:
        >>> split("Dr. Watson waits. Holmes arrives.")
        [('Dr. Watson waits.', ' '), ('Holmes arrives.', '')]
    """
    pairs: list[tuple[str, str]] = []
    start = text[: len(text) - len(text.lstrip())]
    if start:
        pairs.append(("", start))
    for sentence in _joined_at_names(list(_segments(text[len(start) :], language))):
        bare = sentence.strip()
        if bare:
            pairs.append((bare, sentence[len(bare) :]))
        else:
            before, separator = pairs.pop()
            pairs.append((before, separator + sentence))
    assert "".join(sentence + separator for sentence, separator in pairs) == text, "a sentence was lost"
    return pairs


def _segments(text: str, language: str) -> Iterator[str]:
    """Segments of `text`; those that are too long are looked at again with quotation marks and brackets hidden."""
    # The library counts bytes and fails at whitespace beyond ASCII after an initial, so it is shown plain spaces, one for one;
    # and at halves of characters, for which it is shown another sign.
    position = 0
    for found in _in_blocks(_NOT_SHOWN.sub(_plain, text), language):
        segment = text[position : position + len(found)]
        position += len(found)
        if len(segment) <= LONG_SENTENCE:
            yield from _without_leading_space(segment)
            continue
        inner = 0
        for part in segment_text(language, _QUOTES.sub("_", _NOT_SHOWN.sub(_plain, segment))):
            yield from _without_leading_space(segment[inner : inner + len(part)])
            inner += len(part)


def _in_blocks(text: str, language: str) -> Iterator[str]:
    """The library's segments of `text`; the last one of a block may go on, and is looked at again with the next block."""
    position = 0
    while position < len(text):
        block = text[position : position + BLOCK]
        found = segment_text(language, block)
        if position + len(block) < len(text):
            found = found[:-1] or [block[: block.rfind(" ") + 1]]
        found = [segment for segment in found if segment] or [block]
        yield from found
        position += sum(map(len, found))


def _plain(match: re.Match[str]) -> str:
    if match[0].isspace():
        return match[0] if match[0] in " \n" else " "
    return "\ufffd"


def _without_leading_space(segment: str) -> Iterator[str]:
    bare = segment.lstrip()
    if bare != segment:
        yield segment[: len(segment) - len(bare)]
    if bare:
        yield bare


def _joined_at_names(segments: list[str]) -> list[str]:
    """`segments`, where "Ms." and "J.D." stay with the name that follows."""
    joined: list[list[str]] = []
    tail = ""
    for segment in segments:
        before = tail.rstrip()
        if _NO_END.search(before) and not _PLACES_AND_ERAS.search(before):
            joined[-1].append(segment)
        else:
            joined.append([segment])
            tail = ""
        tail = (tail + segment[-_TAIL:])[-_TAIL:]
    return ["".join(sentence) for sentence in joined]


def parts(sentence: str, fits: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Parts of a sentence that is too long for a model, cut in halves until each fits.

    Args:
        sentence: without whitespace at its ends.
        fits: whether a model takes a text whole.
    Returns:
        Pairs (part, separator) as in `split`; one pair where the sentence fits. It is cut at the clause mark nearest to its
        middle, where there is none at the space nearest to it, and where there is none in the middle of the word.

    Examples:
        >>> parts("She waits, and he runs.", lambda part: len(part) <= 12)
        [('She waits,', ' '), ('and he runs.', '')]
    """
    if len(sentence) < 2 or fits(sentence):
        return [(sentence, "")]
    end, start = _nearest_cut(sentence)
    left, right = parts(sentence[:end], fits), parts(sentence[start:], fits)
    left[-1] = (left[-1][0], sentence[end:start])
    return left + right


def _nearest_cut(sentence: str) -> tuple[int, int]:
    """Where the left part ends and the right one starts."""
    middle = len(sentence) / 2
    # A cut in the outer quarters would leave a scrap on one side; a space nearer to the middle is better then.
    clauses = [cut for cut in _CLAUSE_END.finditer(sentence) if abs(cut.start() - middle) <= middle / 2]
    cuts = clauses or list(_WHITESPACE_RUN.finditer(sentence))
    if not cuts:
        return len(sentence) // 2, len(sentence) // 2
    return min(cuts, key=lambda cut: abs(cut.start() - middle)).span()
