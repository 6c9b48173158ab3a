"""The two terms of the objective.

Shape legend: B films of a batch, G genres.
"""

import torch
from torch import Tensor
from torch.nn import functional

from train.config import Reduction


def supervised_loss(logits_BG: Tensor, labels_BG: Tensor) -> Tensor:
    """Binary cross entropy with logits, mean over films and genres, in nats.

    Args:
        logits_BG: logits, float [B, G]; computed in float32 whatever comes in.
        labels_BG: 1 where a film has the genre, else 0, float [B, G].
    Returns:
        Scalar >= 0.
    Raises:
        ValueError: logits and labels differ in shape.
    """
    _same_shape(logits_BG, labels_BG, "logits and labels")
    return functional.binary_cross_entropy_with_logits(logits_BG.float(), labels_BG.float())


def consistency_loss(
    original_BG: Tensor,
    augmented_BG: Tensor,
    *,
    temperature: float = 1.0,
    min_confidence: float = 0.0,
    reduction: Reduction = "joint",
) -> Tensor:
    """KL(original || augmented) of the genre distributions, in nats.

    Genres are independent Bernoullis, so the KL of the joint distribution is their sum. The original view is the teacher:
    sharpened by `temperature`, without gradient. Genres where the unsharpened teacher is less than `min_confidence` sure,
    max(p, 1 - p), add zero and still count in a mean.

    Args:
        original_BG: logits of the untouched films, float [B, G]; computed in float32 whatever comes in.
        augmented_BG: logits of the same films, augmented, float [B, G].
        temperature: the teacher is sigmoid(logit / temperature); below 1 sharpens.
        min_confidence: from 0 (keep all) to below 1.
        reduction: `joint` sums over genres and averages over films, `mean` averages over both, `batch_sum` sums over both.

    Returns:
        Scalar, differentiable in `augmented_BG` alone; >= 0 but for rounding.

    Raises:
        ValueError: the two views differ in shape.

    Source:
        Xie et al., arXiv:1904.12848, section 2.2 and, for temperature and confidence, section 2.4.
        Deviation: genres are not exclusive, so each is a Bernoulli where the paper has one softmax.
    """
    _same_shape(original_BG, augmented_BG, "original and augmented logits")
    teacher_BG = original_BG.detach().float()
    sharpened_BG = teacher_BG / temperature
    student_BG = augmented_BG.float()
    # log-sigmoid on both sides: log(p) and log(1 - p) stay finite where p rounds to 0 or 1
    kl_BG = _bernoulli_term(sharpened_BG, student_BG) + _bernoulli_term(-sharpened_BG, -student_BG)
    if min_confidence > 0:
        confidence_BG = torch.sigmoid(teacher_BG.abs())  # max(p, 1 - p)
        kl_BG = kl_BG * (confidence_BG >= min_confidence)
    match reduction:
        case "joint":
            return kl_BG.sum(dim=1).mean()
        case "mean":
            return kl_BG.mean()
        case "batch_sum":
            return kl_BG.sum()


def _bernoulli_term(teacher_BG: Tensor, student_BG: Tensor) -> Tensor:
    """One outcome of the KL: p (log p - log q) with p = sigmoid(teacher), q = sigmoid(student)."""
    return torch.sigmoid(teacher_BG) * (functional.logsigmoid(teacher_BG) - functional.logsigmoid(student_BG))


def _same_shape(one: Tensor, other: Tensor, names: str) -> None:
    if one.shape != other.shape:
        msg = f"{names} have shapes {tuple(one.shape)} and {tuple(other.shape)}; expected the same films and genres in both."
        raise ValueError(msg)
