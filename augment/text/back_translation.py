"""Back-translation of texts, and the shelf of back-translated training plots."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from augment.text import pool, sentences
from augment.text.engines.build import translators
from augment.text.engines.protocol import Translator
from augment.text.quality import KEPT_REASONS, KeptReason, reason_to_keep
from augment.text.seeds import derive
from augment.text.spec import BackTranslationSpec
from datasets_cache.fingerprint import ShelfId, canonical_json, shelf_id
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import TEXT_VIEW_FEATURES
from datasets_cache.store import Cache

FILMS_AT_ONCE = 2000
"""Films whose sentences are pooled: enough for batches of like length, and it bounds the memory."""


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


def back_translate(
    texts: Sequence[str],
    legs: Sequence[Translator],
    *,
    keys: Sequence[str] | None = None,
    view: int = 0,
    seed: int = 1,
    min_chars: int = 10,
    max_length_change: float = 0.5,
    max_repeats: int = 2,
    title: str = "",
    track: Track = untracked,
) -> list[BackTranslated]:
    """Translate `texts` along `legs` and back, sentence by sentence, in their order.

    The sentences of all texts go through a leg together: long ones in parts, equal ones once, in batches of like length. A
    sentence whose round trip fails a guard (`quality.reason_to_keep`) is kept as it was.

    Args:
        texts: any; an empty one stays empty.
        legs: translators one after the other, such as ``build.translators(spec)``; the last one ends in the texts' language.
        keys: names of the texts, for the randomness of sampling; by default their positions.
        view: which of several back-translations, for the randomness.
        seed: of the randomness; a sentence draws from (seed, key, view, number of the sentence, leg).
        min_chars: guard, see `quality`.
        max_length_change: guard.
        max_repeats: guard.
        title: what the progress shows beside the direction.
        track: shows the progress, in sentences.
    Raises:
        ValueError: a model is missing, or `keys` does not name each text.
    """
    if keys is not None and len(keys) != len(texts):
        msg = f"{len(keys)} keys for {len(texts)} texts; give one a text."
        raise ValueError(msg)
    names = keys if keys is not None else [str(number) for number in range(len(texts))]
    split = [sentences.split(text) for text in texts]
    travels = [
        (text, number)
        for text, pairs in enumerate(split)
        for number, (sentence, _) in enumerate(pairs)
        if len(sentence) >= max(min_chars, 1)
    ]
    arrived = _round_trip(
        [" ".join(split[text][number][0].split()) for text, number in travels],
        legs,
        [(seed, names[text], view, number) for text, number in travels],
        title=title,
        track=track,
    )
    found = dict(zip(travels, arrived, strict=True))
    guards = {"min_chars": min_chars, "max_length_change": max_length_change, "max_repeats": max_repeats}
    return [
        _put_together(pairs, {number: found[text, number] for number in range(len(pairs)) if (text, number) in found}, guards)
        for text, pairs in enumerate(split)
    ]


def _round_trip(
    originals: Sequence[str], legs: Sequence[Translator], origins: Sequence[tuple[Any, ...]], *, title: str, track: Track
) -> list[pool.Pooled]:
    """Each of `originals` after all `legs`; one that a leg could not do goes no further."""
    current = [pool.Pooled(sentence) for sentence in originals]
    for number, leg in enumerate(legs):
        going = [at for at, sentence in enumerate(current) if sentence.text and not sentence.problem]
        seeds = [derive(*origins[at], number) for at in going]
        done = pool.translate(leg, [current[at].text for at in going], seeds=seeds, title=title, track=track)
        for at, sentence in zip(going, done, strict=True):
            current[at] = sentence
    return current


def _put_together(
    pairs: Sequence[tuple[str, str]], arrived: Mapping[int, pool.Pooled], guards: Mapping[str, Any]
) -> BackTranslated:
    text: list[str] = []
    kept: list[KeptReason] = []
    counted = changed = 0
    for number, (original, separator) in enumerate(pairs):
        if original:  # an empty one only carries the whitespace before the first sentence
            counted += 1
            back = arrived.get(number, pool.Pooled(""))
            reason = reason_to_keep(" ".join(original.split()), back.text, back.problem, **guards)
            if reason:
                kept.append(reason)
            used = original if reason else back.text
            changed += used.split() != original.split()
            text.append(used)
        text.append(separator)
    return BackTranslated("".join(text), counted, changed, tuple(kept))


def publish(
    spec: BackTranslationSpec,
    sample: ShelfId,
    *,
    cache: Cache,
    device: str = "auto",
    threads: int | None = None,
    batch_tokens: int | None = None,
    track: Track = untracked,
) -> ShelfId:
    """Publish the back-translations of the sample's training plots, or find them already published.

    A shelf that is there is found without loading a model. Rows are those of ``TEXT_VIEW_FEATURES``, in the order of the films,
    the views of a film one after the other. Memory holds the sentences of `FILMS_AT_ONCE` films.

    Args:
        spec: what decides the rows.
        sample: the sample shelf.
        cache: where shelves are.
        device: `auto`, `cpu` or `cuda`.
        threads: of the CPU; None: as the engine likes it.
        batch_tokens: of a batch; None: as the device likes it.
        track: shows the progress.
    Raises:
        ValueError: settings that cannot go together, a missing model (`MissingModel`), or a missing or damaged sample.
    """
    legs = translators(spec, device=device, threads=threads, batch_tokens=batch_tokens)
    shelf, models = _name(spec, sample, legs)
    if cache.find(shelf):
        return cache.open(shelf).id
    films = cache.open(sample).split("train").select_columns(["id", "plot"])
    for leg in legs:
        leg.load()  # a model that is missing is missed before the first hour, not after it
    counts = Counter[str]()
    ratios: list[float] = []
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for start in range(0, len(films), FILMS_AT_ONCE):
            block = films[start : start + FILMS_AT_ONCE]
            title = f"films {start + 1:,} to {start + len(block['id']):,} of {len(films):,}"
            for film, plot, view, made in _views(spec, block["id"], block["plot"], legs, title=title, track=track):
                stage.write("train", {"id": film, "view": view, "plot": made.text, **_columns(made)})
                counts.update(_count(made))
                ratios.append(len(made.text) / max(1, len(plot)))
        quality = _quality(counts, ratios)
        stage.publish(shelf, spec=spec, parents=(sample,), counts=_ordered(counts), quality=quality, models=models)
    return shelf


def find(spec: BackTranslationSpec, sample: ShelfId, *, cache: Cache) -> ShelfId | None:
    """Name of the published shelf that `publish` would make, None where there is none. Loads no model.

    Raises:
        ValueError: settings that cannot go together, or a missing model (`MissingModel`) whose revision is not known.
    """
    shelf, _ = _name(spec, sample, translators(spec))
    return shelf if cache.find(shelf) else None


def _name(spec: BackTranslationSpec, sample: ShelfId, legs: Sequence[Translator]) -> tuple[ShelfId, dict[str, str]]:
    models = {name: identity for leg in legs for name, identity in leg.models.items()}
    return shelf_id("text", spec.normalised(), (sample,), models=canonical_json(models)), models


def _views(
    spec: BackTranslationSpec, ids: Sequence[str], plots: Sequence[str], legs: Sequence[Translator], *, title: str, track: Track
) -> Iterator[tuple[str, str, int, BackTranslated]]:
    """Views of a block of films, ordered by film and view."""
    guards: dict[str, Any] = {
        "min_chars": spec.min_chars,
        "max_length_change": spec.max_length_change,
        "max_repeats": spec.max_repeats,
    }
    by_view = [
        back_translate(plots, legs, keys=ids, view=view, seed=spec.seed, title=title, track=track, **guards)
        for view in range(spec.views)
    ]
    for row, (film, plot) in enumerate(zip(ids, plots, strict=True)):
        for view, made in enumerate(by_view):
            yield film, plot, view, made[row]


def _columns(made: BackTranslated) -> dict[str, Any]:
    return {"sentences": made.sentences, "kept": list(made.kept)}


def _count(made: BackTranslated) -> dict[str, int]:
    kept = Counter(f"kept: {reason}" for reason in made.kept)
    unchanged = made.sentences - made.changed - len(made.kept)
    whole = {"plots": 1, "plots unchanged": int(not made.changed)}
    return {**whole, "sentences": made.sentences, "changed": made.changed, "came back the same": unchanged, **kept}


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    first = ["plots", "plots unchanged", "sentences", "changed", "came back the same"]
    return {name: counts[name] for name in [*first, *[f"kept: {reason}" for reason in KEPT_REASONS]] if name in counts}


def _quality(counts: Mapping[str, int], ratios: Sequence[float]) -> dict[str, float]:
    """Shares of sentences, and the mean length of an augmented plot as a multiple of its original's."""
    kept = sum(count for name, count in counts.items() if name.startswith("kept: "))
    total = max(1, counts["sentences"])
    return {
        "sentences changed": round(counts["changed"] / total, 4),
        "sentences kept": round(kept / total, 4),
        "length ratio": round(fmean(ratios), 4),
    }
