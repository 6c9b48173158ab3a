"""What a model said of each film of a split, kept beside the run's result so that models can be compared film by film.

Shape legend: B films, G genres.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from datasets_cache.files import written_aside

if TYPE_CHECKING:
    from torch import Tensor

TEST = "test-predictions.safetensors"
"""Where a finished run keeps those of its test split."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Logits and labels of the films of one split."""

    ids: tuple[str, ...]
    """Film ids, in row order."""
    genres: tuple[str, ...]
    """Names of the columns."""
    logits_BG: "Tensor"
    """float32, on the CPU."""
    labels_BG: "Tensor"
    """1 where a film has the genre, float32, on the CPU."""

    def __post_init__(self) -> None:
        expected = (len(self.ids), len(self.genres))
        shapes = tuple(self.logits_BG.shape), tuple(self.labels_BG.shape)
        if shapes != (expected, expected):
            msg = f"logits {shapes[0]} and labels {shapes[1]} must both be [{expected[0]} films, {expected[1]} genres]."
            raise ValueError(msg)


def save(path: Path, predictions: Predictions) -> None:
    """Write one safetensors file: the tensors ``logits`` and ``labels``, ids and genres as JSON in its metadata.

    It is written aside and renamed: a file under its name is whole.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {"logits": predictions.logits_BG, "labels": predictions.labels_BG}
    with written_aside(path) as aside:
        save_file(
            {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in tensors.items()},
            aside,
            metadata={"ids": json.dumps(predictions.ids), "genres": json.dumps(predictions.genres)},
        )


def load(path: Path) -> Predictions:
    """What `save` wrote.

    Raises:
        ValueError: the file is missing or damaged.
    """
    if not path.is_file():
        msg = f"{path}: no such file; a finished run keeps its predictions there. `mmuda train` makes it."
        raise ValueError(msg)
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
            ids, genres = (tuple(map(str, json.loads(about[name]))) for name in ("ids", "genres"))
            return Predictions(ids, genres, file.get_tensor("logits"), file.get_tensor("labels"))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path}: not whole predictions ({str(error).partition(chr(10))[0]}); remove the run and train it again."
        raise ValueError(msg) from error
