"""Shelves in shards: pieces of fixed content that are made, kept, taken over and repaired one by one.

A film belongs to the shard that the leading bits of its hash name, so a shard's content depends neither on who makes it nor on
when. Until all are there the shelf lies in ``<root>/building/<shelf>/``; then a manifest joins them and one rename shows it.
"""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from datasets_cache import claims
from datasets_cache import manifest as manifests
from datasets_cache.arrow_files import mapped
from datasets_cache.division import shard_of
from datasets_cache.files import discard, make_folder, publish_folder, room
from datasets_cache.fingerprint import ShelfId
from datasets_cache.frozen import Frozen
from datasets_cache.manifest import FILE_NAME, Manifest
from datasets_cache.repair import take_apart
from datasets_cache.schema import Columns
from datasets_cache.shard_file import ShardFile, ShardRecord, Tally, WriteRow
from datasets_cache.store import Cache

if TYPE_CHECKING:
    from datasets import Dataset

OnWait = Callable[[str], None]
"""Told whom a run waits for."""
_LOOK_AGAIN = 0.2
"""Seconds between two looks at shards that others hold."""


def add(tallies: Iterable[Tally]) -> dict[str, Any]:
    """Sum of tallies, name by name."""
    total: dict[str, Any] = {}
    for tally in tallies:
        for name, value in tally.items():
            total[name] = add([total.get(name, {}), value]) if isinstance(value, Mapping) else total.get(name, 0) + value
    return total


@dataclass(frozen=True)
class Build:
    """A shelf that is being made shard by shard, by any number of threads, processes and machines that see the cache folder."""

    cache: Cache
    shelf: ShelfId
    kind: str
    columns: Columns
    shards: int
    started: float = field(default_factory=time.time, compare=False)

    def missing(self) -> list[int]:
        """Numbers of the shards that are not there.

        Every finished shard is compared with its record, size and checksum; a damaged one is removed. A published shelf with
        a file that is missing or truncated is taken apart: of that one, only the damaged shards are missing.
        """
        take_apart(self.cache, self.shelf, checksums=False)
        if self.cache.published(self.shelf):
            return []
        return [number for number in range(self.shards) if not self._sound(number)]

    def claimed(
        self,
        numbers: Iterable[int] | None = None,
        *,
        on_wait: OnWait | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[int]:
        """Missing shards, each locked while the consumer works on it.

        First come those that nobody holds. Then it waits for the others, and gives those that a dead owner left unfinished. All
        that loop over this share the work and make each shard once; where the loop ends by itself, all are there.

        Args:
            numbers: which; by default all that are `missing`.
            on_wait: told which other process it waits for, once for each.
            stopped: asked before each wait; if it says yes the loop ends, whatever is missing.
        Raises:
            ValueError: the cache cannot be written, the disk is full, or its file system has no locks.
        """
        left = list(self.missing() if numbers is None else numbers)
        told: set[str] = set()
        while left:
            held: list[int] = []
            for number in left:
                with claims.claim(self.cache.root, self._lock(number), wait=False) as mine:
                    if not mine:
                        held.append(number)
                    elif not self._is_there(number):
                        yield number
            left = held
            if held and stopped():
                return
            if held:
                self._tell(held[0], told, on_wait)
                time.sleep(_LOOK_AGAIN)

    @contextmanager
    def writer(self, number: int, tally: Tally | Callable[[], Tally]) -> Generator[WriteRow]:
        """A function that writes a row; the shard is there when the block ends, and nothing of it is after a failure.

        Args:
            number: of the shard, whose claim the caller holds.
            tally: what was counted, or a function that says it; asked after the last row.
        Raises:
            ValueError: the cache cannot be written, or the disk is full.
        """
        make_folder(self.cache.building_folder(self.shelf), root=self.cache.root)
        with room(self.cache.root), self._file(number).writer(self.columns, tally) as write:

            def write_own(row: Mapping[str, Any]) -> None:
                assert shard_of(row["id"], self.shards) == number
                write(row)

            yield write_own

    def write(self, number: int, rows: Iterable[Mapping[str, Any]], tally: Tally | Callable[[], Tally]) -> None:
        """Write a shard out of its rows, as `writer` does; memory holds a small batch of them."""
        with self.writer(number, tally) as write:
            for row in rows:
                write(row)

    def tallies(self) -> list[dict[str, Any]]:
        """Tallies of the shards that are there, in their order, be the shelf published or not."""
        return [record.tally for record in map(self._record, range(self.shards)) if record]

    def rows(self) -> "Dataset":
        """Rows of the whole shelf in the sample's order, memory-mapped, when all shards are there.

        Raises:
            ValueError: a shard is missing or damaged.
        """
        files = [self._file(number).path for number in range(self.shards)]
        try:
            return mapped(files, cure="Run the augmentation again: it makes the shard anew.")
        except ValueError:
            if not self.cache.published(self.shelf):  # perhaps by another process, while the files were opened
                raise
        return self.cache.open(self.shelf).split("train")

    def publish(
        self,
        *,
        spec: Frozen,
        parents: Sequence[str] = (),
        counts: Mapping[str, int] | None = None,
        quality: Mapping[str, Any] | None = None,
        models: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Join the shards to a published shelf. Of several publishers the first wins.

        Raises:
            ValueError: a shard is missing, there is no row at all, or the disk is full.
        """
        building = self.cache.building_folder(self.shelf)
        with room(self.cache.root), claims.claim(self.cache.root, f"{self.shelf}/shelf", wait=True):
            if published := self.cache.published(self.shelf):
                discard(building, root=self.cache.root)  # somebody began once more just when it was published
                return published
            records = self._records()
            self._sweep()
            manifest = Manifest(
                id=self.shelf,
                kind=self.kind,
                spec=spec.model_dump(mode="json"),
                parents=tuple(parents),
                created=datetime.now(UTC),
                seconds=round(max(0.0, time.time() - self.started), 3),
                rows={"train": sum(record.rows for record in records)},
                files={self._file(number).path.name: record.promise for number, record in enumerate(records)},
                counts=dict(counts or {}),
                quality=dict(quality or {}),
                models=dict(models or {}),
                libraries=dict(manifests.library_versions()),
            )
            published = publish_folder(building, self.cache.shelf_folder(self.shelf), manifest, root=self.cache.root)
            for number in range(self.shards):
                claims.forget(self.cache.root, self._lock(number))
            return published

    def _records(self) -> list[ShardRecord]:
        """Records of all shards, to publish them."""
        lacking = [number for number in range(self.shards) if self._file(number).problem(checksum=False)]
        if lacking:
            some = f"{len(lacking)} of {self.shards} shards are missing, the first is number {lacking[0]}"
            msg = f"{self.cache.building_folder(self.shelf)}: {some}. Run the augmentation again: it makes them."
            raise ValueError(msg)
        records = [record for number in range(self.shards) if (record := self._file(number).record())]
        if not any(record.rows for record in records):
            msg = f"{self.shelf}: no row to publish; the parent shelf is empty."
            raise ValueError(msg)
        return records

    def _sweep(self) -> None:
        """Remove what is no shard of this shelf, such as those of another number of shards."""
        own = {path for file in map(self._file, range(self.shards)) for path in (file.path, file.record_path)}
        for path in set(self.cache.building_folder(self.shelf).iterdir()) - own:
            path.unlink()

    def _sound(self, number: int) -> bool:
        """Whether a shard is as it was written; one that is not is removed."""
        file = self._file(number)
        if not file.problem(checksum=True):
            return True
        if file.path.exists() or file.record_path.exists():
            with claims.claim(self.cache.root, self._lock(number), wait=True):  # its holder may be making it anew
                if not file.problem(checksum=True):
                    return True
                file.remove()
        return False

    def _is_there(self, number: int) -> bool:
        published = (self.cache.shelf_folder(self.shelf) / FILE_NAME).is_file()
        return published or not self._file(number).problem(checksum=False)

    def _record(self, number: int) -> ShardRecord | None:
        file = self._file(number)
        return file.record() or ShardFile(self.cache.shelf_folder(self.shelf) / file.path.name).record()

    def _file(self, number: int) -> ShardFile:
        name = f"train-{number:05}-of-{self.shards:05}.arrow"
        return ShardFile(self.cache.building_folder(self.shelf) / name)

    def _lock(self, number: int) -> str:
        return f"{self.shelf}/{number:05}"

    def _tell(self, number: int, told: set[str], on_wait: OnWait | None) -> None:
        owner = claims.owner(self.cache.root, self._lock(number))
        if on_wait and owner and owner not in told and owner != claims.this_process():  # another thread of ours needs no word
            told.add(owner)
            on_wait(f"{self.shelf}: waiting for shard {number} of {self.shards}, which {owner} is making")
