"""RandAugment over the posters of a sample's training films: one shelf of augmented JPEGs, made once and offline."""

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import cv2
from datasets import Dataset

from augment.image.spec import ImageView, RandAugmentSpec
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import IMAGE_VIEW_FEATURES
from datasets_cache.store import Cache

FILMS_PER_TASK = 16
TASKS_AHEAD = 2
"""Tasks that wait, finished or not, for each worker: what bounds the memory."""

Made = tuple[ImageView, float]
"""A row and the mean absolute change of its pixels."""
MakeView = Callable[[str, int, bytes], Made]
"""Makes a row of (film id, view, encoded poster)."""


@dataclass
class _Tally:
    """What the manifest says of the rows."""

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

    def counts(self) -> dict[str, int]:
        return {"films": self.films, "posters": self.posters} | {f"kept: {why}": n for why, n in sorted(self.kept.items())}

    def quality(self) -> dict[str, Any]:
        augmented = self.posters - self.kept.total()
        change = round(self.change / augmented, 4) if augmented else None
        return {"mean absolute change, grey levels": change, "ops drawn": dict(sorted(self.ops.items()))}


def publish(
    spec: RandAugmentSpec, sample: ShelfId, *, cache: Cache, workers: int | None = None, track: Track = untracked
) -> ShelfId:
    """Publish the augmented posters of the training films of `sample`, or find them already published.

    Args:
        spec: what decides the posters.
        sample: the sample shelf.
        cache: where shelves lie.
        workers: threads; by default one for each CPU this process may use. The rows do not depend on it.
        track: shows progress.
    Returns:
        Name of the shelf: rows of ``IMAGE_VIEW_FEATURES``, films in the order of the sample, views in order within a film.
    Raises:
        ValueError: the sample is unknown, damaged or without training films; fewer than one worker.
    """
    if workers is not None and workers < 1:
        msg = f"workers {workers}: expected at least 1, or None for one for each CPU."
        raise ValueError(msg)
    if published := find(spec, sample, cache=cache):
        return published
    films = cache.open(sample).split("train").select_columns(["id", "poster_256"])
    from augment.image.poster import augment_poster  # only now: it brings albumentations, and that torch

    tally = _Tally()
    with cache.stage("image", IMAGE_VIEW_FEATURES) as stage, _one_thread_inside_opencv():
        made = _in_order(partial(augment_poster, spec), films, views=spec.views, workers=workers or _cpus())
        for row, change in track(made, total=len(films) * spec.views, title="Augmenting posters", unit="posters"):
            stage.write("train", asdict(row))
            tally.add(row, change)
        shelf = shelf_id("image", spec, [sample])
        stage.publish(shelf, spec=spec, parents=[sample], counts=tally.counts(), quality=tally.quality())
    return shelf


def find(spec: RandAugmentSpec, sample: ShelfId, *, cache: Cache) -> ShelfId | None:
    """Name of the published shelf that `publish` would make, None where there is none."""
    shelf = shelf_id("image", spec, [sample])
    return shelf if cache.find(shelf) else None


def _in_order(make: MakeView, films: Dataset, *, views: int, workers: int) -> Iterator[Made]:
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


@contextmanager
def _one_thread_inside_opencv() -> Generator[None]:
    """Our threads already take every CPU; OpenCV's own on top of them only wait for each other."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
