"""Near plots and near posters: what of a film is compared, and indexes that find the nearest without comparing all pairs.

``docs/sources.md`` has the rules and what they were chosen by.
"""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets_cache.sources.index import Record

WORDS_PER_SHINGLE = 3
"""Words in a row that two plots have in common. Of 3, 4 and 5, three keep most where names were changed or every fifth word was
replaced, and different films still share few of them."""
CONTAINED = 0.4
"""Share of the shorter plot's shingles that makes two plots near. Different real films reach 0.20 at most (see `SHARED`); with
every tenth word replaced, 19 of 20 real plots keep 0.5 and more."""
SHARED = 12
"""Shingles that near plots share at least: 14 words in a row. Shorter plots are no evidence: loglines say the same of different
films ("a documentary about the life and career of the"). Where real films share over a tenth of a plot, it is 6 at most."""
COMMON = 64
"""A shingle of more evaluation films than this is a figure of speech: it proposes no pair. It also bounds the work."""
POSTER_BITS = 35
"""Bits of 192 in which near posters differ at most. Of 300 real ones all stay within it at JPEG quality 10, a quarter of the
size or 30 grey levels more, and 99 % with 3 % cut off each side; the nearest two of 600 different ones differ in 48."""
UNIFORM = 8.0
"""Standard deviation, in grey levels, below which a poster shows nothing. Real posters have 16 and more."""
PLACEHOLDER = 5
"""A picture that so many evaluation films of the sample have, themselves included, is no film's own poster."""

Keys = NDArray[np.uint32]
"""What is compared of a plot: hashes of its shingles, sorted, each once."""
Look = bytes
"""What is remembered of a poster: three perceptual hashes of 64 bits."""

_LOOK_BYTES = 24
_BANDS = 8 * _LOOK_BYTES // 16
_BAND_ERRORS = 1
"""Two looks are compared where a band of 16 bits differs in no more than this. That misses none within 23 bits (2 errors in
each of 12 bands are 24), and at 35 about one in twenty; with 2 errors allowed, seven times as many would be compared."""
_MASKS = np.array([mask for mask in range(2**16) if mask.bit_count() <= _BAND_ERRORS], np.uint16)
_WORD = re.compile(r"[^\W_]+")
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


def shingles(plot: str) -> Keys:
    """Hashes of the runs of `WORDS_PER_SHINGLE` words; case, accents' encoding and punctuation do not count.

    The hashes are the same in every process. Different runs have the same one once in four thousand million.
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", plot).casefold())
    runs = len(words) - WORDS_PER_SHINGLE + 1
    if runs < 1:
        return np.empty(0, np.uint32)
    hashed = np.array([zlib.crc32(word.encode()) for word in words], np.uint64)
    mixed = sum((hashed[start : start + runs] * _MIX[start] for start in range(WORDS_PER_SHINGLE)), np.zeros(runs, np.uint64))
    return np.unique((mixed >> np.uint64(32)).astype(np.uint32))


def look_of(grey: Image.Image) -> Look | None:
    """Perceptual hashes of a grey 64x64 copy: phash, and dhash in both directions; None for a nearly uniform picture."""
    if np.asarray(grey).std() < UNIFORM:
        return None
    hashes = (imagehash.phash(grey), imagehash.dhash(grey), imagehash.dhash_vertical(grey))
    bits = np.stack([hashed.hash for hashed in hashes]).reshape(16, _BANDS)
    return np.packbits(bits.T).tobytes()  # a band has bits from all over the picture: neighbours mostly agree, and tell less


@dataclass(frozen=True, slots=True)
class PlotIndex:
    """Evaluation films by the shingles of their plots; 8 bytes a word."""

    records: Sequence[Record]
    sizes: NDArray[np.int64]
    keys: Keys
    """Shingles of all films, sorted; one of several films several times."""
    owners: NDArray[np.int32]
    """Whose they are: places in `records`."""

    @classmethod
    def of(cls, films: Sequence[tuple[Record, Keys]]) -> Self:
        """Index these films with their shingles."""
        records = [record for record, _ in films]
        sizes = np.array([len(keys) for _, keys in films], np.int64)
        keys = np.concatenate([np.empty(0, np.uint32), *(keys for _, keys in films)])
        order = np.argsort(keys, kind="stable")
        owners = np.repeat(np.arange(len(films), dtype=np.int32), sizes)
        return cls(records, sizes, keys[order], owners[order])

    def nearest(self, own: Keys) -> tuple[Record, float] | None:
        """The film with the plot nearest to these shingles, and the similarity; the first of equals, None if none is.

        Films are compared where at least half of what they have to share is no figure of speech.
        """
        first, last = (np.searchsorted(self.keys, own, side) for side in ("left", "right"))
        rare = last - first <= COMMON
        films, shared = np.unique(self.owners[_ranges(first[rare], last[rare])], return_counts=True)
        needed = np.maximum(SHARED, CONTAINED * np.minimum(len(own), self.sizes[films]))
        best: tuple[Record, float] | None = None
        for film in films[2 * shared >= needed]:
            common = np.intersect1d(own, shingles(self.records[film].plot), assume_unique=True).size
            similarity = common / min(len(own), int(self.sizes[film]))
            if common >= SHARED and similarity >= CONTAINED and (best is None or similarity > best[1]):
                best = self.records[film], similarity
        return best


@dataclass(frozen=True, slots=True)
class PosterIndex:
    """Evaluation films by their looks: twelve bands of 16 bits, each a table from its value to films; 72 bytes a look."""

    records: Sequence[Record]
    hashes: NDArray[np.uint64]
    """``[looks, 3]``."""
    films: NDArray[np.int32]
    """``[bands, looks]``: places in `records`, in the order of the band's value."""
    starts: NDArray[np.int32]
    """``[bands, 65537]``: where each value begins in `films`."""
    shared: NDArray[np.bool_]
    """Whether the poster is a placeholder."""

    @classmethod
    def of(cls, films: Sequence[tuple[Record, Look]]) -> Self:
        """Index these films with their looks; of equal looks the first film stands for all."""
        times = Counter(look for _, look in films)  # in the order in which they first came
        first = {look: record for record, look in reversed(films)}
        looks, records = list(times), [first[look] for look in times]
        flat = np.frombuffer(b"".join(looks), np.uint8).reshape(-1, _LOOK_BYTES)
        bands = flat.view(np.uint16).T
        order = np.argsort(bands, axis=1, kind="stable").astype(np.int32)
        values = np.arange(2**16 + 1)
        starts = [np.searchsorted(band[places], values) for band, places in zip(bands, order, strict=True)]
        everyone = np.zeros(len(looks), np.bool_)
        index = cls(records, flat.view(np.uint64), order, np.array(starts, np.int32), everyone)
        counts = np.array(list(times.values()), np.int64)
        crowds = np.array([counts[index.within(look)[0]].sum() for look in looks], np.int64)
        return cls(records, index.hashes, order, index.starts, crowds >= PLACEHOLDER)

    def within(self, look: Look) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Places of all films within `POSTER_BITS` of a look, in order, and in how many bits they differ."""
        values = (np.frombuffer(look, np.uint16)[:, None] ^ _MASKS).astype(np.int64)
        bands = np.arange(_BANDS)[:, None]
        offsets = bands * self.films.shape[1]
        first, last = self.starts[bands, values] + offsets, self.starts[bands, values + 1] + offsets
        found = np.unique(self.films.ravel()[_ranges(first.ravel(), last.ravel())])
        bits = np.bitwise_count(self.hashes[found] ^ np.frombuffer(look, np.uint64)).sum(axis=1, dtype=np.int64)
        near = bits <= POSTER_BITS
        return found[near], bits[near]

    def nearest(self, look: Look) -> tuple[Record, float] | None:
        """The film with the nearest poster and the similarity; of equally near ones the first, None where none is near."""
        films, bits = self.within(look)
        films, bits = films[own := ~self.shared[films]], bits[own]
        if not len(films):
            return None
        best = int(np.argmin(bits))
        return self.records[films[best]], 1 - int(bits[best]) / (8 * _LOOK_BYTES)


def _ranges(first: NDArray[np.integer[Any]], last: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """All whole numbers of the ranges `first` to `last` (without it), one range after the other."""
    lengths = (last - first).astype(np.int64)
    skipped = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(first - skipped, lengths)
