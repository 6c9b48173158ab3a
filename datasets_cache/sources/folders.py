"""Sources that lie in folders: what is there, and what to say where it is not."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from datasets_cache.posters import MAX_BYTES, PosterError
from datasets_cache.sources.index import printable

Listing = Mapping[str, tuple[int, int]]
"""Size in bytes and modification time in nanoseconds, by file name."""

_SHOWN = 6


@dataclass(frozen=True)
class FolderPosters:
    """Posters that are files; a location is a path."""

    def load(self, locations: Sequence[str]) -> None:
        """Nothing to do: every file can be reached by itself."""

    def read(self, location: str) -> bytes:
        """Bytes of one file.

        Raises:
            PosterError: it is missing, unreadable or too large.
        """
        path = Path(location)
        try:
            if (size := path.stat().st_size) > MAX_BYTES:
                raise PosterError(reason="poster too large", detail=f"{size:,} bytes, at most {MAX_BYTES:,}")
            return path.read_bytes()
        except OSError as error:
            raise PosterError(reason="poster missing", detail=f"{path.name}: {error.strerror}") from error


def listing(folder: Path) -> Listing:
    """The regular files in `folder` (links are followed), sorted by name; nothing where there is no such folder."""
    if not folder.is_dir():
        return {}
    found: dict[str, tuple[int, int]] = {}
    with os.scandir(folder) as entries:  # one system call a file less than pathlib, and there are 52,000 of them
        for entry in entries:
            with suppress(OSError):  # a link to itself, or a file that went in this moment: as if it were not there
                if entry.is_file():
                    stat = entry.stat()
                    found[entry.name] = (stat.st_size, stat.st_mtime_ns)
    return dict(sorted(found.items()))


def file_of(name: str, files: Listing, suffixes: Sequence[str]) -> str | None:
    """The first of `name` + suffix that is among `files`."""
    return next((name + suffix for suffix in suffixes if name + suffix in files), None)


def whole(path: Path, *, most: int | None = None) -> bytes:
    """The bytes of a file of metadata.

    Raises:
        ValueError: it cannot be read, or has more than `most` bytes.
    """
    try:
        if most is not None and (size := path.stat().st_size) > most:
            msg = f"{path}: {size:,} bytes, at most {most:,} are read. Is it the file that it should be?"
            raise ValueError(msg)
        return path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}). Check its permissions and the disk, or copy it again."
        raise ValueError(msg) from error


def given_root(root: Path | None, *, kind: str, looked_for: str) -> Path:
    """The root as a path that exists.

    Raises:
        ValueError: no root was given, or there is nothing at that path.
    """
    if root is None:
        msg = f"the source {kind!r} needs a root: give the folder with {looked_for} as `--source.root FOLDER`."
        raise ValueError(msg)
    path = root.expanduser()
    if not path.exists():
        parent = next((above for above in path.parents if above.exists()), Path())
        msg = (
            f"{path} does not exist; looked there for {looked_for}. {_what_is_in(parent)}"
            " Give the right folder as `--source.root FOLDER`."
        )
        raise ValueError(msg)
    if not os.access(path, os.R_OK):
        msg = f"{path} cannot be read: the permissions of this user do not allow it."
        raise ValueError(msg)
    return path


def wrong_root(root: Path, *, missing: Sequence[str], looked_for: str) -> ValueError:
    """The error for a root that lacks what the source is made of."""
    msg = (
        f"{root}: no {' and no '.join(missing)} there; looked for {looked_for}. {_what_is_in(root)}"
        " Give the right folder as `--source.root FOLDER`."
    )
    return ValueError(msg)


def _what_is_in(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is a file of {folder.stat().st_size:,} bytes."
    try:
        names = sorted(path.name + ("/" if path.is_dir() else "") for path in folder.iterdir())
    except OSError as error:
        return f"{folder} cannot be listed ({error.strerror})."
    if not names:
        return f"{folder} is empty."
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{folder} holds {', '.join(map(printable, names[:_SHOWN]))}{more}."
