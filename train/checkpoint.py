"""Epoch checkpoints of a run: written aside, flushed, published by one rename, checked when read.

Layout below the run directory::

    checkpoints/epoch-0007/{model.safetensors, state.pt, checkpoint.json}

The last two epochs are kept whole, and of the epochs that these two call best, the weights. A finished run keeps none.
"""

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import nn

from datasets_cache.files import sync
from datasets_cache.frozen import Frozen
from train.objective import Learner
from train.schedules import Progress

KEPT = 2
WEIGHTS, STATE, RECORD = "model.safetensors", "state.pt", "checkpoint.json"
_log = logging.getLogger(__name__)


class _Record(Frozen):
    """``checkpoint.json``."""

    progress: Progress
    sha256: dict[str, str]
    """Checksums of the files beside it, and of the best epoch's weights under `best`."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint whose files are whole."""

    folder: Path
    progress: Progress

    @property
    def best_weights(self) -> Path:
        """Weights of the best epoch so far."""
        return epoch_folder(self.folder.parent.parent, self.progress.best_epoch) / WEIGHTS


def epoch_folder(run: Path, epoch: int) -> Path:
    """Where the checkpoint after `epoch` lies."""
    return run / "checkpoints" / f"epoch-{epoch:04d}"


def save(run: Path, learner: Learner, *, progress: Progress) -> Checkpoint:
    """Publish the checkpoint after `progress.epoch`, then remove what is no longer needed."""
    target = epoch_folder(run, progress.epoch)
    staged = target.with_name("staging")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    save_model(learner.model, str(staged / WEIGHTS))
    state = {"optimizer": learner.optimizer.state_dict(), "schedule": learner.schedule.state_dict()}
    torch.save({**state, "rng": _rng_state(learner.device)}, staged / STATE)
    sha256 = {name: _sha256(staged / name) for name in (WEIGHTS, STATE)}
    best = (
        sha256[WEIGHTS] if progress.best_epoch == progress.epoch else _sha256(epoch_folder(run, progress.best_epoch) / WEIGHTS)
    )
    record = _Record(progress=progress, sha256={**sha256, "best": best})
    (staged / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for path in (*staged.iterdir(), staged):
        sync(path)
    staged.rename(target)
    sync(target.parent)
    _prune(run)
    return Checkpoint(target, progress)


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
        if checkpoint.progress.epoch <= at_most:
            return checkpoint
    return None


def discard_after(run: Path, epoch: int) -> None:
    """Remove the checkpoints of later epochs, which will be trained again."""
    for folder in sorted((run / "checkpoints").glob("epoch-*")):
        if folder.name > epoch_folder(run, epoch).name:
            shutil.rmtree(folder)


def restore(checkpoint: Checkpoint, learner: Learner) -> None:
    """Put weights, optimiser, schedule and random generators back to where the checkpoint left them."""
    load_weights(learner.model, checkpoint.folder / WEIGHTS, device=learner.device)
    state = torch.load(checkpoint.folder / STATE, map_location="cpu", weights_only=True)
    learner.optimizer.load_state_dict(state["optimizer"])
    learner.schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(state["rng"]["cpu"])
    if learner.device.type == "cuda" and "cuda" in state["rng"]:
        torch.cuda.set_rng_state(state["rng"]["cuda"], learner.device)


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
        record = _Record.model_validate_json((folder / RECORD).read_bytes())
    except ValidationError:
        msg = f"{RECORD} is not readable"
        raise ValueError(msg) from None
    checkpoint = Checkpoint(folder, record.progress)
    paths = {WEIGHTS: folder / WEIGHTS, STATE: folder / STATE, "best": checkpoint.best_weights}
    for name, path in paths.items():
        if _sha256(path) != record.sha256[name]:
            msg = f"{path.name} of {path.parent.name} does not hold what was written"
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
    return int(json.loads((folder / RECORD).read_bytes())["progress"]["best_epoch"])


def _rng_state(device: torch.device) -> dict[str, Any]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
