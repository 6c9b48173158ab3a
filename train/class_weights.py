"""Weights that let rare genres count more: of positive labels in the supervised loss, of genres in the consistency term.

Shape legend: G genres.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from train.config import ClassWeights


def positive_weights(kind: ClassWeights, *, positives_G: Tensor, films: int, genres: Sequence[str]) -> Tensor:
    """Factor of each genre's positive labels in the binary cross entropy.

    With N films of which n have the genre:

    - `balanced`: (N - n) / n, so that the positive labels of a genre weigh as much as its negative ones.
    - `inverse-frequency`: N / n, as in MMBT: `balanced` plus 1.
    - `effective-number`: (1 - β) / (1 - βⁿ) with β = (N - 1) / N, scaled to a mean of 1 over the genres that occur. It
      grows like 1 / n for rare genres and flattens for frequent ones.

    Where all labels of a genre are alike there is nothing to balance: a genre without positives weighs 1 in all kinds, one that
    every film has weighs 1 in `balanced`, not 0, which would stop its training.

    Args:
        kind: the formula.
        positives_G: labelled training films that have each genre, [G].
        films: N, labelled training films.
        genres: names of the genres, for messages.

    Returns:
        Weights >= 0, float32 [G], on the device of `positives_G`.

    Raises:
        ValueError: there is no film, not one number a genre, or a genre with fewer than 0 or more than N films.

    Source:
        `inverse-frequency`: Kiela et al., arXiv:1909.02950, their train.py. `effective-number`: Cui et al., arXiv:1901.05555,
        whose weights also sum to the number of classes.
        Deviation: Cui et al. weigh all outputs of an example by its one class; a film has several genres, so each weighs its
        own positive labels.

    Examples:
        >>> films_with_genre = torch.tensor([1.0, 2.0])
        >>> positive_weights("balanced", positives_G=films_with_genre, films=4, genres=["war", "drama"])
        tensor([3., 1.])
        >>> positive_weights("inverse-frequency", positives_G=films_with_genre, films=4, genres=["war", "drama"])
        tensor([4., 2.])
    """
    _check(positives_G, films=films, genres=genres)
    n_G = positives_G.double()
    occurs_G = n_G > 0
    present_G = n_G.clamp(min=1)
    match kind:
        case "balanced":
            weights_G = torch.where(n_G < films, (films - present_G) / present_G, 1.0)
        case "inverse-frequency":
            weights_G = films / present_G
        case "effective-number":
            weights_G = _per_effective_number((films - 1) / films, present_G)
            weights_G = weights_G / weights_G[occurs_G].mean()
    return torch.where(occurs_G, weights_G, 1.0).float()


def class_balance(beta: float, *, positives_G: Tensor) -> Tensor:
    """Factor of each genre's consistency term: (1 - β) / (1 - βⁿ), scaled to a mean of 1 over the genres.

    The term then keeps its scale, and λ its meaning. β near 0 weighs all genres alike, β near 1 by 1 / n.

    Args:
        beta: β, between 0 and 1.
        positives_G: n, labelled training films that have each genre, [G]; 0 counts as 1.

    Returns:
        Weights > 0, float32 [G], on the device of `positives_G`.

    Source:
        Cui et al., arXiv:1901.05555.
        Deviation: there a factor of the supervised loss, here of the consistency term.

    Examples:
        >>> class_balance(0.5, positives_G=torch.tensor([1.0, 2.0]))  # 1 and 2/3, divided by their mean 5/6
        tensor([1.2000, 0.8000])
    """
    weights_G = _per_effective_number(beta, positives_G.double().clamp(min=1))
    return (weights_G / weights_G.mean()).float()


def _per_effective_number(beta: float, n_G: Tensor) -> Tensor:
    """1 / E_n with the effective number of films E_n = (1 - βⁿ) / (1 - β), for n >= 1; in double precision for β near 1."""
    return (1 - beta) / (1 - beta**n_G)


def _check(positives_G: Tensor, *, films: int, genres: Sequence[str]) -> None:
    if films < 1:
        msg = f"class weights need labelled training films, got {films}; take a larger sample."
        raise ValueError(msg)
    if positives_G.shape != (len(genres),):
        msg = f"counts of films have shape {tuple(positives_G.shape)}; expected one for each of {len(genres)} genres."
        raise ValueError(msg)
    counts = dict(zip(genres, positives_G.tolist(), strict=True))
    if wrong := {genre: count for genre, count in counts.items() if not 0 <= count <= films}:
        msg = f"films with a genre must number from 0 to the {films} of the training split, got {wrong}; count them again."
        raise ValueError(msg)
