"""One cell of the comparison (model, with or without UDA, seed), from a cache version to its result in its own directory."""

import os
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from filelock import FileLock, Timeout

from datasets_cache.files import left_aside, sync, write_text
from datasets_cache.manifest import Manifest
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import SPLITS
from datasets_cache.store import Cache
from datasets_cache.uses import record_use
from datasets_cache.version import open_version
from train import checkpoint, export, hardware, history, model_card, predictions
from train.config import RunConfig, Tracker
from train.data import open_data
from train.evaluation import predict_split, scores_of
from train.finished import CONFIG, MODEL, RESULT, SUMS, cell_name, find_finished, run_folder, sweep, write_sums
from train.hardware import choose_device
from train.learner import learner
from train.loop import CHECKPOINT_SECONDS, OnEpoch, fit
from train.models import build
from train.plan import FilmData, steps_per_epoch
from train.predictions import Predictions
from train.records import RunResult
from train.writing import explained

_one_at_a_time = threading.Lock()
"""torch's default generator, which dropout draws from, belongs to the process: two cells in two threads would share it."""


def run_cell(
    config: RunConfig,
    *,
    cache: Cache,
    runs: Path,
    device: str = "auto",
    trackers: Sequence[Tracker] = (),
    track: Track = untracked,
    track_scoring: Track = untracked,
    on_epoch: OnEpoch | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    continue_interrupted: bool = True,
) -> RunResult:
    """Train, choose by validation AP-micro, test once. A finished run of the same configuration is returned at once.

    A process trains one cell at a time, whatever the number of threads that ask. Processes started together by ``torchrun`` or
    ``accelerate launch`` train one cell together (see `train.launch`).

    Args:
        config: everything that decides the result.
        cache: holds the version.
        runs: folder of all run directories.
        device: ``auto`` (CUDA where there is a device, else CPU), or a name that torch knows.
        trackers: whom each epoch's metrics are reported to, besides ``epochs.jsonl``.
        track: shows the batches of each epoch.
        track_scoring: shows the passes over films as they are, after each epoch and at the end.
        on_epoch: called after each epoch that is trained here.
        checkpoint_seconds: time between checkpoints within an epoch; 0 writes one after each step.
        continue_interrupted: go on from the last checkpoint; False starts an unfinished run afresh.
    Returns:
        The result, also in ``result.json``.
    Raises:
        ValueError: unknown version, device, encoder or tracker; a folder that cannot be written; another process on the same
            run; a loss that is not finite; memory that runs out.
    """
    if finished := find_finished(config, runs):
        sweep(finished.path)
        return finished
    chosen = choose_device(device)
    folder = run_folder(config, runs)
    optim, compute = config.optim, config.compute
    rank = int(os.environ.get("RANK", "0"))
    with (
        _one_at_a_time,
        _alone_in(folder) if rank == 0 else nullcontext(),
        torch.random.fork_rng([chosen] if chosen.type == "cuda" else []),
        hardware.accelerator(
            device=chosen,
            precision=compute.precision,
            trackers=trackers,
            folder=folder / "tensorboard",
            freezes=max(optim.freeze_text_epochs, optim.freeze_image_epochs) > 0,
        ) as accelerator,
    ):
        if finished := find_finished(config, runs):
            return finished  # another process was faster
        if accelerator.is_main_process:
            for name in (CONFIG, history.FILE_NAME, predictions.TEST, SUMS, RESULT):
                for path in left_aside(folder / name):  # by a process that was killed: nobody else writes here now
                    path.unlink(missing_ok=True)
            if not continue_interrupted:
                checkpoint.clear(folder)
            write_text(folder / CONFIG, config.model_dump_json(indent=2) + "\n")
            record_use(cache, config.version, folder)
        accelerator.wait_for_everyone()
        torch.manual_seed(config.seed + 1_000_003 * rank)  # dropout differs between processes
        version = open_version(cache, config.version)
        data = open_data(version, config, track=track_scoring)
        model = build(config, genres=len(data.genres))
        accelerator.init_trackers("mmuda", config=_flat(config.model_dump(mode="json")))
        return train_and_test(
            model,
            data,
            config=config,
            folder=folder,
            films=data.sizes["train"],
            lineage=model_card.lineage(version),
            accelerator=accelerator,
            track=track,
            on_epoch=on_epoch,
            checkpoint_seconds=checkpoint_seconds,
        )


def train_and_test(
    model: torch.nn.Module,
    data: FilmData,
    *,
    config: RunConfig,
    folder: Path,
    films: int,
    lineage: Sequence[Manifest],
    accelerator: Accelerator,
    track: Track = untracked,
    on_epoch: OnEpoch | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> RunResult:
    """Fit `model` on `data`, load the best weights, score all three splits once and publish ``result.json``.

    Raises:
        ValueError: see `train.loop.fit`.
    """
    last = fit(
        learner(model, config, accelerator=accelerator, steps_per_epoch=steps_per_epoch(data, config)),
        data,
        config=config,
        folder=folder,
        films=films,
        title=cell_name(config),
        track=track,
        on_epoch=on_epoch,
        checkpoint_seconds=checkpoint_seconds,
    )
    began = time.monotonic()
    checkpoint.load_weights(model, last.best_weights, device=accelerator.device)
    predicted = {
        split: predict_split(
            model, data.evaluation(split), genres=data.genres, accelerator=accelerator, where=f"{split}, best weights"
        )
        for split in SPLITS
    }
    train, validation, test = (scores_of(predicted[split], where=f"{split}, best weights") for split in SPLITS)
    result = RunResult(
        run=folder.name,
        version=config.version,
        model=config.model,
        uda=config.uda is not None,
        seed=config.seed,
        config=config,
        genres=data.genres,
        best_epoch=last.position.progress.best_epoch,
        epochs=last.position.progress.epoch,
        train=train,
        validation=validation,
        test=test,
        seconds=sum(epoch.seconds for epoch in history.read(folder)) + time.monotonic() - began,
        path=folder,
    )
    if accelerator.is_main_process:
        with explained(folder):
            _publish(result, model, predicted["test"], lineage)
    accelerator.wait_for_everyone()
    return result


def _publish(result: RunResult, model: torch.nn.Module, test: Predictions, lineage: Sequence[Manifest]) -> None:
    """Write what a finished run leaves, the result last: where it lies, the run is finished."""
    folder = result.path
    predictions.save(folder / predictions.TEST, test)
    card = partial(model_card.make, result=result, data=lineage)
    export.save(model, result.config, genres=result.genres, folder=folder / MODEL, card=card)
    text = result.model_dump_json(indent=2) + "\n"
    write_sums(folder, result=text)
    write_text(folder / RESULT, text)
    sync(folder)
    checkpoint.clear(folder)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, int | float | str]:
    """Nested settings as one level, which all trackers can show."""
    flat: dict[str, int | float | str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(cast("Mapping[str, Any]", value), f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, int | float | str) else str(value)
    return flat


@contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", blocking=False)
        lock.acquire()
    except Timeout:
        msg = f"{folder}: another process trains this run; wait for it, or change the configuration."
        raise ValueError(msg) from None
    except OSError as error:
        msg = f"{folder}: cannot be written ({error.strerror}); choose another folder for the runs."
        raise ValueError(msg) from error
    try:
        yield
    finally:
        lock.release()
