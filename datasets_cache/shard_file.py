"""One shard on disk: an Arrow file, and beside it the record that is written after it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets_cache.arrow_files import arrow_writer
from datasets_cache.files import left_aside, problem_of, promise_of, sync, written_aside
from datasets_cache.frozen import Frozen
from datasets_cache.manifest import FilePromise
from datasets_cache.schema import Columns
from datasets_cache.sealed import sealed, unsealed

Tally = Mapping[str, Any]
"""What was counted while a shard was made: numbers, or mappings of them to any depth."""
WriteRow = Callable[[Mapping[str, Any]], None]


class ShardRecord(Frozen):
    """What a shard says of itself. The same shard has the same record, whoever makes it."""

    rows: int
    """Rows in the Arrow file."""
    size: int
    """Bytes of the Arrow file."""
    sha256: str
    """SHA-256 of the Arrow file, hexadecimal."""
    tally: dict[str, Any]
    """What its maker counted."""

    @property
    def promise(self) -> FilePromise:
        """What the manifest will say of the Arrow file."""
        return FilePromise(size=self.size, sha256=self.sha256)


@dataclass(frozen=True)
class ShardFile:
    """A shard's Arrow file, there or not."""

    path: Path

    @property
    def record_path(self) -> Path:
        """Where its record lies."""
        return self.path.with_suffix(".json")

    def record(self) -> ShardRecord | None:
        """Its record; one that is missing or cannot be understood counts as none."""
        try:
            return ShardRecord.model_validate_json(unsealed(self.record_path.read_bytes()))
        except (FileNotFoundError, ValueError):  # pydantic's error is one
            return None

    def problem(self, *, checksum: bool) -> str | None:
        """What is wrong with it, None where it is as its record says."""
        record = self.record()
        return problem_of(self.path, record.promise, checksum=checksum) if record else f"{self.record_path}: missing"

    def remove(self) -> None:
        """Remove it with its record and with what killed writers have left of either."""
        for path in (self.record_path, self.path):
            for found in (path, *left_aside(path)):
                found.unlink(missing_ok=True)

    @contextmanager
    def writer(self, columns: Columns, tally: Tally | Callable[[], Tally]) -> Generator[WriteRow]:
        """A function that writes a row; the shard is there when the block ends, and nothing of it is after a failure."""
        self.remove()
        with written_aside(self.path) as aside, aside.open("wb") as file:
            writer = arrow_writer(file, columns)
            yield lambda row: writer.write(dict(row))
            rows, _ = writer.finalize(close_stream=False)
            file.flush()
            promise = promise_of(aside)
        record = ShardRecord(
            rows=rows, size=promise.size, sha256=promise.sha256, tally=dict(tally() if callable(tally) else tally)
        )
        with written_aside(self.record_path) as aside:
            aside.write_text(sealed(record.model_dump_json(indent=1)), encoding="utf-8")
        sync(self.path.parent)
