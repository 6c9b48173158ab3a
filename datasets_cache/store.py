"""Shelves and versions on disk: written aside, flushed, and published by one rename.

Layout below the root (``MMUDA_CACHE``, by default ``datasets_cache/versions`` of the checkout)::

    shelves/<kind>-<fingerprint>/{manifest.json, train.arrow, validation.arrow, test.arrow}
    shelves/<kind>-<fingerprint>/{manifest.json, train-00000-of-00016.arrow, train-00000-of-00016.json, ...}
    versions/<recipe>-<fingerprint>/manifest.json
    building/<kind>-<fingerprint>/            shelves of which some shards are finished (`datasets_cache.shards`)
    rebuilding/<kind>-<fingerprint>/          shelves that are being made again (`datasets_cache.exchange`)
    staging/, locks/                          unfinished work; safe to remove while nothing runs
    tokens/<fingerprint>.npz                  token ids of plots; made again where missing, safe to remove
    uses/<version>/<fingerprint>              which runs refer to a version (`datasets_cache.uses`)
"""

import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets_cache import manifest as manifests
from datasets_cache.arrow_files import arrow_writer, mapped
from datasets_cache.exchange import looked_again
from datasets_cache.files import check_files, discard, promise_of, publish_folder, room, staging_folder
from datasets_cache.fingerprint import ShelfId
from datasets_cache.frozen import Frozen
from datasets_cache.manifest import FILE_NAME, Manifest
from datasets_cache.schema import SPLITS, Columns, Split

if TYPE_CHECKING:
    from datasets import Dataset
    from datasets.arrow_writer import ArrowWriter


def default_root() -> Path:
    """``MMUDA_CACHE`` if set; else ``datasets_cache/versions`` of a checkout; else the user's cache folder."""
    if configured := os.environ.get("MMUDA_CACHE"):
        return Path(configured).expanduser()
    package = Path(__file__).parent
    if (package.parent / "pyproject.toml").is_file():
        return package / "versions"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mmuda"


@dataclass
class Stage:
    """A shelf being written; `publish` makes it visible under its name, anything else leaves nothing behind."""

    cache: "Cache"
    kind: str
    folder: Path
    columns: Columns
    started: float = field(default_factory=time.monotonic)
    _writers: "dict[Split, ArrowWriter]" = field(default_factory=lambda: {})
    _rows: dict[str, int] = field(default_factory=dict[str, int])

    def write(self, split: Split, row: Mapping[str, Any]) -> None:
        """Append one row; memory holds at most a small batch."""
        if split not in self._writers:
            self._writers[split] = arrow_writer(self.folder / f"{split}.arrow", self.columns)
        self._writers[split].write(dict(row))
        self._rows[split] = self._rows.get(split, 0) + 1

    def publish(
        self,
        shelf: ShelfId,
        *,
        spec: Frozen,
        parents: Sequence[str] = (),
        genres: Sequence[str] = (),
        counts: Mapping[str, int] | None = None,
        quality: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Flush the rows and rename the folder to its name. Of two publishers of one shelf, the first wins.

        Raises:
            ValueError: no row was written.
        """
        for writer in self._writers.values():
            writer.finalize()
        self._writers.clear()
        if not self._rows:
            msg = f"{shelf}: no row to publish; the source or the parent shelf is empty."
            raise ValueError(msg)
        manifest = Manifest(
            id=shelf,
            kind=self.kind,
            spec=spec.model_dump(mode="json"),
            parents=tuple(parents),
            created=datetime.now(UTC),
            seconds=round(time.monotonic() - self.started, 3),
            rows={split: self._rows[split] for split in SPLITS if split in self._rows},
            files={path.name: promise_of(path) for path in sorted(self.folder.glob("*.arrow"))},
            genres=tuple(genres),
            counts=dict(counts or {}),
            quality=dict(quality or {}),
            models=dict(models or {}),
            libraries=dict(manifests.library_versions()),
        )
        return publish_folder(self.folder, self.cache.shelf_folder(shelf), manifest, root=self.cache.root)

    def close(self) -> None:
        """Close what was not published."""
        for writer in self._writers.values():
            with suppress(OSError):  # a full disk fails here once more; what is written here is thrown away anyhow
                writer.close()
        self._writers.clear()


@dataclass(frozen=True)
class Shelf:
    """A published shelf, memory-mapped."""

    manifest: Manifest
    folder: Path

    @property
    def id(self) -> ShelfId:
        """Name of the shelf."""
        return ShelfId(self.manifest.id)

    def split(self, split: Split) -> "Dataset":
        """Rows of one split; those of several shards one after the other.

        Raises:
            ValueError: the shelf has no such split, or its files do not hold the promised rows.
        """
        promised = self.manifest.rows.get(split, 0)
        if not promised:
            msg = f"{self.folder}: no split {split!r}; it has {sorted(self.manifest.rows)}."
            raise ValueError(msg)
        return looked_again(self.folder, lambda: self._mapped(split, promised))

    def _mapped(self, split: Split, promised: int) -> "Dataset":
        names = sorted(name for name in self.manifest.files if name.startswith((f"{split}.", f"{split}-")))
        rows = mapped([self.folder / name for name in names], cure=_cure(self.folder, self.manifest))
        if len(rows) != promised:
            where = self.folder / (names[0] if len(names) == 1 else f"{split}-*.arrow")
            msg = f"{where}: {len(rows)} rows, the manifest promises {promised}. {_cure(self.folder, self.manifest)}"
            raise ValueError(msg)
        return rows


@dataclass(frozen=True)
class Cache:
    """The folder that holds every shelf and version."""

    root: Path = field(default_factory=default_root)

    def shelf_folder(self, shelf: str) -> Path:
        """Where a shelf lies once it is published."""
        return self.root / "shelves" / shelf

    def building_folder(self, shelf: str) -> Path:
        """Where a shelf in shards lies until it is published."""
        return self.root / "building" / shelf

    def version_folder(self, version: str) -> Path:
        """Where a version lies once it is published."""
        return self.root / "versions" / version

    def version_manifest(self, version: str) -> Manifest:
        """Manifest of a published version, by its full id.

        Raises:
            ValueError: there is no such version, or its manifest is damaged.
        """
        return manifests.read(self.version_folder(version))

    def find(self, shelf: ShelfId) -> Manifest | None:
        """Manifest of a published shelf, None where there is none; its files may be damaged."""
        try:
            return looked_again(self.shelf_folder(shelf), lambda: manifests.read(self.shelf_folder(shelf)))
        except ValueError:
            if (self.shelf_folder(shelf) / FILE_NAME).is_file():
                raise
            return None

    def published(self, shelf: ShelfId) -> Manifest | None:
        """Manifest of a published shelf whose files have the promised sizes; None where it has to be made, or made again."""
        manifest = self.find(shelf)
        return manifest if manifest and not check_files(self.shelf_folder(shelf), manifest, checksums=False) else None

    def open(self, shelf: ShelfId | str) -> Shelf:
        """Open a shelf and check that its files have the promised sizes.

        Raises:
            ValueError: it is unknown or damaged; the message names the file and the cure.
        """
        return looked_again(self.shelf_folder(shelf), lambda: self._open(shelf))

    def _open(self, shelf: ShelfId | str) -> Shelf:
        folder = self.shelf_folder(shelf)
        if not folder.is_dir():
            msg = f"no shelf {shelf!r} below {self.root / 'shelves'}; `mmuda cache ls` lists what there is."
            raise ValueError(msg)
        manifest = manifests.read(folder)
        problems = check_files(folder, manifest, checksums=False)
        if problems:
            msg = f"{'; '.join(problems)}. {_cure(folder, manifest)}"
            raise ValueError(msg)
        return Shelf(manifest, folder)

    def remove(self, folder: Path) -> None:
        """Remove a published shelf or version: it is gone at once, never half there."""
        discard(folder, root=self.root)

    @contextmanager
    def stage(self, kind: str, columns: Columns) -> Generator[Stage]:
        """Write a shelf aside; nothing is visible before `Stage.publish`, and nothing is left if that never comes.

        Raises:
            ValueError: the cache cannot be written, or the disk is full.
        """
        with room(self.root), staging_folder(self.root) as folder:
            stage = Stage(self, kind, folder, columns)
            try:
                yield stage
            finally:
                stage.close()

    def publish_version(self, manifest: Manifest) -> Manifest:
        """Publish a version: a manifest that names a sample and the views that go with it."""
        with room(self.root), staging_folder(self.root) as folder:
            return publish_folder(folder, self.version_folder(manifest.id), manifest, root=self.root)

    def manifests(self, of: str) -> list[Manifest]:
        """Manifests of all ``shelves`` or ``versions``, oldest first."""
        found: list[Manifest] = []
        for path in (self.root / of).glob(f"*/{FILE_NAME}"):
            try:
                found.append(looked_again(path.parent, partial(manifests.read, path.parent)))
            except ValueError:
                if path.exists():
                    raise  # else it was removed just now
        return sorted(found, key=lambda manifest: (manifest.created, manifest.id))


def is_shard(name: str) -> bool:
    """Whether a file of a shelf is one shard of several, which can be made again alone."""
    return "-of-" in name


def _cure(folder: Path, manifest: Manifest) -> str:
    if any(is_shard(name) for name in manifest.files):
        return "Run the augmentation again: it makes the damaged shard anew."
    return f"Remove it (`mmuda cache verify {folder.name} --discard`) and run the augmentation again."
