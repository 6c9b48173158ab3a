"""RandAugment over the posters of a sample's training films: one shelf of augmented JPEGs, made once and offline."""

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from augment.image.spec import ImageView, RandAugmentSpec
from datasets_cache.division import count_of, rows_of
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import IMAGE_VIEW_FEATURES
from datasets_cache.shards import Build, OnWait, add
from datasets_cache.store import Cache

if TYPE_CHECKING:
    from datasets import Dataset

FILMS_PER_TASK = 16
TASKS_AHEAD = 2
"""Tasks that wait, finished or not, for each worker: what bounds the memory."""

Made = tuple[ImageView, float]
"""A row and the mean absolute change of its pixels."""
MakeView = Callable[[str, int, bytes], Made]
"""Makes a row of (film id, view, encoded poster)."""


@dataclass
class _Tally:
    """What a shard's record says of its rows, in numbers that add up over the shards."""

    films: int = 0
    posters: int = 0
    change: float = 0.0
    kept: Counter[str] = field(default_factory=Counter[str])
    ops: Counter[str] = field(default_factory=Counter[str])

    def add(self, row: ImageView, change: float) -> None:
        self.films += row.view == 0
        self.posters += 1
        self.change += change
        self.kept.update([row.kept] if row.kept else [])
        self.ops.update(op.split()[0] for op in row.ops)

    def numbers(self) -> dict[str, Any]:
        return {**vars(self), "kept": dict(self.kept), "ops": dict(self.ops)}

    def counts(self) -> dict[str, int]:
        return {"films": self.films, "posters": self.posters} | {f"kept: {why}": n for why, n in sorted(self.kept.items())}

    def quality(self) -> dict[str, Any]:
        augmented = self.posters - sum(self.kept.values())
        change = round(self.change / augmented, 4) if augmented else None
        return {"mean absolute change, grey levels": change, "ops drawn": dict(sorted(self.ops.items()))}


def publish(
    spec: RandAugmentSpec,
    sample: ShelfId,
    *,
    cache: Cache,
    workers: int | None = None,
    track: Track = untracked,
    on_wait: OnWait | None = None,
) -> ShelfId:
    """Publish the augmented posters of the training films of `sample`, or find them already published.

    Shards that an earlier run finished are used. Several runs at once share the shards among them. The rows depend neither on
    that nor on the number of workers.

    Args:
        spec: what decides the posters.
        sample: the sample shelf.
        cache: where shelves lie.
        workers: threads; by default one for each CPU this process may use.
        track: shows progress.
        on_wait: told which other process it waits for at the end, if it does.
    Returns:
        Name of the shelf: rows of ``IMAGE_VIEW_FEATURES``, films in the order of the sample, views in order within a film.
    Raises:
        ValueError: the sample is unknown, damaged or without training films; fewer than one worker; the disk is full.
    """
    _check(workers)
    if published := find(spec, sample, cache=cache):
        return published
    build = start(spec, sample, cache=cache)
    if missing := build.missing():
        films = _films(cache, sample)
        there = _Tally(**add(build.tallies())).posters

        def posters() -> Iterator[Made]:
            with closing(build.claimed(missing, on_wait=on_wait)) as numbers:
                for number in numbers:
                    yield from _make(build, spec, films, number, workers=workers)

        for _ in track(posters(), total=len(films) * spec.views - there, title="Augmenting posters", unit="posters"):
            pass
    return finish(build, spec, sample)


def find(spec: RandAugmentSpec, sample: ShelfId, *, cache: Cache) -> ShelfId | None:
    """Name of the published shelf that `publish` would make, None where there is none or a file of it is damaged."""
    shelf = shelf_id("image", spec, [sample])
    return shelf if cache.published(shelf) else None


def start(spec: RandAugmentSpec, sample: ShelfId, *, cache: Cache) -> Build:
    """The shelf to be built, with what earlier runs have finished of it.

    Raises:
        ValueError: the sample is unknown, damaged or without training films.
    """
    shards = count_of(_films(cache, sample))
    return Build(cache, shelf_id("image", spec, [sample]), "image", IMAGE_VIEW_FEATURES, shards)


def make_shard(
    build: Build, spec: RandAugmentSpec, sample: ShelfId, number: int, *, workers: int | None = None
) -> Iterator[Made]:
    """Make one shard, whose claim the caller holds; gives each poster when it is written. It is there after the last one.

    Args:
        build: the shelf.
        spec: what decides the posters.
        sample: the sample shelf.
        number: of the shard.
        workers: threads; by default one for each CPU this process may use.
    Raises:
        ValueError: the sample is unknown or damaged; fewer than one worker; the disk is full.
    """
    _check(workers)
    return _make(build, spec, _films(build.cache, sample), number, workers=workers)


def finish(build: Build, spec: RandAugmentSpec, sample: ShelfId) -> ShelfId:
    """Publish the shelf whose shards are all there.

    Raises:
        ValueError: a shard is missing.
    """
    tally = _Tally(**add(build.tallies()))
    build.publish(spec=spec, parents=[sample], counts=tally.counts(), quality=tally.quality())
    return build.shelf


def _check(workers: int | None) -> None:
    if workers is not None and workers < 1:
        msg = f"workers {workers}: expected at least 1, or None for one for each CPU."
        raise ValueError(msg)


def _films(cache: Cache, sample: ShelfId) -> "Dataset":
    return cache.open(sample).split("train").select_columns(["id", "poster_256"])


def _make(build: Build, spec: RandAugmentSpec, films: "Dataset", number: int, *, workers: int | None) -> Iterator[Made]:
    from augment.image.poster import augment_poster  # only now: it brings albumentations, and that torch

    tally = _Tally()
    mine = rows_of(films, number, build.shards)
    own = films.select(mine if mine else [])  # `select` takes no empty range at the end
    with build.writer(number, tally.numbers) as write, _one_thread_inside_opencv():
        for made in _in_order(partial(augment_poster, spec), own, views=spec.views, workers=workers or _cpus()):
            row, change = made
            write(asdict(row))
            tally.add(row, change)
            yield made


def _in_order(make: MakeView, films: "Dataset", *, views: int, workers: int) -> Iterator[Made]:
    """Rows in film order, made by threads (OpenCV works without the GIL) that run only a little ahead of the reader."""
    waiting: deque[Future[list[Made]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="posters") as pool:
        for start in range(0, len(films), FILMS_PER_TASK):
            batch: dict[str, list[Any]] = films[start : start + FILMS_PER_TASK]
            waiting.append(pool.submit(_make_views, make, batch["id"], batch["poster_256"], views))
            if len(waiting) > TASKS_AHEAD * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _make_views(make: MakeView, ids: list[str], posters: list[bytes], views: int) -> list[Made]:
    return [make(film, view, poster) for film, poster in zip(ids, posters, strict=True) for view in range(views)]


def _cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_inside = 0
_threads_before = 0
_entering = Lock()


@contextmanager
def _one_thread_inside_opencv() -> Generator[None]:
    """Our threads already take every CPU; OpenCV's own on top of them only wait for each other.

    Its number of threads belongs to the process: when the last of several shards at once is made, it is as before the first.
    """
    import cv2  # only now: looking for published posters does without it

    global _inside, _threads_before
    with _entering:
        if not _inside:
            _threads_before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _entering:
            _inside -= 1
            if not _inside:
                cv2.setNumThreads(_threads_before)
