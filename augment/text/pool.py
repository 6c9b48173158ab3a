"""Many sentences through one translator: long ones in parts, equal ones once, and every count checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from augment.text import sentences as segmentation
from augment.text.engines.protocol import Encoded, Problem, Translated, Translator
from augment.text.seeds import derive

Tick = Callable[[int], None]
"""Told how many more sentences a direction has done."""


def no_tick(_sentences: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """A sentence's translation, put together from its parts."""

    text: str
    problem: Problem | None = None
    copied: bool = False
    """Whether the engine gave the sentence back as it was."""


def translate(translator: Translator, sentences: Sequence[str], *, seeds: Sequence[int], tick: Tick = no_tick) -> list[Pooled]:
    """Translate `sentences`, in their order.

    A sentence that the model does not take whole goes in parts (see `sentences.parts`) and is put together again. Of equal
    parts with an equal seed, or of equal parts where the engine does not draw, one is translated.

    Args:
        translator: the direction.
        sentences: not empty, without line breaks.
        seeds: one a sentence.
        tick: told of the progress; all that it is told adds up to the number of sentences.
    """
    assert len(sentences) == len(seeds), f"{len(sentences)} sentences, {len(seeds)} seeds"
    in_parts = _in_parts(translator, sentences)
    wanted = [
        [(part.text, derive(seed, number) if translator.draws else 0) for number, (part, _) in enumerate(pieces)]
        for pieces, seed in zip(in_parts, seeds, strict=True)
    ]
    unique: dict[tuple[str, int], Encoded] = {}
    for keys, pieces in zip(wanted, in_parts, strict=True):
        unique |= {key: part for key, (part, _) in zip(keys, pieces, strict=True)}
    translated = _each_once(translator, unique, of=len(sentences), tick=tick)
    done = dict(zip(unique, translated, strict=True))
    return [
        _joined(sentence, [done[key] for key in keys], [separator for _, separator in pieces])
        for sentence, keys, pieces in zip(sentences, wanted, in_parts, strict=True)
    ]


def _in_parts(translator: Translator, sentences: Sequence[str]) -> list[list[tuple[Encoded, str]]]:
    """Each sentence in parts that the model takes whole, each with what separates it from the next."""
    return [
        [(encoded, "")] if encoded else _parts(translator, sentence)
        for sentence, encoded in zip(sentences, translator.encode(sentences), strict=True)
    ]


def _parts(translator: Translator, sentence: str) -> list[tuple[Encoded, str]]:
    known: dict[str, Encoded] = {}

    def fits(part: str) -> bool:
        [encoded] = translator.encode([part])
        if encoded:
            known[part] = encoded
        return encoded is not None

    parts = segmentation.parts(sentence, fits)
    assert all(part in known or fits(part) for part, _ in parts), f"{translator.direction} takes no single character"
    return [(known[part], separator) for part, separator in parts]


def _each_once(translator: Translator, unique: dict[tuple[str, int], Encoded], *, of: int, tick: Tick) -> list[Translated]:
    found: list[Translated | None] = [None] * len(unique)
    told = 0
    if unique:
        running = translator.translate(list(unique.values()), seeds=[seed for _, seed in unique])
        for done, translated in enumerate(running, start=1):
            assert found[translated.position] is None, f"sentence {translated.position} came back twice"
            found[translated.position] = translated
            if (now := of * done // len(unique)) > told:
                tick(now - told)
                told = now
    complete = [translated for translated in found if translated is not None]
    assert len(complete) == len(unique), f"{len(unique)} sentences went in, {len(complete)} came back"
    return complete


def _joined(sentence: str, translations: Sequence[Translated], separators: Sequence[str]) -> Pooled:
    text = "".join(done.text.strip() + separator for done, separator in zip(translations, separators, strict=True)).strip()
    problems: list[Problem] = [done.problem for done in translations if done.problem]
    return Pooled(text, problems[0] if problems else None, copied=text.casefold().split() == sentence.casefold().split())
