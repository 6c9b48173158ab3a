"""Which runs refer to a version: noted when a training begins, so that nobody removes what a run was made from.

One small file a run, ``<cache>/uses/<version>/<fingerprint of the run folder's path>``; it holds that path.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datasets_cache.files import write_text
from datasets_cache.fingerprint import fingerprint
from datasets_cache.store import Cache

CONFIG = "config.json"
"""What a run folder says of itself; its `version` is the version's id."""
_log = logging.getLogger(__name__)


def record_use(cache: Cache, version_id: str, run_folder: Path) -> None:
    """Note that the run in `run_folder` refers to a version. Where the cache cannot be written it warns and goes on."""
    folder = run_folder.absolute()
    path = cache.root / "uses" / version_id / fingerprint(str(folder))
    if path.is_file():
        return
    try:
        write_text(path, f"{folder}\n")
    except ValueError as error:
        _log.warning("%s Before versions are removed from that cache, name the runs: `mmuda cache gc --runs FOLDER`.", error)


def records(cache: Cache) -> dict[Path, Path]:
    """The run folder that each record names, by the record's own path."""
    return {path: Path(path.read_text(encoding="utf-8").strip()) for path in sorted((cache.root / "uses").glob("*/[!.]*"))}


def is_user(run_folder: Path, version_id: str) -> bool:
    """Whether a recorded run still counts: its folder is there and its ``config.json`` names the version, or cannot be read."""
    try:
        return _version(run_folder) == version_id
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True


def users(cache: Cache, version_id: str, *, below: Iterable[Path] = ()) -> list[Path]:
    """Folders of the runs that refer to a version: those that were noted, and those found below the folders `below`."""
    return used_versions(cache, below=below).get(version_id, [])


def used_versions(cache: Cache, *, below: Iterable[Path] = ()) -> dict[str, list[Path]]:
    """Folders of the runs that refer to each version.

    Args:
        cache: where runs were noted.
        below: run folders, or folders that hold them at any depth: what was trained before runs were noted, or with another
            path to the cache.
    """
    found: dict[str, set[Path]] = {}
    for record, folder in records(cache).items():
        if is_user(folder, record.parent.name):
            found.setdefault(record.parent.name, set()).add(folder)
    for folder in below:
        for version, run in _runs_below(folder.absolute()):
            found.setdefault(version, set()).add(run)
    return {version: sorted(folders) for version, folders in found.items()}


def _runs_below(folder: Path) -> Iterable[tuple[str, Path]]:
    seen: set[Path] = set()
    for path in sorted(folder.glob(f"**/{CONFIG}"), key=lambda path: len(path.parts)):
        if seen.isdisjoint(path.parents):  # what lies inside a run, such as its model, is no run
            try:
                version = _version(path.parent)
            except (OSError, ValueError):
                continue
            if version:
                seen.add(path.parent)
                yield version, path.parent


def _version(run_folder: Path) -> str | None:
    """Version that the run's configuration names; None where it is the configuration of something else.

    Raises:
        OSError: it is not there, or cannot be read.
        ValueError: it is no JSON.
    """
    config: Any = json.loads((run_folder / CONFIG).read_bytes())
    version = config.get("version") if isinstance(config, dict) else None
    return version if isinstance(version, str) else None
