"""Back-translation of texts: sentence by sentence along the translators and back, guarded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from augment.text import pool, sentences
from augment.text.engines.protocol import Translator
from augment.text.pool import Pooled, Tick, no_tick
from augment.text.quality import Guards, KeptReason, lost_names, lost_numbers, reason_not_to_try, reason_to_keep
from augment.text.seeds import derive

Place = tuple[int, int]
"""A sentence: number of its text, and its own number there."""


@dataclass(frozen=True, slots=True)
class BackTranslated:
    """One text after the round trip."""

    text: str
    """The augmented text; separators between sentences are the original's."""
    sentences: int
    """Sentences it has."""
    changed: int
    """Sentences that differ from the original."""
    kept: tuple[KeptReason, ...] = ()
    """For each sentence that was kept as the original, in order, the reason."""
    retried: int = 0
    """Sentences that failed a guard and came from the second decoding."""
    numbers_lost: int = 0
    """Sentences in which a number of the original is missing; reported, not undone."""
    names_lost: int = 0
    """Sentences in which a name of the original is missing; reported, not undone."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a sentence."""

    text: str
    reason: KeptReason | None
    retried: bool = False


def back_translate(
    texts: Sequence[str],
    legs: Sequence[Translator],
    *,
    retry: Sequence[Translator] = (),
    keys: Sequence[str] | None = None,
    view: int = 0,
    seed: int = 1,
    guards: Guards | None = None,
    tick: Tick = no_tick,
) -> list[BackTranslated]:
    """Translate `texts` along `legs` and back, sentence by sentence, in their order.

    The sentences of all texts go through a leg together: long ones in parts, equal ones once, in batches of like length. A
    sentence that is not for an engine (`quality.reason_not_to_try`) is kept as it was. One whose round trip fails a guard
    (`quality.reason_to_keep`) makes it once more along `retry`; if that fails too, it is kept as it was, with the first reason.

    Args:
        texts: any; an empty one stays empty.
        legs: translators one after the other, such as ``build.translators(spec)``; the last one ends in the texts' language.
        retry: those for the second try, such as ``build.retry_translators(spec)``; none: no second try.
        keys: names of the texts, for the randomness of sampling; by default their positions.
        view: which of several back-translations, for the randomness.
        seed: of the randomness; a sentence draws from (seed, key, view, number of the sentence, leg).
        guards: when a translation is not used; by default those of the paper and ours, for English.
        tick: told of the progress; all that it is told adds up to the sentences of all legs.
    Raises:
        ValueError: a model is missing, or `keys` does not name each text.
    """
    if keys is not None and len(keys) != len(texts):
        msg = f"{len(keys)} keys for {len(texts)} texts; give one a text."
        raise ValueError(msg)
    guards = guards or Guards()
    names = keys if keys is not None else [str(number) for number in range(len(texts))]
    split = [sentences.split(text) for text in texts]
    originals = {
        (text, number): " ".join(sentence.split())
        for text, pairs in enumerate(split)
        for number, (sentence, _) in enumerate(pairs)
        if not reason_not_to_try(sentence, guards=guards)
    }
    origins = {(text, number): (seed, names[text], view, number) for text, number in originals}
    outcomes = _outcomes(originals, _round_trip(originals, legs, origins, tick=tick), guards)
    if retry and (failed := {place: originals[place] for place, outcome in outcomes.items() if outcome.reason}):
        again = {place: (*origins[place], "again") for place in failed}
        second = _outcomes(failed, _round_trip(failed, retry, again), guards, retried=True)
        outcomes |= {place: outcome for place, outcome in second.items() if not outcome.reason}
    return [
        _put_together(
            pairs,
            [
                outcomes.get((text, number)) or _Outcome(original, reason_not_to_try(original, guards=guards))
                for number, (original, _) in enumerate(pairs)
            ],
        )
        for text, pairs in enumerate(split)
    ]


def _round_trip(
    originals: Mapping[Place, str],
    legs: Sequence[Translator],
    origins: Mapping[Place, tuple[str | int, ...]],
    *,
    tick: Tick = no_tick,
) -> dict[Place, Pooled]:
    """Each of `originals` after all `legs`; one that a leg could not do goes no further."""
    current = {place: Pooled(sentence) for place, sentence in originals.items()}
    for number, leg in enumerate(legs):
        going = [place for place, sentence in current.items() if sentence.text and not sentence.problem]
        tick(len(current) - len(going))
        seeds = [derive(*origins[place], number) for place in going]
        done = pool.translate(leg, [current[place].text for place in going], seeds=seeds, tick=tick)
        copied = {place: current[place].copied for place in going}
        current |= {
            place: Pooled(sentence.text, sentence.problem, sentence.copied or copied[place])
            for place, sentence in zip(going, done, strict=True)
        }
    return current


def _outcomes(
    originals: Mapping[Place, str], arrived: Mapping[Place, Pooled], guards: Guards, *, retried: bool = False
) -> dict[Place, _Outcome]:
    outcomes: dict[Place, _Outcome] = {}
    for place, original in originals.items():
        back = arrived[place]
        reason = reason_to_keep(original, back.text, back.problem, copied=back.copied, guards=guards)
        outcomes[place] = _Outcome(original if reason else back.text, reason, retried)
    return outcomes


def _put_together(pairs: Sequence[tuple[str, str]], outcomes: Sequence[_Outcome]) -> BackTranslated:
    text: list[str] = []
    kept: list[KeptReason] = []
    counted = changed = retried = numbers = names = 0
    for (original, separator), outcome in zip(pairs, outcomes, strict=True):
        if original:  # an empty one only carries the whitespace before the first sentence
            counted += 1
            if outcome.reason:
                kept.append(outcome.reason)
            used = original if outcome.reason else outcome.text
            changed += used.split() != original.split()
            retried += outcome.retried
            numbers += bool(lost_numbers(original, used))
            names += bool(lost_names(original, used))
            text.append(used)
        text.append(separator)
    return BackTranslated("".join(text), counted, changed, tuple(kept), retried, numbers, names)
