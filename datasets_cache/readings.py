"""Which sample or pool a source gave when it was last read, so that an untouched source need not be read again.

One small file a reading, ``<cache>/sources/<key>.json``; it also lists every row that was skipped
or repaired, for people to read.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datasets_cache.fingerprint import FORMAT, ShelfId, fingerprint
from datasets_cache.frozen import Frozen
from datasets_cache.schema import RowIssue
from datasets_cache.store import Cache


class Reading(Frozen):
    """What came out of reading a source."""

    sample: ShelfId
    """The shelf of the sample or of the pool."""
    issues: tuple[RowIssue, ...]
    """Every row that was skipped or repaired."""


def recall(cache: Cache, settings: dict[str, Any], stat: str) -> Reading | None:
    """The earlier reading of a source with the same settings and untouched files, None where there is none.

    A file that cannot be understood counts as none: the source is then read again, and the file replaced.
    """
    try:
        return Reading.model_validate_json(_path(cache, settings, stat).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def remember(cache: Cache, settings: dict[str, Any], stat: str, reading: Reading) -> None:
    """Note a reading, replacing an earlier one in one step."""
    path = _path(cache, settings, stat)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as file:
        file.write(reading.model_dump_json(indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def _path(cache: Cache, settings: dict[str, Any], stat: str) -> Path:
    return cache.root / "sources" / f"{fingerprint([FORMAT, settings, stat])}.json"
