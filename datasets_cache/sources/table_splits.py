"""Splits for films that come without: by the hash of the id, so that a film stays where it is when others join."""

import hashlib
from collections.abc import Iterable, Mapping

from datasets_cache.schema import Split

SHARES: Mapping[Split, tuple[float, float]] = {"train": (0.0, 0.7), "validation": (0.7, 0.8), "test": (0.8, 1.0)}
"""Where a film's number from 0 to 1 falls: 70, 10 and 20 %."""
NO_VALIDATION: Mapping[Split, tuple[float, float]] = {"train": (0.0, 0.875), "validation": (0.875, 1.0)}
"""For training films of a table that has no validation films: the same proportion of the two."""
LEAST: Mapping[Split, int] = {"train": 4, "validation": 2, "test": 2}
"""Films that a split has at least."""
FEWEST = 10
"""Films that can be divided."""


def divide(films: Iterable[str], shares: Mapping[Split, tuple[float, float]] = SHARES) -> dict[str, Split]:
    """The split of each film.

    A film's split is decided by its id alone. Only where a split would have fewer films than `LEAST` do the films next to it
    move into it, out of the largest.

    Args:
        films: ids; at least `FEWEST` different ones.
        shares: from where to where each split reaches.
    """
    place = {film: _place(film) for film in films}
    assert len(place) >= FEWEST
    split: dict[str, Split] = {film: next(name for name, (_, end) in shares.items() if at < end) for film, at in place.items()}
    for name, (begin, end) in shares.items():
        while list(split.values()).count(name) < LEAST[name]:
            largest = max(shares, key=list(split.values()).count)
            middle = (begin + end) / 2
            near = min((film for film in split if split[film] == largest), key=lambda film: (abs(place[film] - middle), film))
            split[near] = name
    return split


def _place(film: str) -> float:
    """Another number than the one that orders samples and shards, so that neither knows of the other."""
    return int.from_bytes(hashlib.sha256(f"split:{film}".encode()).digest()[:6]) / 2**48
