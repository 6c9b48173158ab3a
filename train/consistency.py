"""The consistency term of the objective: how far the augmented view's predictions are from the original view's.

Shape legend: B films of a batch, G genres; 1 an axis kept for broadcasting.
"""

import torch
from torch import Tensor
from torch.nn import functional

from train.config import ConsistencyKind, Reduction
from train.losses import require_one_per_genre, require_same_shape


def consistency_loss(
    original_BG: Tensor,
    augmented_BG: Tensor,
    *,
    kind: ConsistencyKind = "bernoulli-kl",
    temperature: float = 1.0,
    min_confidence: float = 0.0,
    reduction: Reduction = "joint",
    weights_G: Tensor | None = None,
) -> Tensor:
    """Distance of the augmented view's predictions q from the original view's p, in nats (`mse`: without unit).

    The original view is the teacher: sharpened by `temperature`, without gradient. With p = sigmoid(teacher / temperature) and
    q = sigmoid(student), or softmax over the genres for `categorical-kl`, a film's term for one genre is

    - `bernoulli-kl`: p ln(p / q) + (1 - p) ln((1 - p) / (1 - q)). Genres are independent, so the KL of the joint
      distribution is the sum.
    - `categorical-kl`: p ln(p / q) - p + q. The last two cancel in the sum over genres, which is the KL; term by term they keep
      it >= 0, and 0 only for equal views, also under `weights_G`.
    - `mse`: (p - q)².
    - `bce`: -p ln q - (1 - p) ln(1 - q), which is `bernoulli-kl` plus the teacher's entropy: another value, the same gradient.

    What the unsharpened teacher is less than `min_confidence` sure of adds zero and still counts in a mean: single genres, by
    max(p, 1 - p); for `categorical-kl` whole films, by the probability of their likeliest genre.

    Args:
        original_BG: logits of the untouched films, float [B, G]; computed in float32 whatever comes in.
        augmented_BG: logits of the same films, augmented, float [B, G].
        kind: the distance.
        temperature: teacher logits are divided by it; below 1 sharpens.
        min_confidence: from 0 (keep all) to below 1.
        reduction: `joint` sums over genres and averages over films, `mean` averages over both, `batch-sum` sums over both.
        weights_G: factor of each genre's term, float32 [G]; None: 1.

    Returns:
        Scalar, differentiable in `augmented_BG` alone; >= 0 but for rounding.

    Raises:
        ValueError: the two views differ in shape, or there is not one weight a genre.

    Source:
        Xie et al., arXiv:1904.12848, section 2.2 and, for temperature and confidence, section 2.4; their text/uda.py.
        Deviation: genres are not exclusive, so by default each is a Bernoulli where the paper has one softmax. A teacher
        exactly as sure as asked is kept, where their code asks for more.

    Examples:
        >>> teacher = torch.tensor([[3.0]]).log()  # probability 3/4; the student's is 1/2
        >>> consistency_loss(teacher, torch.zeros(1, 1))  # 3/4 ln(3/2) + 1/4 ln(1/2)
        tensor(0.1308)
        >>> consistency_loss(teacher, torch.zeros(1, 1), min_confidence=0.8)  # the teacher is not that sure
        tensor(0.)
        >>> consistency_loss(teacher, torch.zeros(1, 1), kind="mse")  # (3/4 - 1/2)²
        tensor(0.0625)
    """
    require_same_shape(original_BG, augmented_BG, "original and augmented logits")
    teacher_BG, student_BG = original_BG.detach().float(), augmented_BG.float()
    term_BG = _terms(teacher_BG / temperature, student_BG, kind=kind)
    if min_confidence > 0:
        term_BG = term_BG * (_confidence(teacher_BG, kind=kind) >= min_confidence)
    if weights_G is not None:
        require_one_per_genre(weights_G, augmented_BG, "genre weights")
        term_BG = term_BG * weights_G
    match reduction:
        case "joint":
            return term_BG.sum(dim=1).mean()
        case "mean":
            return term_BG.mean()
        case "batch-sum":
            return term_BG.sum()


def _terms(teacher_BG: Tensor, student_BG: Tensor, *, kind: ConsistencyKind) -> Tensor:
    match kind:
        case "bernoulli-kl":
            return _outcome(teacher_BG, student_BG) + _outcome(-teacher_BG, -student_BG)
        case "categorical-kl":
            log_p_BG, log_q_BG = functional.log_softmax(teacher_BG, dim=1), functional.log_softmax(student_BG, dim=1)
            p_BG = log_p_BG.exp()
            return p_BG * (log_p_BG - log_q_BG) - p_BG + log_q_BG.exp()
        case "mse":
            return (torch.sigmoid(teacher_BG) - torch.sigmoid(student_BG)).square()
        case "bce":
            return functional.binary_cross_entropy_with_logits(student_BG, torch.sigmoid(teacher_BG), reduction="none")


def _outcome(teacher_BG: Tensor, student_BG: Tensor) -> Tensor:
    """One outcome of a Bernoulli's KL: p (ln p - ln q) with p = sigmoid(teacher), q = sigmoid(student).

    By log-sigmoid on both sides: the logarithms stay finite where p or q rounds to 0.
    """
    return torch.sigmoid(teacher_BG) * (functional.logsigmoid(teacher_BG) - functional.logsigmoid(student_BG))


def _confidence(teacher_BG: Tensor, *, kind: ConsistencyKind) -> Tensor:
    """How sure the teacher is: [B, G], each of its genre; [B, 1] where the genres share one softmax."""
    if kind == "categorical-kl":
        return torch.softmax(teacher_BG, dim=1).amax(dim=1, keepdim=True)
    return torch.sigmoid(teacher_BG.abs())  # max(p, 1 - p)
