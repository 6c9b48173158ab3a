"""Damaged shelves: what is whole of them is kept, and the rest makes room for a new one."""

from pathlib import Path

from datasets_cache import manifest as manifests
from datasets_cache.claims import claim
from datasets_cache.files import discard, make_folder, problem_of, room
from datasets_cache.fingerprint import ShelfId
from datasets_cache.manifest import FILE_NAME
from datasets_cache.shard_file import ShardFile
from datasets_cache.store import Cache, is_shard


def discard_damaged(cache: Cache, shelf: ShelfId) -> list[str]:
    """Check every file of a published shelf against its checksum, and remove what is damaged.

    Of a shelf in shards only the damaged ones go: the next augmentation makes them again, and until then the shelf is not
    published. A shelf without shards goes whole.

    Returns:
        What was wrong, one line a file; empty where nothing was.
    Raises:
        ValueError: there is no such shelf.
    """
    manifests.read(cache.shelf_folder(shelf))
    return take_apart(cache, shelf, checksums=True)


def unreadable(cache: Cache) -> dict[Path, str]:
    """Folders of shelves and versions whose manifest is damaged or missing, and what is wrong with it."""
    found: dict[Path, str] = {}
    for folder in sorted(path for of in ("shelves", "versions") for path in (cache.root / of).glob("*/")):
        try:
            manifests.read(folder)
        except ValueError as error:
            found[folder] = str(error)
    return found


def discard_unreadable(cache: Cache, folder: Path) -> None:
    """Remove a shelf or version whose manifest is damaged; of a shelf in shards, those that are whole will be used again."""
    with room(cache.root), claim(cache.root, f"{folder.name}/shelf", wait=True):
        if any(is_shard(path.name) for path in folder.iterdir()):
            _back_to_building(cache, folder)
        else:
            discard(folder, root=cache.root)


def take_apart(cache: Cache, shelf: ShelfId, *, checksums: bool) -> list[str]:
    """Make a published shelf that is damaged one that is being built, without its damaged shards; gives what was wrong.

    One that is whole or not published is left as it is.

    Args:
        cache: where shelves are.
        shelf: which.
        checksums: compare the content too; else only sizes.
    """
    if not _problems(cache, shelf, checksums=checksums):
        return []
    with room(cache.root), claim(cache.root, f"{shelf}/shelf", wait=True):
        problems = _problems(cache, shelf, checksums=checksums)
        folder = cache.shelf_folder(shelf)
        damaged = [folder / name for name in problems]
        if damaged and not all(is_shard(path.name) for path in damaged):
            discard(folder, root=cache.root)
        elif damaged:
            for path in damaged:
                ShardFile(path).remove()
            _back_to_building(cache, folder)
    return list(problems.values())


def _back_to_building(cache: Cache, folder: Path) -> None:
    building = cache.building_folder(folder.name)
    make_folder(building.parent, root=cache.root)
    discard(building, root=cache.root)  # somebody began once more just when it was published
    folder.rename(building)
    (building / FILE_NAME).unlink(missing_ok=True)


def _problems(cache: Cache, shelf: ShelfId, *, checksums: bool) -> dict[str, str]:
    manifest = cache.find(shelf)
    promised = manifest.files if manifest else {}
    found = {name: problem_of(cache.shelf_folder(shelf) / name, promised[name], checksum=checksums) for name in promised}
    return {name: problem for name, problem in found.items() if problem}
