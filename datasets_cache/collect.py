"""What a cache can do without: versions that nobody refers to, what only they named, and what dead processes left behind.

Whoever works holds a lock (`datasets_cache.claims`), which the system shows to every process of the machine and, over NFS, to
those of other machines. While one is held nothing is removed. Staged files, which a caller of the library writes without a
lock, are left for an hour; what a later run could go on from is left for days.
"""

import time
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from datasets_cache.claims import owner
from datasets_cache.exchange import finish
from datasets_cache.files import discard
from datasets_cache.manifest import Manifest
from datasets_cache.readings import Reading
from datasets_cache.store import Cache
from datasets_cache.uses import is_user, records, users

HOUR, DAY = 3600.0, 86400.0
UNFINISHED_DAYS = 7.0
"""Days that unfinished work is kept: shelves that no version names, and shelves that are half made."""
UNREAD_DAYS = 30.0
"""Days that token ids are kept which nobody reads. Whose they are cannot be told; they are made again where they are missed."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A file or folder that goes at once or not at all."""

    what: str
    """What it is, such as ``version``."""
    path: Path
    """Where it lies."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a collection would do."""

    kept: tuple[str, ...]
    """Versions that stay, oldest first."""
    going: tuple[Thing, ...]
    """What goes, in this order: a version before its shelves, so that each version that is there is whole."""
    waiting: tuple[Thing, ...]
    """Unfinished work that would go if it were older."""


def at_work(cache: Cache) -> list[str]:
    """Who works in the cache, for example ``process 4711 on venus (text-3f2a9c0d41be77aa/00003)``; one line a lock."""
    names = [_lock_name(cache, path) for path in _lock_files(cache) if _is_held(path)]
    return [f"{owner(cache.root, name) or 'a process'} ({name})" for name in names]


def plan(
    cache: Cache,
    *,
    keep: int,
    used: Collection[str],
    unfinished_days: float = UNFINISHED_DAYS,
    now: float | None = None,
) -> Plan:
    """What can go while nobody works.

    Args:
        cache: which.
        keep: newest versions of each recipe name that stay.
        used: versions that runs refer to; they stay.
        unfinished_days: age, in days, at which unfinished work counts as abandoned.
        now: seconds since the epoch.
    Raises:
        ValueError: a manifest is damaged, so that it is not known what it names.
    """
    now = time.time() if now is None else now
    versions = cache.manifests("versions")
    stay = _newest(versions, keep) | set(used)
    kept, going = [found for found in versions if found.id in stay], [found for found in versions if found.id not in stay]
    named = {shelf for version in kept for shelf in version.parents}
    once_named = {shelf for version in going for shelf in version.parents}
    newest_first = reversed(cache.manifests("shelves"))  # so none that is left misses the one that it was made from
    unnamed = [found.id for found in newest_first if found.id not in named]
    freed = [Thing("shelf", cache.shelf_folder(shelf), 0) for shelf in unnamed if shelf in once_named]
    unfinished = [Thing("shelf of no version", cache.shelf_folder(shelf), 0) for shelf in unnamed if shelf not in once_named]
    unfinished += [Thing("unfinished shelf", path, 0) for path in _entries(cache, "building", "rebuilding")]
    abandoned = [thing for thing in unfinished if _is_older(thing.path, _patience(thing.path, unfinished_days), now)]
    gone = {thing.path.name for thing in (*freed, *abandoned) if thing.path.parent.name == "shelves"}
    return Plan(
        kept=tuple(version.id for version in kept),
        going=_measured(
            *(Thing("version", cache.version_folder(version.id), 0) for version in going),
            *freed,
            *abandoned,
            *_left_behind(cache, now),
            *(Thing("reading of a source", path, 0) for path in _readings_without_shelf(cache, gone)),
            *(Thing("use by a run that is gone", path, 0) for path in _ended_uses(cache)),
            *(Thing("lock", path, 0) for path in _idle_locks(cache, now)),
        ),
        waiting=_measured(*(thing for thing in unfinished if thing not in abandoned)),
    )


def remove(cache: Cache, things: Sequence[Thing]) -> Generator[Thing]:
    """Remove them one after the other, each in one step; gives each that is gone. Ends early where somebody begins to work.

    Raises:
        ValueError: the cache cannot be written.
    """
    for thing in things:
        if thing.path.is_dir():
            if at_work(cache) or (thing.what == "version" and users(cache, thing.path.name)):
                return
            discard(thing.path, root=cache.root)
        elif thing.what == "lock":
            _remove_lock(thing.path)
        else:
            thing.path.unlink(missing_ok=True)
        _remove_if_empty(cache, thing.path.parent)
        yield thing


def mend(cache: Cache) -> None:
    """Finish exchanges of shelves whose processes died in their midst, so that the new shelves count as such."""
    for folder in _entries(cache, "rebuilding"):
        finish(cache.root, folder.name)


def _newest(versions: Iterable[Manifest], keep: int) -> set[str]:
    """Ids of the `keep` newest of each name; `versions` come oldest first."""
    by_name: dict[str, list[str]] = {}
    for version in versions:
        by_name.setdefault(str(version.spec["name"]), []).append(version.id)
    return {version for named in by_name.values() for version in named[max(0, len(named) - keep) :]}


def _left_behind(cache: Cache, now: float) -> Iterator[Thing]:
    """What killed processes left, and token ids that nobody reads."""
    for path in _entries(cache, "staging"):
        if _is_older(path, HOUR, now):
            yield Thing("staged files", path, 0)
    for path in _entries(cache, "tokens", "sources", "uses/*"):
        if path.name.startswith("."):  # written aside, never renamed
            if _is_older(path, HOUR, now):
                yield Thing("half-written file", path, 0)
        elif path.parent.name == "tokens" and now - max(path.stat().st_atime, path.stat().st_mtime) > UNREAD_DAYS * DAY:
            yield Thing("token ids", path, 0)


def _readings_without_shelf(cache: Cache, gone: Collection[str]) -> Iterator[Path]:
    for path in _entries(cache, "sources"):
        if path.suffix == ".json":
            try:
                shelf = Reading.model_validate_json(path.read_bytes()).sample
            except ValidationError:
                continue  # counts as none, and is replaced when the source is read again
            if shelf in gone or not cache.shelf_folder(shelf).exists():
                yield path


def _ended_uses(cache: Cache) -> list[Path]:
    return [record for record, folder in records(cache).items() if not is_user(folder, record.parent.name)]


def _idle_locks(cache: Cache, now: float) -> Iterator[Path]:
    """Lock files that nobody took of late. Those of flow runs tell the dead runs from the living, and stay for a day."""
    for path in _lock_files(cache):
        if _is_older(path, DAY if path.parent.name == "flow-runs" else HOUR, now) and not _is_held(path):
            yield path


def _lock_files(cache: Cache) -> list[Path]:
    return sorted((cache.root / "locks").glob("**/*.lock"))


def _lock_name(cache: Cache, path: Path) -> str:
    return path.relative_to(cache.root / "locks").as_posix().removesuffix(".lock")


def _is_held(path: Path) -> bool:
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _remove_lock(path: Path) -> None:
    """Remove a lock file while we hold it: who has it open sees that it is gone and makes it again."""
    lock = FileLock(path, thread_local=False)
    with suppress(Timeout):
        lock.acquire(blocking=False)
        path.unlink(missing_ok=True)
        lock.release()


def _remove_if_empty(cache: Cache, folder: Path) -> None:
    """Remove a folder of locks or uses whose shelf or version is gone, so that nobody is about to write into it."""
    if folder.parent in (cache.root / "locks", cache.root / "uses") and folder.name != "flow-runs":
        owners = (cache.shelf_folder(folder.name), cache.building_folder(folder.name), cache.version_folder(folder.name))
        if not any(path.exists() for path in owners):
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def _patience(path: Path, unfinished_days: float) -> float:
    """Seconds that unfinished work is kept; of a rebuild that only had to clean up, an hour."""
    return HOUR if (path / "replaced").is_dir() else unfinished_days * DAY


def _entries(cache: Cache, *folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted(cache.root.glob(f"{folder}/*"))]


def _inside(path: Path) -> list[Path]:
    return [path, *path.rglob("*")]


def _is_older(path: Path, seconds: float, now: float) -> bool:
    """Whether nothing in it was written for so long."""
    with suppress(FileNotFoundError):  # somebody removed it, or is at work in it
        return all(now - found.lstat().st_mtime >= seconds for found in _inside(path))
    return False


def _measured(*things: Thing) -> tuple[Thing, ...]:
    return tuple(Thing(thing.what, thing.path, _size(thing.path)) for thing in things)


def _size(path: Path) -> int:
    return sum(found.lstat().st_size for found in _inside(path) if found.is_file() and not found.is_symlink())
