"""Shelves and versions on disk: written aside, flushed, and published by one rename.

Layout below the root (``MMUDA_CACHE``, by default ``datasets_cache/versions`` of the checkout)::

    shelves/<kind>-<fingerprint>/{manifest.json, train.arrow, validation.arrow, test.arrow}
    versions/<recipe>-<fingerprint>/manifest.json
    staging/                                  unfinished work; safe to remove while nothing runs
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasets import Dataset, Features
from datasets.arrow_writer import ArrowWriter

from datasets_cache import manifest as manifests
from datasets_cache.fingerprint import ShelfId
from datasets_cache.frozen import Frozen
from datasets_cache.manifest import FILE_NAME, FilePromise, Manifest
from datasets_cache.schema import Split

ROWS_PER_BATCH = 64


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
    features: Features
    started: float = field(default_factory=time.monotonic)
    _writers: dict[Split, ArrowWriter] = field(default_factory=dict[Split, ArrowWriter])
    _rows: dict[str, int] = field(default_factory=dict[str, int])

    def write(self, split: Split, row: Mapping[str, Any]) -> None:
        """Append one row; memory holds at most a small batch."""
        if split not in self._writers:
            path = str(self.folder / f"{split}.arrow")
            self._writers[split] = ArrowWriter(path=path, features=self.features, writer_batch_size=ROWS_PER_BATCH)
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
        self._close_writers()
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
            rows=self._rows,
            files={path.name: _promise(path) for path in sorted(self.folder.glob("*.arrow"))},
            genres=tuple(genres),
            counts=dict(counts or {}),
            quality=dict(quality or {}),
            models=dict(models or {}),
            libraries=dict(manifests.library_versions()),
        )
        return _publish_folder(self.folder, self.cache.shelf_folder(shelf), manifest)

    def _close_writers(self) -> None:
        for writer in self._writers.values():
            writer.finalize()
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

    def split(self, split: Split) -> Dataset:
        """Rows of one split.

        Raises:
            ValueError: the shelf has no such split, or its file does not hold the promised rows.
        """
        promised = self.manifest.rows.get(split, 0)
        if not promised:
            msg = f"{self.folder}: no split {split!r}; it has {sorted(self.manifest.rows)}."
            raise ValueError(msg)
        path = self.folder / f"{split}.arrow"
        try:
            rows = Dataset.from_file(str(path))
        except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
            msg = f"{path}: damaged ({error}). {_cure(self.folder)}"
            raise ValueError(msg) from error
        if len(rows) != promised:
            msg = f"{path}: {len(rows)} rows, the manifest promises {promised}. {_cure(self.folder)}"
            raise ValueError(msg)
        return rows


@dataclass(frozen=True)
class Cache:
    """The folder that holds every shelf and version."""

    root: Path = field(default_factory=default_root)

    def shelf_folder(self, shelf: str) -> Path:
        """Where a shelf lies once it is published."""
        return self.root / "shelves" / shelf

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
        """Manifest of a published shelf, None where there is none."""
        folder = self.shelf_folder(shelf)
        return manifests.read(folder) if (folder / FILE_NAME).is_file() else None

    def open(self, shelf: ShelfId | str) -> Shelf:
        """Open a shelf and check that its files have the promised sizes.

        Raises:
            ValueError: it is unknown or damaged; the message names the file and the cure.
        """
        folder = self.shelf_folder(shelf)
        if not folder.is_dir():
            msg = f"no shelf {shelf!r} below {self.root / 'shelves'}; `mmuda cache ls` lists what there is."
            raise ValueError(msg)
        manifest = manifests.read(folder)
        problems = check_files(folder, manifest, checksums=False)
        if problems:
            msg = f"{'; '.join(problems)}. {_cure(folder)}"
            raise ValueError(msg)
        return Shelf(manifest, folder)

    @contextmanager
    def stage(self, kind: str, features: Features) -> Generator[Stage]:
        """Write a shelf aside; nothing is visible before `Stage.publish`, and nothing is left if that never comes."""
        with self._staging_folder() as folder:
            stage = Stage(self, kind, folder, features)
            try:
                yield stage
            finally:
                stage._close_writers()  # pyright: ignore[reportPrivateUsage]

    def publish_version(self, manifest: Manifest) -> Manifest:
        """Publish a version: a manifest that names a sample and the views that go with it."""
        with self._staging_folder() as folder:
            return _publish_folder(folder, self.version_folder(manifest.id), manifest)

    def manifests(self, of: str) -> list[Manifest]:
        """Manifests of all ``shelves`` or ``versions``, oldest first."""
        folders = [path.parent for path in (self.root / of).glob(f"*/{FILE_NAME}")]
        return sorted((manifests.read(folder) for folder in folders), key=lambda found: (found.created, found.id))

    @contextmanager
    def _staging_folder(self) -> Generator[Path]:
        staging = self.root / "staging"
        try:
            staging.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=staging))
        except OSError as error:
            msg = f"{self.root}: the cache cannot be written ({error.strerror}). Set MMUDA_CACHE to a folder you can write."
            raise ValueError(msg) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def check_files(folder: Path, manifest: Manifest, *, checksums: bool) -> list[str]:
    """Problems of the files of a shelf, empty where it is as promised."""
    problems: list[str] = []
    for name, promise in manifest.files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{path}: missing")
        elif path.stat().st_size != promise.size:
            problems.append(f"{path}: {path.stat().st_size} bytes, the manifest promises {promise.size}")
        elif checksums and _sha256(path) != promise.sha256:
            problems.append(f"{path}: the content differs from what was published (SHA-256)")
    return problems


def _cure(folder: Path) -> str:
    return f"Remove it (`mmuda cache rm {folder.name}`) and run the augmentation again."


def _publish_folder(staged: Path, target: Path, manifest: Manifest) -> Manifest:
    text = manifest.model_dump_json(indent=2)
    with (staged / FILE_NAME).open("w", encoding="utf-8") as file:
        file.write(text + "\n")
    for path in staged.iterdir():
        _sync(path)
    _sync(staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        staged.rename(target)
    except OSError:
        if not (target / FILE_NAME).is_file():
            raise
        return manifests.read(target)  # another process published the same content first
    _sync(target.parent)
    return manifest


def _promise(path: Path) -> FilePromise:
    return FilePromise(size=path.stat().st_size, sha256=_sha256(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
