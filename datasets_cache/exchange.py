"""A shelf that is there already, exchanged for one that was made again; readers find the old one or the new, never none.

Layout while a shelf is made again (`datasets_cache.rebuild`)::

    rebuilding/<shelf>/{shelves, building, staging, locks}/    a cache of its own; the new shelf is made in it
    rebuilding/<shelf>/replaced/                               the old one, between the exchange and its removal

The exchange is two renames. Between them the shelf has no folder for a moment: readers look again. Where the process died at
that moment, the first who looks for the shelf finishes the exchange.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from datasets_cache.claims import claim
from datasets_cache.files import discard, room, sync
from datasets_cache.manifest import FILE_NAME

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that a reader waits for the second rename before it asks whether anybody will do it."""
_PAUSE = 0.005
_LOOKS = 100
"""Exchanges in a row that one reader lives through."""


def aside(root: Path, shelf: str) -> Path:
    """Root of the cache in which a shelf is made again."""
    return root / "rebuilding" / shelf


def exchange(root: Path, shelf: str) -> None:
    """Put the shelf that was made again where the old one is. Processes that have the old files mapped keep them.

    Raises:
        ValueError: the cache cannot be written, the disk is full, or its file system has no locks.
    """
    with room(root), claim(root, f"{shelf}/shelf", wait=True):
        standing, replaced = root / "shelves" / shelf, aside(root, shelf) / "replaced"
        if standing.exists():
            if replaced.exists():
                discard(replaced, root=root)
            standing.rename(replaced)
        _move_in(root, shelf)


def finish(root: Path, shelf: str) -> bool:
    """Finish an exchange whose process died between the renames; gives whether there was one."""
    if (root / "shelves" / shelf).exists() or not aside(root, shelf).is_dir():
        return False
    with room(root), claim(root, f"{shelf}/shelf", wait=True):
        parts = (aside(root, shelf) / "replaced", aside(root, shelf) / "shelves" / shelf)
        if (root / "shelves" / shelf).exists() or not all(part.is_dir() for part in parts):
            return False
        _move_in(root, shelf)
        return True


def looked_again(folder: Path, look: Callable[[], T]) -> T:
    """What `look` finds in the folder of a published shelf. Where it fails and the folder was just exchanged, it looks again.

    Args:
        folder: ``<cache>/shelves/<shelf>``.
        look: reads in it.
    Raises:
        ValueError: what `look` raises.
    """
    for _ in range(_LOOKS):
        before = _identity(folder)
        try:
            return look()
        except (ValueError, FileNotFoundError):
            _settle(folder)
            if _identity(folder) == before:
                raise
    return look()


def _move_in(root: Path, shelf: str) -> None:
    standing = root / "shelves" / shelf
    try:
        (aside(root, shelf) / "shelves" / shelf).rename(standing)
    except OSError:
        if not (standing / FILE_NAME).is_file():
            raise
        return  # somebody made the same shelf and published it between the renames
    sync(standing.parent)


def _settle(folder: Path) -> None:
    """Wait until an exchange of `folder` is over."""
    root, shelf = folder.parent.parent, folder.name
    until = time.monotonic() + PATIENCE
    while not (folder / FILE_NAME).is_file() and aside(root, shelf).is_dir():
        if time.monotonic() > until:
            finish(root, shelf)
            return
        time.sleep(_PAUSE)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Tells a folder from another one of the same name."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_ctime_ns
