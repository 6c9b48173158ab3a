"""A folder that appears under its name when it is whole, and not before."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from datasets_cache.files import sync

_LOCK = ".lock"
_MANY = 100


@contextmanager
def whole_folder(to: Path) -> Generator[Path]:
    """An empty folder beside `to` to write in, renamed to `to` at the end. After a failure nothing of it is left.

    What an earlier process that was killed has left there is removed.

    Raises:
        ValueError: `to` holds something, another process writes to it, or it cannot be written.
    """
    refuse_occupied(to)
    to = to.resolve()  # `.` has no name of its own
    aside = to.with_name(f".{to.name}.part")
    try:
        aside.mkdir(parents=True, exist_ok=True)
        lock = FileLock(aside / _LOCK, blocking=False)
        lock.acquire()
    except Timeout:
        msg = f"{to}: another process is writing it; wait for it, or name another folder."
        raise ValueError(msg) from None
    except OSError as error:
        raise _not_written(to, error) from error
    try:
        _clear(aside)
        yield aside
        refuse_occupied(to)
        _flush(aside)
        aside.rename(to)
        (to / _LOCK).unlink()
        sync(to.parent)
    except OSError as error:
        raise _not_written(to, error) from error
    finally:
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        lock.release()


def refuse_occupied(to: Path) -> None:
    """Raise a ValueError where `to` is a file or a folder that holds anything."""
    if not to.exists():
        return
    if not to.is_dir():
        msg = f"{to}: is a file; name a folder for `--to`, one that is new or empty."
        raise ValueError(msg)
    if found := sorted(path.name for path in to.iterdir()):
        more = f" and {len(found) - 1} more" if found[1:] else ""
        cure = "name a new or empty folder for `--to`, or remove this one"
        msg = f"{to}: not empty, it holds {found[0]!r}{more}; {cure}."
        raise ValueError(msg)


def _flush(folder: Path) -> None:
    paths = [folder, *folder.rglob("*")]
    if len(paths) > _MANY:
        os.sync()  # one by one, fifty thousand posters take minutes
        return
    for path in paths:
        sync(path)


def _clear(aside: Path) -> None:
    for path in aside.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


def _not_written(to: Path, error: OSError) -> ValueError:
    return ValueError(f"{to}: cannot be written ({error.strerror or error}); choose another place. Nothing was left there.")
