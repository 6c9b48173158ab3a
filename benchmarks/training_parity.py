"""Whether the project's steps and those of the plain loop have the same losses: same weights, same films, no dropout."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import reference_loop
import torch
from torch import nn
from torch.utils.data import default_collate

from train.config import RunConfig
from train.consistency import consistency_loss
from train.data import RunData
from train.epoch import train_epoch
from train.hardware import accelerator
from train.learner import learner
from train.objective import Objective
from train.records import Batch


@dataclass(frozen=True)
class Step:
    """The losses of one step, before it; consistency is None without UDA."""

    supervised: float
    consistency: float | None


def objective(config: RunConfig) -> tuple[Objective, float]:
    """What the `uda` phase of `config` minimises with the default settings of its term, or the labels alone; and λ."""
    return (Objective(consistency_loss), config.uda.weight) if config.uda else (Objective(), 0.0)


def batches(data: RunData, *, augmented: bool) -> Iterator[Batch]:
    """Those of epoch 1, 2, 3 and so on."""
    epoch = 1
    while True:
        yield from data.train(epoch, augmented=augmented)
        epoch += 1


def compare(
    ours: nn.Module,
    plain: nn.Module,
    data: RunData,
    films: reference_loop.Films,
    *,
    config: RunConfig,
    steps: int,
) -> tuple[list[Step], list[Step]]:
    """Take the same `steps` steps with both, each on weights of its own, which begin as ours.

    Args:
        ours: built by `train.models`; changed in place.
        plain: the same model of `reference_loop`; changed in place.
        data: batches.
        films: the same films, for the plain loop.
        config: of `ours`; its optimiser settings count for both.
        steps: optimiser steps.
    Returns:
        Our losses, and those of the plain loop.
    """
    for model in (ours, plain):
        without_dropout(model.train())
    if config.image.batch_norm == "frozen":
        for module in plain.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    plain.load_state_dict(ours.state_dict())
    optim, weight = config.optim, config.uda.weight if config.uda else None
    optimizer = reference_loop.make_optimizer(plain, learning_rate=optim.learning_rate, weight_decay=optim.weight_decay)
    row_of = {film.id: row for row, film in enumerate(films.films)}
    found: tuple[list[Step], list[Step]] = ([], [])
    with accelerator(device=torch.device("cpu"), precision="fp32") as where:
        made = learner(ours, config, accelerator=where, steps_per_epoch=data.batches_per_epoch)
        for number, batch in zip(range(steps), batches(data, augmented=config.uda is not None), strict=False):
            trained = train_epoch(
                made, [batch], epoch=1, plan=lambda _: objective(config), first_step=number, max_grad_norm=optim.max_grad_norm
            )
            found[0].append(Step(trained.supervised, trained.consistency))
            collated = default_collate([films[row_of[film]] for film in batch.ids])
            assert optim.max_grad_norm is not None
            losses = reference_loop.train_step(plain, optimizer, collated, uda=weight, clip=optim.max_grad_norm)
            found[1].append(Step(*losses))
    return found


def without_dropout(model: nn.Module) -> None:
    """Switch all dropout off and leave the rest of training mode on."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def largest_difference(ours: Sequence[Step], plain: Sequence[Step]) -> float:
    """Over all steps and both losses."""
    pairs = [
        pair
        for one, other in zip(ours, plain, strict=True)
        for pair in ((one.supervised, other.supervised), (one.consistency or 0.0, other.consistency or 0.0))
    ]
    return max(abs(one - other) for one, other in pairs)
