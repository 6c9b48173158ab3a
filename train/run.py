"""One cell of the comparison (model, with or without UDA, seed) from a cache version to its result, in its own directory.

Layout below the runs folder::

    <model>[+uda]-seed<seed>-<fingerprint of the configuration>/
        config.json  epochs.jsonl  checkpoints/       while it trains
        config.json  epochs.jsonl  model.safetensors  result.json       when it is finished
"""

import fcntl
import shutil
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import torch
from pydantic import ValidationError

from datasets_cache.files import sync
from datasets_cache.fingerprint import fingerprint
from datasets_cache.progress import Track, untracked
from datasets_cache.store import Cache
from datasets_cache.version import open_version
from train import checkpoint, history
from train.config import RunConfig
from train.data import open_data
from train.loop import FilmData, OnEpoch, evaluate, fit
from train.models import build
from train.objective import learner
from train.records import RunResult

FORMAT = 1
"""Raised when an unchanged configuration would train differently: old runs are then neither reused nor continued."""
CONFIG, RESULT, WEIGHTS = "config.json", "result.json", "model.safetensors"

_one_at_a_time = threading.Lock()
"""torch's default generator, which dropout draws from, belongs to the process: two cells in two threads would share it."""


def cell_name(config: RunConfig) -> str:
    """Short name of a cell, such as ``mmbt+uda-seed1``."""
    return f"{config.model}{'+uda' if config.uda else ''}-seed{config.seed}"


def run_folder(config: RunConfig, runs: Path) -> Path:
    """Where the run of `config` lies."""
    return runs / f"{cell_name(config)}-{fingerprint({'format': FORMAT, 'config': config.model_dump(mode='json')})}"


def run_cell(
    config: RunConfig,
    *,
    cache: Cache,
    runs: Path,
    device: str = "auto",
    track: Track = untracked,
    on_epoch: OnEpoch | None = None,
    continue_interrupted: bool = True,
) -> RunResult:
    """Train, choose by validation AP-micro, test once. A finished run of the same configuration is returned at once.

    A process trains one cell at a time, whatever the number of threads that ask.

    Args:
        config: everything that decides the result.
        cache: holds the version.
        runs: folder of all run directories.
        device: ``auto`` (CUDA where there is a device, else CPU), or a name that torch knows.
        track: shows the steps of each epoch.
        on_epoch: called after each epoch that is trained here.
        continue_interrupted: go on from the last checkpoint; False starts an unfinished run afresh.
    Returns:
        The result, also in ``result.json``.
    Raises:
        ValueError: unknown version, device or encoder; a folder that cannot be written; another process on the same run; a loss
            that is not finite.
    """
    if finished := find_finished(config, runs):
        return finished
    chosen = choose_device(device)
    folder = run_folder(config, runs)
    with _one_at_a_time, _alone_in(folder), torch.random.fork_rng([chosen] if chosen.type == "cuda" else []):
        if finished := find_finished(config, runs):
            return finished  # another process was faster
        if not continue_interrupted:
            checkpoint.clear(folder)
        (folder / CONFIG).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        torch.manual_seed(config.seed)
        data = open_data(open_version(cache, config.version), config)
        model = build(config, genres=len(data.genres))
        return train_and_test(model, data, config=config, folder=folder, device=chosen, track=track, on_epoch=on_epoch)


def train_and_test(
    model: torch.nn.Module,
    data: FilmData,
    *,
    config: RunConfig,
    folder: Path,
    device: torch.device,
    track: Track = untracked,
    on_epoch: OnEpoch | None = None,
) -> RunResult:
    """Fit `model` on `data`, load the best weights, score all three splits once and publish ``result.json``.

    Raises:
        ValueError: see `train.loop.fit`.
    """
    trainee = learner(model, config.optim, device=device)
    last = fit(
        trainee,
        data,
        optim=config.optim,
        uda=config.uda,
        folder=folder,
        title=cell_name(config),
        track=track,
        on_epoch=on_epoch,
    )
    began = time.monotonic()
    checkpoint.load_weights(model, last.best_weights, device=device)
    train, validation, test = (
        evaluate(model, data.evaluation(split), genres=data.genres, device=device, where=f"{split}, best weights")
        for split in ("train", "validation", "test")
    )
    result = RunResult(
        run=folder.name,
        version=config.version,
        model=config.model,
        uda=config.uda is not None,
        seed=config.seed,
        best_epoch=last.progress.best_epoch,
        epochs=last.progress.epoch,
        train=train,
        validation=validation,
        test=test,
        seconds=sum(epoch.seconds for epoch in history.read(folder)) + time.monotonic() - began,
        path=folder,
    )
    shutil.copyfile(last.best_weights, folder / f"{WEIGHTS}.new")
    (folder / f"{RESULT}.new").write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for name in (WEIGHTS, RESULT):  # the result last: where it lies, the run is finished
        sync(folder / f"{name}.new")
        (folder / f"{name}.new").replace(folder / name)
    sync(folder)
    checkpoint.clear(folder)
    return result


def find_finished(config: RunConfig, runs: Path) -> RunResult | None:
    """Result of a finished run of `config`, None where there is none.

    Raises:
        ValueError: its ``result.json`` is damaged.
    """
    folder = run_folder(config, runs)
    return read_result(folder) if (folder / RESULT).is_file() else None


def find_results(runs: Path, *, version: str | None = None) -> list[RunResult]:
    """Results of all finished runs below `runs`, by name; with `version`, only those on that cache version.

    Raises:
        ValueError: a ``result.json`` is damaged.
    """
    found = [read_result(path.parent) for path in sorted(runs.glob(f"*/{RESULT}"))]
    return [result for result in found if version in (None, result.version)]


def read_result(folder: Path) -> RunResult:
    """Result of the finished run in `folder`; its path is where it lies now.

    Raises:
        ValueError: it is missing or damaged.
    """
    path = folder / RESULT
    try:
        result = RunResult.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        msg = f"{path}: missing; the run is not finished. `mmuda train` continues it."
        raise ValueError(msg) from None
    except ValidationError as error:
        msg = f"{path}: not a result ({error.error_count()} problems). Remove {folder} and train again."
        raise ValueError(msg) from None
    return result.model_copy(update={"path": folder})


def choose_device(name: str) -> torch.device:
    """Device called `name`; ``auto`` is CUDA where there is a device, else the CPU.

    Raises:
        ValueError: torch does not know it, or it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        msg = f"device {name!r} cannot be used ({reason}); choose auto, cpu, or one that is there, such as cuda:0."
        raise ValueError(msg) from error
    return device


@contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        msg = f"{folder}: cannot be written ({error.strerror}); choose another folder for the runs."
        raise ValueError(msg) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"{folder}: another process trains this run; wait for it, or change the configuration."
            raise ValueError(msg) from None
        yield
