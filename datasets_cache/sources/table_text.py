"""Tables of films as spreadsheets and scripts write them: bytes to rows with named cells."""

import codecs
import csv
import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datasets_cache.sources.index import RowError, printable
from datasets_cache.sources.json_text import MAX_OBJECT, Row, read_rows

SUFFIXES = (".csv", ".tsv", ".jsonl")

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_LOOKED_AT = 50
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAVE_AS = "save it as CSV UTF-8 (in Excel: Save as, 'CSV UTF-8 (comma delimited)')"


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns, and rows numbered as a spreadsheet numbers them (the header is row 1; of ``.jsonl``: the line)."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    said: str
    """How it was read, for people."""


def read_table(path: Path, *, encoding: str | None) -> Table:
    """Read a table.

    A row with another number of cells than the header becomes a `RowError` in its place; blank rows are none.

    Args:
        path: ``.csv``, ``.tsv`` or ``.jsonl``.
        encoding: of a ``.csv`` or ``.tsv``, as Python names it; None: by its byte order mark, else UTF-8.
    Raises:
        ValueError: it is empty, not text in that encoding, not a table, or its quotation marks do not match.
    """
    data = path.read_bytes()
    if path.suffix.casefold() == ".jsonl":
        rows = tuple(read_rows(data))
        columns = tuple({name: None for row in rows if isinstance(row.content, dict) for name in row.content})
        return Table(columns, rows, f"{path.name}: {len(rows)} rows")
    text, named = _decode(data, path, encoding)
    given = None
    if text[:4].casefold() == "sep=":  # Excel's own first line
        given, text = text[4:5], text.partition("\n")[2]
    if not text.strip():
        raise _empty(path)
    with _long_cells():
        delimiter = given if given and given not in '"\r\n' else None
        delimiter = delimiter or ("\t" if path.suffix.casefold() == ".tsv" else _delimiter(text, path))
        records = list(_records(text, delimiter, path))
    header = [name.strip() for name in records[0][1]]
    if len(header) == 1:
        raise _one_column(header[0], path)
    rows = tuple(Row(number, _cells(header, cells)) for number, cells in records[1:] if any(cell.strip() for cell in cells))
    return Table(
        tuple(header),
        rows,
        f"{path.name}: {len(rows)} rows, {named}, cells separated by {_DELIMITERS.get(delimiter, delimiter)}",
    )


def _decode(data: bytes, path: Path, encoding: str | None) -> tuple[str, str]:
    """The text without byte order mark, and the name of its encoding."""
    if not data.strip():
        raise _empty(path)
    if data.startswith(b"PK\x03\x04"):
        msg = f"{path}: an Excel workbook, whatever its name says; {_SAVE_AS}."
        raise ValueError(msg)
    found = encoding or next((name for mark, name in _BOMS if data.startswith(mark)), None) or _by_zeros(data)
    try:
        return data.decode(found).removeprefix("\ufeff"), found.upper()
    except LookupError:
        msg = f"{path}: Python knows no encoding {found!r}; give for example `--source.encoding cp1252`."
        raise ValueError(msg) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        begin = max(data.rfind(b"\n", 0, error.start) + 1, error.start - 20)
        cut = data[begin : error.start + 20].partition(b"\n")[0].decode("cp1252", errors="replace")
        msg = (
            f"{path}: not {found.upper()}: line {line}, byte 0x{data[error.start]:02x}. Excel's plain 'CSV' is Windows-1252, "
            f"which reads it as …{printable(cut.strip())}…: if that is right, give `--source.encoding cp1252`; else {_SAVE_AS}."
        )
        raise ValueError(msg) from error


def _by_zeros(data: bytes) -> str:
    """UTF-16 without a mark has a zero byte beside each ASCII letter."""
    begin = data[:200]
    if begin.count(0) < len(begin) // 4:
        return "utf-8"
    return "utf-16-le" if begin[1::2].count(0) > begin[::2].count(0) else "utf-16-be"


def _delimiter(text: str, path: Path) -> str:
    """The delimiter that cuts the header into several cells, and most of the first rows into as many."""
    fitting: dict[str, tuple[float, int]] = {}
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            widths = [len(cells) for cells in islice(reader, _LOOKED_AT) if cells]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            fitting[delimiter] = (widths.count(widths[0]) / len(widths), widths[0])
    if not fitting:
        raise _one_column(text.partition("\n")[0].strip(), path)
    return max(fitting, key=lambda delimiter: fitting[delimiter])


def _empty(path: Path) -> ValueError:
    return ValueError(f"{path}: the file is empty; write a line of column names and a line for each film.")


@contextmanager
def _long_cells() -> Generator[None]:
    """Let a cell be as long as a film's metadata may be; the module's own limit, 131,072 characters, is for all of Python."""
    before = csv.field_size_limit(MAX_OBJECT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _one_column(name: str, path: Path) -> ValueError:
    return ValueError(
        f"{path}: its first line has one column only, {name[:80]!r}; expected the names of several columns, separated by "
        "commas, semicolons or tabs, such as id,title,plot,labels,image."
    )


def _records(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each row; a cell may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number, begin = 0, 1
    try:
        for cells in reader:
            if number or cells:  # blank lines above the header do not count
                number += 1
                yield number, cells
            begin = reader.line_num + 1
    except csv.Error as error:
        msg = (
            f"{path}: the row that begins in line {begin} cannot be read ({error}). A quotation mark that opens a cell has to "
            'be closed at its end, and one inside such a cell is written twice: "He said ""no""."'
        )
        raise ValueError(msg) from error


def _cells(header: list[str], cells: list[str]) -> dict[str, object] | RowError:
    if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
        detail = (
            f"{len(cells)} cells, and {len(header)} column names; a cell with the delimiter in it belongs in quotation marks"
        )
        return RowError(reason="metadata wrong type", detail=detail)
    named: dict[str, object] = {}
    for name, cell in zip(header, cells, strict=False):
        named.setdefault(name, cell)
    return named
