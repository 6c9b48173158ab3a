"""A model with what moves its weights: optimiser, rates, precision, processes, and the average of its weights."""

from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from train.config import RunConfig
from train.objective import Step
from train.rates import Rates

NEW_LAYERS = ("classifier", "projection")
"""Names of the models' layers that no pretrained weights exist for."""


@dataclass(frozen=True, slots=True)
class Learner:
    """A checkpoint holds the state of all of it."""

    model: nn.Module
    """On the device, unwrapped."""
    step: nn.Module
    """The model's losses (`train.objective.Step`), wrapped for precision and processes."""
    optimizer: AcceleratedOptimizer
    rates: Rates
    average: AveragedModel | None
    """Exponential moving average of the weights, where it is the teacher."""
    accelerator: Accelerator

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.accelerator.device


def learner(model: nn.Module, config: RunConfig, *, accelerator: Accelerator, steps_per_epoch: int) -> Learner:
    """`model` on the accelerator's device with a fresh optimiser.

    Args:
        model: on the CPU.
        config: optimiser and protocol.
        accelerator: of this run.
        steps_per_epoch: optimiser steps, for the warm-up.
    """
    optim = config.optim
    model = model.to(accelerator.device)
    optimizer = adamw(
        model,
        learning_rate=optim.learning_rate,
        weight_decay=optim.weight_decay,
        head_learning_rate=optim.head_learning_rate,
        fused=config.compute.fused_optimizer,
    )
    warmup_steps = round(optim.warmup_epochs * steps_per_epoch)
    rates = Rates(optimizer, warmup_steps=warmup_steps, factor=optim.plateau_factor, patience=optim.plateau_patience)
    average = None
    if config.uda and config.uda.teacher == "ema":
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.uda.ema_decay), use_buffers=True)
    if config.compute.compile:
        compile_encoders(model)
    step, prepared = accelerator.prepare(Step(model), optimizer)
    return Learner(model, step, prepared, rates, average, accelerator)


def adamw(
    model: nn.Module,
    *,
    learning_rate: float,
    weight_decay: float,
    head_learning_rate: float | None = None,
    fused: bool = True,
) -> AdamW:
    """AdamW over all weights; biases and normalisation layers (all one-dimensional) do not decay.

    Args:
        model: its layers called as in `NEW_LAYERS` make up the head.
        learning_rate: of the pretrained layers; the first group's.
        weight_decay: of matrices and kernels.
        head_learning_rate: of the head; None: `learning_rate`.
        fused: one kernel for all weights.
    """
    groups = [
        {
            "params": [
                weight for name, weight in model.named_parameters() if _is_new(name) == new and (weight.ndim >= 2) == decays
            ],
            "weight_decay": weight_decay if decays else 0.0,
            "lr": (head_learning_rate or learning_rate) if new else learning_rate,
        }
        for new in (False, True)
        for decays in (True, False)
    ]
    return AdamW([group for group in groups if group["params"]], lr=learning_rate, fused=fused)


def compile_encoders(model: nn.Module, *, backend: str = "inductor") -> None:
    """Compile what a model computes most in, in place: names of weights stay."""
    for name, part in model.named_children():
        if name in ("encoder", "image"):
            part.compile(dynamic=True, backend=backend)


def _is_new(name: str) -> bool:
    return name.partition(".")[0] in NEW_LAYERS
