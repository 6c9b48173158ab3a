"""Which films a shard has: a shelf's films divided by the leading bits of their ranks."""

from bisect import bisect_left
from math import sqrt
from typing import TYPE_CHECKING

from datasets_cache.rank import rank

if TYPE_CHECKING:
    from datasets import Dataset

FILMS_PER_SHARD = 256
"""Films of a shard on average: what a kill can cost, and what a worker takes at a time."""
MAX_SHARDS = 4096
MOST_TIMES = 8
"""How many times as many shards a part of the films may have, of which all but that part's are empty."""


def count(films: int) -> int:
    """Shards of a shelf: the least power of two with at most `FILMS_PER_SHARD` films a shard on average, or `MAX_SHARDS`."""
    shards = 1
    while shards < MAX_SHARDS and films > shards * FILMS_PER_SHARD:
        shards *= 2
    return shards


def count_of(films: "Dataset") -> int:
    """Shards of a shelf for these films, which lie in rank order.

    A sample takes the films of the lowest ranks, and so fills the first shards alone: with 30 % of the films, three in ten. It
    gets more of them, until those that are filled hold `FILMS_PER_SHARD` on average but for chance (six standard deviations).
    """
    shards = fewest = count(len(films))
    if shards == 1:
        return shards
    ids = films.select_columns(["id"])
    first, last = (shard_of(ids[row]["id"], 2**32) / 2**32 for row in (0, len(films) - 1))
    limit = FILMS_PER_SHARD + 6 * sqrt(FILMS_PER_SHARD)
    while shards < min(MAX_SHARDS, MOST_TIMES * fewest) and len(films) > limit * shards * (last - first):
        shards *= 2
    return shards


def shard_of(film: str, shards: int) -> int:
    """Number of the shard, out of `shards` (a power of two), that a film belongs to: the leading bits of its rank."""
    return int.from_bytes(rank(film)[:4]) * shards >> 32


def rows_of(films: "Dataset", number: int, shards: int) -> range:
    """Rows of a shard's films in a sample, which has them in rank order. Found by bisection: only a few ids are read."""
    ids = films.select_columns(["id"])

    def first_row(number: int) -> int:
        return bisect_left(range(len(ids)), number, key=lambda row: shard_of(ids[row]["id"], shards))

    return range(first_row(number), first_row(number + 1))
