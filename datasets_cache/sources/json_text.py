"""JSON as it is found in archives: byte order marks, UTF-16, NaN and keys given twice do not lose a row that can be read."""

import codecs
import json
from dataclasses import dataclass

from datasets_cache.sources.index import RowError, name_of

MAX_OBJECT = 16 * 2**20
"""Bytes of one object (a film's metadata, the lists of a split): a thousand times what any has. In memory, JSON can take twenty
times its size."""


class TwoValues:
    """Stands where an object gives one key two different values; no rule accepts it, so only a needed key costs the row."""

    def __repr__(self) -> str:
        return "two different values for one key"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ``.jsonl`` file: its number from 1, and its object or why there is none."""

    number: int
    content: dict[str, object] | RowError

    def object(self) -> dict[str, object]:
        """The object.

        Raises:
            RowError: there is none.
        """
        if isinstance(self.content, RowError):
            raise self.content
        return self.content

    def named(self, id_field: str) -> str:
        """The id as far as it can be told, for speaking of a row that is skipped."""
        value = None if isinstance(self.content, RowError) else self.content.get(id_field)
        return f"line {self.number}" if value is None else name_of(value)


def parse_object(data: bytes | str) -> dict[str, object]:
    """One JSON object, in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        RowError: it has more than `MAX_OBJECT` bytes, cannot be decoded, is not JSON, or is not an object.
    """
    if len(data) > MAX_OBJECT:
        raise too_large(len(data))
    try:
        value = json.loads(data.removeprefix("\ufeff") if isinstance(data, str) else data, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise RowError(reason="metadata not JSON", detail=f"{type(error).__name__}: {error}"[:300]) from error
    if not isinstance(value, dict):
        raise RowError(reason="metadata wrong type", detail=f"expected a JSON object, got {type(value).__name__}")
    return value


def too_large(size: int | None = None) -> RowError:
    """What is said of an object with so many bytes."""
    found = "" if size is None else f"{size:,} bytes, "
    return RowError(reason="metadata not JSON", detail=f"{found}at most {MAX_OBJECT:,} bytes are read")


def read_rows(data: bytes) -> list[Row]:
    """The lines of a ``.jsonl`` file that are not blank.

    A UTF-8 file is cut before it is decoded, so that a wrong byte costs one line and not the file.
    """
    encoding = json.detect_encoding(data)
    if encoding.startswith("utf-8"):
        lines: list[bytes] | list[str] = data.removeprefix(codecs.BOM_UTF8).split(b"\n")
    else:
        lines = data.decode(encoding, errors="replace").removeprefix("\ufeff").split("\n")
    return [Row(number, _object_or_problem(line)) for number, line in enumerate(lines, start=1) if line.strip()]


def _object_or_problem(line: bytes | str) -> dict[str, object] | RowError:
    try:
        return parse_object(line)
    except RowError as problem:
        return problem


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read: dict[str, object] = {}
    for key, value in pairs:
        read[key] = TwoValues() if key in read and read[key] != value else value
    return read
