"""Label lists that come from the films themselves, and labels as people write them into one cell."""

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from datasets_cache.genres import MMIMDB_GENRES, MOVIESCOPE_GENRES
from datasets_cache.schema import RowIssue
from datasets_cache.sources import index
from datasets_cache.sources.index import Record, RowError, SourceIndex, skip

SEPARATORS = ("|", ";", ",")
"""What stands between labels in one cell: the first of these that any cell has, for all cells."""
KNOWN: Mapping[str, tuple[str, ...]] = {"Moviescope's 13": MOVIESCOPE_GENRES, "MM-IMDb's 23": MMIMDB_GENRES}
"""Lists that are taken whole, in their own order, where they have every label of the films; the first that does."""

_SHOWN = 40


def separator_of(values: Iterable[object]) -> str | None:
    """The separator of a column; None where no cell has any."""
    cells = [value for value in values if isinstance(value, str) and not value.lstrip().startswith("[")]
    return next((mark for mark in SEPARATORS if any(mark in cell for cell in cells)), None)


def labels_of(value: object, separator: str | None) -> tuple[str, ...]:
    """The labels of one film as they are written, each once.

    Args:
        value: a list, the JSON or the Python literal of one, or labels with `separator` between them.
        separator: None: the whole cell is one label.
    Raises:
        RowError: none of these, or no label.
    """
    if isinstance(value, str):
        value = _list_in(value) if value.lstrip().startswith("[") else (value.split(separator) if separator else [value])
    if not isinstance(value, list):
        value = [value]
    names = [_name(one) for one in cast("list[object]", value)]
    found = {name.casefold(): name for name in reversed(names) if name}
    if not found:
        raise RowError(reason="no genre of the task", detail="it has no label")
    return tuple(reversed(found.values()))


def known_share(films: Iterable[object], genres: Sequence[str]) -> float:
    """Which share of all labels of all films `genres` has; 1 where there is none."""
    known = {genre.casefold() for genre in genres}
    names = [name.strip().casefold() for film in films if isinstance(film, list) for name in film if isinstance(name, str)]
    return sum(name in known for name in names) / len(names) if names else 1.0


def with_own_genres(read: SourceIndex) -> SourceIndex:
    """An index whose films have labels of any kind, with the list that these make.

    The list has the labels of the training films, in alphabetical order whatever their case: so the same labels give the same
    list, whichever films join or leave. Labels that differ in case or spaces alone are one, as most films spell it. If
    one of the `KNOWN` lists has every label, it is the list. Labels of evaluation films alone are left out, since nothing could
    learn them; a film that has no other is skipped.

    Raises:
        ValueError: no label tells training films apart.
    """
    train = [record for record in read.records if record.split == "train"]
    films = Counter(label.casefold() for record in train for label in record.genres)
    everywhere = films.keys() | {label.casefold() for record in read.records for label in record.genres}
    spelt = _spellings(train)
    if not train:
        return read
    _check(train, films, spelt)
    known = next((name for name, genres in KNOWN.items() if everywhere <= {genre.casefold() for genre in genres}), None)
    genres = KNOWN[known] if known else tuple(spelt[label] for label in sorted(films))
    counted = _listed([f"{genre} {films[genre.casefold()]}" for genre in genres if films[genre.casefold()]])
    listed = f"{known} genres, which have every label" if known else f"{len(genres)} labels, found in the films"
    notes = [f"{listed}; training films of each: {counted}"]
    if common := [spelt[label] for label in sorted(films) if films[label] == len(train)]:
        notes.append(f"all training films have it, so nothing can be told by it: {_listed(common)}")
    if single := [spelt[label] for label in sorted(films) if films[label] == 1]:
        notes.append(f"with one training film only, from which little can be learnt: {_listed(single)}")
    if unseen := [] if known else sorted(everywhere - films.keys()):
        notes.append(f"left out, since no training film has them: {_listed(unseen)}")
    notes += _merged(train)
    records, skipped = _with(genres, read.records)
    return replace(
        read,
        genres=genres,
        records=records,
        skipped=(*read.skipped, *skipped),
        notes=(*read.notes, *notes),
        genres_are_own=True,
    )


def _check(train: Sequence[Record], films: Mapping[str, int], spelt: Mapping[str, str]) -> None:
    named = _listed([spelt[one] for one in sorted(films)])
    if all(count == len(train) for count in films.values()):
        msg = (
            f"the training films all have the same labels ({named}), so there is nothing to tell apart. Films without "
            "a label need one of their own, such as 'other'; a film with an empty cell is skipped."
        )
        raise ValueError(msg)
    if max(films.values()) == 1:
        msg = (
            f"every label occurs in one training film only ({named}), so nothing can be learnt. Is this the column of labels "
            f"(`--source.label_field`)? Labels of one cell have `|`, `;` or `,` between them, or what "
            "`--source.separator` says."
        )
        raise ValueError(msg)


def _with(genres: Sequence[str], records: Iterable[Record]) -> tuple[tuple[Record, ...], list[RowIssue]]:
    kept: list[Record] = []
    skipped: list[RowIssue] = []
    for record in records:
        try:
            kept.append(replace(record, genres=index.task_genres(list(record.genres), genres)))
        except RowError as problem:
            skipped.append(skip(record.id, record.split, problem.reason, f"{problem.detail}, which no training film has"))
    return tuple(kept), skipped


def _spellings(train: Sequence[Record]) -> dict[str, str]:
    """The most frequent spelling of each label, the first in the alphabet of equally frequent ones."""
    return {label: min(counts, key=lambda name: (-counts[name], name)) for label, counts in _counts(train).items()}


def _merged(train: Sequence[Record]) -> list[str]:
    several = [" = ".join(sorted(counts)) for _, counts in sorted(_counts(train).items()) if len(counts) > 1]
    return [f"the same label: {_listed(several)}"] if several else []


def _counts(train: Sequence[Record]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in train:
        for label in record.genres:
            found[label.casefold()][label] += 1
    return found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _list_in(text: str) -> object:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    raise RowError(reason="metadata wrong type", detail=f"labels: begins like a list and is none: {text[:80]!r}")


def _name(value: object) -> str:
    if isinstance(value, dict):
        value = cast("dict[str, Any]", value).get("name")  # TMDB writes [{"id": 18, "name": "Drama"}]
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(reason="metadata wrong type", detail=f"labels: expected texts, got {index.short(value)}")
    return " ".join(str(value).split())
