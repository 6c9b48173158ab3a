"""A folder of your own: one table of films (``.csv``, ``.tsv`` or ``.jsonl``), and the images that it names."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from datasets_cache.frozen import Frozen
from datasets_cache.schema import SPLITS, RowIssue, Split
from datasets_cache.sources import index, labels, table_text
from datasets_cache.sources.folders import FolderPosters, given_root, listing, wrong_root
from datasets_cache.sources.index import Record, RowError, SourceIndex, skip
from datasets_cache.sources.json_text import Row
from datasets_cache.sources.table_columns import Columns, Role, find_columns, is_set
from datasets_cache.sources.table_images import Images, find_images, id_of
from datasets_cache.sources.table_splits import FEWEST, NO_VALIDATION, divide
from datasets_cache.sources.table_text import read_table

SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What a cell of the split column may say, whatever its case."""
LOOKED_FOR = "a table of films (such as `films.csv`) and its images"


class TableSource(Frozen):
    """Films of your own: a folder with a table and images, with any labels."""

    kind: Literal["table"] = "table"
    """Which source."""
    root: Path | None = None
    """Folder with the table (`films.csv`) and, in it or below it, the images; or the table itself."""
    table: str | None = None
    """File name of the table; by default the only `.csv`, `.tsv` or `.jsonl` in the folder."""
    id_field: str | None = None
    """Column of the film's id; by default found by its name (`id`, …), else the image's name is the id."""
    title_field: str | None = None
    """Column of the title; by default found by its name."""
    plot_field: str | None = None
    """Column of the plot; by default found by its name (`plot`, `synopsis`, `text`, `description`, …)."""
    label_field: str | None = None
    """Column of the labels; by default found by its name (`labels`, `genres`, …), else all columns of 0 and 1, one a label."""
    poster_field: str | None = None
    """Column of the image's path; by default found by its name (`poster`, `image`, `filename`, …), else images are named by
    the id."""
    split_field: str | None = None
    """Column that says `train`, `validation` or `test`; by default found by its name, else the ids decide, 70/10/20 %."""
    separator: str | None = None
    """What stands between the labels of one cell; by default the first of `|` `;` `,` that the column has."""
    encoding: str | None = None
    """Encoding of the table, such as `cp1252`; by default UTF-8, or what its byte order mark says."""

    @property
    def has_given_text(self) -> bool:
        """Whether it brings augmented plots."""
        return False

    @property
    def has_given_images(self) -> bool:
        """Whether it brings augmented posters."""
        return False


def stat(spec: TableSource) -> object:
    """Names, sizes and modification times of everything that the source is read from.

    Raises:
        ValueError: no root was given, or it does not hold one table.
    """
    path = _table(spec)
    return [listing(path.parent)[path.name], dict(sorted(find_images(path.parent).stats.items()))]


def read(spec: TableSource) -> SourceIndex:
    """Read the metadata of all films.

    Raises:
        ValueError: the root does not hold one table, the table cannot be read, a column is missing, too few films can be used,
            or no label tells them apart; the message has the cure.
    """
    path = _table(spec)
    table = read_table(path, encoding=spec.encoding)
    options: dict[Role, str | None] = {
        "id": spec.id_field,
        "title": spec.title_field,
        "plot": spec.plot_field,
        "label": spec.label_field,
        "poster": spec.poster_field,
        "split": spec.split_field,
    }
    columns = find_columns(table.columns, table.rows, options=options, table=str(path))
    images = find_images(path.parent)
    notes = [table.said, columns.said]
    films = list(_films(spec, columns, table.rows, images, notes))
    records = [film for film in films if isinstance(film, Record)]
    if "split" not in columns.by_role:
        if len({record.id for record in records}) < FEWEST:
            raise _too_few(path, films, images)
        films = _divided(films, divide(record.id for record in records))
        notes.append("no column says the split, so the ids decide: 70 % train, 10 % validation, 20 % test")
    elif not any(record.split == "validation" for record in records):
        films = _with_validation(films, notes)
    built = labels.with_own_genres(index.build(films, genres=(), posters=FolderPosters()))
    counts = Counter(record.split for record in built.records)
    notes.append("usable films: " + ", ".join(f"{counts[split]} {split}" for split in SPLITS))
    return replace(built, notes=(*notes, *built.notes))


def _table(spec: TableSource) -> Path:
    root = given_root(spec.root, kind="table", looked_for=LOOKED_FOR)
    if root.is_file():
        if root.suffix.casefold() not in table_text.SUFFIXES:
            msg = f"{root} is no table; expected a file that ends in {', '.join(table_text.SUFFIXES)}, or the folder with it."
            raise ValueError(msg)
        return root
    there = listing(root)
    if spec.table is not None:
        if spec.table not in there:
            raise wrong_root(root, missing=[spec.table], looked_for="the table that `--source.table` names")
        return root / spec.table
    tables = [name for name in there if Path(name).suffix.casefold() in table_text.SUFFIXES and not name.startswith(".")]
    if len(tables) == 1:
        return root / tables[0]
    if not tables:
        raise wrong_root(root, missing=["table (.csv, .tsv or .jsonl)"], looked_for=LOOKED_FOR + _workbook(there))
    if {"train.jsonl", "dev.jsonl", "test.jsonl"} <= set(tables):
        msg = f"{root} holds films in Moviescope's form; use the recipe moviescope: `mmuda augment moviescope`."
        raise ValueError(msg)
    msg = (
        f"{root} holds several tables: {', '.join(tables)}. Name one with `--source.table {tables[0]}`; if each is a split, "
        "join them to one table with a column `split` that says train, validation or test."
    )
    raise ValueError(msg)


def _workbook(there: Iterable[str]) -> str:
    books = [name for name in there if Path(name).suffix.casefold() in (".xlsx", ".xls", ".ods", ".numbers")]
    return f" ({books[0]} is a workbook: save it as CSV UTF-8)" if books else ""


def _films(
    spec: TableSource, columns: Columns, rows: Sequence[Row], images: Images, notes: list[str]
) -> Iterator[Record | RowIssue]:
    """A record or an issue for each row; where no column says the split, it is `train` for the time being."""
    separator = spec.separator or _separator(columns, rows, notes)
    ids = _ids(columns, rows, notes)
    for row in rows:
        try:
            yield _record(row.object(), ids.get(row.number), columns, separator, images)
        except RowError as problem:
            film = str(ids.get(row.number) or "")[:100] or f"row {row.number}"
            yield skip(film, None, problem.reason, problem.detail)


def _record(content: Mapping[str, object], named: object, columns: Columns, separator: str | None, images: Images) -> Record:
    film = index.usable_id(named)
    cells = {role: content.get(name) for role, name in columns.by_role.items()}
    found = _flagged(content, columns.flags) if columns.flags else labels.labels_of(cells["label"], separator)
    split = _split(cells["split"]) if "split" in cells else "train"
    plot = index.usable_plot(cells["plot"])
    poster = images.find(str(cells["poster"] or "") if "poster" in cells else film)
    title = index.usable_title(cells.get("title"), otherwise=film)
    return Record(film, split, title, plot.text, found, str(poster), repairs=plot.repairs)


def _flagged(content: Mapping[str, object], flags: Sequence[str]) -> tuple[str, ...]:
    if found := tuple(name for name in flags if is_set(content.get(name))):
        return found
    raise RowError(reason="no genre of the task", detail="it has no label: all its cells are 0")


def _split(value: object) -> Split:
    if split := SPLIT_NAMES.get(str(value or "").strip().casefold()):
        return split
    raise RowError(reason="split not known", detail=f"{index.short(value)}; expected train, validation or test")


def _separator(columns: Columns, rows: Sequence[Row], notes: list[str]) -> str | None:
    name = columns.by_role.get("label")
    if not name:
        return None
    separator = labels.separator_of(row.content.get(name) for row in rows if isinstance(row.content, dict))
    if separator:
        notes.append(f"labels of one cell separated by {separator!r}")
    return separator


def _ids(columns: Columns, rows: Sequence[Row], notes: list[str]) -> dict[int, object]:
    """What names the film of each row: the cell of the id, else the image's name, else the row's number."""
    contents = {row.number: row.content for row in rows if isinstance(row.content, dict)}
    if column := columns.by_role.get("id"):
        return {number: content.get(column) for number, content in contents.items()}
    poster = columns.by_role["poster"]
    stems = {number: id_of(str(content.get(poster) or "")) for number, content in contents.items()}
    if len(set(stems.values())) == len(stems) and all(stems.values()):
        notes.append("no column of ids: images' names are the ids")
        return dict(stems)
    notes.append(
        "no column of ids, and some films share an image: row numbers are the ids, so a row put in between renames those below"
    )
    return {number: f"row-{number}" for number in contents}


def _divided(films: Sequence[Record | RowIssue], splits: Mapping[str, Split]) -> list[Record | RowIssue]:
    return [replace(film, split=splits.get(film.id, film.split)) if isinstance(film, Record) else film for film in films]


def _with_validation(films: Sequence[Record | RowIssue], notes: list[str]) -> list[Record | RowIssue]:
    """An eighth of the training films as validation films, where the table has none and they are enough."""
    training = {film.id for film in films if isinstance(film, Record) and film.split == "train"}
    if len(training) < FEWEST:
        return list(films)  # which is refused for its empty split
    notes.append("no row is marked validation, so the ids decide which eighth of the training films is")
    return _divided(films, divide(training, NO_VALIDATION))


def _too_few(path: Path, films: Sequence[Record | RowIssue], images: Images) -> ValueError:
    usable = len({film.id for film in films if isinstance(film, Record)})
    issues = [film for film in films if isinstance(film, RowIssue)]
    first = {issue.reason: issue for issue in reversed(issues)}
    counted = Counter(issue.reason for issue in issues).most_common()
    why = [f"{count} rows: {reason} (the first, {first[reason].id}: {first[reason].detail})" for reason, count in counted]
    mend = f" Mend what cannot: {'; '.join(why)}; there are {len(images.stats)} images in {path.parent}. Or" if why else ""
    msg = (
        f"{path}: {usable} of {len(films)} films can be used, and {FEWEST} are needed to divide them into training, validation "
        f"and test films.{mend} {'add' if why else 'Add'} films, or a column `split` that says train, validation or test."
    )
    return ValueError(msg)
