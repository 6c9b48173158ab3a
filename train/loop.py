"""The training loop: epochs of steps, each followed by validation, a line of history and a checkpoint."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from datasets_cache.progress import Track, untracked
from datasets_cache.schema import Split
from train import annealing, checkpoint, class_weights, history, overfitting, weighting
from train.checkpoint import Checkpoint, Position
from train.config import READS, RunConfig, UdaConfig
from train.consistency import consistency_loss
from train.epoch import Passes, TrainedEpoch, train_epoch
from train.evaluation import evaluate, only, predict_split, scores_of
from train.freezing import freeze, training_mode
from train.learner import Learner
from train.metrics import average_precision
from train.objective import Consistency, Objective, Teacher, as_teacher
from train.records import Batch, EpochMetrics, ModalityLoss, Scores
from train.schedules import after_epoch, start

OnEpoch = Callable[[EpochMetrics], None]
CHECKPOINT_SECONDS = 600.0
"""Time between checkpoints within an epoch."""
_log = logging.getLogger(__name__)


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
    films: int
    """Training films."""
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


def fit(
    learner: Learner,
    data: FilmData,
    *,
    config: RunConfig,
    folder: Path,
    films: int,
    title: str = "training",
    track: Track = untracked,
    on_epoch: OnEpoch | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Checkpoint:
    """Train until the protocol ends, from the last whole checkpoint in `folder` if there is one.

    Draws from torch's default generators alone, so that a continued run draws what the uninterrupted one would have drawn.

    Args:
        learner: changed in place, with the last epoch's weights afterwards.
        data: batches.
        config: objective and protocol.
        folder: run directory, for ``epochs.jsonl`` and checkpoints.
        films: training films.
        title: name of the run for progress.
        track: shows progress.
        on_epoch: called after each epoch that is trained here.
        checkpoint_seconds: time between checkpoints within an epoch; 0 writes one after each step.
    Returns:
        The last checkpoint; it knows the best epoch and its weights.
    Raises:
        ValueError: a loss or a logit is not finite, memory runs out, or a `uda` phase meets a batch without augmented films.
    """
    uda, total = config.uda, config.optim.max_epochs
    fixed = _fixed(learner, data, config, folder, films)
    last, passes = _continue(fixed)
    position = last.position if last else Position(
        progress=start(uda=uda is not None), weighting=weighting.start(uda.weight) if uda else None
    )  # fmt: skip
    while last is None or position.batches or not position.progress.done:
        heading = f"{title} · epoch {position.progress.epoch + 1}/{total} · {position.progress.phase}"
        show = partial(track, total=data.batches_per_epoch - position.batches, title=heading, unit="batches")
        try:
            trained = _trained(fixed, position, passes, show=show, checkpoint_seconds=checkpoint_seconds)
            measured, position = _measured(fixed, position, trained)
        except RuntimeError as error:
            _explain_memory(error, config)
            raise
        passes = None
        if learner.accelerator.is_main_process:
            history.append(folder, measured)  # before the checkpoint: one without its line would lose an epoch
        last = checkpoint.save(folder, learner, position)
        learner.accelerator.log(_logged(measured), step=measured.epoch)
        if on_epoch and learner.accelerator.is_main_process:
            on_epoch(measured)
    return last


def _fixed(learner: Learner, data: FilmData, config: RunConfig, folder: Path, films: int) -> Fit:
    optim, uda, positives_G = config.optim, config.uda, data.positives_G
    weights_G = None
    if optim.class_weights:
        weights_G = class_weights.positive_weights(
            optim.class_weights, positives_G=positives_G, films=films, genres=data.genres
        ).to(learner.device)
    consistency = _consistency(uda, positives_G, device=learner.device) if uda else None
    return Fit(learner, data, config, folder, films, _teacher(learner, uda), consistency, weights_G)


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


def _continue(fixed: Fit) -> tuple[Checkpoint | None, Passes | None]:
    learner, folder = fixed.learner, fixed.folder
    epochs = history.read(folder)
    last = checkpoint.newest(folder, at_most=len(epochs))
    passes = None
    if last:
        passes = checkpoint.restore(last, learner)
        place = f", {last.position.batches} batches into the next" if last.position.batches else ""
        _log.info("%s: continuing after epoch %d%s", folder.name, last.position.progress.epoch, place)
    learner.accelerator.wait_for_everyone()
    if learner.accelerator.is_main_process:
        history.rewrite(folder, epochs[: last.position.progress.epoch if last else 0])
        checkpoint.discard_after(folder, last)
    learner.accelerator.wait_for_everyone()
    return last, passes


def _trained(
    fixed: Fit,
    position: Position,
    passes: Passes | None,
    *,
    show: Callable[[Iterable[Batch]], Iterable[Batch]],
    checkpoint_seconds: float,
) -> TrainedEpoch:
    """The rest of the epoch that `position` is in."""
    learner, optim, progress = fixed.learner, fixed.config.optim, position.progress
    number, accelerator = progress.epoch + 1, learner.accelerator
    if progress.reload_best and not position.batches:
        checkpoint.load_weights(learner.model, checkpoint.weights_of(fixed.folder, progress.best_epoch), device=learner.device)
        learner.optimizer.state.clear()  # moments of the weights that were left behind
    frozen = {"text": number <= optim.freeze_text_epochs, "image": number <= optim.freeze_image_epochs}
    freeze(learner.model, **frozen)
    training_mode(learner.model, **frozen)
    saved = time.monotonic()

    def save_now_and_then(done: Passes) -> None:
        nonlocal saved
        within = done.batches < fixed.data.batches_per_epoch
        if within and accelerator.num_processes == 1 and time.monotonic() - saved >= checkpoint_seconds:
            checkpoint.save(fixed.folder, learner, position.model_copy(update={"batches": done.batches}), passes=done)
            saved = time.monotonic()

    batches = fixed.data.train(
        number,
        start=position.batches,
        augmented=progress.phase == "uda",
        rank=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    return train_epoch(
        learner,
        show(batches),
        epoch=number,
        plan=partial(_plan, fixed, position),
        first_step=progress.epoch * fixed.steps_per_epoch + position.batches // optim.accumulation,
        accumulation=optim.accumulation,
        max_grad_norm=optim.max_grad_norm,
        passes=passes,
        after_step=save_now_and_then,
    )


def _plan(fixed: Fit, position: Position, step: int) -> tuple[Objective, float]:
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


def _measured(fixed: Fit, position: Position, trained: TrainedEpoch) -> tuple[EpochMetrics, Position]:
    """The epoch's line of history, and where the run stands after it."""
    learner, data, optim, uda = fixed.learner, fixed.data, fixed.config.optim, fixed.config.uda
    began, progress, number = time.monotonic(), position.progress, position.progress.epoch + 1
    where, accelerator = f"validation after epoch {number}", learner.accelerator
    validation = evaluate(
        learner.model, data.evaluation("validation"), genres=data.genres, accelerator=accelerator, where=where
    )
    precision = average_precision(trained.logits_BG.numpy(), trained.labels_BG.numpy(), genres=data.genres)
    gap = precision.micro - validation.ap_micro
    losses = _modality_losses(fixed)
    train_loss = float(functional.binary_cross_entropy_with_logits(trained.logits_BG, trained.labels_BG))
    pairs = {"model": (train_loss, validation.loss), **{name: (one.train, one.validation) for name, one in losses.items()}}
    switch = uda.switch if uda else "switch-off"
    after = after_epoch(
        progress, validation_ap=validation.ap_micro, patience=optim.patience, max_epochs=optim.max_epochs, switch=switch
    )
    weights = position.weighting
    if uda and weights and progress.phase == "uda":
        weights = weighting.after_epoch(
            weights, gap=gap, kind=uda.schedule.kind, target_gap=uda.schedule.target_gap, gain=uda.schedule.gain,
            smoothing=uda.schedule.smoothing, lowest=uda.schedule.lowest, highest=uda.schedule.highest,
        )  # fmt: skip
    rate = learner.rates.learning_rate
    learner.rates.after_epoch(validation.ap_micro)
    if after.phase != progress.phase:
        learner.rates.reset_patience()  # the new objective gets the schedule's full patience too
    share = None
    if trained.consistency is not None and trained.weight is not None and trained.supervised:
        share = trained.weight * trained.consistency / trained.supervised
    measured = EpochMetrics(
        epoch=number,
        phase=progress.phase,
        learning_rate=rate,
        supervised=trained.supervised,
        consistency=trained.consistency,
        consistency_weight=trained.weight,
        consistency_share=share,
        train_loss=train_loss,
        train_ap_micro=precision.micro,
        train_ap_macro=precision.macro,
        gap=gap,
        smoothed_gap=weights.smoothed_gap if weights and progress.phase == "uda" else None,
        modality_losses=losses,
        ogr={name: overfitting.ogr(position.losses.get(name), pair) for name, pair in pairs.items()},
        validation=validation,
        best=after.best_epoch == number,
        seconds=trained.seconds + time.monotonic() - began,
        waiting=trained.waiting,
    )
    return measured, Position(progress=after, weighting=weights, losses=pairs)


def _modality_losses(fixed: Fit) -> dict[str, ModalityLoss]:
    """Losses of a model of both modalities that is shown one of them."""
    reads = READS[fixed.config.model]
    if len(reads) < 2:
        return {}

    def scored(batches: Iterable[Batch], modality: str) -> Scores:
        where = f"{modality} alone"
        predictions = predict_split(
            fixed.learner.model,
            batches,
            genres=fixed.data.genres,
            accelerator=fixed.learner.accelerator,
            where=where,
            change=only("text" if modality == "text" else "image"),
        )
        return scores_of(predictions, where=where)

    return {
        modality: ModalityLoss(
            train=scored(fixed.data.probe(), modality).loss,
            validation=scored(fixed.data.evaluation("validation"), modality).loss,
        )
        for modality in reads
    }


def _logged(measured: EpochMetrics) -> dict[str, float | str]:
    """An epoch's numbers under the names that trackers show."""
    values = {
        name: value
        for name, value in measured.model_dump(exclude={"validation", "epoch", "phase", "best"}).items()
        if isinstance(value, float)
    }
    values |= {f"ogr/{name}": value for name, value in measured.ogr.items() if value is not None}
    scores = measured.validation.model_dump(exclude={"ap_by_genre"})
    return values | {f"validation/{name}": value for name, value in scores.items()}


def _explain_memory(error: RuntimeError, config: RunConfig) -> None:
    """Raise what to do where memory ran out; nothing for other errors.

    Raises:
        ValueError: memory ran out.
    """
    if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
        return
    films, passes = config.optim.batch_size, config.optim.accumulation
    cure = "take a smaller encoder or fewer --text.max_tokens"
    if films > 1:
        cure = f"the same steps in half the memory: --optim.batch_size {-(-films // 2)} --optim.accumulation {passes * 2}"
    msg = f"out of memory in a pass of {films} films ({str(error).splitlines()[0]}); {cure}. What is finished is kept."
    raise ValueError(msg) from error
