"""A cache version: one sample, the views chosen for it, and the only thing that training is told."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from datasets import Dataset

from datasets_cache import manifest as manifests
from datasets_cache.fingerprint import ShelfId, fingerprint
from datasets_cache.manifest import Manifest
from datasets_cache.schema import Split
from datasets_cache.store import Cache, Shelf


@dataclass(frozen=True)
class Version:
    """An opened version: films by split, and the augmented views of its training films."""

    manifest: Manifest
    sample: Shelf
    text: Shelf | None
    image: Shelf | None

    @property
    def id(self) -> str:
        """Name of the version."""
        return self.manifest.id

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres of the task in label order."""
        return self.manifest.genres

    def films(self, split: Split) -> Dataset:
        """Rows of `split` with the columns of ``SAMPLE_FEATURES``."""
        return self.sample.split(split)

    def text_views(self) -> Dataset | None:
        """Back-translated plots of the training films (``TEXT_VIEW_FEATURES``), None where the version has none."""
        return self.text.split("train") if self.text else None

    def image_views(self) -> Dataset | None:
        """Augmented posters of the training films (``IMAGE_VIEW_FEATURES``), None where the version has none."""
        return self.image.split("train") if self.image else None


def rows_by_id(views: Dataset) -> Mapping[str, list[int]]:
    """Row numbers of the views of each film, in view order. Pairing is by id, never by position."""
    rows: dict[str, list[tuple[int, int]]] = {}
    for row, (film, view) in enumerate(zip(views["id"], views["view"], strict=True)):
        rows.setdefault(film, []).append((view, row))
    return {film: [row for _, row in sorted(found)] for film, found in rows.items()}


def version_id(name: str, sample: ShelfId, text: ShelfId | None, image: ShelfId | None) -> str:
    """Id of the version that joins these shelves under `name`."""
    return f"{name}-{fingerprint([sample, text, image])[:8]}"


def publish(
    cache: Cache,
    *,
    name: str,
    sample: ShelfId,
    text: ShelfId | None,
    image: ShelfId | None,
    plan: Mapping[str, Any] | None = None,
) -> Manifest:
    """Publish the version that joins `sample` with its views, or find it already published.

    `plan` is remembered as what was asked for; it is no part of the version's id.

    Raises:
        ValueError: a shelf is missing or damaged, or a view does not belong to the sample.
    """
    started = time.monotonic()
    opened = cache.open(sample)
    for view in (text, image):
        if view and cache.open(view).manifest.parents != (sample,):
            msg = f"{view} was made from {cache.open(view).manifest.parents}, not from {sample}; choose views of one sample."
            raise ValueError(msg)
    version = version_id(name, sample, text, image)
    if (cache.version_folder(version) / manifests.FILE_NAME).is_file():
        return manifests.read(cache.version_folder(version))
    manifest = Manifest(
        id=version,
        kind="version",
        spec={"name": name, "sample": sample, "text": text, "image": image, "plan": dict(plan or {})},
        parents=tuple(shelf for shelf in (sample, text, image) if shelf),
        created=datetime.now(UTC),
        seconds=round(time.monotonic() - started, 3),
        rows=opened.manifest.rows,
        genres=opened.manifest.genres,
    )
    return cache.publish_version(manifest)


def resolve(cache: Cache, wanted: str) -> str:
    """Full id of the version that `wanted` names.

    Args:
        cache: where to look.
        wanted: an id, the name of a recipe (its newest version), ``latest`` (the newest of all), or the unique beginning of
            an id.
    Raises:
        ValueError: no version or several fit; the message lists what there is.
    """
    known = cache.manifests("versions")
    if any(found.id == wanted for found in known):
        return wanted
    named = [found.id for found in known if wanted == "latest" or found.spec["name"] == wanted]
    if named:
        return named[-1]
    fitting = [found.id for found in known if found.id.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    there = [found.id for found in known] or "none yet; run `mmuda augment` first"
    fit = f"{len(fitting)} versions begin like that: {fitting}" if fitting else f"there is {there}"
    msg = f"no single cache version {wanted!r} below {cache.root / 'versions'}: {fit}."
    raise ValueError(msg)


def open_version(cache: Cache, wanted: str) -> Version:
    """Open a version and the shelves that it names.

    Raises:
        ValueError: it is unknown, or a shelf of it is missing or damaged.
    """
    manifest = manifests.read(cache.version_folder(resolve(cache, wanted)))
    text, image = manifest.spec["text"], manifest.spec["image"]
    return Version(
        manifest=manifest,
        sample=cache.open(manifest.spec["sample"]),
        text=cache.open(text) if text else None,
        image=cache.open(image) if image else None,
    )
