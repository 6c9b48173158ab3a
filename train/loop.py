"""The training loop: epochs of steps, each followed by validation, a line of history and a checkpoint."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch

from datasets_cache.progress import Track, untracked
from train import checkpoint, history, weighting
from train.checkpoint import Checkpoint, Position
from train.config import RunConfig
from train.epoch import Passes, TrainedEpoch, train_epoch
from train.freezing import freeze, training_mode
from train.learner import Learner
from train.measured import for_trackers, measure
from train.plan import FilmData, Fit, fixed_parts, plan_step
from train.records import Batch, EpochMetrics
from train.schedules import start
from train.writing import explained

OnEpoch = Callable[[EpochMetrics], None]
CHECKPOINT_SECONDS = 600.0
"""Time between checkpoints within an epoch."""
_log = logging.getLogger(__name__)


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
    fixed = fixed_parts(learner, data, config, folder, films)
    last, passes = _continue(fixed)
    position = last.position if last else Position(
        progress=start(uda=uda is not None), weighting=weighting.start(uda.weight) if uda else None
    )  # fmt: skip
    while last is None or position.batches or not position.progress.done:
        heading = f"{title} · epoch {position.progress.epoch + 1}/{total} · {position.progress.phase}"
        show = partial(track, total=data.batches_per_epoch - position.batches, title=heading, unit="batches")
        try:
            trained = _trained(fixed, position, passes, show=show, checkpoint_seconds=checkpoint_seconds)
            measured, position = measure(fixed, position, trained)
        except RuntimeError as error:
            _explain_memory(error, config)
            raise
        passes = None
        if learner.accelerator.is_main_process:
            with explained(folder):
                history.append(folder, measured)  # before the checkpoint: one without its line would lose an epoch
        last = checkpoint.save(folder, learner, position)
        learner.accelerator.log(for_trackers(measured), step=measured.epoch)
        if on_epoch and learner.accelerator.is_main_process:
            on_epoch(measured)
    return last


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
        plan=partial(plan_step, fixed, position),
        first_step=progress.epoch * fixed.steps_per_epoch + position.batches // optim.accumulation,
        accumulation=optim.accumulation,
        max_grad_norm=optim.max_grad_norm,
        passes=passes,
        after_step=save_now_and_then,
    )


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
