"""What a row is: films, their augmented views, and what happened to the rows that were not usable as they came."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Reason = Literal[
    "poster missing",
    "poster not an image",
    "poster truncated",
    "poster too large",
    "poster mode converted",
    "poster rotated by EXIF",
    "poster animated",
    "plot missing",
    "plot empty",
    "plot mojibake",
    "plot markup",
    "plot control characters",
    "plot also in validation",
    "plot also in test",
    "plot nearly in validation",
    "plot nearly in test",
    "poster nearly in validation",
    "poster nearly in test",
    "metadata missing",
    "metadata not JSON",
    "metadata wrong type",
    "no genre of the task",
    "id not usable",
    "id not in split",
    "id duplicated",
    "id in two splits",
    "split not known",
    "field missing",
    "given plot missing",
    "given poster unusable",
]
"""Every reason for which a row is repaired or skipped; ``docs/sources.md`` has the rule behind each."""


@dataclass(frozen=True, slots=True)
class Example:
    """One film, ready to use.

    `poster` holds the encoded bytes as the source had them; `poster_256` is the 256x256 RGB JPEG that training reads.
    `genres` follow the task's order. `given_plot` and `given_poster_256` are augmentations that came with the source.
    """

    id: str
    title: str
    plot: str
    poster: bytes
    poster_256: bytes
    genres: tuple[str, ...]
    given_plot: str | None = None
    given_poster_256: bytes | None = None


@dataclass(frozen=True, slots=True)
class RowIssue:
    """One row that was repaired, or skipped, and why."""

    id: str
    split: Split | None
    action: Literal["repaired", "skipped"]
    reason: Reason
    detail: str = ""


Columns = Mapping[str, str | tuple[str]]
"""Names and Arrow types of columns; a tuple of one type is a list of such values."""

SAMPLE_FEATURES: Columns = {
    "id": "string",
    "title": "string",
    "plot": "string",
    "poster": "binary",
    "poster_256": "binary",
    "genres": ("string",),
    "given_plot": "string",
    "given_poster_256": "binary",
}
"""Columns of a sample shelf (all three splits) and of a pool shelf (training split, no genres): the fields of `Example`."""

TEXT_VIEW_FEATURES: Columns = {
    "id": "string",
    "view": "int32",
    "plot": "string",
    "sentences": "int32",
    "kept": ("string",),
    "retried": "int32",
    "numbers_lost": "int32",
    "names_lost": "int32",
    "chrf": "float32",
}
"""Columns of a text shelf (training split): the augmented plot, its number of sentences, for each sentence that was kept as the
original the reason, how many sentences came from a second decoding, how many lost a number or a name, and the plot's chrF
against its original (0 to 100; 100 where it is unchanged)."""

IMAGE_VIEW_FEATURES: Columns = {
    "id": "string",
    "view": "int32",
    "poster_256": "binary",
    "ops": ("string",),
    "kept": "string",
}
"""Columns of an image shelf (training split): the augmented 256x256 RGB JPEG, the ops applied in order with their parameter
(``"Rotate -9.0"``), and, where the poster was kept as it was, the reason (else null)."""
