"""Which films make which batch: decided by seed, epoch and process alone, so that none depends on those before."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

POOL_BATCHES = 16
"""Batches whose films are sorted by length together: more pads less, and lets chance decide less who meets whom."""

_UNLABELLED, _PROBE, _COMPANY = 1, 2, 3
"""Set the generators apart; that of `shuffled_batches` has none (numpy reads ``[seed, epoch]`` as ``[seed, epoch, 0]``)."""

Reading = tuple[int, int]
"""Row of an unlabelled film, and how often the pool was read through before: from 0."""


def shuffled_batches(lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Rows of an epoch's batches: films are shuffled, sorted by length within a pool of batches, and the batches shuffled.

    Args:
        lengths: tokens of each film; all equal leaves plain shuffling.
        batch_size: films of a batch; the last of the last pool may have fewer.
        seed: of the run.
        epoch: of the run.
    """
    draw = np.random.default_rng([seed, epoch])
    films = draw.permutation(len(lengths))
    batches: list[list[int]] = []
    for start in range(0, len(films), batch_size * POOL_BATCHES):
        pool = films[start : start + batch_size * POOL_BATCHES]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[first : first + batch_size].tolist() for first in range(0, len(pool), batch_size)]
    return [batches[number] for number in draw.permutation(len(batches))]


def share_of(batch: Sequence[int], *, rank: int, processes: int) -> tuple[list[int], float]:
    """Rows of a batch that one of several processes takes, and the factor of its losses.

    The mean over the processes of (factor · mean over own films) is the mean over the batch. A process that is left without a
    film takes the first with factor 0, so that all take equally many steps.
    """
    own = list(batch[rank::processes])
    return own or list(batch[:1]), len(own) * processes / len(batch)


def unlabelled_batches(
    lengths: NDArray[np.int64], sizes: Sequence[int], *, ratio: float, seed: int, epoch: int, processes: int = 1
) -> list[list[Reading]]:
    """The unlabelled films beside each labelled batch of an epoch.

    They come from an endless stream of shuffled passes through the pool, of which each epoch takes equally much and goes on
    where the one before stopped. Within the epoch's part, films of similar length meet, as in `shuffled_batches`.

    Args:
        lengths: tokens of each film of the pool.
        sizes: films of each labelled batch, in the order of the epoch; the same numbers in every epoch.
        ratio: unlabelled films for each labelled one, rounded up for each batch.
        seed: of the run.
        epoch: of the run, from 1.
        processes: each batch has a multiple of it.
    """
    wanted = [_companions(size, ratio=ratio, processes=processes) for size in sizes]
    part = _stream(len(lengths), start=(epoch - 1) * sum(wanted), count=sum(wanted), seed=seed)
    numbers = np.random.default_rng([seed, epoch, _COMPANY]).permutation(len(wanted)).tolist()
    batches: list[list[Reading]] = [[] for _ in wanted]
    taken = 0
    for start in range(0, len(numbers), POOL_BATCHES):
        together = numbers[start : start + POOL_BATCHES]
        films = sum(wanted[number] for number in together)
        pool = sorted(part[taken : taken + films], key=lambda reading: lengths[reading[0]])
        taken += films
        for number in together:
            batches[number], pool = pool[: wanted[number]], pool[wanted[number] :]
    return batches


def probe_rows(films: int, *, count: int, seed: int) -> NDArray[np.int64]:
    """The rows of `count` of `films` films, the same whenever they are asked for."""
    return np.sort(np.random.default_rng([seed, 0, _PROBE]).permutation(films)[:count])


def _companions(films: int, *, ratio: float, processes: int) -> int:
    count = max(1, math.ceil(round(films * ratio, 9)))  # 100 · 0.07 is a little over 7 in floating point
    return -(-count // processes) * processes


def _stream(size: int, *, start: int, count: int, seed: int) -> list[Reading]:
    """Places `start` to `start + count` of the passes through `size` films."""
    first, last = start // size, (start + count - 1) // size
    passes = [
        (number, np.random.default_rng([seed, number, _UNLABELLED]).permutation(size)) for number in range(first, last + 1)
    ]
    readings = [(int(row), number) for number, rows in passes for row in rows]
    return readings[start - first * size :][:count]
