"""Parquet files as the Hub has them: pieces of at most 500 MB, row groups that a viewer can read alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Features
from datasets.arrow_writer import ParquetWriter

from datasets_cache.export.rows import Part, as_row, features, whole_films
from datasets_cache.frozen import Frozen
from datasets_cache.progress import Track, untracked

PIECE_BYTES = 500_000_000
"""Of a file, uncompressed: `datasets` has the same limit where it pushes."""
GROUP_BYTES = 32 * 2**20
"""Of a row group, uncompressed: what is in memory at a time, here and in a reader."""


class Extent(Frozen):
    """How much was written of a split."""

    config: str
    """Configuration of the dataset."""
    split: str
    """Its split."""
    films: int
    """Rows."""
    num_bytes: int
    """Bytes in memory."""
    file_bytes: int
    """Bytes on disk."""
    pieces: int
    """Files."""


@dataclass
class _Piece:
    writer: ParquetWriter
    path: Path
    films: int = 0
    num_bytes: int = 0

    def add(self, table: pa.Table) -> None:
        self.writer.write_table(table, writer_batch_size=max(1, table.num_rows))
        self.films += table.num_rows
        self.num_bytes += table.nbytes


def folder_of(config: str) -> str:
    """Folder of a configuration below the dataset's root; `datasets` chooses the same names."""
    return "data" if config == "default" else config


def write(
    part: Part,
    root: Path,
    *,
    genres: Sequence[str],
    piece_bytes: int = PIECE_BYTES,
    group_bytes: int = GROUP_BYTES,
    track: Track = untracked,
) -> Extent:
    """Write a part to ``<root>/<folder>/<split>-00000-of-0000N.parquet``.

    Args:
        part: films and their views.
        root: the dataset's folder.
        genres: names of the labels, in order.
        piece_bytes: where a file ends, uncompressed; a row group is never cut.
        group_bytes: where a row group ends, uncompressed, at the film after which it is reached.
        track: progress.
    """
    folder, columns = root / folder_of(part.config), features(genres)
    folder.mkdir(parents=True, exist_ok=True)
    pieces: list[_Piece] = []
    title = f"Writing {part.split}" if part.config == "default" else f"Writing {part.config}"
    rows = track((as_row(film, genres) for film in whole_films(part)), total=len(part.films), title=title)
    try:
        for table in _row_groups(iter(rows), columns, group_bytes):
            if not pieces or pieces[-1].num_bytes + table.nbytes > piece_bytes:
                if pieces:
                    pieces[-1].writer.finalize()
                path = folder / f"{part.split}-{len(pieces):05d}.parquet"
                pieces.append(_Piece(ParquetWriter(path=str(path), features=columns), path))
            pieces[-1].add(table)
        pieces[-1].writer.finalize()
    finally:
        for piece in pieces[-1:]:
            piece.writer.close()
    for number, piece in enumerate(pieces):
        piece.path = piece.path.rename(folder / f"{part.split}-{number:05d}-of-{len(pieces):05d}.parquet")
    return Extent(
        config=part.config,
        split=part.split,
        films=sum(piece.films for piece in pieces),
        num_bytes=sum(piece.num_bytes for piece in pieces),
        file_bytes=sum(piece.path.stat().st_size for piece in pieces),
        pieces=len(pieces),
    )


def _row_groups(rows: Iterator[dict[str, Any]], columns: Features, group_bytes: int) -> Iterator[pa.Table]:
    schema: pa.Schema = columns.arrow_schema
    tables: list[pa.Table] = []
    size = 0
    for row in rows:
        tables.append(pa.Table.from_pylist([row], schema=schema))
        size += tables[-1].nbytes
        if size >= group_bytes:
            yield pa.concat_tables(tables)
            tables, size = [], 0
    if tables:
        yield pa.concat_tables(tables)
