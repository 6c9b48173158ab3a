"""The training loop: epochs of steps, each followed by validation, a line of history and a checkpoint.

Shape legend: B batch or films, G genres.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from datasets_cache.progress import Track, untracked
from datasets_cache.schema import Split
from train import checkpoint, history
from train.checkpoint import Checkpoint
from train.config import OptimConfig, UdaConfig
from train.losses import consistency_loss
from train.metrics import average_precision, scores
from train.objective import Consistency, Learner, step_losses
from train.records import Batch, EpochMetrics, Scores, StepLosses
from train.schedules import Progress, after_epoch, start

OnEpoch = Callable[[EpochMetrics], None]
_log = logging.getLogger(__name__)


class FilmData(Protocol):
    """What the loop asks of a data set; `train.data.RunData` is one."""

    @property
    def genres(self) -> tuple[str, ...]:
        """Names of the label columns."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        ...

    def train(self, epoch: int, /) -> Iterable[Batch]:
        """Training batches of an epoch (from 1); the order depends on seed and epoch alone."""
        ...

    def evaluation(self, split: Split, /) -> Iterable[Batch]:
        """Batches of untouched films in fixed order."""
        ...


@dataclass(frozen=True, slots=True)
class TrainedEpoch:
    """What the steps of one epoch left behind, on the CPU."""

    supervised: float
    """Mean supervised loss of the steps."""
    consistency: float | None
    """Mean unweighted consistency term of the steps."""
    logits_BG: Tensor
    """Logits of the steps, in training mode."""
    labels_BG: Tensor
    """Labels in the same order."""


def fit(
    learner: Learner,
    data: FilmData,
    *,
    optim: OptimConfig,
    uda: UdaConfig | None,
    folder: Path,
    title: str = "training",
    track: Track = untracked,
    on_epoch: OnEpoch | None = None,
) -> Checkpoint:
    """Train until the protocol ends, from the last whole checkpoint in `folder` if there is one.

    Draws from torch's default generators alone, so that a continued run draws what the uninterrupted one would have drawn.

    Args:
        learner: model, optimiser and schedule; changed in place, with the last epoch's weights afterwards.
        data: batches.
        optim: the protocol.
        uda: the consistency term, None trains on the labels alone.
        folder: run directory, for ``epochs.jsonl`` and checkpoints.
        title: name of the run for progress.
        track: shows progress.
        on_epoch: called after each epoch that is trained here.
    Returns:
        The last checkpoint; it knows the best epoch and its weights.
    Raises:
        ValueError: a loss or a logit is not finite, or a `uda` phase meets a batch without augmented films.
    """
    last = _continue(learner, folder)
    progress = last.progress if last else start(uda=uda is not None)
    while last is None or not progress.done:
        heading = f"{title} · epoch {progress.epoch + 1}/{optim.max_epochs} · {progress.phase}"
        show = partial(track, total=data.steps_per_epoch, title=heading, unit="steps")
        measured, progress = _one_epoch(learner, data, show, progress=progress, optim=optim, uda=uda)
        history.append(folder, measured)  # before the checkpoint: one without its line would lose an epoch
        last = checkpoint.save(folder, learner, progress=progress)
        if on_epoch:
            on_epoch(measured)
    return last


def train_epoch(
    learner: Learner, batches: Iterable[Batch], *, epoch: int, uda: UdaConfig | None = None, max_grad_norm: float | None = None
) -> TrainedEpoch:
    """One pass of optimiser steps. Losses and logits stay on the device and are fetched once, at the end.

    Args:
        learner: changed in place.
        batches: on any device.
        epoch: its number, for messages.
        uda: the consistency term, None in a plain phase.
        max_grad_norm: norm to which gradients are clipped, None does not clip.
    Raises:
        ValueError: a loss is not finite, or there is no batch.
    """
    consistency = _consistency(uda)
    done: list[StepLosses] = []
    labels: list[Tensor] = []
    learner.model.train()
    for batch in batches:
        labels.append(batch.labels_BG)
        needed = batch if uda else replace(batch, augmented=None)
        with _precision(learner.device):
            losses = step_losses(learner.model, needed.to(learner.device), consistency=consistency)
        total = losses.supervised
        if uda and losses.consistency is not None:
            total = total + uda.weight * losses.consistency
        learner.optimizer.zero_grad(set_to_none=True)
        total.backward()
        if max_grad_norm is not None:
            nn.utils.clip_grad_norm_(learner.model.parameters(), max_grad_norm)
        learner.optimizer.step()
        done.append(_detached(losses))
    if not done:
        msg = "the training split gave no batch; take a larger sample."
        raise ValueError(msg)
    return _fetched(done, labels, epoch=epoch, learning_rate=learner.learning_rate)


@torch.inference_mode()
def evaluate(model: nn.Module, batches: Iterable[Batch], *, genres: Sequence[str], device: torch.device, where: str) -> Scores:
    """Scores in evaluation mode of untouched films.

    Args:
        model: on `device`.
        batches: of one split.
        genres: names of the label columns.
        device: where to compute.
        where: what is evaluated, for messages.
    Raises:
        ValueError: there is no film, no film has a genre, or a logit is not finite.
    """
    model.eval()
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    for batch in batches:
        labels.append(batch.labels_BG)
        with _precision(device):
            logits.append(model(batch.original.to(device)).float())
    if not logits:
        msg = f"{where}: no film; take a larger sample."
        raise ValueError(msg)
    try:
        return scores(torch.cat(logits).cpu(), torch.cat(labels).cpu(), genres=genres)
    except ValueError as error:
        msg = f"{where}: {error}"
        raise ValueError(msg) from error


def _continue(learner: Learner, folder: Path) -> Checkpoint | None:
    epochs = history.read(folder)
    last = checkpoint.newest(folder, at_most=len(epochs))
    trained = last.progress.epoch if last else 0
    if last:
        checkpoint.restore(last, learner)
        _log.info("%s: continuing after epoch %d", folder.name, trained)
    history.rewrite(folder, epochs[:trained])
    checkpoint.discard_after(folder, trained)
    return last


def _one_epoch(
    learner: Learner,
    data: FilmData,
    show: Callable[[Iterable[Batch]], Iterable[Batch]],
    *,
    progress: Progress,
    optim: OptimConfig,
    uda: UdaConfig | None,
) -> tuple[EpochMetrics, Progress]:
    began, number, rate = time.monotonic(), progress.epoch + 1, learner.learning_rate
    active = uda if progress.phase == "uda" else None
    trained = train_epoch(learner, show(data.train(number)), epoch=number, uda=active, max_grad_norm=optim.max_grad_norm)
    precision = average_precision(trained.logits_BG.numpy(), trained.labels_BG.numpy(), genres=data.genres)
    where = f"validation after epoch {number}"
    validation = evaluate(learner.model, data.evaluation("validation"), genres=data.genres, device=learner.device, where=where)
    after = after_epoch(progress, validation_ap=validation.ap_micro, patience=optim.patience, max_epochs=optim.max_epochs)
    learner.schedule.step(validation.ap_micro)
    if after.phase != progress.phase:
        learner.schedule.num_bad_epochs = 0  # the new objective gets the schedule's full patience too
    share = None
    if active and trained.consistency is not None:
        share = active.weight * trained.consistency / trained.supervised if trained.supervised else None
    measured = EpochMetrics(
        epoch=number,
        phase=progress.phase,
        learning_rate=rate,
        supervised=trained.supervised,
        consistency=trained.consistency,
        consistency_share=share,
        train_ap_micro=precision.micro,
        train_ap_macro=precision.macro,
        validation=validation,
        best=after.best_epoch == number,
        seconds=time.monotonic() - began,
    )
    return measured, after


def _consistency(uda: UdaConfig | None) -> Consistency | None:
    if uda is None:
        return None
    return partial(consistency_loss, temperature=uda.temperature, min_confidence=uda.min_confidence, reduction=uda.reduction)


def _precision(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def _detached(losses: StepLosses) -> StepLosses:
    consistency = None if losses.consistency is None else losses.consistency.detach()
    return StepLosses(supervised=losses.supervised.detach(), consistency=consistency, logits_BG=losses.logits_BG)


def _fetched(done: list[StepLosses], labels: list[Tensor], *, epoch: int, learning_rate: float) -> TrainedEpoch:
    supervised = torch.stack([losses.supervised for losses in done]).float().cpu()
    terms = [losses.consistency for losses in done if losses.consistency is not None]
    consistency = torch.stack(terms).float().cpu() if terms else None
    finite = supervised.isfinite() if consistency is None else supervised.isfinite() & consistency.isfinite()
    if not finite.all():
        msg = (
            f"epoch {epoch}: the loss is not finite in {int((~finite).sum())} of {len(done)} steps, first in step "
            f"{int((~finite).int().argmax()) + 1}; lower the learning rate ({learning_rate:g}) or set max_grad_norm."
        )
        raise ValueError(msg)
    return TrainedEpoch(
        supervised=float(supervised.mean()),
        consistency=None if consistency is None else float(consistency.mean()),
        logits_BG=torch.cat([losses.logits_BG for losses in done]).float().cpu(),
        labels_BG=torch.cat(labels).cpu(),
    )
