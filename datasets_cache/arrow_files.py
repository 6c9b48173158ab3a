"""Arrow files: written row by row, read memory-mapped.

`datasets` is imported by the functions that need it: it takes most of a second, and lists, names and manifests do without.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from datasets_cache.schema import Columns

if TYPE_CHECKING:
    from datasets import Dataset
    from datasets.arrow_writer import ArrowWriter
    from datasets.table import Table

ROWS_PER_BATCH = 64


def arrow_writer(to: Path | BinaryIO, columns: Columns) -> "ArrowWriter":
    """Writes rows with these columns into a file, be it open or not yet; memory holds at most a small batch."""
    from datasets import Features, List, Value
    from datasets.arrow_writer import ArrowWriter

    features = Features(
        {name: Value(kind) if isinstance(kind, str) else List(Value(kind[0])) for name, kind in columns.items()}
    )
    if isinstance(to, Path):
        return ArrowWriter(path=str(to), features=features, writer_batch_size=ROWS_PER_BATCH)
    return ArrowWriter(stream=to, features=features, writer_batch_size=ROWS_PER_BATCH)


def mapped(paths: Sequence[Path], *, cure: str) -> "Dataset":
    """Rows of Arrow files one after the other, memory-mapped.

    Args:
        paths: the files, all with the same columns.
        cure: what to do where one is damaged.
    Raises:
        ValueError: a file is damaged or missing.
    """
    from datasets import Dataset
    from datasets.table import MemoryMappedTable, concat_tables

    tables: list[Table] = []
    for path in paths:
        try:
            tables.append(MemoryMappedTable.from_file(str(path)))
        except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
            msg = f"{path}: damaged ({error}). {cure}"
            raise ValueError(msg) from error
    return Dataset(concat_tables(tables))
