"""Guards: whether a sentence's back-translation is used, or the original kept, and why; and what is only reported."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from augment.text import language as languages
from augment.text import sentences
from augment.text.engines.protocol import Problem

KeptReason = (
    Literal["too short", "word too long", "empty", "length changed", "repetition", "untranslated", "wrong language"] | Problem
)
KEPT_REASONS: tuple[KeptReason, ...] = (
    "too short",
    "word too long",
    "engine failed",
    "unfinished",
    "empty",
    "length changed",
    "repetition",
    "untranslated",
    "wrong language",
)
"""In the order in which they are looked for."""

LONGEST_WORD = 1000
"""Characters of the longest word that is translated. The longest in any literature have 171 letters (Aristophanes, in Greek)
and 428 (a Sanskrit compound, in Latin letters). What is longer is an encoded file or a damaged text, and an engine works as
long on it as on a text with several times its characters."""
LONGEST_LOOP = 8
"""Words of the longest phrase whose repetition is noticed."""
LEAST_WORDS = 3
"""Words without a capital that make a sentence one that has to change in translation."""

_BETWEEN_WORDS = re.compile(r"[\s,;:.!?、，。；：！？]+")
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_RUN = re.compile(r"(\w{1,4}?)\1{5,}|([^\w\s])\2{5,}")
_NUMBER = re.compile(r"\d{1,3}(?:[.,'’\u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.,]\d{1,2}(?!\d))?")
_SELF = re.compile(r"\w|i['’]\w+")
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guards:
    """Thresholds beyond which a sentence is kept as the original.

    Raises:
        ValueError: a language that the detector does not know.
    """

    min_chars: int = 10
    """Least characters of the original and of the translation."""
    max_length_change: float = 0.5
    """Most that the length in characters may change, as a share of the original's."""
    max_repeats: int = 2
    """Most often that a phrase may be said in a row, where the original does not say it more often itself."""
    untranslated: bool = True
    """Whether a sentence that an engine gave back as it was is kept, where it has something to translate."""
    language: str | None = "en"
    """Language in which the round trip has to end; None: it is not looked at."""
    pivots: tuple[str, ...] = ()
    """Languages on the way, in which it may have stuck; without one the language is not looked at."""

    def __post_init__(self) -> None:
        if self.language is not None and self.pivots:
            languages.check((self.language, *self.pivots))


def reason_not_to_try(original: str, *, guards: Guards = Guards()) -> KeptReason | None:  # noqa: B008  # frozen
    """Why no engine is asked for a translation of `original`; None where one is.

    It has fewer than `min_chars` characters; or a word of more than `LONGEST_WORD`: whatever stands between whitespace and
    marks of punctuation, the Chinese and Japanese ones too, since these languages have no spaces between words.

    Args:
        original: a sentence.
        guards: the thresholds.

    Examples:
        >>> reason_not_to_try("He left."), reason_not_to_try("He said " + 1001 * "a")
        ('too short', 'word too long')
    """
    if len(original) < max(guards.min_chars, 1):
        return "too short"
    if len(original) > LONGEST_WORD and any(len(word) > LONGEST_WORD for word in _BETWEEN_WORDS.split(original)):
        return "word too long"
    return None


def reason_to_keep(
    original: str,
    translation: str,
    problem: Problem | None = None,
    *,
    copied: bool = False,
    guards: Guards = Guards(),  # noqa: B008  # frozen
) -> KeptReason | None:
    """Why `original` is kept instead of `translation`; None where the translation is used.

    In this order: no engine is to be asked (`reason_not_to_try`); the engine had a `problem`; the translation is empty;
    it has fewer than `min_chars` characters; its length differs by more than `max_length_change` of the original's; it says
    a phrase more than `max_repeats` times in a row, and more often than the original does; a leg copied it though it has
    something to translate; it is in a pivot's language (`language.wrong_language`).

    Args:
        original: a sentence.
        translation: its round trip.
        problem: what the engine reported.
        copied: a leg gave its input back unchanged.
        guards: the thresholds.

    Source:
        google-research/uda, text/augmentation/sent_level_augment.py (lengths). Deviation: by sentence; the rest is ours.

    Examples:
        >>> reason_to_keep("He left the old town at night.", "He left then.")  # 13 of 30 characters
        'length changed'
        >>> reason_to_keep("He left.", "He went.")
        'too short'
        >>> reason_to_keep("He left the old town at night.", "He left the old city at night.") is None
        True
    """
    if reason := reason_not_to_try(original, guards=guards):
        return reason
    if problem:
        return problem
    if not translation.strip():
        return "empty"
    if len(translation) < guards.min_chars:
        return "too short"
    if abs(len(translation) - len(original)) > guards.max_length_change * len(original):
        return "length changed"
    if repeats(translation) > max(guards.max_repeats, repeats(original)):
        return "repetition"
    if guards.untranslated and copied and to_translate(original):
        return "untranslated"
    wanted, pivots = guards.language, guards.pivots
    if wanted is not None and pivots and languages.wrong_language(original, translation, language=wanted, others=pivots):
        return "wrong language"
    return None


def to_translate(sentence: str) -> bool:
    """Whether `sentence` has something to translate: at least `LEAST_WORDS` words that begin without a capital.

    Names, titles, web addresses and lists of actors ("Los Angeles, 1949.", "John Smith (Tom Hanks)", "The Lord of the Rings")
    have not, and rightly come back as they were. A script without spaces between words has one word a clause, so that
    little in it counts.

    Examples:
        >>> to_translate("The Lord of the Rings"), to_translate("He runs away from home.")
        (False, True)
    """
    bare = [token.strip("\"'“”‘’.,;:!?…()[]{}") for token in sentence.split()]
    plain = [word for word in bare if word.replace("'", "").replace("’", "").replace("-", "").isalpha()]
    return sum(not word[0].isupper() for word in plain) >= LEAST_WORDS


def repeats(text: str) -> int:
    """How often in a row `text` says a phrase, at most: 1 for "a dog", 3 for "no, no, no" or "go to go to go to".

    Phrases of up to `LONGEST_LOOP` words count, case and punctuation aside; so does a run of characters within a word, or of
    one mark, six times or more ("hahahahahaha", "!!!!!!").

    Examples:
        >>> repeats("a dog"), repeats("go to go to go to")
        (1, 3)
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


def lost_numbers(original: str, translation: str) -> list[str]:
    """Numbers of `original` that `translation` has less often, as they are written, in their order.

    Only digits count, and how thousands and decimals are marked does not: "1,000" is "1.000" and "1000", "2.5" is "2,5"; of
    "3rd", "1990s" and "PG-13" the digits have to be there. Number words are out of scope: "3rd" that comes back as "third" is
    reported. So are another clock ("8 pm", "20:00") and another unit.

    Examples:
        >>> lost_numbers("In 1949 they find 1,000 coins.", "In 1949 they find a thousand coins.")
        ['1,000']
    """
    left = Counter(_amount(found[0]) for found in _NUMBER.finditer(translation))
    lost: list[str] = []
    for found in _NUMBER.finditer(original):
        amount = _amount(found[0])
        if left[amount]:
            left[amount] -= 1
        else:
            lost.append(found[0])
    return lost


def _amount(number: str) -> str:
    """A number without marks for thousands, its decimals after a point."""
    if re.fullmatch(r"\d{1,3}(?:[.,'’\u00a0\u202f]\d{3})+", number):
        return re.sub(r"\D", "", number)
    return number.replace(",", ".")


def lost_names(original: str, translation: str) -> list[str]:
    """Capitalised words of `original` that `translation` nowhere has, each once, as they are written, in their order.

    A sentence's first word counts where it is capitalised elsewhere too. Case, accents and a possessive end ("Stark's") are
    put aside; "I", "I'm" and initials do not count; a text all in capitals has no names.

    A heuristic. It misses names that begin a sentence or are written small, a name that is said less often, and one that went
    to another person. It reports words that are capitalised for other reasons (titles, "Treasury Secretary", a quotation's
    first word) and names that have another form ("Dr" as "Doctor", "Germans" as "Germany").

    Examples:
        >>> lost_names("Then Anna meets Boris.", "Then she meets Boris.")
        ['Anna']
    """
    if original.isupper():
        return []
    there = {_folded(found[0]) for found in _WORD.finditer(translation)}
    starts = _first_words(original)
    words = [(found.start() in starts, found[0]) for found in _WORD.finditer(original) if found[0][0].isupper()]
    sure = {_folded(word) for first, word in words if not first}
    lost: dict[str, str] = {}
    for _, word in words:
        folded = _folded(word)
        if folded in sure and folded not in there and not _SELF.fullmatch(folded):
            lost.setdefault(folded, _POSSESSIVE.sub("", word))
    return list(lost.values())


def _first_words(text: str) -> set[int]:
    """Where the first words of its sentences begin."""
    starts: set[int] = set()
    position = 0
    for sentence, separator in sentences.split(text):
        found = _WORD.search(text, position, position + len(sentence))
        if found:
            starts.add(found.start())
        position += len(sentence) + len(separator)
    return starts


def _folded(word: str) -> str:
    """A word without possessive end, accents and case."""
    apart = unicodedata.normalize("NFD", _POSSESSIVE.sub("", word).casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
