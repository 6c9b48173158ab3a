"""One optimiser step's losses, and the optimiser that takes the step.

Shape legend: B batch, G genres.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import ReduceLROnPlateau

from train.config import OptimConfig
from train.losses import supervised_loss
from train.models.mmbt import Mmbt
from train.records import Batch, StepLosses

Consistency = Callable[[Tensor, Tensor], Tensor]
"""(teacher logits [B, G], logits of the augmented films [B, G]) to a scalar."""

NEW_LAYERS = ("classifier", "projection")
"""Names of the models' layers that no pretrained weights exist for."""


def step_losses(model: nn.Module, batch: Batch, *, consistency: Consistency | None = None) -> StepLosses:
    """Both terms of one batch. The supervised pass is also the teacher's: two passes, never a third.

    Args:
        model: maps `Inputs` to logits [B, G].
        batch: films, on the model's device; with `consistency`, also their augmented views.
        consistency: the unsupervised term, None in a plain phase.
    Raises:
        ValueError: `consistency` is given and the batch has no augmented view.
    Source:
        Xie et al., arXiv:1904.12848, equation 1.
        Deviation: the labelled films are the unlabelled ones too, so that the teacher sees the same dropout as the supervised
        pass; the paper draws a separate, larger unlabelled batch.
    """
    if consistency and batch.shares_posters:
        batch = _posters_encoded(model, batch)
    logits_BG = model(batch.original)
    supervised = supervised_loss(logits_BG, batch.labels_BG)
    teacher_BG = logits_BG.detach()
    if consistency is None:
        return StepLosses(supervised=supervised, consistency=None, logits_BG=teacher_BG)
    if batch.augmented is None:
        msg = "the consistency term needs augmented films, and the batch has none; train on a version that has such views."
        raise ValueError(msg)
    return StepLosses(supervised=supervised, consistency=consistency(teacher_BG, model(batch.augmented)), logits_BG=teacher_BG)


def _posters_encoded(model: nn.Module, batch: Batch) -> Batch:
    """The batch with the image tokens of the poster that both views share: the costliest part of MMBT runs once, not twice.

    The tokens are the same and gradients add up, since image encoders have no dropout; BatchNorm's running statistics move
    once a step.
    """
    if not isinstance(model, Mmbt) or batch.augmented is None:
        return batch
    image_BND = model.image(batch.original.image_BCHW)
    original, augmented = (replace(view, image_BND=image_BND) for view in (batch.original, batch.augmented))
    return replace(batch, original=original, augmented=augmented)


@dataclass(frozen=True, slots=True)
class Learner:
    """A model with what moves its weights; a checkpoint holds the state of all of it."""

    model: nn.Module
    """On `device`."""
    optimizer: AdamW
    schedule: ReduceLROnPlateau
    device: torch.device

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])


def learner(model: nn.Module, optim: OptimConfig, *, device: torch.device) -> Learner:
    """`model` on `device` with a fresh AdamW and plateau schedule."""
    model = model.to(device)
    optimizer = adamw(
        model,
        learning_rate=optim.learning_rate,
        weight_decay=optim.weight_decay,
        head_learning_rate=optim.head_learning_rate,
    )
    schedule = plateau(optimizer, factor=optim.plateau_factor, patience=optim.plateau_patience)
    return Learner(model, optimizer, schedule, device)


def adamw(model: nn.Module, *, learning_rate: float, weight_decay: float, head_learning_rate: float | None = None) -> AdamW:
    """AdamW over what the model trains; biases and normalisation layers (all one-dimensional) do not decay.

    Args:
        model: its layers called as in `NEW_LAYERS` make up the head.
        learning_rate: of the pretrained layers; the first group's.
        weight_decay: of matrices and kernels.
        head_learning_rate: of the head; None: `learning_rate`.
    """
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups = [
        {
            "params": [weight for name, weight in trained if _is_new(name) == new and (weight.ndim >= 2) == decays],
            "weight_decay": weight_decay if decays else 0.0,
            "lr": (head_learning_rate or learning_rate) if new else learning_rate,
        }
        for new in (False, True)
        for decays in (True, False)
    ]
    return AdamW([group for group in groups if group["params"]], lr=learning_rate, fused=True)


def _is_new(name: str) -> bool:
    return name.partition(".")[0] in NEW_LAYERS


def plateau(optimizer: AdamW, *, factor: float, patience: int) -> ReduceLROnPlateau:
    """Multiply the rate by `factor` after more than `patience` epochs without gain; any rise is a gain, as in stopping."""
    return ReduceLROnPlateau(optimizer, mode="max", factor=factor, patience=patience, threshold=0.0)
