"""Checkpoints of a run: written aside, flushed, published by one rename, checked when read.

Layout below the run directory::

    checkpoints/epoch-0007/{model.safetensors, state.pt, checkpoint.json}
    checkpoints/epoch-0007+000120/...      120 batches into the epoch after it

The last two are kept whole, and of the epochs that these two call best, the weights. A finished run keeps none.
"""

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from datasets_cache.files import sync
from datasets_cache.frozen import Frozen
from datasets_cache.sealed import sealed, unsealed
from train import history
from train.epoch import Passes
from train.learner import Learner
from train.schedules import Progress
from train.weighting import WeightState
from train.writing import explained

KEPT = 2
WEIGHTS, STATE, RECORD = "model.safetensors", "state.pt", "checkpoint.json"
_log = logging.getLogger(__name__)


class Position(Frozen):
    """Where a run stands."""

    progress: Progress
    """The protocol, after the last whole epoch."""
    weighting: WeightState | None = None
    """λ; None without UDA."""
    batches: int = 0
    """Batches of the next epoch that are trained already."""
    losses: dict[str, tuple[float, float]] = {}
    """Training and validation loss after the last whole epoch: of the `model`, and of each modality alone."""


class _Record(Frozen):
    """``checkpoint.json``."""

    position: Position
    sha256: dict[str, str]
    """Checksums of the files beside it, and of the best epoch's weights, if there is one, under `best`."""
    history: str | None = None
    """Checksum of the lines of ``epochs.jsonl`` up to this epoch; None in checkpoints that do not say."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint whose files are whole."""

    folder: Path
    position: Position

    @property
    def best_weights(self) -> Path:
        """Weights of the best epoch so far."""
        return weights_of(self.folder.parent.parent, self.position.progress.best_epoch)


def epoch_folder(run: Path, epoch: int, *, batches: int = 0) -> Path:
    """Where the checkpoint lies that was written `batches` batches after `epoch`; names sort in the order of training."""
    return run / "checkpoints" / (f"epoch-{epoch:04d}" + (f"+{batches:06d}" if batches else ""))


def weights_of(run: Path, epoch: int) -> Path:
    """Weights after `epoch`."""
    return epoch_folder(run, epoch) / WEIGHTS


def save(run: Path, learner: Learner, position: Position, *, passes: Passes | None = None) -> Checkpoint:
    """Publish the checkpoint of `position`, then remove what is no longer needed.

    Of several processes, the first writes and all return when it is there.

    Args:
        run: run directory.
        learner: what is saved.
        position: where it stands.
        passes: within an epoch, what its batches left behind so far.
    """
    accelerator = learner.accelerator
    target = epoch_folder(run, position.progress.epoch, batches=position.batches)
    generators = _generators(accelerator)
    if accelerator.is_main_process:
        with explained(run):
            _write(run, target, learner, position, passes, generators)
    accelerator.wait_for_everyone()
    return Checkpoint(target, position)


def _write(
    run: Path, target: Path, learner: Learner, position: Position, passes: Passes | None, generators: dict[str, Tensor]
) -> None:
    staged = target.with_name("staging")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    save_model(learner.model, str(staged / WEIGHTS))
    state: dict[str, Any] = {
        "optimizer": learner.optimizer.state_dict(),
        "rates": learner.rates.state_dict(),
        "generators": generators,
        "average": learner.average.state_dict() if learner.average is not None else None,
        "scaler": learner.accelerator.scaler.state_dict() if learner.accelerator.scaler else None,
        "passes": passes.state() if passes else None,
    }
    torch.save(state, staged / STATE)
    sha256 = {name: _sha256(staged / name) for name in (WEIGHTS, STATE)}
    best = position.progress.best_epoch
    if best == position.progress.epoch and not position.batches:
        sha256["best"] = sha256[WEIGHTS]
    elif best:
        sha256["best"] = _sha256(weights_of(run, best))
    record = _Record(position=position, sha256=sha256, history=history.checksum(run, epochs=position.progress.epoch))
    (staged / RECORD).write_text(sealed(record.model_dump_json(indent=2)), encoding="utf-8")
    for path in (*staged.iterdir(), staged):
        sync(path)
    shutil.rmtree(target, ignore_errors=True)
    staged.rename(target)
    sync(target.parent)
    _prune(run)


def newest(run: Path, *, at_most: int) -> Checkpoint | None:
    """The newest whole checkpoint of an epoch up to `at_most`; each damaged one on the way is logged as a warning."""
    for folder in sorted((run / "checkpoints").glob("epoch-*"), reverse=True):
        if not (folder / RECORD).is_file():
            continue  # only the weights of a best epoch
        try:
            checkpoint = _checked(folder)
        except (OSError, ValueError) as error:
            _log.warning("checkpoint %s is damaged (%s); going back to the one before.", folder, error)
            continue
        if checkpoint.position.progress.epoch <= at_most:
            return checkpoint
    return None


def discard_after(run: Path, last: Checkpoint | None) -> None:
    """Remove the checkpoints after `last` (all, without one): what they hold will be trained again."""
    for folder in sorted((run / "checkpoints").glob("epoch-*")):
        if last is None or folder.name > last.folder.name:
            shutil.rmtree(folder)


def restore(checkpoint: Checkpoint, learner: Learner) -> Passes | None:
    """Put weights, optimiser, rates and random generators back to where the checkpoint left them.

    Returns:
        Within an epoch, what its batches had left behind.

    Raises:
        ValueError: the checkpoint was written by another number of processes.
    """
    load_weights(learner.model, checkpoint.folder / WEIGHTS, device=learner.device)
    state = torch.load(checkpoint.folder / STATE, map_location="cpu", weights_only=True)
    learner.optimizer.load_state_dict(state["optimizer"])
    learner.rates.load_state_dict(state["rates"])
    if learner.average is not None:
        learner.average.load_state_dict(state["average"])
    if learner.accelerator.scaler and state["scaler"]:
        learner.accelerator.scaler.load_state_dict(state["scaler"])
    _set_generators(state["generators"], learner.accelerator, where=checkpoint.folder)
    return Passes.from_state(state["passes"]) if state["passes"] else None


def load_weights(model: nn.Module, path: Path, *, device: torch.device) -> None:
    """Load `path` into `model`, name by name.

    Raises:
        ValueError: the file is damaged or belongs to another model.
    """
    try:
        load_model(model, path, device=str(device))
    except (OSError, RuntimeError, SafetensorError) as error:
        msg = f"{path}: not the weights of this model ({error}). Remove {path.parent} and train again."
        raise ValueError(msg) from error


def clear(run: Path) -> None:
    """Remove every checkpoint of `run`."""
    shutil.rmtree(run / "checkpoints", ignore_errors=True)


def _checked(folder: Path) -> Checkpoint:
    try:
        record = _Record.model_validate_json(unsealed((folder / RECORD).read_bytes()))
    except ValueError:  # pydantic's error is one
        msg = f"{RECORD} is not readable"
        raise ValueError(msg) from None
    checkpoint = Checkpoint(folder, record.position)
    paths = {WEIGHTS: folder / WEIGHTS, STATE: folder / STATE}
    if record.position.progress.best_epoch:
        paths["best"] = checkpoint.best_weights
    for name, path in paths.items():
        if _sha256(path) != record.sha256[name]:
            msg = f"{path.name} of {path.parent.name} does not hold what was written"
            raise ValueError(msg)
    if record.history not in (None, history.checksum(folder.parent.parent, epochs=record.position.progress.epoch)):
        msg = f"{history.FILE_NAME} does not hold what was written before it"
        raise ValueError(msg)
    return checkpoint


def _prune(run: Path) -> None:
    whole = sorted(folder for folder in (run / "checkpoints").glob("epoch-*") if (folder / RECORD).is_file())
    best = {epoch_folder(run, _best_epoch(folder)) for folder in whole[-KEPT:]}
    for folder in sorted((run / "checkpoints").glob("epoch-*")):
        if folder in whole[-KEPT:]:
            continue
        if folder in best:
            (folder / RECORD).unlink(missing_ok=True)
            (folder / STATE).unlink(missing_ok=True)
        else:
            shutil.rmtree(folder)


def _best_epoch(folder: Path) -> int:
    return int(json.loads((folder / RECORD).read_bytes())["position"]["progress"]["best_epoch"])


def _generators(accelerator: Accelerator) -> dict[str, Tensor]:
    """States of torch's default generators, a row a process."""
    states = {"cpu": torch.get_rng_state()}
    if accelerator.device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(accelerator.device)
    return {
        name: cast("Tensor", accelerator.gather(state[None].to(accelerator.device))).cpu() for name, state in states.items()
    }


def _set_generators(states: dict[str, Tensor], accelerator: Accelerator, *, where: Path) -> None:
    wrote = len(states["cpu"])
    if wrote != accelerator.num_processes:
        msg = f"{where} was written by {wrote} processes, now there are {accelerator.num_processes}; go on with {wrote}."
        raise ValueError(msg)
    # copies: torch reads the state of a row that begins within a tensor from the wrong place, and crashes
    torch.set_rng_state(states["cpu"][accelerator.process_index].clone())
    if accelerator.device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"][accelerator.process_index].clone(), accelerator.device)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
