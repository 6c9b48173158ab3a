"""The settings of an image shelf, and its rows."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from datasets_cache.frozen import Frozen

GreyLevel = Annotated[int, Field(ge=0, le=255)]


class RandAugmentSpec(Frozen):
    """Everything that decides the augmented posters of a sample."""

    magnitude: float = Field(default=5.0, ge=0, le=10)
    """Strength of every operation: 0 changes nothing, 10 is the largest change (``docs/randaugment.md`` has the table, and the
    reason for 5)."""
    min_magnitude: float | None = Field(default=None, ge=0, le=10)
    """If set, each operation draws its own strength uniformly from here up to `magnitude`; else all have `magnitude`."""
    num_ops: int = Field(default=2, ge=0)
    """Operations applied one after the other, drawn from the 14 with replacement."""
    probability: float = Field(default=1.0, ge=0, le=1)
    """Probability that a drawn operation is applied at all."""
    cutout: int | None = Field(default=None, ge=1, le=256)
    """Side in pixels of a square patch that is covered last, wholly inside the poster; None covers nothing."""
    fill: tuple[GreyLevel, GreyLevel, GreyLevel] = (128, 128, 128)
    """RGB colour of the patch and of what rotations, shears and translations bring in from outside."""
    views: int = Field(default=1, ge=1)
    """Augmented posters of each film."""
    seed: int = 0
    """Seed; each poster's own draws derive from it, the film's id and the number of the view."""

    @model_validator(mode="after")
    def _range_is_a_range(self) -> Self:
        if self.min_magnitude is not None and self.min_magnitude > self.magnitude:
            msg = f"min_magnitude {self.min_magnitude} is above magnitude {self.magnitude}; lower it, or leave it out."
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class ImageView:
    """One row of the shelf (the columns of ``IMAGE_VIEW_FEATURES``)."""

    id: str
    view: int
    poster_256: bytes
    ops: tuple[str, ...]
    kept: str | None
