"""The 200 films that ship with the project: ``bundled/films.jsonl`` and ``bundled/posters/<id>.jpg``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from datasets_cache.frozen import Frozen
from datasets_cache.genres import MOVIESCOPE_GENRES
from datasets_cache.schema import SPLITS, RowIssue, Split
from datasets_cache.sources import index
from datasets_cache.sources.folders import FolderPosters, Listing, file_of, listing
from datasets_cache.sources.index import Record, RowError, SourceIndex, skip
from datasets_cache.sources.json_text import Row, read_rows

FOLDER = Path(__file__).parent.parent / "bundled"
ID_FIELD = "id"


class BundledSource(Frozen):
    """The sample that ships with the project: 200 films, 13 genres."""

    kind: Literal["bundled"] = "bundled"
    """Which source."""

    @property
    def has_given_text(self) -> bool:
        """Whether it brings augmented plots."""
        return False

    @property
    def has_given_images(self) -> bool:
        """Whether it brings augmented posters."""
        return False


def stat(folder: Path = FOLDER) -> object:
    """Names, sizes and modification times of everything that the source is read from."""
    return [listing(folder).get("films.jsonl"), listing(folder / "posters")]


def read(folder: Path = FOLDER) -> SourceIndex:
    """Read the metadata of all films.

    Raises:
        ValueError: the files are not there, because the installation is not whole.
    """
    films = folder / "films.jsonl"
    if not films.is_file():
        msg = f"{films}: missing, so the bundled sample is not part of this installation. Install the project again."
        raise ValueError(msg)
    return index.build(_records(folder, films.read_bytes()), genres=MOVIESCOPE_GENRES, posters=FolderPosters())


def _records(folder: Path, data: bytes) -> Iterator[Record | RowIssue]:
    posters = listing(folder / "posters")
    for row in read_rows(data):
        try:
            yield _record(row, folder, posters)
        except RowError as problem:
            yield skip(row.named(ID_FIELD), None, problem.reason, problem.detail)


def _record(row: Row, folder: Path, posters: Listing) -> Record:
    content = row.object()
    film = index.usable_id(index.field(content, ID_FIELD))
    genres = index.task_genres(index.field(content, "genres"), MOVIESCOPE_GENRES)
    plot = index.usable_plot(index.field(content, "synopsis"))
    poster = file_of(film, posters, (".jpg",))
    if poster is None:
        raise RowError(reason="poster missing", detail=f"no posters/{film}.jpg")
    title = index.usable_title(content.get("title"), otherwise=film)
    path = str(folder / "posters" / poster)
    return Record(film, _split(index.field(content, "split")), title, plot.text, genres, path, repairs=plot.repairs)


def _split(value: object) -> Split:
    for split in SPLITS:
        if value == split:
            return split
    raise RowError(reason="metadata wrong type", detail=f"split: expected one of {', '.join(SPLITS)}, got {index.short(value)}")
