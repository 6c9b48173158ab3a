"""Many sentences through one translator: long ones in parts, equal ones once, and every count checked."""

from collections.abc import Sequence
from dataclasses import dataclass

from augment.text import sentences as segmentation
from augment.text.engines.protocol import Problem, Translated, Translator
from augment.text.seeds import derive
from datasets_cache.progress import Track, untracked


@dataclass(frozen=True, slots=True)
class Pooled:
    """A sentence's translation, put together from its parts."""

    text: str
    problem: Problem | None = None


def translate(
    translator: Translator, sentences: Sequence[str], *, seeds: Sequence[int], title: str = "", track: Track = untracked
) -> list[Pooled]:
    """Translate `sentences`, in their order.

    A sentence that the model does not take whole goes in parts (see `sentences.parts`) and is put together again. Of equal
    parts with an equal seed, or of equal parts where the engine does not draw, one is translated.

    Args:
        translator: the direction.
        sentences: not empty, without line breaks.
        seeds: one a sentence.
        title: what the progress shows beside the direction.
        track: shows the progress, in sentences.
    """
    assert len(sentences) == len(seeds), f"{len(sentences)} sentences, {len(seeds)} seeds"
    in_parts = [segmentation.parts(sentence, translator.fits) for sentence in sentences]
    wanted = [
        [(part, derive(seed, number) if translator.draws else 0) for number, (part, _) in enumerate(pieces)]
        for pieces, seed in zip(in_parts, seeds, strict=True)
    ]
    unique = list(dict.fromkeys(key for keys in wanted for key in keys))
    done = dict(zip(unique, _each_once(translator, unique, title=title, track=track), strict=True))
    return [
        _joined([done[key] for key in keys], [separator for _, separator in pieces])
        for keys, pieces in zip(wanted, in_parts, strict=True)
    ]


def _each_once(translator: Translator, unique: Sequence[tuple[str, int]], *, title: str, track: Track) -> list[Translated]:
    found: list[Translated | None] = [None] * len(unique)
    if unique:
        running = translator.translate([part for part, _ in unique], seeds=[seed for _, seed in unique])
        shown = f"{translator.direction} {title}".rstrip()
        for translated in track(running, total=len(unique), title=shown, unit="sentences"):
            assert found[translated.position] is None, f"sentence {translated.position} came back twice"
            found[translated.position] = translated
    complete = [translated for translated in found if translated is not None]
    assert len(complete) == len(unique), f"{len(unique)} sentences went in, {len(complete)} came back"
    return complete


def _joined(translations: Sequence[Translated], separators: Sequence[str]) -> Pooled:
    text = "".join(done.text.strip() + separator for done, separator in zip(translations, separators, strict=True))
    problems: list[Problem] = [done.problem for done in translations if done.problem]
    return Pooled(text.strip(), problems[0] if problems else None)
