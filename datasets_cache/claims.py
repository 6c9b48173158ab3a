"""Who works on what: a lock file for a piece of work, held by the operating system as long as its owner lives.

The locks save work; no result depends on them. What is made under one is written aside and renamed, and has the same content
whoever makes it.
"""

import errno
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from datasets_cache.files import make_folder, room

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def claim(root: Path, name: str, *, wait: bool) -> Generator[bool]:
    """Hold a lock until the end; gives whether it is held. It excludes threads and processes alike; a dead owner holds nothing.

    Args:
        root: the cache.
        name: of the lock, for example ``image-3f2a9c0d41be77aa/00003``.
        wait: wait for another owner (then the answer is always yes).
    Raises:
        ValueError: the cache cannot be written, the disk is full, or its file system has no locks.
    """
    path = _path(root, name)
    make_folder(path.parent, root=root)
    lock = FileLock(path, thread_local=False)  # a generator that holds it may be closed by another thread
    with room(root):
        held = _acquire(lock, root, wait=wait)
    try:
        if held:
            with room(root):
                path.write_text(this_process() + "\n", encoding="utf-8")
        yield held
    finally:
        if held:
            lock.release()


def this_process() -> str:
    """What a lock file says that this process holds."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def owner(root: Path, name: str) -> str | None:
    """Who holds a lock that could not be had, for example ``process 4711 on venus``; None before it has said so."""
    try:
        return _path(root, name).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def forget(root: Path, name: str) -> None:
    """Remove the file of a lock that nobody needs any more; whoever still waits for it makes it again."""
    _path(root, name).unlink(missing_ok=True)


def _acquire(lock: FileLock, root: Path, *, wait: bool) -> bool:
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        msg = f"{root}: its file system has no locks ({error.strerror}). Set MMUDA_CACHE to a folder on one that has."
        raise ValueError(msg) from error
    return True


def _path(root: Path, name: str) -> Path:
    return root / "locks" / f"{name}.lock"
