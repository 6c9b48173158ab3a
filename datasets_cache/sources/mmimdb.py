"""MM-IMDb (Arevalo et al., arXiv:1702.01992) as its authors published it: a folder, or the ``tar.gz`` of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from datasets_cache.frozen import Frozen
from datasets_cache.genres import MMIMDB_GENRES
from datasets_cache.plots import CleanPlot
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import RowIssue, Split
from datasets_cache.sources import archive, index
from datasets_cache.sources.folders import FolderPosters, file_of, given_root, listing, whole, wrong_root
from datasets_cache.sources.index import Record, RowError, SourceIndex, skip
from datasets_cache.sources.json_text import MAX_OBJECT, parse_object, too_large

PlotChoice = Literal["longest", "first"]

SPLIT_KEYS: Mapping[str, Split] = {"train": "train", "dev": "validation", "test": "test"}
LOOKED_FOR = "`split.json` and `dataset/<id>.json`, `dataset/<id>.jpeg` (or the file `mmimdb.tar.gz` itself)"

_SIGNATURE = re.compile(r"(?<!\s)\s*::\s*[^:\n]{0,100}$")
"""IMDb's plot summaries may end with ``::`` and the name of who wrote them."""


class MmimdbSource(Frozen):
    """MM-IMDb: 25,959 films, 23 genres."""

    kind: Literal["mmimdb"] = "mmimdb"
    """Which source."""
    root: Path | None = None
    """Folder with `split.json` and `dataset/`, or the original `mmimdb.tar.gz`."""
    plot: PlotChoice = "longest"
    """Which plot of a film's list: the longest, or the first."""

    @property
    def has_given_text(self) -> bool:
        """Whether it brings augmented plots."""
        return False

    @property
    def has_given_images(self) -> bool:
        """Whether it brings augmented posters."""
        return False


@dataclass(frozen=True, slots=True)
class Film:
    """What counts of a film's JSON file."""

    title: object
    plot: CleanPlot
    genres: tuple[str, ...]


Films = dict[str, Film | RowError]


def stat(spec: MmimdbSource) -> object:
    """Names, sizes and modification times of everything that the source is read from."""
    root = given_root(spec.root, kind="mmimdb", looked_for=LOOKED_FOR)
    if root.is_file():
        found = root.stat()
        return ["archive", found.st_size, found.st_mtime_ns]
    return [listing(root).get("split.json"), listing(root / "dataset")]


def read(spec: MmimdbSource, *, likely: Callable[[str], bool], scratch: IO[bytes], track: Track = untracked) -> SourceIndex:
    """Read the metadata of all films.

    Args:
        spec: where, and which plot.
        likely: whether a film's poster will probably be asked for (an archive is then read once).
        scratch: an open temporary file, used for the posters of an archive.
        track: progress.
    Raises:
        ValueError: the root is missing or holds something else, or `split.json` is not the split.
    """
    root = given_root(spec.root, kind="mmimdb", looked_for=LOOKED_FOR)
    if root.is_file():
        return _read_archive(root, spec, likely=likely, scratch=scratch, track=track)
    return _read_folder(root, spec, track)


def _read_folder(root: Path, spec: MmimdbSource, track: Track) -> SourceIndex:
    folder = root / "dataset"
    files = listing(folder)
    missing = [
        name for name, there in (("split.json", (root / "split.json").is_file()), ("dataset/", folder.is_dir())) if not there
    ]
    if missing:
        raise wrong_root(root, missing=missing, looked_for=LOOKED_FOR)
    splits = _splits(whole(root / "split.json", most=MAX_OBJECT), root)
    named = set(_usable(value for ids in splits.values() for value in ids))
    films: Films = {}
    for name in track(files, total=len(files), title="Metadata", unit="files"):
        film = name.removesuffix(".json")
        if film != name and not name.startswith("."):
            size, _ = files[name]
            films[film] = _film_in(folder / name, size, spec.plot) if film in named else RowError(reason="id not in split")
    posters = {film: str(folder / name) for film in films if (name := file_of(film, files, archive.POSTER_SUFFIXES))}
    return index.build(_rows(splits, films, posters), genres=MMIMDB_GENRES, posters=FolderPosters())


def _read_archive(
    root: Path, spec: MmimdbSource, *, likely: Callable[[str], bool], scratch: IO[bytes], track: Track
) -> SourceIndex:
    films: Films = {}

    def metadata(film: str, data: bytes | None) -> None:
        films[film] = too_large() if data is None else _film(data, spec.plot)

    found = archive.scan(root, scratch, metadata=metadata, likely=likely, track=track)
    if found.split is None:
        first = ", ".join(index.printable(name[:100]) for name in found.entries) or "nothing"
        most = f" of at most {MAX_OBJECT:,} bytes" if found.split_too_large else ""
        msg = f"{root}: no split.json{most} in the archive; looked for {LOOKED_FOR}. It begins with {first}."
        raise ValueError(msg)
    posters = {film: film for film in found.posters.known}
    return index.build(_rows(_splits(found.split, root), films, posters), genres=MMIMDB_GENRES, posters=found.posters)


def _splits(data: bytes, root: Path) -> dict[Split, list[object]]:
    try:
        read = parse_object(data)
    except RowError as problem:
        msg = (
            f"{root}: split.json is unusable ({problem}); expected an object with lists of ids under 'train', 'dev' and 'test'."
        )
        raise ValueError(msg) from problem
    splits: dict[Split, list[object]] = {}
    for key, split in SPLIT_KEYS.items():
        ids = read.get(key)
        if not isinstance(ids, list):
            there = index.short(sorted(read))
            msg = f"{root}: split.json has no list under {key!r}; it has {there}, expected 'train', 'dev' and 'test'."
            raise ValueError(msg)
        splits[split] = list(ids)
    return splits


def _usable(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        with suppress(RowError):  # its row is skipped with the reason, in its turn
            yield index.usable_id(value)


def _film_in(path: Path, size: int, choice: PlotChoice) -> Film | RowError:
    try:
        return too_large(size) if size > MAX_OBJECT else _film(path.read_bytes(), choice)
    except OSError as error:
        return RowError(reason="metadata missing", detail=f"{path.name} cannot be read ({error.strerror})")


def _film(data: bytes, choice: PlotChoice) -> Film | RowError:
    try:
        row = parse_object(data)
        genres = index.task_genres(index.field(row, "genres"), MMIMDB_GENRES)
        return Film(row.get("title"), _plot(row.get("plot"), choice), genres)
    except RowError as problem:
        return problem


def _plot(value: object, choice: PlotChoice) -> CleanPlot:
    """One plot of the list; the others are ignored, whatever they are."""
    listed = [value] if isinstance(value, str) else value
    if not listed:
        raise RowError(reason="plot missing")
    if not isinstance(listed, list):
        raise RowError(reason="metadata wrong type", detail=f"plot: expected a list of texts, got {type(value).__name__}")
    texts = [text for text in listed if isinstance(text, str)]
    if not texts:
        raise RowError(
            reason="metadata wrong type",
            detail=f"plot: expected a list of texts, got {[type(one).__name__ for one in listed[:3]]}",
        )
    told = [(_SIGNATURE.sub("", text), text) for text in texts if text.strip()] or [("", "")]
    text, whole = told[0] if choice == "first" else max(told, key=lambda pair: len(pair[0]))
    cleaned = index.usable_plot(text)
    return CleanPlot(cleaned.text, tuple(dict.fromkeys([*cleaned.repairs, "plot markup"]))) if text != whole else cleaned


def _rows(splits: Mapping[Split, list[object]], films: Films, posters: Mapping[str, str]) -> Iterator[Record | RowIssue]:
    named: set[str] = set()
    for split, ids in splits.items():
        for value in ids:
            try:
                film = index.usable_id(value)
                named.add(film)
                yield _record(film, split, films, posters)
            except RowError as problem:
                yield skip(index.name_of(value), split, problem.reason, problem.detail)
    for film in sorted(set(films) - named):
        yield skip(film, None, "id not in split", f"dataset/{film}.json is in no list of split.json")


def _record(film: str, split: Split, films: Films, posters: Mapping[str, str]) -> Record:
    match films.get(film):
        case None:
            raise RowError(reason="metadata missing", detail=f"no dataset/{film}.json")
        case RowError() as problem:
            raise problem
        case found:
            if film not in posters:
                raise RowError(reason="poster missing", detail=f"no dataset/{film}.jpeg")
            title = index.usable_title(found.title, otherwise=film)
            return Record(film, split, title, found.plot.text, found.genres, posters[film], repairs=found.plot.repairs)
