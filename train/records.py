"""The small records that pass between the parts of a training run.

Shape legend: B batch, L text tokens, C channels, H height, W width, N image tokens, D width of a token, G genres.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from datasets_cache.frozen import Frozen
from train.config import Modality, ModelName, RunConfig

if TYPE_CHECKING:  # results are read without it
    from collections.abc import Callable

    import torch
    from torch import Tensor

Phase = Literal["uda", "plain"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model reads of a batch of films; a part that the model does not read is None."""

    tokens_BL: "Tensor | None" = None
    """Token ids, int64, padded."""
    mask_BL: "Tensor | None" = None
    """1 where `tokens_BL` holds a token, 0 where it holds padding, int64."""
    image_BCHW: "Tensor | None" = None
    """Normalised posters, float32 [B, 3, 256, 256]."""
    image_BND: "Tensor | None" = None
    """Posters already encoded as image tokens, float [B, N, D]; read in place of `image_BCHW` by a model that takes both."""

    def map(self, change: "Callable[[Tensor], Tensor]") -> Self:
        """The same inputs with `change` made to each tensor."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return replace(self, **{name: change(part) for name, part in parts.items() if part is not None})

    def to(self, device: "torch.device") -> Self:
        """The same inputs on `device`; copies from pinned memory do not block."""
        return self.map(lambda part: part.to(device, non_blocking=True))


@dataclass(frozen=True, slots=True)
class Pair:
    """Films without labels, and the same films augmented, row by row."""

    ids: tuple[str, ...]
    """Film ids, in row order."""
    original: Inputs
    """The films as they are."""
    augmented: Inputs
    """The same films with what is augmented replaced; a poster that is not is the very tensor of `original`."""

    def map(self, change: "Callable[[Tensor], Tensor]") -> Self:
        """The same pair with `change` made to each tensor; what both views share is changed once and stays shared."""
        return replace(
            self, **dict(zip(("original", "augmented"), _map_pair(self.original, self.augmented, change), strict=True))
        )

    @property
    def shares_posters(self) -> bool:
        """Whether the augmented films have the very posters of the original ones."""
        return _share_posters(self.original, self.augmented)


@dataclass(frozen=True, slots=True)
class Batch:
    """Films of one pass."""

    ids: tuple[str, ...]
    """Film ids, in row order."""
    labels_BG: "Tensor"
    """1 where a film has the genre, float32."""
    original: Inputs
    """The films as they are."""
    augmented: Inputs | None = None
    """The same films, row by row, with what is augmented replaced; None without UDA."""
    unlabelled: Pair | None = None
    """Films that only the consistency term reads; None without a pool."""
    weight: float = 1.0
    """Factor of this process's losses, where several share a batch: so that the mean over processes is the mean over films."""

    def map(self, change: "Callable[[Tensor], Tensor]") -> Self:
        """The same batch with `change` made to each tensor; what both views share is changed once and stays shared."""
        original, augmented = _map_pair(self.original, self.augmented, change)
        unlabelled = self.unlabelled.map(change) if self.unlabelled else None
        return replace(self, labels_BG=change(self.labels_BG), original=original, augmented=augmented, unlabelled=unlabelled)

    @property
    def shares_posters(self) -> bool:
        """Whether the augmented films have the very posters of the original ones."""
        return self.augmented is not None and _share_posters(self.original, self.augmented)

    def to(self, device: "torch.device") -> Self:
        """The same batch on `device`; copies from pinned memory do not block."""
        return self.map(lambda part: part.to(device, non_blocking=True))


def _map_pair(original: Inputs, augmented: Inputs | None, change: "Callable[[Tensor], Tensor]") -> tuple[Inputs, Inputs | None]:
    changed = original.map(change)
    if augmented is None:
        return changed, None
    if _share_posters(original, augmented):
        return changed, replace(replace(augmented, image_BCHW=None).map(change), image_BCHW=changed.image_BCHW)
    return changed, augmented.map(change)


def _share_posters(original: Inputs, augmented: Inputs) -> bool:
    return original.image_BCHW is not None and augmented.image_BCHW is original.image_BCHW


@dataclass(frozen=True, slots=True)
class StepLosses:
    """Losses of one step: scalars, still attached to the graph."""

    supervised: "Tensor"
    """Binary cross entropy with logits, mean over films and genres (and only over the pairs that annealing lets count)."""
    consistency: "Tensor | None"
    """Unweighted consistency term, None without UDA."""
    logits_BG: "Tensor"
    """Logits of the original films, detached: they also score the training split."""


class ModalityLoss(Frozen):
    """Binary cross entropy, mean over films and genres, in evaluation mode and nats, of a model that is shown one modality."""

    train: float
    """On a fixed part of the training films, as large as the validation split where there are as many."""
    validation: float
    """On the validation split."""


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
    """Of the pretrained layers, in the last step of this epoch."""
    supervised: float
    """Mean supervised loss of the training steps."""
    consistency: float | None
    """Mean unweighted consistency term, None in a plain epoch."""
    consistency_weight: float | None
    """λ, mean over the steps of this epoch; None in a plain epoch."""
    consistency_share: float | None
    """λ · consistency / supervised, None in a plain epoch."""
    train_loss: float
    """Binary cross entropy of the training steps' own logits, unweighted, all labels counting."""
    train_ap_micro: float
    """From the logits of the training steps themselves (dropout on, weights moving)."""
    train_ap_macro: float
    """Likewise, mean over genres."""
    gap: float
    """`train_ap_micro` minus the validation AP-micro: what the adaptive λ is steered by, smoothed."""
    smoothed_gap: float | None
    """The gap that an adaptive λ was steered by after this epoch; None otherwise."""
    modality_losses: dict[Modality, ModalityLoss]
    """`mmbt`: losses with the other modality missing. Empty for models of one modality."""
    ogr: dict[str, float | None]
    """Overfitting-to-generalisation ratio since the epoch before (``train/overfitting.py``): of the `model`, and for `mmbt` of
    each modality alone; None in the first epoch, and where the validation loss did not change."""
    validation: Scores
    """After the epoch."""
    best: bool
    """Whether this is the best validation AP-micro so far."""
    seconds: float
    """Wall time, validation included."""
    waiting: float
    """Share of the training steps' wall time spent waiting for data."""


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
    config: RunConfig
    """Everything that decided the result."""
    genres: tuple[str, ...]
    """Names of the label columns."""
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
