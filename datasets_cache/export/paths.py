"""Paths in what is passed on: who reads it needs no folder of its author."""

from collections.abc import Mapping
from typing import Any, cast


def without_paths(value: Any) -> Any:  # noqa: ANN401
    """The same value, plain as in JSON, with only the last part of each absolute path."""
    match value:
        case str() if value.startswith(("/", "~")) or value[1:3] == ":\\":
            return f"…/{value.replace(chr(92), '/').rstrip('/').rpartition('/')[2]}"
        case Mapping():
            entries = cast("Mapping[str, Any]", value)
            return {without_paths(key): without_paths(entry) for key, entry in entries.items()}
        case list() | tuple():
            return [without_paths(entry) for entry in cast("list[Any]", value)]
        case _:
            return value
