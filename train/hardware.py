"""Where a run computes and whom it reports to: device, precision, processes and trackers, through `accelerate`."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import is_mlflow_available, is_tensorboard_available, is_wandb_available

from train.config import Precision, Tracker

_AVAILABLE = {"tensorboard": is_tensorboard_available, "wandb": is_wandb_available, "mlflow": is_mlflow_available}
_MIXED = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
_DEVICE = "ACCELERATE_TORCH_DEVICE"


def choose_device(name: str) -> torch.device:
    """Device called `name`; ``auto`` is CUDA where there is a device (this process's own, of several), else the CPU.

    Raises:
        ValueError: torch does not know it, or it is not there.
    """
    if name == "auto":
        return (
            torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if torch.cuda.is_available() else torch.device("cpu")
        )
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        msg = f"device {name!r} cannot be used ({reason}); choose auto, cpu, or one that is there, such as cuda:0."
        raise ValueError(msg) from error
    return device


def choose_precision(wanted: Precision, *, device: torch.device) -> Precision:
    """Precision of the forward passes on `device`; ``auto`` is bfloat16 on CUDA, else float32.

    Raises:
        ValueError: float16 without CUDA: its loss scaling needs it.
    """
    if wanted == "auto":
        return "bf16" if device.type == "cuda" else "fp32"
    if wanted == "fp16" and device.type != "cuda":
        msg = f"--compute.precision fp16 needs CUDA, the device is {device.type}; choose fp32, or bf16."
        raise ValueError(msg)
    return wanted


@contextmanager
def accelerator(
    *, device: torch.device, precision: Precision = "auto", trackers: Sequence[Tracker] = (), folder: Path | None = None,
    freezes: bool = False,
) -> Generator[Accelerator]:  # fmt: skip
    """An accelerator for one run.

    Args:
        device: where to compute; with several processes, this process's own.
        precision: of the forward passes.
        trackers: whom metrics are reported to.
        folder: where trackers write that write files.
        freezes: whether some weights do not train in some epochs, which several processes have to know.
    Raises:
        ValueError: a tracker is not installed, or the device has no such precision.
    """
    for name in trackers:
        if not _AVAILABLE[name]():
            msg = f"the tracker {name} is not installed: `pip install {name}`, or choose others (`--trackers tensorboard`)."
            raise ValueError(msg)
    mixed = _MIXED[choose_precision(precision, device=device)]
    _forget_last_run()
    before = os.environ.get(_DEVICE)
    os.environ[_DEVICE] = str(device)
    try:
        made = Accelerator(
            cpu=device.type == "cpu",
            mixed_precision=mixed,
            log_with=list(trackers) or None,
            project_dir=folder,
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=freezes)],
        )
    finally:
        if before is None:
            del os.environ[_DEVICE]
        else:
            os.environ[_DEVICE] = before
    try:
        yield made
    finally:
        made.end_training()
        _forget_last_run()


def _forget_last_run() -> None:
    # accelerate keeps device and precision for the whole process; the next cell may want others
    AcceleratorState._reset_state(reset_partial_state=True)  # pyright: ignore[reportPrivateUsage]
