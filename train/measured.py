"""What is written down of an epoch: scores, the gap, over-fitting by modality; and where the run stands after it."""

import time
from collections.abc import Iterable

from torch.nn import functional

from train import overfitting, weighting
from train.checkpoint import Position
from train.config import READS, Modality
from train.epoch import TrainedEpoch
from train.evaluation import evaluate, only, predict_split, scores_of
from train.metrics import average_precision
from train.plan import Fit
from train.records import Batch, EpochMetrics, ModalityLoss
from train.schedules import after_epoch


def measure(fixed: Fit, position: Position, trained: TrainedEpoch) -> tuple[EpochMetrics, Position]:
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


def _modality_losses(fixed: Fit) -> dict[Modality, ModalityLoss]:
    """Losses of a model of both modalities that is shown one of them."""
    reads = READS[fixed.config.model]
    if len(reads) < 2:
        return {}

    def loss(batches: Iterable[Batch], modality: Modality) -> float:
        where = f"{modality} alone"
        predictions = predict_split(
            fixed.learner.model,
            batches,
            genres=fixed.data.genres,
            accelerator=fixed.learner.accelerator,
            where=where,
            change=only(modality),
        )
        return scores_of(predictions, where=where).loss

    return {
        modality: ModalityLoss(
            train=loss(fixed.data.probe(), modality),
            validation=loss(fixed.data.evaluation("validation"), modality),
        )
        for modality in reads
    }


def for_trackers(measured: EpochMetrics) -> dict[str, float | str]:
    """An epoch's numbers under the names that trackers show."""
    values = {
        name: value
        for name, value in measured.model_dump(exclude={"validation", "epoch", "phase", "best"}).items()
        if isinstance(value, float)
    }
    values |= {f"ogr/{name}": value for name, value in measured.ogr.items() if value is not None}
    scores = measured.validation.model_dump(exclude={"ap_by_genre"})
    return values | {f"validation/{name}": value for name, value in scores.items()}
