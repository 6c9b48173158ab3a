"""The supervised term of the objective.

Shape legend: B films of a batch, G genres.
"""

import torch
from torch import Tensor
from torch.nn import functional


def supervised_loss(
    logits_BG: Tensor,
    labels_BG: Tensor,
    *,
    positive_weights_G: Tensor | None = None,
    annealing_threshold: float | None = None,
) -> Tensor:
    """Binary cross entropy with logits, mean over films and genres, in nats.

    With `annealing_threshold` t a (film, genre) pair counts only while the probability of its label, sigmoid(logit) or
    1 - sigmoid(logit), is at most t; the mean is then over the pairs that count, and 0 where none does. Nothing is read back to
    the host.

    Args:
        logits_BG: logits, float [B, G]; computed in float32 whatever comes in.
        labels_BG: 1 where a film has the genre, else 0, float [B, G].
        positive_weights_G: factor of the cross entropy where the label is 1, float32 [G] (``train/class_weights.py``); None: 1.
        annealing_threshold: t (``train/annealing.py``); None lets all pairs count.

    Returns:
        Scalar >= 0.

    Raises:
        ValueError: logits and labels differ in shape, or there is not one weight a genre.

    Source:
        Training signal annealing: Xie et al., arXiv:1904.12848; their text/uda.py, `sup_loss`.
        Deviation: a label of a genre is dropped alone, where the paper drops an example (``train/annealing.py`` says why).

    Examples:
        >>> supervised_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))  # -ln 1/2 for either genre
        tensor(0.6931)
    """
    require_same_shape(logits_BG, labels_BG, "logits and labels")
    if positive_weights_G is not None:
        require_one_per_genre(positive_weights_G, logits_BG, "positive weights")
    logits_BG, labels_BG = logits_BG.float(), labels_BG.float()
    if annealing_threshold is None:
        return functional.binary_cross_entropy_with_logits(logits_BG, labels_BG, pos_weight=positive_weights_G)
    entropy_BG = functional.binary_cross_entropy_with_logits(
        logits_BG, labels_BG, pos_weight=positive_weights_G, reduction="none"
    )
    counts_BG = _probability_of_label(logits_BG.detach(), labels_BG) <= annealing_threshold
    # a product, not `where`: a NaN stays visible in the loss
    return (entropy_BG * counts_BG).sum() / counts_BG.sum().clamp(min=1)


def require_same_shape(one: Tensor, other: Tensor, names: str) -> None:
    """Refuse tensors that would only broadcast.

    Raises:
        ValueError: they differ in shape.
    """
    if one.shape != other.shape:
        msg = f"{names} have shapes {tuple(one.shape)} and {tuple(other.shape)}; expected the same films and genres in both."
        raise ValueError(msg)


def require_one_per_genre(weights_G: Tensor, logits_BG: Tensor, name: str) -> None:
    """Refuse weights that would only broadcast.

    Raises:
        ValueError: their shape is not [G].
    """
    if weights_G.shape != logits_BG.shape[1:]:
        msg = f"{name} have shape {tuple(weights_G.shape)}; expected one for each of {logits_BG.shape[1]} genres."
        raise ValueError(msg)


def _probability_of_label(logits_BG: Tensor, labels_BG: Tensor) -> Tensor:
    """sigmoid(logit) where the label is 1, 1 - sigmoid(logit) = sigmoid(-logit) where it is 0."""
    return torch.sigmoid(torch.where(labels_BG > 0, logits_BG, -logits_BG))
