"""How far a text went from its original, and how varied it is: chrF, BLEU and distinct n-grams."""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where it measures: it brings half of a second of libraries that it does not use here
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

ORDERS = 4
"""BLEU counts phrases of one to four words."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, slots=True)
class BleuCounts:
    """What BLEU is computed from; counts of several texts add up to those of the corpus. `BleuCounts()` is none."""

    matches: tuple[int, ...] = (0,) * ORDERS
    """Phrases of one, two, three and four words that the original has too, each at most as often as there."""
    totals: tuple[int, ...] = (0,) * ORDERS
    """Phrases of the translation."""
    translation: int = 0
    """Words of the translation."""
    original: int = 0
    """Words of the original."""

    def __add__(self, other: "BleuCounts") -> "BleuCounts":
        return BleuCounts(
            tuple(one + two for one, two in zip(self.matches, other.matches, strict=True)),
            tuple(one + two for one, two in zip(self.totals, other.totals, strict=True)),
            self.translation + other.translation,
            self.original + other.original,
        )


@cache
def _chrf() -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@cache
def _bleu() -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU

    return BLEU()


def chrf(original: str, translation: str) -> float:
    """How much of `original` is in `translation`, as chrF: 0 nothing, 100 the same letters in the same order.

    Source:
        Popović, WMT 2015; sacrebleu's sentence chrF2 (one to six characters, white space aside, recall twice as heavy).

    Examples:
        >>> chrf("He goes home.", "He goes home."), chrf("abc", "xyz")
        (100.0, 0.0)
    """
    return _chrf().sentence_score(translation, [original]).score


def bleu_counts(original: str, translation: str) -> BleuCounts:
    """What one text adds to the BLEU of a corpus: sacrebleu's words (13a), case kept.

    Examples:
        >>> counts = bleu_counts("the dog runs home", "the dog runs away")
        >>> counts.matches  # of one word: the, dog, runs; of two: the dog, dog runs; of three: the dog runs
        (3, 2, 1, 0)
    """
    found = _bleu().corpus_score([translation], [[original]])
    return BleuCounts(tuple(found.counts), tuple(found.totals), found.sys_len, found.ref_len)


def bleu(total: BleuCounts) -> float:
    """BLEU of a corpus, 0 to 100: lower where the translations say it in other words; 0 where there is no word.

    Source:
        Papineni et al., ACL 2002; sacrebleu's corpus BLEU with its defaults (exponential smoothing).
    """
    if not total.translation:
        return 0.0
    return (
        _bleu()
        .compute_bleu(list(total.matches), list(total.totals), total.translation, total.original, smooth_method="exp")
        .score
    )


def distinct(text: str, n: int) -> float:
    """Distinct phrases of `n` words as a share of all of them, case aside; 0 where the text has fewer words.

    Source:
        Li et al., NAACL 2016, distinct-1 and distinct-2. Deviation: divided by the number of phrases, where they divide by the
        number of words, so that 1 is the highest for any `n`.
    Raises:
        ValueError: `n` under 1.

    Examples:
        >>> distinct("go, go, go, go", 1)
        0.25
        >>> distinct("to be or not to be", 2)  # to be, be or, or not, not to; to be is said twice
        0.8
    """
    if n < 1:
        msg = f"phrases of {n} words; expected 1 or more."
        raise ValueError(msg)
    words = _WORD.findall(text.casefold())
    phrases = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
    return len(set(phrases)) / len(phrases) if phrases else 0.0
