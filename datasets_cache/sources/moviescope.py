"""Moviescope (Cascante-Bonilla et al., arXiv:1908.03180): ``train|dev|test.jsonl`` and a folder of posters."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from datasets_cache.frozen import Frozen
from datasets_cache.genres import MOVIESCOPE_GENRES
from datasets_cache.schema import Reason, RowIssue, Split
from datasets_cache.sources import index, labels
from datasets_cache.sources.folders import FolderPosters, Listing, file_of, given_root, listing, whole, wrong_root
from datasets_cache.sources.index import Record, RowError, SourceIndex, skip
from datasets_cache.sources.json_text import Row, read_rows

FILES: Mapping[str, Split] = {"train.jsonl": "train", "dev.jsonl": "validation", "test.jsonl": "test"}
POSTER_SUFFIXES = (".jpg", ".jpeg", ".png")
_SHOWN = 20
KNOWN_LEAST = 0.5
"""Share of all labels that are among the 13 genres, below which the labels are taken for others."""


class MoviescopeSource(Frozen):
    """Moviescope: about 5,000 films, 13 genres; or any films in the same form, whose labels may be others."""

    kind: Literal["moviescope"] = "moviescope"
    """Which source."""
    root: Path | None = None
    """Folder with `train.jsonl`, `dev.jsonl`, `test.jsonl` and the folder of posters."""
    id_field: str = "id"
    """Field of the film's id; its poster is `<id>.jpg`."""
    plot_field: str = "synopsis"
    """Field of the plot."""
    label_field: str = "label"
    """Field of the list of genres."""
    title_field: str = "title"
    """Field of the title."""
    poster_folder: str = "posters"
    """Folder of posters below the root."""
    augmented_plot_field: str | None = None
    """Field that already holds the augmented plot of the training films; they then enter the cache as given."""
    augmented_poster_folder: str | None = None
    """Folder, below the root, that already holds the augmented posters of the training films, likewise."""

    @property
    def has_given_text(self) -> bool:
        """Whether it brings augmented plots."""
        return self.augmented_plot_field is not None

    @property
    def has_given_images(self) -> bool:
        """Whether it brings augmented posters."""
        return self.augmented_poster_folder is not None


def stat(spec: MoviescopeSource) -> object:
    """Names, sizes and modification times of everything that the source is read from."""
    root = given_root(spec.root, kind="moviescope", looked_for=_looked_for(spec))
    folders = (spec.poster_folder, spec.augmented_poster_folder)
    there = listing(root)
    return [[there.get(name) for name in FILES], [listing(root / folder) if folder else None for folder in folders]]


def read(spec: MoviescopeSource) -> SourceIndex:
    """Read the metadata of all films.

    Raises:
        ValueError: the root is missing or holds something else, or no row of a file has a field that was named.
    """
    root = given_root(spec.root, kind="moviescope", looked_for=_looked_for(spec))
    folders = [folder for folder in (spec.poster_folder, spec.augmented_poster_folder) if folder]
    missing = [name for name in FILES if not (root / name).is_file()]
    missing += [f"{folder}/" for folder in folders if not (root / folder).is_dir()]
    if missing:
        raise wrong_root(root, missing=missing, looked_for=_looked_for(spec))
    rows: dict[Split, list[Row]] = {split: read_rows(whole(root / name)) for name, split in FILES.items()}
    for name, split in FILES.items():
        _check_fields(root / name, rows[split], spec, training=split == "train")
    named = (row.content.get(spec.label_field) for found in rows.values() for row in found if isinstance(row.content, dict))
    own = labels.known_share(named, MOVIESCOPE_GENRES) < KNOWN_LEAST
    order = () if own else MOVIESCOPE_GENRES
    built = index.build(_records(spec, root, rows, order), genres=order, posters=FolderPosters())
    return labels.with_own_genres(built) if own else built


def _looked_for(spec: MoviescopeSource) -> str:
    return f"`train.jsonl`, `dev.jsonl`, `test.jsonl` and `{spec.poster_folder}/<id>.jpg`"


def _check_fields(path: Path, rows: Sequence[Row], spec: MoviescopeSource, *, training: bool) -> None:
    """A field that no row has is a wrong option, not so many bad rows."""
    options = ["id_field", "plot_field", "label_field"]
    if training and spec.augmented_plot_field:
        options.append("augmented_plot_field")
    seen = {name: None for row in rows if isinstance(row.content, dict) for name in row.content}
    absent = [option for option in options if getattr(spec, option) not in seen] if seen else []
    if absent:
        wanted = ", ".join(f"{getattr(spec, option)!r} (option `--source.{option}`)" for option in absent)
        more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
        named = ", ".join(index.short(name) for name in [*seen][:_SHOWN])
        msg = f"{path}: no row has the field {wanted}; the fields are {named}{more}."
        raise ValueError(msg)


def _records(
    spec: MoviescopeSource, root: Path, rows: Mapping[Split, Sequence[Row]], order: Sequence[str]
) -> Iterator[Record | RowIssue]:
    """A record or an issue for each row; without an `order` of genres a film keeps all its labels."""
    posters = listing(root / spec.poster_folder)
    augmented = listing(root / spec.augmented_poster_folder) if spec.augmented_poster_folder else {}
    for split, found in rows.items():
        for row in found:
            try:
                yield _record(row, spec, split, root, posters, augmented, order)
            except RowError as problem:
                yield skip(row.named(spec.id_field), split, problem.reason, problem.detail)


def _record(
    row: Row,
    spec: MoviescopeSource,
    split: Split,
    root: Path,
    posters: Listing,
    augmented: Listing,
    order: Sequence[str],
) -> Record:
    content = row.object()
    film = index.usable_id(index.field(content, spec.id_field))
    genres = _genres(index.field(content, spec.label_field), order)
    plot = index.usable_plot(index.field(content, spec.plot_field))
    poster = file_of(film, posters, POSTER_SUFFIXES)
    if poster is None:
        raise RowError(reason="poster missing", detail=f"no {spec.poster_folder}/{film}.jpg")
    repairs = list(plot.repairs)
    given_plot, given_poster = None, None
    if split == "train" and spec.augmented_plot_field:
        given_plot = _given_plot(content.get(spec.augmented_plot_field), repairs)
    if split == "train" and spec.augmented_poster_folder:
        name = file_of(film, augmented, POSTER_SUFFIXES)
        given_poster = str(root / spec.augmented_poster_folder / name) if name else None
        if name is None:
            repairs.append("given poster unusable")
    return Record(
        id=film,
        split=split,
        title=index.usable_title(content.get(spec.title_field), otherwise=film),
        plot=plot.text,
        genres=genres,
        poster=str(root / spec.poster_folder / poster),
        given_plot=given_plot,
        given_poster=given_poster,
        repairs=tuple(repairs),
    )


def _genres(value: object, order: Sequence[str]) -> tuple[str, ...]:
    if order or not isinstance(value, list):
        return index.task_genres(value, order)
    return labels.labels_of(value, None)


def _given_plot(value: object, repairs: list[Reason]) -> str | None:
    try:
        return index.usable_plot(value).text
    except RowError:
        repairs.append("given plot missing")
        return None
