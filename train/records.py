"""The small records that pass between the parts of a training run.

Shape legend: B batch, L text tokens, C channels, H height, W width, N image tokens, D width of a token, G genres.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor

from datasets_cache.frozen import Frozen
from train.config import ModelName

Phase = Literal["uda", "plain"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model reads of a batch of films; a part that the model does not read is None."""

    tokens_BL: Tensor | None = None
    """Token ids, int64, padded."""
    mask_BL: Tensor | None = None
    """1 where `tokens_BL` holds a token, 0 where it holds padding, int64."""
    image_BCHW: Tensor | None = None
    """Normalised posters, float32 [B, 3, 256, 256]."""
    image_BND: Tensor | None = None
    """Posters already encoded as image tokens, float [B, N, D]; read in place of `image_BCHW` by a model that takes both."""

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same inputs with `change` made to each tensor."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return replace(self, **{name: change(part) for name, part in parts.items() if part is not None})

    def to(self, device: torch.device) -> Self:
        """The same inputs on `device`; copies from pinned memory do not block."""
        return self.map(lambda part: part.to(device, non_blocking=True))


@dataclass(frozen=True, slots=True)
class Batch:
    """Films of one step."""

    ids: tuple[str, ...]
    """Film ids, in row order."""
    labels_BG: Tensor
    """1 where a film has the genre, float32."""
    original: Inputs
    """The films as they are."""
    augmented: Inputs | None = None
    """The same films, row by row, with the augmented modality; None without UDA."""

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same batch with `change` made to each tensor; a poster that both views share is changed once and stays shared."""
        original = self.original.map(change)
        augmented = self.augmented.map(change) if self.augmented else None
        if augmented and self.shares_posters:
            augmented = replace(augmented, image_BCHW=original.image_BCHW)
        return replace(self, labels_BG=change(self.labels_BG), original=original, augmented=augmented)

    @property
    def shares_posters(self) -> bool:
        """Whether the augmented films have the very posters of the original ones."""
        posters = self.original.image_BCHW
        return posters is not None and self.augmented is not None and self.augmented.image_BCHW is posters

    def to(self, device: torch.device) -> Self:
        """The same batch on `device`; copies from pinned memory do not block."""
        return self.map(lambda part: part.to(device, non_blocking=True))


@dataclass(frozen=True, slots=True)
class StepLosses:
    """Losses of one step: scalars, still attached to the graph."""

    supervised: Tensor
    """Binary cross entropy with logits, mean over films and genres."""
    consistency: Tensor | None
    """Unweighted consistency term, None without UDA."""
    logits_BG: Tensor
    """Logits of the original films, detached: they also score the training split."""


class Scores(Frozen):
    """Metrics of one model on one split, fractions of 1."""

    loss: float
    """Binary cross entropy, mean over films and genres, nats."""
    ap_micro: float
    """Average precision over all (film, genre) pairs."""
    ap_macro: float
    """Mean average precision over the genres that occur in the split."""
    ap_by_genre: dict[str, float | None]
    """Average precision of each genre; None where the split has no film of it."""
    f1_micro: float
    """F1 over all pairs; a genre is predicted above probability 0.5."""
    f1_macro: float
    """Mean F1 at probability 0.5 over the genres that occur in the split."""


class EpochMetrics(Frozen):
    """One line of a run's ``epochs.jsonl``."""

    epoch: int
    """From 1."""
    phase: Phase
    """`uda` while the consistency term is on, else `plain`."""
    learning_rate: float
    """During this epoch."""
    supervised: float
    """Mean supervised loss of the training steps."""
    consistency: float | None
    """Mean unweighted consistency term, None in a plain epoch."""
    consistency_share: float | None
    """λ · consistency / supervised, None in a plain epoch."""
    train_ap_micro: float
    """From the logits of the training steps themselves (dropout on, weights moving)."""
    train_ap_macro: float
    """Likewise, mean over genres."""
    validation: Scores
    """After the epoch."""
    best: bool
    """Whether this is the best validation AP-micro so far."""
    seconds: float
    """Wall time, validation included."""


class RunResult(Frozen):
    """A run's ``result.json``."""

    run: str
    """Name of the run directory."""
    version: str
    """Cache version."""
    model: ModelName
    """Model."""
    uda: bool
    """Whether it was trained with UDA."""
    seed: int
    """Seed."""
    best_epoch: int
    """Epoch whose weights were tested."""
    epochs: int
    """Epochs trained."""
    train: Scores
    """Training split in evaluation mode, best weights."""
    validation: Scores
    """Validation split, best weights."""
    test: Scores
    """Test split, best weights; read once."""
    seconds: float
    """Wall time of the run."""
    path: Path
    """Run directory."""
