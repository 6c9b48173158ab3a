"""What a run minimises, step by step: the terms, their teacher and their weights, out of its configuration."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from datasets_cache.schema import Split
from train import annealing, class_weights, weighting
from train.checkpoint import Position
from train.config import RunConfig, UdaConfig
from train.consistency import consistency_loss
from train.learner import Learner
from train.objective import Consistency, Objective, Teacher, as_teacher
from train.records import Batch


class FilmData(Protocol):
    """What the loop asks of a data set; `train.data.RunData` is one."""

    @property
    def genres(self) -> tuple[str, ...]:
        """Names of the label columns."""
        ...

    @property
    def batches_per_epoch(self) -> int:
        """Training batches of one epoch."""
        ...

    @property
    def positives_G(self) -> Tensor:
        """Training films of each genre, float32."""
        ...

    def train(
        self, epoch: int, /, *, start: int = 0, augmented: bool = True, rank: int = 0, processes: int = 1
    ) -> Iterable[Batch]:
        """Training batches of an epoch (from 1), from batch `start` on; the order depends on seed and epoch alone."""
        ...

    def evaluation(self, split: Split, /) -> Iterable[Batch]:
        """Batches of untouched films in fixed order."""
        ...

    def probe(self) -> Iterable[Batch]:
        """A fixed part of the training films, untouched, as large as the validation split."""
        ...


@dataclass(frozen=True, slots=True)
class Fit:
    """What stays the same over a run."""

    learner: Learner
    data: FilmData
    config: RunConfig
    folder: Path
    """Run directory."""
    teacher: Teacher | None
    consistency: Consistency | None
    positive_weights_G: Tensor | None

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps."""
        return steps_per_epoch(self.data, self.config)


def steps_per_epoch(data: FilmData, config: RunConfig) -> int:
    """Optimiser steps of an epoch; the last may have fewer batches than the others."""
    return -(-data.batches_per_epoch // config.optim.accumulation)


def fixed_parts(learner: Learner, data: FilmData, config: RunConfig, folder: Path, films: int) -> Fit:
    """What stays the same over a run: its weights of genres, consistency term and teacher."""
    optim, uda, positives_G = config.optim, config.uda, data.positives_G
    weights_G = None
    if optim.class_weights:
        weights_G = class_weights.positive_weights(
            optim.class_weights, positives_G=positives_G, films=films, genres=data.genres
        ).to(learner.device)
    consistency = _consistency(uda, positives_G, device=learner.device) if uda else None
    return Fit(learner, data, config, folder, _teacher(learner, uda), consistency, weights_G)


def plan_step(fixed: Fit, position: Position, step: int) -> tuple[Objective, float]:
    """What optimiser step number `step` of the run minimises, and its λ."""
    uda, trained = fixed.config.uda, step / fixed.steps_per_epoch
    if uda is None or position.weighting is None or position.progress.phase == "plain":
        return Objective(positive_weights_G=fixed.positive_weights_G), 0.0
    threshold = None
    if uda.annealing:
        threshold = annealing.threshold(
            uda.annealing, progress=trained / (uda.annealing_epochs or fixed.config.optim.max_epochs)
        )
    weight = weighting.weight_at(position.weighting, kind=uda.schedule.kind, progress=trained / uda.schedule.ramp_epochs)
    return Objective(fixed.consistency, fixed.teacher, fixed.positive_weights_G, threshold), weight


def _consistency(uda: UdaConfig, positives_G: Tensor, *, device: torch.device) -> Consistency:
    weights_G = None
    if uda.class_balance is not None:
        weights_G = class_weights.class_balance(uda.class_balance, positives_G=positives_G).to(device)
    return partial(
        consistency_loss,
        kind=uda.kind,
        temperature=uda.temperature,
        min_confidence=uda.min_confidence,
        reduction=uda.reduction,
        weights_G=weights_G,
    )


def _teacher(learner: Learner, uda: UdaConfig | None) -> Teacher | None:
    match uda.teacher if uda else "same-pass":
        case "same-pass":
            return None
        case "separate-pass":
            return as_teacher(learner.model)
        case "ema":
            assert learner.average is not None
            return as_teacher(learner.average)
