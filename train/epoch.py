"""One epoch of optimiser steps. Losses and logits stay on the device and are fetched once, at the end.

Shape legend: B films, G genres.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor

from train.learner import Learner
from train.objective import Objective
from train.records import Batch

Plan = Callable[[int], tuple[Objective, float]]
"""Optimiser steps of the run so far to what the next step minimises and its λ."""
AfterStep = Callable[["Passes"], None]


@dataclass(slots=True)
class Passes:
    """What the passes of an epoch have left behind so far; a checkpoint within the epoch holds it."""

    supervised: list[Tensor] = field(default_factory=list[Tensor])
    """Loss of each pass, scalars on the device."""
    consistency: list[Tensor] = field(default_factory=list[Tensor])
    """Unweighted consistency term of each pass, none in a plain epoch."""
    logits_BG: list[Tensor] = field(default_factory=list[Tensor])
    """Logits of each pass, in training mode, on the device."""
    labels_BG: list[Tensor] = field(default_factory=list[Tensor])
    """Labels in the same order, on the CPU."""
    weights: list[float] = field(default_factory=list[float])
    """λ of each pass."""
    seconds: float = 0.0
    """Wall time."""
    waiting: float = 0.0
    """Of it, for data."""

    @property
    def batches(self) -> int:
        """Passes made."""
        return len(self.supervised)

    def state(self) -> dict[str, Tensor | float]:
        """As one tensor each, on the CPU, for a checkpoint."""
        parts = {"supervised": _stacked(self.supervised), "consistency": _stacked(self.consistency)}
        sizes = torch.tensor([len(logits) for logits in self.logits_BG])
        films = {"logits_BG": torch.cat(self.logits_BG).cpu(), "labels_BG": torch.cat(self.labels_BG).cpu(), "sizes": sizes}
        weights = torch.tensor(self.weights, dtype=torch.float64)
        return {**parts, **films, "weights": weights, "seconds": self.seconds, "waiting": self.waiting}

    @classmethod
    def from_state(cls, state: dict[str, Tensor | float]) -> "Passes":
        """The passes whose `state` this is."""
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        sizes: list[int] = tensors["sizes"].tolist()
        return cls(
            supervised=list(tensors["supervised"]),
            consistency=list(tensors["consistency"]),
            logits_BG=list(tensors["logits_BG"].split(sizes)),
            labels_BG=list(tensors["labels_BG"].split(sizes)),
            weights=tensors["weights"].tolist(),
            seconds=float(state["seconds"]),
            waiting=float(state["waiting"]),
        )


@dataclass(frozen=True, slots=True)
class TrainedEpoch:
    """An epoch's passes, on the CPU; of all processes, where there are several."""

    supervised: float
    """Mean supervised loss of the passes."""
    consistency: float | None
    """Mean unweighted consistency term of the passes."""
    weight: float | None
    """Mean λ of the passes, None in a plain epoch."""
    logits_BG: Tensor
    """Logits of the passes, in training mode."""
    labels_BG: Tensor
    """Labels in the same order."""
    seconds: float
    """Wall time."""
    waiting: float
    """Share of it spent waiting for data."""


def train_epoch(
    learner: Learner,
    batches: Iterable[Batch],
    *,
    epoch: int,
    plan: Plan,
    first_step: int = 0,
    accumulation: int = 1,
    max_grad_norm: float | None = None,
    passes: Passes | None = None,
    after_step: AfterStep | None = None,
) -> TrainedEpoch:
    """One pass over the training films, or the rest of one.

    Args:
        learner: changed in place; its model is in training mode already.
        batches: on any device; where `passes` has some, those that follow them.
        epoch: its number, for messages.
        plan: what each step minimises.
        first_step: optimiser steps of the run before this epoch's first batch here.
        accumulation: batches whose gradients make one step, each weighing as many films as it has.
        max_grad_norm: norm to which gradients are clipped, None does not clip.
        passes: what earlier batches of this epoch left behind.
        after_step: called after each optimiser step.
    Raises:
        ValueError: a loss is not finite, or there is no batch.
    """
    done = passes or Passes()
    before, began = done.seconds, time.monotonic()
    arriving = _timed(batches, done)
    for number, window in enumerate(_windows(arriving, accumulation)):
        step = first_step + number
        objective, weight = plan(step)
        learner.rates.before_step(step)
        _accumulate(learner, window, objective, weight=weight, done=done)
        if max_grad_norm is not None:
            learner.accelerator.clip_grad_norm_(learner.model.parameters(), max_grad_norm)
        learner.optimizer.step()
        if learner.average is not None:
            learner.average.update_parameters(learner.model)
        done.seconds = before + time.monotonic() - began
        if after_step:
            after_step(done)
    if not done.batches:
        msg = "the training split gave no batch; take a larger sample."
        raise ValueError(msg)
    return _fetched(done, accelerator=learner.accelerator, epoch=epoch, learning_rate=learner.rates.learning_rate)


def _accumulate(learner: Learner, window: Sequence[Batch], objective: Objective, *, weight: float, done: Passes) -> None:
    """Gradients of one optimiser step: those of its films, in however many batches they come."""
    films = sum(len(batch.ids) for batch in window)
    learner.optimizer.zero_grad(set_to_none=True)
    for batch in window:
        last = batch is window[-1]  # processes exchange gradients once a step
        with nullcontext() if last else learner.accelerator.no_sync(learner.step):
            supervised, consistency, logits_BG = learner.step(batch.to(learner.device), objective)
            total = supervised if consistency is None else supervised + weight * consistency
            learner.accelerator.backward(total * (batch.weight * len(batch.ids) / films))
        done.supervised.append(supervised.detach())
        if consistency is not None:
            done.consistency.append(consistency.detach())
            done.weights.append(weight)
        counts = batch.weight > 0  # a film that only fills a place is scored by another process
        done.logits_BG.append(logits_BG if counts else logits_BG[:0])
        done.labels_BG.append(batch.labels_BG if counts else batch.labels_BG[:0])


def _timed(batches: Iterable[Batch], done: Passes) -> Generator[Batch]:
    iterator = iter(batches)
    while True:
        began = time.monotonic()
        batch = next(iterator, None)
        done.waiting += time.monotonic() - began
        if batch is None:
            return
        yield batch


def _windows(batches: Iterator[Batch], size: int) -> Generator[list[Batch]]:
    """The batches in groups of `size`; the last may be smaller."""
    window: list[Batch] = []
    for batch in batches:
        window.append(batch)
        if len(window) == size:
            yield window
            window = []
    if window:
        yield window


def _fetched(done: Passes, *, accelerator: Accelerator, epoch: int, learning_rate: float) -> TrainedEpoch:
    supervised = _mean_of_processes(_stacked(done.supervised), accelerator)
    consistency = _mean_of_processes(_stacked(done.consistency), accelerator) if done.consistency else None
    finite = supervised.isfinite() if consistency is None else supervised.isfinite() & consistency.isfinite()
    if not finite.all():
        msg = (
            f"epoch {epoch}: the loss is not finite in {int((~finite).sum())} of {done.batches} passes, first in pass "
            f"{int((~finite).int().argmax()) + 1}; lower the learning rate ({learning_rate:g}) or set max_grad_norm."
        )
        raise ValueError(msg)
    return TrainedEpoch(
        supervised=float(supervised.mean()),
        consistency=None if consistency is None else float(consistency.mean()),
        weight=sum(done.weights) / len(done.weights) if done.weights else None,
        logits_BG=_of_processes(torch.cat([logits.float() for logits in done.logits_BG]), accelerator),
        labels_BG=_of_processes(torch.cat(done.labels_BG), accelerator),
        seconds=done.seconds,
        waiting=done.waiting / done.seconds if done.seconds else 0.0,
    )


def _stacked(scalars: Sequence[Tensor]) -> Tensor:
    return torch.stack([scalar.float() for scalar in scalars]).cpu() if scalars else torch.zeros(0)


def _mean_of_processes(values: Tensor, accelerator: Accelerator) -> Tensor:
    if accelerator.num_processes == 1:
        return values
    return cast("Tensor", accelerator.reduce(values.to(accelerator.device), reduction="mean")).cpu()


def _of_processes(rows_BG: Tensor, accelerator: Accelerator) -> Tensor:
    """Rows of all processes, one process after the other; they may have different numbers of them."""
    if accelerator.num_processes == 1:
        return rows_BG.cpu()
    rows_BG = rows_BG.to(accelerator.device)
    count = torch.tensor([len(rows_BG)], device=accelerator.device)
    counts: list[int] = cast("Tensor", accelerator.gather(count)).tolist()
    padded_BG = rows_BG.new_zeros(max(counts), rows_BG.shape[1])
    padded_BG[: len(rows_BG)] = rows_BG
    gathered = cast("Tensor", accelerator.gather(padded_BG)).split(max(counts))
    return torch.cat([rows[:count] for rows, count in zip(gathered, counts, strict=True)]).cpu()
