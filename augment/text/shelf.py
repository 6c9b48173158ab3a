"""The shelf of back-translated training plots: made shard by shard, by several threads, processes or machines."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from augment.text import measures
from augment.text.back_translation import BackTranslated, back_translate
from augment.text.engines.build import guards, retry_translators, translators
from augment.text.engines.protocol import Translator
from augment.text.measures import BleuCounts
from augment.text.pool import Tick, no_tick
from augment.text.quality import KEPT_REASONS, reason_not_to_try
from augment.text.report import bleu_to_numbers, quality_of
from augment.text.sentences import split
from augment.text.spec import BackTranslationSpec
from augment.text.work import ticking
from datasets_cache import division, shards
from datasets_cache.fingerprint import ShelfId, canonical_json, shelf_id
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import TEXT_VIEW_FEATURES
from datasets_cache.shards import Build, OnWait
from datasets_cache.store import Cache

SHARDS_AT_ONCE = 2
"""While one shard waits for its last batches, is put together or written, the translators work on the other."""
FILMS_AT_ONCE = 2000
"""Films of a shard whose sentences are pooled: enough for batches of like length, and it bounds the memory."""


@dataclass
class _Tally:
    """What the shelf's manifest says of the rows, in numbers that add up over shards."""

    counts: Counter[str] = field(default_factory=Counter[str])
    sums: Counter[str] = field(default_factory=Counter[str])
    bleu: BleuCounts = field(default_factory=BleuCounts)

    def add(self, plot: str, made: BackTranslated, chrf: float) -> None:
        unchanged = made.sentences - made.changed - len(made.kept)
        self.counts.update(
            {  # in the order in which the manifest has them
                "plots": 1,
                "plots unchanged": int(not made.changed),
                "sentences": made.sentences,
                "changed": made.changed,
                "came back the same": unchanged,
                "second decoding used": made.retried,
                "numbers lost": made.numbers_lost,
                "names lost": made.names_lost,
            }
        )
        self.counts.update(f"kept: {reason}" for reason in made.kept)
        self.sums.update({"chrf": chrf, "length ratio": len(made.text) / max(1, len(plot))})
        self.sums.update({f"distinct-{n}": measures.distinct(made.text, n) for n in (1, 2)})
        self.sums.update({f"distinct-{n} of the originals": measures.distinct(plot, n) for n in (1, 2)})
        self.bleu += measures.bleu_counts(plot, made.text)

    def numbers(self) -> dict[str, Any]:
        return {"counts": dict(self.counts), "sums": dict(self.sums), "bleu": bleu_to_numbers(self.bleu)}


def publish(
    spec: BackTranslationSpec,
    sample: ShelfId,
    *,
    cache: Cache,
    device: str = "auto",
    threads: int | None = None,
    batch_tokens: int | None = None,
    track: Track = untracked,
    on_wait: OnWait | None = None,
) -> ShelfId:
    """Publish the back-translations of the sample's training plots, or find them already published.

    A shelf that is there is found without loading a model; shards that an earlier run finished are used. Several runs at once
    share the shards among them. Rows are those of ``TEXT_VIEW_FEATURES``, in the order of the films, the views of a film one
    after the other; they do not depend on device threads, interruptions or who made which shard.

    Args:
        spec: what decides the rows.
        sample: the sample shelf.
        cache: where shelves are.
        device: `auto`, `cpu` or `cuda`.
        threads: of the CPU; None: all that this process may use.
        batch_tokens: of a batch; None: as the device likes it.
        track: shows the progress.
        on_wait: told whom the run waits for, where another one makes the last shards.
    Raises:
        ValueError: settings that cannot go together, a missing model (`MissingModel`), a missing or damaged sample, or a full
            disk.
    """
    if published := find(spec, sample, cache=cache):
        return published
    build = start(spec, sample, cache=cache)
    if missing := build.missing():
        load(spec, device=device, threads=threads)  # a model that is missing is missed before the first hour, not after it

        def make(number: int, tick: Tick) -> None:
            make_shard(build, spec, sample, number, device=device, threads=threads, batch_tokens=batch_tokens, tick=tick)

        total = _translations(build, spec, sample, missing)
        title = "Back-translating " + "→".join((spec.source, *spec.pivots, spec.source))
        ticks = ticking(build, missing, make, workers=min(SHARDS_AT_ONCE, len(missing)), on_wait=on_wait)
        for _ in track(ticks, total=total, title=title, unit="translations"):
            pass
    return finish(build, spec, sample)


def find(spec: BackTranslationSpec, sample: ShelfId, *, cache: Cache) -> ShelfId | None:
    """Name of the published shelf that `publish` would make, None where there is none. Loads no model.

    Raises:
        ValueError: settings that cannot go together, or a missing model (`MissingModel`) whose revision is not known.
    """
    shelf, _ = _name(spec, sample)
    return shelf if cache.published(shelf) else None


def start(spec: BackTranslationSpec, sample: ShelfId, *, cache: Cache) -> Build:
    """The shelf to be built, with what earlier runs have finished of it.

    Raises:
        ValueError: settings that cannot go together, a missing model, or a missing or damaged sample.
    """
    guards(spec)  # a language that the detector does not know is an error at once
    films = cache.open(sample).split("train")
    shelf, _ = _name(spec, sample)
    return Build(cache, shelf, "text", TEXT_VIEW_FEATURES, division.count_of(films))


def load(spec: BackTranslationSpec, *, device: str = "auto", threads: int | None = None) -> None:
    """Load the models of all directions.

    Raises:
        ValueError: a model or the device is missing.
    """
    for leg in translators(spec, device=device, threads=threads):
        leg.load()


def make_shard(
    build: Build,
    spec: BackTranslationSpec,
    sample: ShelfId,
    number: int,
    *,
    device: str = "auto",
    threads: int | None = None,
    batch_tokens: int | None = None,
    tick: Tick = no_tick,
) -> None:
    """Translate the films of one shard and write it. The caller holds the shard (`Build.claimed`)."""
    legs = translators(spec, device=device, threads=threads, batch_tokens=batch_tokens)
    retry = retry_translators(spec, device=device, threads=threads, batch_tokens=batch_tokens)
    tally = _Tally()
    rows = _rows(spec, _films(build, sample), number, build.shards, legs, retry, tally, tick)
    build.write(number, rows, tally.numbers)


def finish(build: Build, spec: BackTranslationSpec, sample: ShelfId) -> ShelfId:
    """Measure the shelf whose shards are all there, and publish it."""
    if build.cache.published(build.shelf):
        return build.shelf
    tally = shards.add(build.tallies())
    quality = quality_of(tally, build.rows(), _films(build, sample))
    _, models = _name(spec, sample)
    counts = _ordered(tally["counts"])
    recorded = models | _weights(spec)
    build.publish(spec=spec.normalised(), parents=(sample,), counts=counts, quality=quality, models=recorded)
    return build.shelf


def _name(spec: BackTranslationSpec, sample: ShelfId) -> tuple[ShelfId, dict[str, str]]:
    models = {name: identity for leg in translators(spec) for name, identity in leg.models.items()}
    return shelf_id("text", spec.normalised(), (sample,), models=canonical_json(models)), models


def _weights(spec: BackTranslationSpec) -> dict[str, str]:
    """SHA-256 of the weights that came from a hub, by repository; other models are named by their content already."""
    if spec.engine == "bergamot":
        return {}
    from augment.text.engines import checkpoints  # the Hub's library takes a second

    models = [spec.model_for(source, target) for source, target in spec.directions]
    return {
        f"{model}: {file}": f"sha256:{sha256}"
        for model, revision in models
        for file, sha256 in checkpoints.weights(model, revision)
    }


def _films(build: Build, sample: ShelfId) -> Any:  # noqa: ANN401
    return build.cache.open(sample).split("train").select_columns(["id", "plot"])


def _translations(build: Build, spec: BackTranslationSpec, sample: ShelfId, missing: Sequence[int]) -> int:
    """Sentences to be translated, once for each direction and view."""
    films = _films(build, sample)
    plots = (films[row]["plot"] for number in missing for row in division.rows_of(films, number, build.shards))
    thresholds = guards(spec)
    sentences = sum(not reason_not_to_try(sentence, guards=thresholds) for plot in plots for sentence, _ in split(plot))
    return sentences * len(spec.directions) * spec.views


def _rows(
    spec: BackTranslationSpec,
    films: Any,  # noqa: ANN401
    number: int,
    of: int,
    legs: Sequence[Translator],
    retry: Sequence[Translator],
    tally: _Tally,
    tick: Tick,
) -> Iterator[dict[str, Any]]:
    """Rows of a shard, ordered by film and view."""
    mine = division.rows_of(films, number, of)
    for first in range(mine.start, mine.stop, FILMS_AT_ONCE):
        block: Mapping[str, list[str]] = films[first : min(first + FILMS_AT_ONCE, mine.stop)]
        ids, plots = block["id"], block["plot"]
        by_view = [
            back_translate(plots, legs, retry=retry, keys=ids, view=view, seed=spec.seed, guards=guards(spec), tick=tick)
            for view in range(spec.views)
        ]
        for row, (film, plot) in enumerate(zip(ids, plots, strict=True)):
            for view, made in enumerate(by_view):
                chrf = measures.chrf(plot, made[row].text)
                tally.add(plot, made[row], chrf)
                yield {"id": film, "view": view, **_columns(made[row]), "chrf": chrf}


def _columns(made: BackTranslated) -> dict[str, Any]:
    return {
        "plot": made.text,
        "sentences": made.sentences,
        "kept": list(made.kept),
        "retried": made.retried,
        "numbers_lost": made.numbers_lost,
        "names_lost": made.names_lost,
    }


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    reasons = {f"kept: {reason}": counts.get(f"kept: {reason}", 0) for reason in KEPT_REASONS}
    others = {name: count for name, count in counts.items() if name not in reasons}
    return others | {name: count for name, count in reasons.items() if count}
