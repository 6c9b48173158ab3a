"""Scores of multi-label predictions, by scikit-learn.

Shape legend: B films, G genres.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, f1_score
from torch import Tensor

from train.records import Scores


class AveragePrecision(NamedTuple):
    """Average precision, fractions of 1."""

    micro: float
    """Over all (film, genre) pairs in one ranking."""
    macro: float
    """Mean over the genres that occur."""
    by_genre: dict[str, float | None]
    """Of each genre; None where no film has it."""


def average_precision(ranked_BG: ArrayLike, labels_BG: ArrayLike, *, genres: Sequence[str]) -> AveragePrecision:
    """Average precision, micro, macro and per genre; pairs with equal scores enter the ranking together.

    Args:
        ranked_BG: anything that grows with confidence (logits or probabilities), float [B, G].
        labels_BG: 1 where a film has the genre, [B, G].
        genres: names of the columns.
    Raises:
        ValueError: shapes differ, a score is not finite, or no film has any genre.

    Examples:
        >>> ranked, labels = [[0.9, 0.1], [0.8, 0.7]], [[1, 0], [0, 1]]
        >>> found = average_precision(ranked, labels, genres=["war", "drama"])
        >>> round(found.micro, 4)  # the two labels are first and third of the four pairs: (1/1 + 2/3) / 2
        0.8333
        >>> found.by_genre
        {'war': 1.0, 'drama': 1.0}
    """
    ranked, labels = _checked(ranked_BG, labels_BG, genres)
    by_genre = {
        genre: float(average_precision_score(labels[:, column], ranked[:, column])) if labels[:, column].any() else None
        for column, genre in enumerate(genres)
    }
    occurring = [value for value in by_genre.values() if value is not None]
    return AveragePrecision(
        micro=float(average_precision_score(labels.ravel(), ranked.ravel())), macro=float(np.mean(occurring)), by_genre=by_genre
    )


def scores(logits_BG: Tensor, labels_BG: Tensor, *, genres: Sequence[str]) -> Scores:
    """All metrics of one split. Genres without a film in it count in neither macro mean.

    Args:
        logits_BG: float [B, G], on any device.
        labels_BG: 1 where a film has the genre, [B, G].
        genres: names of the columns.
    Raises:
        ValueError: shapes differ, a logit is not finite, or no film has any genre.

    Examples:
        >>> import torch
        >>> logits, labels = torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 0.0]])
        >>> found = scores(logits, labels, genres=["war", "drama"])
        >>> found.ap_micro, found.f1_micro, found.ap_by_genre
        (1.0, 1.0, {'war': 1.0, 'drama': None})
    """
    logits, labels = _checked(logits_BG.detach().cpu().float().numpy(), labels_BG.detach().cpu().numpy(), genres)
    precision = average_precision(logits, labels, genres=genres)
    predicted = logits > 0  # probability over 0.5
    occurring = np.flatnonzero(labels.any(axis=0))
    return Scores(
        loss=_binary_cross_entropy(logits, labels),
        ap_micro=precision.micro,
        ap_macro=precision.macro,
        ap_by_genre=precision.by_genre,
        f1_micro=float(f1_score(labels.ravel(), predicted.ravel())),
        f1_macro=float(np.mean([f1_score(labels[:, genre], predicted[:, genre]) for genre in occurring])),
    )


def _checked(
    ranked_BG: ArrayLike, labels_BG: ArrayLike, genres: Sequence[str]
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    ranked, labels = np.asarray(ranked_BG), np.asarray(labels_BG) > 0
    if ranked.shape != labels.shape or ranked.ndim != 2 or ranked.shape[1] != len(genres):
        msg = f"scores {ranked.shape} and labels {labels.shape} must both be [films, {len(genres)} genres]."
        raise ValueError(msg)
    if not labels.any():
        msg = f"no genre occurs in these {len(labels)} films, so there is nothing to score; take a larger sample."
        raise ValueError(msg)
    if not (finite := np.isfinite(ranked)).all():
        msg = f"{int((~finite).sum())} of {ranked.size} logits are not finite; lower the learning rate."
        raise ValueError(msg)
    return ranked, labels


def _binary_cross_entropy(logits: NDArray[np.floating], labels: NDArray[np.bool_]) -> float:
    # log(1 + e^x) - x·y, which neither overflows nor loses the small end
    exact = logits.astype(np.float64)
    return float(np.mean(np.logaddexp(0.0, exact) - exact * labels))
