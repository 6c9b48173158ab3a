"""Files of the cache: flushed before they get their names, promised by size and checksum. And what to say on a full disk."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from datasets_cache import manifest as manifests
from datasets_cache.manifest import FILE_NAME, FilePromise, Manifest

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def room(root: Path) -> Generator[None]:
    """Say plainly that the disk (or the quota) is full where that is why something below `root` could not be written.

    Raises:
        ValueError: names the folder, how much is free, and the cure.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        free = shutil.disk_usage(next(path for path in (root, *root.absolute().parents) if path.exists())).free / 2**20
        msg = (
            f"{root}: no room left to write ({os.strerror(error.errno)}; {free:.1f} MiB free). Nothing half-made was published,"
            " and every finished shelf and shard is kept. Free some space, or move the folder to a larger disk and set"
            " MMUDA_CACHE to it; then run the same command again: it goes on from here."
        )
        raise ValueError(msg) from error


def make_folder(folder: Path, *, root: Path) -> None:
    """Make a folder of the cache at `root`.

    Raises:
        ValueError: the cache cannot be written.
    """
    try:
        with room(root):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{root}: the cache cannot be written ({error.strerror}). Set MMUDA_CACHE to a folder you can write."
        raise ValueError(msg) from error


@contextmanager
def staging_folder(root: Path) -> Generator[Path]:
    """A fresh folder for unfinished work; what is still in it at the end is removed.

    Raises:
        ValueError: the cache cannot be written.
    """
    make_folder(root / "staging", root=root)
    with room(root):
        folder = Path(tempfile.mkdtemp(dir=root / "staging"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path, *, root: Path) -> None:
    """Remove a published folder: it is gone at once, never half there."""
    with staging_folder(root) as aside, suppress(FileNotFoundError):
        folder.rename(aside / folder.name)


def publish_folder(staged: Path, target: Path, manifest: Manifest, *, root: Path) -> Manifest:
    """Write the manifest into `staged`, flush everything and rename the folder to `target`. Of two publishers the first wins.

    A folder there without a manifest, or whose files do not have the promised sizes, is replaced.
    """
    manifests.write(staged, manifest)
    for path in staged.iterdir():
        sync(path)
    sync(staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        staged.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        if (target / FILE_NAME).is_file():
            standing = manifests.read(target)
            if not check_files(target, standing, checksums=False):
                return standing  # another process published the same content first
        discard(target, root=root)
        return publish_folder(staged, target, manifest, root=root)
    sync(target.parent)
    return manifest


def check_files(folder: Path, manifest: Manifest, *, checksums: bool) -> list[str]:
    """Problems of the files of a shelf, empty where it is as promised."""
    problems = (problem_of(folder / name, promise, checksum=checksums) for name, promise in manifest.files.items())
    return [problem for problem in problems if problem]


def problem_of(path: Path, promise: FilePromise, *, checksum: bool) -> str | None:
    """What is wrong with a file, None where it is as promised."""
    if not path.is_file():
        return f"{path}: missing"
    if path.stat().st_size != promise.size:
        return f"{path}: {path.stat().st_size} bytes, the manifest promises {promise.size}"
    if checksum and _sha256(path) != promise.sha256:
        return f"{path}: the content differs from what was published (SHA-256)"
    return None


def promise_of(path: Path) -> FilePromise:
    """Size and checksum of a file as it is now."""
    return FilePromise(size=path.stat().st_size, sha256=_sha256(path))


@contextmanager
def written_aside(path: Path) -> Generator[Path]:
    """A name beside `path` to write to: the file is flushed and renamed to `path` at the end, and removed after a failure."""
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield aside
        sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file that people asked for, and its folders; a file under its name is whole.

    Raises:
        ValueError: it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside:
            aside.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}); choose another place."
        raise ValueError(msg) from error


def left_aside(path: Path) -> list[Path]:
    """What writers of `path` that were killed have left beside it."""
    return list(path.parent.glob(f".{path.name}.*"))


def sync(path: Path) -> None:
    """Flush a file or the entries of a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
