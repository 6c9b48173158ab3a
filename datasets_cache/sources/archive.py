"""MM-IMDb's original ``mmimdb.tar.gz``, read in one pass and never extracted.

A gzip stream knows no way back, so one pass hands over the metadata and copies the posters that are likely to be asked for into
a scratch file. A poster beyond those costs another pass.
"""

import lzma
import tarfile
import threading
import zlib
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from datasets_cache.posters import MAX_BYTES, PosterError
from datasets_cache.progress import Track, untracked
from datasets_cache.sources.json_text import MAX_OBJECT
from datasets_cache.sources.tar_stream import CHUNK, ArchiveContent, Header

POSTER_SUFFIXES = (".jpeg", ".jpg", ".png")
_FOLDER = "dataset"


@dataclass
class ArchivePosters:
    """Posters of an archive; a location is a film's id."""

    path: Path
    scratch: IO[bytes]
    known: dict[str, int] = field(default_factory=dict[str, int])
    """Size of each poster in the archive."""
    _where: dict[str, int] = field(default_factory=dict[str, int])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self, locations: Sequence[str]) -> None:
        """Copy those that are not in the scratch file yet, in one pass over the archive."""
        with self._lock:
            self._load(locations)

    def read(self, location: str) -> bytes:
        """Bytes of one poster.

        Raises:
            PosterError: it is larger than a poster may be.
        """
        size = self.known[location]
        if size > MAX_BYTES:
            raise PosterError(reason="poster too large", detail=f"{size:,} bytes, at most {MAX_BYTES:,}")
        with self._lock:
            self._load([location])
            self.scratch.seek(self._where[location])
            return self.scratch.read(size)

    def keep(self, film: str, size: int, data: bytes | None) -> None:
        """Note a poster, and copy it if it was read; of two with one name the later counts, as in tar."""
        self.known[film] = size
        if data is not None:
            self._where[film] = self.scratch.seek(0, 2)
            self.scratch.write(data)

    def _load(self, locations: Sequence[str]) -> None:
        missing = {name for name in locations if name not in self._where and self.known[name] <= MAX_BYTES}
        if missing:
            for name, size, data in members(self.path, wanted=lambda name: poster_of(name) in missing):
                if (film := poster_of(name)) in missing:
                    self.keep(film, size, data)


@dataclass(frozen=True)
class Scan:
    """What one pass over an archive found."""

    split: bytes | None
    split_too_large: bool
    posters: ArchivePosters
    entries: tuple[str, ...]
    """The first members, for an error message."""


def scan(
    path: Path,
    scratch: IO[bytes],
    *,
    metadata: Callable[[str, bytes | None], None],
    likely: Callable[[str], bool],
    track: Track = untracked,
) -> Scan:
    """Read an archive once, front to back.

    Args:
        path: the archive, ``.tar``, ``.tar.gz`` or another compression that `tarfile` knows.
        scratch: an open temporary file for posters.
        metadata: called with each film's id and the bytes of its JSON, None where there are too many.
        likely: whether the poster of a film will probably be read.
        track: progress over the archive's mebibytes.
    Raises:
        ValueError: not an archive, damaged, a bomb, or with a member that could leave a folder (absolute path, ``..``, link,
            device) or is sparse.
    """
    split: bytes | None = None
    split_too_large = False
    posters = ArchivePosters(path, scratch)
    entries: list[str] = []

    def wanted(name: str) -> bool:
        film = poster_of(name)
        if film is None:
            return name.endswith(".json")
        return film.isprintable() and likely(film)  # else its name is in no Unicode, and no id

    for name, size, data in members(path, wanted=wanted, track=track):
        if len(entries) < 6:
            entries.append(name)
        if (film := poster_of(name)) is not None:
            posters.keep(film, size, data)
        elif (film := metadata_of(name)) is not None:
            metadata(film, data)
        elif PurePosixPath(name).name == "split.json":
            split, split_too_large = data, data is None
    return Scan(split, split_too_large, posters, tuple(entries))


def members(path: Path, *, wanted: Callable[[str], bool], track: Track = untracked) -> Iterator[tuple[str, int, bytes | None]]:
    """Name, size and, where `wanted`, content of each regular file of an archive, in its order.

    A poster of more than `MAX_BYTES` and metadata of more than `MAX_OBJECT` are not read.

    Raises:
        ValueError: see `scan`.
    """
    mebibytes = (path.stat().st_size >> 20) + 1
    passed = iter(track(range(1, mebibytes + 1), total=mebibytes, title=path.name, unit="MiB"))
    at = 0
    with _errors_name(path), path.open("rb") as file:
        source = ArchiveContent(file)
        archive = tarfile.open(fileobj=source, mode="r|", bufsize=CHUNK, tarinfo=Header)  # noqa: SIM115  # it holds nothing
        for member in archive:
            vars(archive)["members"] = []  # else tarfile keeps a record of every member; and its stubs hide the list
            _refuse_unsafe(path, member)
            source.expect_header_after(member)
            if member.isfile():
                most = MAX_OBJECT if member.name.endswith(".json") else MAX_BYTES
                content = archive.extractfile(member) if member.size <= most and wanted(member.name) else None
                yield member.name, member.size, content.read() if content else None
            while (file.tell() >> 20) > at:
                at = next(passed, mebibytes)
        source.finish()
        deque(passed, maxlen=0)


def poster_of(name: str) -> str | None:
    """Id of the film whose poster this member is, else None."""
    return _film(name, POSTER_SUFFIXES)


def metadata_of(name: str) -> str | None:
    """Id of the film whose metadata this member is, else None."""
    return _film(name, (".json",))


def _film(name: str, suffixes: Collection[str]) -> str | None:
    path = PurePosixPath(name)
    wanted = path.parent.name == _FOLDER and path.suffix in suffixes and not path.name.startswith("._")  # macOS's shadows
    return path.stem if wanted else None


class _RefusedArchiveError(ValueError):
    """An archive that could do harm."""


def _refuse_unsafe(path: Path, member: tarfile.TarInfo) -> None:
    parts = member.name.replace("\\", "/").split("/")
    drive = len(parts[0]) == 2 and parts[0][1] == ":"
    if member.name.startswith(("/", "\\")) or drive or ".." in parts:
        wrong = "a path that leaves the folder"
    elif member.issparse():
        wrong = "sparse: it may claim any size"
    elif not (member.isfile() or member.isdir()):
        wrong = "a link or a device"
    else:
        return
    msg = f"{path}: refused, its member {_shown(member.name)} is {wrong}. Get the archive anew from where it is published."
    raise _RefusedArchiveError(msg)


def _shown(name: str) -> str:
    return repr(name if len(name) <= 200 else f"{name[:200]}...")


@contextmanager
def _errors_name(path: Path) -> Generator[None]:
    try:
        yield
    except _RefusedArchiveError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk; decompressors raise OSError without a number
            msg = f"{path}: cannot be read ({error})."
        else:
            msg = f"{path}: not a whole tar archive ({' '.join(str(error).split())[:300]}). Copy or download it again."
        raise ValueError(msg) from error
