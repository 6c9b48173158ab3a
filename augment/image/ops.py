"""The 14 operations of RandAugment and what a magnitude of 0 to 10 means for each: one table, `OPS`.

Pictures are BGR, as OpenCV reads and writes them, uint8, [H, W, 3], contiguous. An operation leaves its input as it is and
returns a new picture, or the input itself where it changes nothing. ``docs/randaugment.md`` is the reference page.

albumentations does the work where its transform has the very definition: NoOp, Solarize, Posterize. Its AutoContrast, Equalize,
Sharpen and ColorJitter give other grey levels, its rotation takes six times as long: ``augment.image.transforms`` has those.
All are called by ``apply`` with the exact parameter, because ``__call__`` draws parameters of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import albumentations
import numpy as np
from numpy.typing import NDArray

from augment.image.transforms import (
    AutoContrast,
    Equalize,
    Fill,
    Image,
    PointTable,
    Rotation,
    Saturation,
    Sharpness,
    ShearColumns,
    ShearRows,
    Shift,
    blend_table,
    mean_grey,
    posterize_table,
    solarize_table,
)

OpName = Literal[
    "Identity", "AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Posterize", "Contrast", "Brightness", "Sharpness",
    "ShearX", "ShearY", "TranslateX", "TranslateY",
]  # fmt: skip

MAX_MAGNITUDE = 10.0
_LARGEST_SHIFT = 150 / 331
"""Share of the side that TranslateX and TranslateY move at magnitude 10: 150 of AutoAugment's 331 pixels."""


@dataclass(frozen=True, slots=True)
class Op:
    """One row of the table."""

    name: OpName
    """As in the paper."""
    unit: str
    """What the parameter counts; empty where there is none."""
    signed: bool
    """Whether the parameter is negated in half of the draws."""
    neutral: float | None
    """The parameter at magnitude 0, which changes nothing; None where there is no parameter."""
    parameter: Callable[[float, int, int], float] | None
    """Unsigned parameter for (magnitude / 10, height, width); None where there is none."""
    change: Callable[[Image, float, Fill], NDArray[Any]]
    """The new picture for (picture, parameter, fill)."""


_NOOP = albumentations.NoOp(p=1.0)
_AUTO_CONTRAST = AutoContrast(p=1.0)
_EQUALIZE = Equalize(p=1.0)
_POINTS = PointTable(p=1.0)
_SATURATION = Saturation(p=1.0)
_SHARPNESS = Sharpness(p=1.0)
_ROTATION = Rotation(p=1.0)
_SHEAR_ROWS = ShearRows(p=1.0)
_SHEAR_COLUMNS = ShearColumns(p=1.0)
_SHIFT = Shift(p=1.0)


OPS: tuple[Op, ...] = (
    Op("Identity", "", False, None, None, lambda img, _, __: _NOOP.apply(img)),
    Op("AutoContrast", "", False, None, None, lambda img, _, __: _AUTO_CONTRAST.apply(img)),
    Op("Equalize", "", False, None, None, lambda img, _, __: _EQUALIZE.apply(img)),
    Op(
        "Rotate", "degrees, anticlockwise", True, 0.0, lambda share, _, __: 30.0 * share,
        lambda img, degrees, fill: _ROTATION.apply(img, degrees=degrees, fill=fill),
    ),
    Op(
        "Solarize", "grey level from which on values are inverted", False, 255.0, lambda share, _, __: 255.0 * (1 - share),
        lambda img, level, _: _POINTS.apply(img, table=solarize_table(math.ceil(level))),
    ),
    Op(
        "Color", "change of the saturation factor 1", True, 0.0, lambda share, _, __: 0.9 * share,
        lambda img, change, _: _SATURATION.apply(img, factor=1 + change),
    ),
    Op(
        "Posterize", "bits kept of each channel", False, 8, lambda share, _, __: 8 - round(4 * share),
        lambda img, bits, _: _POINTS.apply(img, table=posterize_table(round(bits))),
    ),
    Op(
        "Contrast", "change of the contrast factor 1", True, 0.0, lambda share, _, __: 0.9 * share,
        lambda img, change, _: _POINTS.apply(img, table=blend_table(1 + change, mean_grey(img))),
    ),
    Op(
        "Brightness", "change of the brightness factor 1", True, 0.0, lambda share, _, __: 0.9 * share,
        lambda img, change, _: _POINTS.apply(img, table=blend_table(1 + change, 0)),
    ),
    Op(
        "Sharpness", "change of the sharpness factor 1", True, 0.0, lambda share, _, __: 0.9 * share,
        lambda img, change, _: _SHARPNESS.apply(img, factor=1 + change),
    ),
    Op(
        "ShearX", "columns to the left per row down", True, 0.0, lambda share, _, __: 0.3 * share,
        lambda img, slope, fill: _SHEAR_ROWS.apply(img, slope=slope, fill=fill),
    ),
    Op(
        "ShearY", "rows up per column to the right", True, 0.0, lambda share, _, __: 0.3 * share,
        lambda img, slope, fill: _SHEAR_COLUMNS.apply(img, slope=slope, fill=fill),
    ),
    Op(
        "TranslateX", "pixels to the right", True, 0, lambda share, _, width: int(_LARGEST_SHIFT * width * share),
        lambda img, pixels, fill: _SHIFT.apply(img, right=int(pixels), down=0, fill=fill),
    ),
    Op(
        "TranslateY", "pixels down", True, 0, lambda share, height, _: int(_LARGEST_SHIFT * height * share),
        lambda img, pixels, fill: _SHIFT.apply(img, right=0, down=int(pixels), fill=fill),
    ),
)  # fmt: skip
"""The table: name, unit, signed, neutral parameter, parameter at a magnitude, implementation.

Source: Cubuk et al., RandAugment, arXiv:1909.13719; ranges as ``torchvision.transforms.RandAugment``.
    Deviation: magnitude 0 changes nothing (torchvision's Solarize then inverts pure white); the four colour factors move away
    from 1 by the magnitude, to either side (as torchvision; the paper's code runs from 0.1 to 1.9, neutral in the middle).
"""


def draw_parameter(op: Op, *, magnitude: float, negative: bool, height: int, width: int) -> float | None:
    """Parameter of `op` for a picture of `height` x `width`, None where it has none.

    Args:
        op: a row of `OPS`.
        magnitude: 0 (no change) to 10.
        negative: whether the drawn sign is minus; ignored where the op has no sign.
        height: rows of the picture.
        width: columns of the picture.
    Raises:
        ValueError: a magnitude outside 0 to 10.

    Examples:
        >>> rotate = next(op for op in OPS if op.name == "Rotate")
        >>> draw_parameter(rotate, magnitude=10, negative=True, height=256, width=256)
        -30.0
    """
    if not 0 <= magnitude <= MAX_MAGNITUDE:
        msg = f"magnitude {magnitude}: expected a number from 0 (no change) to 10 (the largest change)."
        raise ValueError(msg)
    if op.parameter is None:
        return None
    unsigned = op.parameter(magnitude / MAX_MAGNITUDE, height, width)
    return -unsigned if negative and op.signed and unsigned else unsigned


def apply_op(op: Op, image: Image, parameter: float | None, *, fill: Fill) -> Image:
    """`image` changed by `op`; the input itself where the parameter changes nothing.

    Args:
        op: a row of `OPS`.
        image: BGR, uint8, [H, W, 3].
        parameter: as `draw_parameter` gives it.
        fill: BGR colour of what the geometric ops bring in from outside.

    Examples:
        >>> solarize = next(op for op in OPS if op.name == "Solarize")
        >>> picture = np.full((1, 2, 3), (0, 200, 255), np.uint8)
        >>> apply_op(solarize, picture, 128, fill=(0, 0, 0))[0, 0].tolist()  # from 128 on: 255 less the value
        [0, 55, 0]
    """
    if parameter is not None and parameter == op.neutral:
        return image
    return np.asarray(op.change(image, parameter or 0.0, fill), np.uint8)


def cut_out(image: Image, *, left: int, top: int, side: int, fill: Fill) -> Image:
    """A copy of `image` with a square patch of `side` pixels in the colour `fill`.

    Raises:
        ValueError: the patch does not lie inside the picture.

    Examples:
        >>> picture = np.zeros((3, 3, 3), np.uint8)
        >>> cut_out(picture, left=1, top=0, side=2, fill=(9, 9, 9))[:, :, 0].tolist()
        [[0, 9, 9], [0, 9, 9], [0, 0, 0]]
    """
    height, width = image.shape[:2]
    if not (0 <= left <= width - side and 0 <= top <= height - side):
        msg = (
            f"cut-out of {side} pixels at ({left}, {top}): expected it inside the picture of {width}x{height}; make it smaller."
        )
        raise ValueError(msg)
    patched = image.copy()
    patched[top : top + side, left : left + side] = fill
    return patched
