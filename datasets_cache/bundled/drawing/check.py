"""Checks on finished posters: size, format, and that no two look alike."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from PIL import Image

from datasets_cache.bundled.drawing.canvas import HEIGHT, WIDTH
from datasets_cache.bundled.drawing.poster import MOST_BYTES

NEAREST_HASH = 6
NEAREST_COLOUR = 12.0


@dataclass(frozen=True)
class Pair:
    """Two posters, in how many of 64 bits their hashes differ, and their mean colour difference (0 to 255)."""

    first: str
    second: str
    bits: int
    colour: float


def difference_hash(poster: Image.Image) -> int:
    """A 64-bit hash of where a reduced grey picture gets brighter to the right."""
    grey = np.asarray(poster.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    value = 0
    for bit in (grey[:, 1:] > grey[:, :-1]).flatten():
        value = value * 2 + int(bit)
    return value


def _reduced(poster: Image.Image) -> np.ndarray:
    """A tiny colour picture for comparing."""
    return np.asarray(poster.convert("RGB").resize((20, 30), Image.Resampling.BOX), dtype=np.float64)


def pairs_by_likeness(posters: Mapping[str, Image.Image]) -> list[Pair]:
    """All pairs of posters, the most alike first."""
    hashes = {name: difference_hash(poster) for name, poster in posters.items()}
    small = {name: _reduced(poster) for name, poster in posters.items()}
    pairs = [
        Pair(a, b, (hashes[a] ^ hashes[b]).bit_count(), float(np.abs(small[a] - small[b]).mean()))
        for a, b in combinations(sorted(posters), 2)
    ]
    return sorted(pairs, key=lambda pair: pair.bits / 64 + pair.colour / 128)


def faults(files: Mapping[str, bytes]) -> list[str]:
    """What is wrong with a set of poster files by film id; empty when all is well."""
    found: list[str] = []
    posters: dict[str, Image.Image] = {}
    for name, data in files.items():
        poster = Image.open(io.BytesIO(data))
        posters[name] = poster
        if (poster.format, poster.mode, poster.size) != ("JPEG", "RGB", (WIDTH, HEIGHT)):
            found.append(f"{name}: {poster.format} {poster.mode} {poster.size}")
        if len(data) >= MOST_BYTES:
            found.append(f"{name}: {len(data)} bytes")
        if poster.getexif():
            found.append(f"{name}: has EXIF data")
    found += [
        f"{pair.first} and {pair.second} look alike ({pair.bits} bits, colour {pair.colour:.1f})"
        for pair in pairs_by_likeness(posters)
        if pair.bits <= NEAREST_HASH and pair.colour <= NEAREST_COLOUR
    ]
    return found
