"""A cache version: one sample, with or without a pool, the views chosen for them, and the only thing that training is told."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from datasets_cache import manifest as manifests
from datasets_cache.fingerprint import ShelfId, fingerprint
from datasets_cache.manifest import Manifest
from datasets_cache.schema import SPLITS, Split
from datasets_cache.store import Cache, Shelf

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


@dataclass(frozen=True)
class Version:
    """An opened version: films by split, unlabelled films, and the augmented views of both."""

    manifest: Manifest
    sample: Shelf
    text: Shelf | None
    image: Shelf | None
    pool: Shelf | None = None
    """Unlabelled films; None where the version has none."""
    pool_text: Shelf | None = None
    pool_image: Shelf | None = None

    @property
    def id(self) -> str:
        """Name of the version."""
        return self.manifest.id

    @property
    def genres(self) -> tuple[str, ...]:
        """Genres of the task in label order."""
        return self.manifest.genres

    def films(self, split: Split) -> "Dataset":
        """Rows of `split` with the columns of ``SAMPLE_FEATURES``."""
        return self.sample.split(split)

    def dataset_dict(self) -> "DatasetDict":
        """Films of all splits, memory-mapped, with the columns of ``SAMPLE_FEATURES``; the views lie beside them, by film id.

        Examples:
            >>> from datasets_cache.store import Cache
            >>> version = open_version(Cache(), "latest")
            >>> films = version.dataset_dict()
            >>> list(films)
            ['train', 'validation', 'test']
            >>> films["train"].column_names[:3]
            ['id', 'title', 'plot']
            >>> film, views = films["train"][0], version.text_views()
            >>> [row] = rows_by_id(views)[film["id"]]  # one augmented plot a film
            >>> views[row]["id"] == film["id"]
            True
        """
        from datasets import DatasetDict

        return DatasetDict({split: self.films(split) for split in SPLITS})

    def text_views(self) -> "Dataset | None":
        """Back-translated plots of the training films (``TEXT_VIEW_FEATURES``), None where the version has none."""
        return self.text.split("train") if self.text else None

    def image_views(self) -> "Dataset | None":
        """Augmented posters of the training films (``IMAGE_VIEW_FEATURES``), None where the version has none."""
        return self.image.split("train") if self.image else None

    def unlabelled(self) -> "Dataset | None":
        """Films of the pool with the columns of ``SAMPLE_FEATURES``, `genres` empty; None where the version has no pool."""
        return self.pool.split("train") if self.pool else None

    def unlabelled_text_views(self) -> "Dataset | None":
        """Back-translated plots of the pool's films (``TEXT_VIEW_FEATURES``), None where the version has none."""
        return self.pool_text.split("train") if self.pool_text else None

    def unlabelled_image_views(self) -> "Dataset | None":
        """Augmented posters of the pool's films (``IMAGE_VIEW_FEATURES``), None where the version has none."""
        return self.pool_image.split("train") if self.pool_image else None


def rows_by_id(views: "Dataset") -> Mapping[str, list[int]]:
    """Row numbers of the views of each film, in view order. Pairing is by id, never by position."""
    rows: dict[str, list[tuple[int, int]]] = {}
    for row, (film, view) in enumerate(zip(views["id"], views["view"], strict=True)):
        rows.setdefault(film, []).append((view, row))
    return {film: [row for _, row in sorted(found)] for film, found in rows.items()}


def version_id(
    name: str,
    sample: ShelfId,
    text: ShelfId | None,
    image: ShelfId | None,
    *,
    pool: ShelfId | None = None,
    pool_text: ShelfId | None = None,
    pool_image: ShelfId | None = None,
) -> str:
    """Id of the version that joins these shelves under `name`."""
    beside = [pool, pool_text, pool_image] if pool else []  # a version without a pool has the name that it always had
    return f"{name}-{fingerprint([sample, text, image, *beside])[:8]}"


def publish(
    cache: Cache,
    *,
    name: str,
    sample: ShelfId,
    text: ShelfId | None,
    image: ShelfId | None,
    pool: ShelfId | None = None,
    pool_text: ShelfId | None = None,
    pool_image: ShelfId | None = None,
    plan: Mapping[str, Any] | None = None,
) -> Manifest:
    """Publish the version that joins `sample` with its views, or find it already published.

    Args:
        cache: where shelves and versions lie.
        name: beginning of the version's id.
        sample: the sample shelf.
        text: augmented plots of its training films.
        image: augmented posters of its training films.
        pool: the pool of unlabelled films beside the sample.
        pool_text: augmented plots of the pool's films.
        pool_image: augmented posters of the pool's films.
        plan: remembered as what was asked for; it is no part of the version's id.

    Raises:
        ValueError: a shelf is missing or damaged, or a shelf does not belong to the one that it should come from.
    """
    started = time.monotonic()
    opened = cache.open(sample)
    for made, parent in ((text, sample), (image, sample), (pool, sample), (pool_text, pool), (pool_image, pool)):
        if made:
            _check_parent(cache, made, parent)
    version = version_id(name, sample, text, image, pool=pool, pool_text=pool_text, pool_image=pool_image)
    if (cache.version_folder(version) / manifests.FILE_NAME).is_file():
        return manifests.read(cache.version_folder(version))
    beside = {"pool": pool, "pool_text": pool_text, "pool_image": pool_image} if pool else {}
    shelves = {"sample": sample, "text": text, "image": image, **beside}
    manifest = Manifest(
        id=version,
        kind="version",
        spec={"name": name, **shelves, "plan": dict(plan or {})},
        parents=tuple(shelf for shelf in shelves.values() if shelf),
        created=_after_all(cache),
        seconds=round(time.monotonic() - started, 3),
        rows=opened.manifest.rows | ({"unlabelled": cache.open(pool).manifest.rows["train"]} if pool else {}),
        genres=opened.manifest.genres,
    )
    return cache.publish_version(manifest)


def _after_all(cache: Cache) -> datetime:
    """Now, or just after the newest version: it stays the newest even where the clock was set back meanwhile."""
    newest = max((known.created for known in cache.manifests("versions")), default=None)
    now = datetime.now(UTC)
    return now if newest is None or newest < now else newest + timedelta(microseconds=1)


def _check_parent(cache: Cache, shelf: ShelfId, parent: ShelfId | None) -> None:
    parents = cache.open(shelf).manifest.parents
    if parents != (parent,):
        expected = f"not from {parent}; choose views of one sample" if parent else "and the version has no pool; name the pool"
        msg = f"{shelf} was made from {parents}, {expected}."
        raise ValueError(msg)


def resolve(cache: Cache, wanted: str) -> str:
    """Full id of the version that `wanted` names.

    Args:
        cache: where to look.
        wanted: an id, the name of a recipe (its newest version), ``latest`` (the newest of all), or the unique beginning of
            an id.
    Raises:
        ValueError: no version or several fit; the message lists what there is.

    Examples:
        >>> resolve(Cache(), "demo").startswith("demo-")
        True
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

    def opened(name: str) -> Shelf | None:
        shelf = manifest.spec.get(name)
        return cache.open(shelf) if shelf else None

    return Version(
        manifest=manifest,
        sample=cache.open(manifest.spec["sample"]),
        text=opened("text"),
        image=opened("image"),
        pool=opened("pool"),
        pool_text=opened("pool_text"),
        pool_image=opened("pool_image"),
    )
