"""Which column of a table is what: by the options, else by names that people give such columns."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from datasets_cache.sources.json_text import Row

Role = Literal["id", "title", "plot", "label", "poster", "split"]

NAMES: Mapping[Role, tuple[str, ...]] = {
    "id": ("id", "film id", "movie id", "imdb id", "tconst"),
    "title": ("title", "movie title", "film title", "name", "film", "movie"),
    "plot": ("plot", "synopsis", "plot synopsis", "text", "description", "overview", "summary", "storyline"),
    "label": ("labels", "label", "genres", "genre", "tags", "tag", "categories", "category", "classes", "class"),
    "poster": ("poster", "image", "filename", "file", "poster file", "image file", "poster path", "image path", "picture"),
    "split": ("split", "subset", "partition"),
}
"""Names of columns, the likeliest first; case, spaces, `_` and `-` do not count."""

_SHOWN = 40
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_ZEROS = frozenset({"", "0", "0.0", "false", "none"})
_ONES = frozenset({"1", "1.0", "true"})


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a table's columns by what they hold."""

    by_role: Mapping[Role, str]
    """At least `plot`, and `id` or `poster`."""
    flags: tuple[str, ...]
    """Columns of 0 and 1, one a label, where there is no column of labels."""

    @property
    def said(self) -> str:
        """For people."""
        words = {"label": "labels", "poster": "image"}
        found = [f"{words.get(role, role)} from {name!r}" for role, name in self.by_role.items()]
        return ", ".join([*found, *([f"labels from {len(self.flags)} columns of 0 and 1"] if self.flags else [])])


def find_columns(columns: Sequence[str], rows: Sequence[Row], *, options: Mapping[Role, str | None], table: str) -> Columns:
    """Find the column of each role.

    Args:
        columns: names in the table's order.
        rows: the rows.
        options: the name that the user gave for a role, None where they gave none.
        table: path, for messages.
    Raises:
        ValueError: a named column does not exist, or there is no column of plots, of labels, or of ids and of images.
    """
    by_role: dict[Role, str] = {}
    problems: list[str] = []
    for role, names in NAMES.items():
        wanted = options[role]
        found = _find([wanted] if wanted else names, columns)
        if found is not None:
            by_role[role] = found
        elif wanted:
            problems.append(f"no column is named {wanted!r} (option `--source.{role}_field`)")
    flags = () if "label" in by_role or options["label"] else _flags(columns, rows, taken=by_role.values())
    if "plot" not in by_role and not options["plot"]:
        problems.append(f"no column is named like a plot ({_some('plot')}); {_longest(columns, rows)}")
    if not flags and "label" not in by_role and not options["label"]:
        problems.append(f"no column is named like labels ({_some('label')}); name it with `--source.label_field`")
    if not {"id", "poster"} & by_role.keys() and not options["poster"]:
        problems.append(f"no column names the images ({_some('poster')}) or the ids; name one with `--source.poster_field`")
    if twice := sorted({name for name in by_role.values() if columns.count(name) > 1}):
        problems.append(f"several columns are named {', '.join(map(repr, twice))}; rename all but one")
    if problems:
        there = ", ".join(repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…") for name in columns) or "none"
        head = (
            "" if any(_find(names, columns) for names in NAMES.values()) else " The first line has to hold the columns' names."
        )
        msg = f"{table}: {'; '.join(problems)}. The columns are {there}.{head}"
        raise ValueError(msg)
    return Columns(by_role, flags)


def is_set(value: object) -> bool:
    """Whether a cell of a 0/1 column is 1."""
    return str(value).strip().casefold() in _ONES


def _find(names: Sequence[str], columns: Sequence[str]) -> str | None:
    for name in names:
        for column in columns:
            if column == name:
                return column
        for column in columns:
            if _plain(column) == _plain(name):
                return column
    return None


def _plain(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name.casefold())


def _some(role: Role) -> str:
    return ", ".join(NAMES[role][:4]) + ", …"


def _flags(columns: Sequence[str], rows: Sequence[Row], *, taken: Collection[str]) -> tuple[str, ...]:
    """Columns of nothing but 0 and 1, if there are two or more with a 1 in them."""
    contents = [row.content for row in rows if isinstance(row.content, dict)]
    found: list[str] = []
    for column in columns:
        values = {str(content.get(column, "")).strip().casefold() for content in contents}
        if column and column not in taken and values & _ONES and values <= _ZEROS | _ONES:
            found.append(column)
    return tuple(found) if len(found) > 1 else ()


def _longest(columns: Sequence[str], rows: Sequence[Row]) -> str:
    contents = [row.content for row in rows if isinstance(row.content, dict)]
    if not contents or not any(_find(names, columns) for names in NAMES.values()):
        return "name it with `--source.plot_field`"
    length = {column: sum(len(str(content.get(column, ""))) for content in contents) for column in columns}
    column = max(length, key=lambda name: length[name])
    return f"if the plots are in {column!r}, which has the longest texts, give `--source.plot_field {shlex.quote(column)}`"
