"""A run's ``epochs.jsonl``: one line an epoch, appended as it ends."""

import hashlib
import logging
import os
from pathlib import Path

from pydantic import ValidationError

from datasets_cache.files import write_text
from train.records import EpochMetrics

FILE_NAME = "epochs.jsonl"
_log = logging.getLogger(__name__)


def append(folder: Path, epoch: EpochMetrics) -> None:
    """Add one line and flush it to the disk."""
    with (folder / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(epoch.model_dump_json() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[EpochMetrics]:
    """The epochs 1, 2, ... that are there, up to the first line that is torn or out of order; empty without a file."""
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    epochs: list[EpochMetrics] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            epoch = EpochMetrics.model_validate_json(line)
        except ValidationError:
            _log.warning("%s: line %d is torn; epochs from there on count as not trained.", path, number)
            break
        if epoch.epoch != number:
            _log.warning("%s: line %d holds epoch %d; epochs from there on count as not trained.", path, number, epoch.epoch)
            break
        epochs.append(epoch)
    return epochs


def checksum(folder: Path, *, epochs: int) -> str:
    """SHA-256 of the first lines, one an epoch."""
    path = folder / FILE_NAME
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return hashlib.sha256(b"".join(lines[:epochs])).hexdigest()


def rewrite(folder: Path, epochs: list[EpochMetrics]) -> None:
    """Replace the file with `epochs`, so that the next line follows a whole one."""
    write_text(folder / FILE_NAME, "".join(epoch.model_dump_json() + "\n" for epoch in epochs))
