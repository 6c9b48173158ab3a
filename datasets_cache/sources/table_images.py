"""Images of a folder and its sub-folders, found as people name them in a table."""

import difflib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from datasets_cache.sources.folders import listing
from datasets_cache.sources.index import RowError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
_MOST_COMPARED = 5000
_NOT_IN_IDS = re.compile(r"[^\w.\- ]+")

Keys = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Images:
    """Image files below a folder."""

    root: Path
    stats: Mapping[str, tuple[int, int]]
    """Size in bytes and modification time in nanoseconds, by path below `root`."""
    keys: tuple[Keys, ...]
    """Paths by what may name them, the most exact first: path, path without suffix, file name, file name without suffix."""

    def find(self, wanted: str) -> Path:
        """The image that a cell names by its path below the folder or by its file name, with or without suffix.

        Case does not count where no two files differ in it alone. A path from elsewhere counts by its file name.

        Raises:
            RowError: there is none, or several.
        """
        name = wanted.strip().replace("\\", "/")
        if not name:
            raise RowError(reason="poster missing", detail="its cell is empty")
        path = PurePosixPath(name)
        for asked, keys in zip((str(path), str(path), path.name, path.name), self.keys, strict=True):
            found = keys.get(_folded(asked), [])
            if len(found) > 1:
                found = [one for one in found if asked in (one, PurePosixPath(one).name)] or found
            if len(found) == 1:
                return self.root / found[0]
            if found:
                detail = f"{wanted!r} may be {', '.join(sorted(found)[:3])}; write the path below {self.root.name}"
                raise RowError(reason="poster missing", detail=detail)
        raise RowError(reason="poster missing", detail=self._nearest(wanted, path.name))

    def _nearest(self, wanted: str, name: str) -> str:
        if "://" in wanted:
            return f"{wanted!r} is a web address; download the image into {self.root.name}"
        near = difflib.get_close_matches(_folded(name), self.keys[2], n=1) if len(self.stats) <= _MOST_COMPARED else []
        return f"no image {wanted!r}" + (f"; the nearest name is {self.keys[2][near[0]][0]!r}" if near else "")


def find_images(root: Path) -> Images:
    """All images in `root` and below; hidden folders and files are left out."""
    stats: dict[str, tuple[int, int]] = {}
    for folder, below, _ in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        where = Path(folder).relative_to(root)
        for name, stat in listing(Path(folder)).items():
            if not name.startswith(".") and Path(name).suffix.casefold() in SUFFIXES:
                stats[(where / name).as_posix()] = stat
    keys: tuple[dict[str, list[str]], ...] = tuple(defaultdict(list) for _ in range(4))
    for relative in stats:
        path = PurePosixPath(relative)
        for key, of_kind in zip((relative, str(path.with_suffix("")), path.name, path.stem), keys, strict=True):
            of_kind[_folded(key)].append(relative)
    return Images(root, stats, tuple(map(dict, keys)))


def id_of(wanted: str) -> str:
    """The id of a film that only its image names: the file's name without suffix, odd characters as ``-``."""
    return _NOT_IN_IDS.sub("-", PurePosixPath(wanted.strip().replace("\\", "/")).stem).strip(" .-")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()  # macOS takes accents apart
