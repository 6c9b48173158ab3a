"""How sure a difference between two systems is, given that other films could have been tested.

Shape legend: S seeds, F films, G genres, R resamples, P (film, genre) pairs, T pairs with a label, K groups of equal scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
FEWEST_RESAMPLES = 100
_CELLS_AT_ONCE = 400_000
"""Weights gathered at once: about a processor's cache, whatever the number of films."""

Floats = NDArray[np.floating]
Counts = NDArray[np.int32]


class Difference(NamedTuple):
    """Average precision of the second system minus that of the first, fractions of 1."""

    observed: float
    """On the films as they are."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end."""
    p: float
    """Two-sided p-value of no difference."""


class Bootstrapped(NamedTuple):
    """What `paired_bootstrap` finds."""

    micro: Difference
    """AP over all (film, genre) pairs."""
    macro: Difference
    """Mean AP over the genres that occur (in a resample: over those that occur in it)."""
    by_genre: tuple[Difference | None, ...]
    """Of each genre, over the resamples that have a film of it; None where no film has it."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Pairs of one system from the surest down, sorted once for all resamples; pairs with equal scores enter together."""

    film_P: NDArray[np.intp]
    """Film of each pair, in ranking order."""
    film_T: NDArray[np.intp]
    """Film of each labelled pair, in ranking order."""
    end_K: NDArray[np.intp]
    """Last pair of each group of equal scores that holds a labelled one."""
    last_K: NDArray[np.intp]
    """Last labelled pair of each such group, counted among the labelled ones."""


def paired_bootstrap(
    base: Sequence[Floats], other: Sequence[Floats], labels_FG: NDArray[np.bool_], *, resamples: int, rng: np.random.Generator
) -> Bootstrapped:
    """Resample the films, with replacement, and see how the difference in average precision moves.

    One resample serves both systems and all seeds; its statistic is the mean over seeds of AP(other) - AP(base). The interval
    is the percentile interval; p is twice the share of resamples on the rarer side of 0 (0 itself counting as both), with one
    added to count and number so that it is never 0. Which films are tested is all that varies: not seeds, not training films.

    Args:
        base: scores of the first system by seed, float [F, G] each; anything that grows with confidence.
        other: of the second system, for the same seeds.
        labels_FG: whether a film has a genre.
        resamples: R, at least 100.
        rng: draws the films.
    Raises:
        ValueError: no seed, not as many of both, shapes that differ, no label, or too few resamples.
    Source:
        Efron & Tibshirani, An Introduction to the Bootstrap (1993), 13.3 (interval) and 15.4 (the p-value that belongs to it);
        Berg-Kirkpatrick, Burkett & Klein, EMNLP 2012 (test items as the units, paired).
        Deviation: Berg-Kirkpatrick et al. count, one-sided, resamples beyond twice the observed difference; that is the same
        where the resamples lie symmetrically, and does not always agree with the interval.

    Examples:
        >>> scores, labels = np.array([[0.9, 0.2], [0.3, 0.8]]), np.array([[True, False], [False, True]])
        >>> rng = np.random.default_rng(1)
        >>> paired_bootstrap([scores], [scores], labels, resamples=100, rng=rng).micro  # a system and itself
        Difference(observed=0.0, low=0.0, high=0.0, p=1.0)
    """
    _check(base, other, labels_FG, resamples)
    films = len(labels_FG)
    counts_RF = np.stack([np.bincount(rng.integers(films, size=films), minlength=films) for _ in range(resamples)])
    weights_RF = np.concatenate(
        [np.ones((1, films), dtype=np.int32), counts_RF.astype(np.int32)]
    )  # first: the films as they are
    micro_R, by_genre_RG = np.zeros(resamples + 1), np.zeros((resamples + 1, labels_FG.shape[1]))
    for sign, system in ((-1, base), (1, other)):
        for scores_FG in system:
            micro_R += sign * average_precision(rank(scores_FG, labels_FG), weights_RF) / len(system)
            by_genre_RG += sign * _by_genre(scores_FG, labels_FG, weights_RF) / len(system)
    macro_R = _mean_of_known(by_genre_RG)
    by_genre = tuple(
        _difference(values_R) if labels_FG[:, genre].any() else None for genre, values_R in enumerate(by_genre_RG.T)
    )
    return Bootstrapped(_difference(micro_R), _difference(macro_R), by_genre)


def rank(scores_FG: Floats, labels_FG: NDArray[np.bool_]) -> Ranking:
    """Sort the (film, genre) pairs of `scores_FG`, both [F, G]."""
    films = np.repeat(np.arange(len(scores_FG)), scores_FG.shape[1])
    order_P = np.argsort(-scores_FG.ravel(), kind="stable")
    sorted_P, film_P = scores_FG.ravel()[order_P], films[order_P]
    place_T = np.flatnonzero(labels_FG.ravel()[order_P])
    ends = np.append(np.flatnonzero(np.diff(sorted_P)), len(sorted_P) - 1)
    group_T = np.searchsorted(ends, place_T)
    last_K = np.append(np.flatnonzero(np.diff(group_T)), len(group_T) - 1) if len(group_T) else group_T
    return Ranking(film_P, film_P[place_T], ends[group_T[last_K]], last_K)


def average_precision(ranking: Ranking, weights_RF: Counts) -> NDArray[np.float64]:
    """Average precision with films counted `weights_RF` times, [R]; not a number where no labelled pair counts.

    The same as scikit-learn's ``average_precision_score(..., sample_weight=...)``.
    """
    rows = max(1, _CELLS_AT_ONCE // len(ranking.film_P))
    chunks = [weights_RF[start : start + rows] for start in range(0, len(weights_RF), rows)]
    return np.concatenate([_average_precision(ranking, chunk) for chunk in chunks])


def _average_precision(ranking: Ranking, weights_RF: Counts) -> NDArray[np.float64]:
    if not len(ranking.film_T):
        return np.full(len(weights_RF), np.nan)
    seen_RK = np.cumsum(np.take(weights_RF, ranking.film_P, axis=1), axis=1, dtype=np.int32)[:, ranking.end_K]
    found_RK = np.cumsum(np.take(weights_RF, ranking.film_T, axis=1), axis=1, dtype=np.int32)[:, ranking.last_K]
    gained_RK = np.diff(found_RK, axis=1, prepend=0)
    summed_R = (gained_RK * (found_RK / np.maximum(seen_RK, 1))).sum(axis=1)  # nothing seen: nothing gained
    with np.errstate(invalid="ignore"):
        return summed_R / found_RK[:, -1]


def _by_genre(scores_FG: Floats, labels_FG: NDArray[np.bool_], weights_RF: Counts) -> NDArray[np.float64]:
    """Average precision of each genre alone, [R, G]."""
    genres = range(labels_FG.shape[1])
    rankings = [rank(scores_FG[:, genre : genre + 1], labels_FG[:, genre : genre + 1]) for genre in genres]
    return np.stack([average_precision(ranking, weights_RF) for ranking in rankings], axis=1)


def _mean_of_known(values_RG: NDArray[np.float64]) -> NDArray[np.float64]:
    known_RG = ~np.isnan(values_RG)
    with np.errstate(invalid="ignore"):
        return np.where(known_RG, values_RG, 0).sum(axis=1) / known_RG.sum(axis=1)


def _difference(observed_then_resampled: NDArray[np.float64]) -> Difference:
    observed, *_ = observed_then_resampled
    values = observed_then_resampled[1:]
    values = values[~np.isnan(values)]
    assert len(values)  # a film's chance of being in none of 100 resamples is 0.37 to the hundredth
    low, high = np.quantile(values, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    rarer = min(int((values <= 0).sum()), int((values >= 0).sum()))
    return Difference(float(observed), float(low), float(high), min(1.0, 2 * (rarer + 1) / (len(values) + 1)))


def _check(base: Sequence[Floats], other: Sequence[Floats], labels_FG: NDArray[np.bool_], resamples: int) -> None:
    if resamples < FEWEST_RESAMPLES:
        msg = f"{resamples} resamples are too few for an interval; take at least {FEWEST_RESAMPLES} (1000 is usual)."
        raise ValueError(msg)
    if not base or len(base) != len(other):
        msg = f"{len(base)} and {len(other)} seeds; a paired comparison needs the same seeds of both, at least one."
        raise ValueError(msg)
    if strange := {scores.shape for scores in (*base, *other)} - {labels_FG.shape}:
        msg = f"scores {sorted(strange)} beside labels {labels_FG.shape}; both must be [films, genres] of the same films."
        raise ValueError(msg)
    if not labels_FG.any():
        msg = f"no genre occurs in these {len(labels_FG)} films, so there is nothing to compare; take a larger sample."
        raise ValueError(msg)
