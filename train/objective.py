"""The losses of one pass.

Shape legend: B labelled films, U unlabelled films, G genres.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from train.losses import supervised_loss
from train.models.mmbt import Mmbt
from train.records import Batch, Inputs, Pair, StepLosses

Consistency = Callable[[Tensor, Tensor], Tensor]
"""(teacher logits [B + U, G], logits of the augmented films [B + U, G]) to a scalar."""
Teacher = Callable[[Inputs], Tensor]
"""Untouched films to logits, without gradient."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a pass minimises."""

    consistency: Consistency | None = None
    """The unsupervised term, None in a plain phase."""
    teacher: Teacher | None = None
    """Where its targets come from; None: from the training passes themselves."""
    positive_weights_G: Tensor | None = None
    """Weight of each genre's positive labels."""
    annealing_threshold: float | None = None
    """Labels that are already predicted with more than this probability do not count."""


PLAIN = Objective()


class Step(nn.Module):
    """A model's losses as one forward pass: what several processes and mixed precision wrap."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, objective: Objective) -> tuple[Tensor, Tensor | None, Tensor]:
        """See `step_losses`; plain values, which the wrappers look through."""
        losses = step_losses(self.model, batch, objective)
        return losses.supervised, losses.consistency, losses.logits_BG


def step_losses(model: nn.Module, batch: Batch, objective: Objective = PLAIN) -> StepLosses:
    """Both terms of one batch. The supervised pass is also the teacher's, unless the objective names another one.

    The consistency term is over labelled and unlabelled films together; of the latter only the augmented pass has a gradient.

    Args:
        model: maps `Inputs` to logits [B, G].
        batch: films, on the model's device; with a consistency term, also their augmented views.
        objective: what to minimise.
    Raises:
        ValueError: there is a consistency term and the batch has no augmented view.
    Source:
        Xie et al., arXiv:1904.12848, equation 1.
        Deviation: the labelled films are unlabelled ones too, so that the teacher sees the same dropout as the supervised pass.

    Examples:
        >>> from train.consistency import consistency_loss
        >>> model = lambda films: torch.zeros(1, 2)  # it knows nothing
        >>> batch = Batch(("0114709",), torch.tensor([[1.0, 0.0]]), Inputs(), augmented=Inputs())
        >>> losses = step_losses(model, batch, Objective(consistency=consistency_loss))
        >>> losses.supervised, losses.consistency
        (tensor(0.6931), tensor(0.))
    """
    if objective.consistency is None:
        logits_BG = model(batch.original)
        return StepLosses(_supervised(logits_BG, batch, objective), None, logits_BG.detach())
    if batch.augmented is None:
        msg = "the consistency term needs augmented films, and the batch has none; train on a version that has such views."
        raise ValueError(msg)
    original, augmented = _posters_once(model, batch.original, batch.augmented, shared=batch.shares_posters)
    logits_BG = model(original)
    targets = [objective.teacher(batch.original) if objective.teacher else logits_BG.detach()]
    students = [model(augmented)]
    if batch.unlabelled:
        target_UG, student_UG = _unlabelled(model, batch.unlabelled, objective.teacher)
        targets.append(target_UG)
        students.append(student_UG)
    consistency = objective.consistency(torch.cat(targets), torch.cat(students))
    return StepLosses(_supervised(logits_BG, batch, objective), consistency, logits_BG.detach())


def as_teacher(model: nn.Module) -> Teacher:
    """`model` in evaluation mode (no dropout, running statistics), as it is at each call; its own modes come back after it."""

    def teach(films: Inputs) -> Tensor:
        with torch.no_grad(), _evaluating(model):
            return cast("Tensor", model(films))

    return teach


def _supervised(logits_BG: Tensor, batch: Batch, objective: Objective) -> Tensor:
    return supervised_loss(
        logits_BG,
        batch.labels_BG,
        positive_weights_G=objective.positive_weights_G,
        annealing_threshold=objective.annealing_threshold,
    )


def _unlabelled(model: nn.Module, films: Pair, teacher: Teacher | None) -> tuple[Tensor, Tensor]:
    original, augmented = _posters_once(model, films.original, films.augmented, shared=films.shares_posters)
    if teacher:
        return teacher(films.original), model(augmented)
    with torch.no_grad():
        target_UG = model(original)
    return target_UG, model(augmented)


def _posters_once(model: nn.Module, original: Inputs, augmented: Inputs, *, shared: bool) -> tuple[Inputs, Inputs]:
    """Both views with the image tokens of the poster that they share: the costliest part of MMBT runs once, not twice.

    The tokens are the same and gradients add up, since image encoders have no dropout; BatchNorm's running statistics move
    once.
    """
    if not shared or not isinstance(model, Mmbt):
        return original, augmented
    image_BND = model.image(original.image_BCHW)
    return replace(original, image_BND=image_BND), replace(augmented, image_BND=image_BND)


@contextmanager
def _evaluating(model: nn.Module) -> Generator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
