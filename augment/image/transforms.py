"""Transforms of our own: where albumentations has no operation of RandAugment's definition, or one several times slower.

All of them take their parameter in ``apply``: whoever draws it decides it, and the transforms hold no state. Pictures are BGR,
as OpenCV reads and writes them, uint8, [H, W, 3], contiguous; each transform returns a new picture. A table holds the new value
of each of the 256 old ones, uint8, [256].
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import albumentations
import cv2
import numpy as np
from albucore import sz_lut
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Table = NDArray[Any]
Fill = tuple[int, int, int]
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]

LUMA = (0.114, 0.587, 0.299)
"""Weights of blue, green and red in a grey picture (ITU-R BT.601), as Pillow's mode L."""
_LEVELS = np.arange(256, dtype=np.uint8)
_ROUND_DOWN = 0.499
"""OpenCV rounds to nearest, the definitions round down; not 0.5, so that a whole number computed inexactly stays what it is."""
_SOLARIZE = albumentations.Solarize(p=1.0)
_POSTERIZE = albumentations.Posterize(p=1.0)


@lru_cache(maxsize=256)
def solarize_table(threshold: int) -> Table:
    """Solarize of albumentations: values from `threshold` on are inverted."""
    return _SOLARIZE.apply(_LEVELS[None], threshold=(threshold - 0.5) / 255.0)[0]  # between two values: safe from rounding


@lru_cache(maxsize=8)
def posterize_table(bits: int) -> Table:
    """Posterize of albumentations: all but the highest `bits` become 0."""
    kept: Any = bits
    return _POSTERIZE.apply(_LEVELS[None], num_bits=kept)[0]


@lru_cache(maxsize=1024)
def blend_table(factor: float, other: int) -> Table:
    """Blend of a value (`factor`) with the grey level `other` (1 - `factor`), cut off at 0 and 255.

    Source: ``PIL.Image.blend``, in single precision and rounded down.
        Deviation: albumentations' ColorJitter rounds to nearest.
    """
    from_other = _LEVELS.astype(np.float32) - np.float32(other)
    return (np.float32(other) + np.float32(factor) * from_other).clip(0, 255).astype(np.uint8)


def mean_grey(img: Image) -> int:
    """Mean grey level of `img`."""
    return int(sum(weight * level for weight, level in zip(LUMA, cv2.mean(img)[:3], strict=True)) + 0.5)


class PointTable(albumentations.ImageOnlyTransform):
    """The same table for all channels."""

    def apply(self, img: Image, table: Table, **_params: Any) -> NDArray[Any]:
        """Look every value of `img` up in `table`."""
        return sz_lut(img, table, inplace=False)


def _by_channel(img: Image, table_of: Callable[[NDArray[Any]], Table]) -> NDArray[Any]:
    """Each channel looked up in a table of its own; `img` itself where all of them are `_LEVELS`, which changes nothing."""
    planes = cv2.split(img)
    tables = [table_of(plane) for plane in planes]
    if all(table is _LEVELS for table in tables):
        return img
    return cv2.merge([sz_lut(plane, table, inplace=True) for plane, table in zip(planes, tables, strict=True)])


class AutoContrast(albumentations.ImageOnlyTransform):
    """Stretch each channel so that its darkest value becomes 0 and its brightest 255. A flat channel stays.

    Source: ``PIL.ImageOps.autocontrast``.
        Deviation: albumentations' AutoContrast takes 254 for the brightest value of a channel that reaches 255.
    """

    def apply(self, img: Image, **_params: Any) -> NDArray[Any]:
        """Stretch `img`."""
        return _by_channel(img, _stretch_table)


def _stretch_table(plane: NDArray[Any]) -> Table:
    darkest, brightest, _, _ = cv2.minMaxLoc(plane)
    full = (darkest, brightest) == (0, 255)
    return _linear_table(darkest, brightest) if darkest < brightest and not full else _LEVELS


@lru_cache(maxsize=1024)
def _linear_table(darkest: float, brightest: float) -> Table:
    scale = 255.0 / (brightest - darkest)
    return (_LEVELS * scale - darkest * scale).clip(0, 255).astype(np.uint8)


class Equalize(albumentations.ImageOnlyTransform):
    """Spread the grey levels of each channel so that every level holds about as many pixels.

    Source: ``PIL.ImageOps.equalize``: level i goes to (pixels below i + step / 2) / step, where step is (pixels below the
        brightest level) / 255, all rounded down.
        Deviation: albumentations (``mode="pil"``) counts the pixels of level i itself among those below it.
    """

    def apply(self, img: Image, **_params: Any) -> NDArray[Any]:
        """Equalize `img`."""
        return _by_channel(img, _equalize_table)


def _equalize_table(plane: NDArray[Any]) -> Table:
    # one bin for a level that does not occur comes first: the running sum then counts the pixels below each level
    below = cv2.calcHist([plane], [0], None, [257], [-1, 256]).ravel().cumsum(dtype=np.int32)[:256]
    step = int((below % plane.size).max()) // 255  # above the brightest level all pixels are below: 0 after the division
    return np.minimum((below + step // 2) // step, 255).astype(np.uint8) if step else _LEVELS


class Saturation(albumentations.ImageOnlyTransform):
    """Blend with the grey picture.

    Source: ``PIL.ImageEnhance.Color``.
        Deviation: the grey picture is not rounded before the blend. albumentations' ColorJitter takes twice the time.
    """

    def apply(self, img: Image, factor: float = 1.0, **_params: Any) -> NDArray[Any]:
        """Keep `factor` of the colour of `img`: 0 gives a grey picture, 1 the same one."""
        return cv2.transform(img, _saturation_matrix(factor))


@lru_cache(maxsize=64)
def _saturation_matrix(factor: float) -> NDArray[Any]:
    """A row gives a new channel: weights of the old blue, green and red, and a constant."""
    to_grey = np.outer(np.ones(3), LUMA) * (1 - factor)
    return np.column_stack([to_grey + factor * np.eye(3), np.full(3, -_ROUND_DOWN)])


class Sharpness(albumentations.ImageOnlyTransform):
    """Blend with, or away from, the picture smoothed by the kernel (1 1 1, 1 5 1, 1 1 1) / 13. The outermost pixels stay.

    Source: ``PIL.ImageEnhance.Sharpness``. albumentations' Sharpen has another kernel and no blurring half.
    """

    def apply(self, img: Image, factor: float = 1.0, **_params: Any) -> NDArray[Any]:
        """Blur (`factor` below 1) or sharpen (above 1) `img`."""
        smooth = (1 - factor) / 13  # the kernel is 9 times the 3x3 mean, plus 4 times the middle
        sharp = cv2.addWeighted(img, factor + 4 * smooth, cv2.blur(img, (3, 3)), 9 * smooth, 0)
        for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            sharp[edge] = img[edge]
        return sharp


def _overhang(per_column: float, per_row: float, start: float, *, columns: int, rows: int, size: int) -> tuple[int, int]:
    """Pixels by which ``per_column * column + per_row * row + start`` goes below 0 and above `size` - 1 over a picture."""
    over_columns, over_rows = per_column * (columns - 1), per_row * (rows - 1)
    least = start + min(0.0, over_columns) + min(0.0, over_rows)
    most = start + max(0.0, over_columns) + max(0.0, over_rows)
    return max(0, math.ceil(-least)), max(0, math.ceil(most) - (size - 1))


class Rotation(albumentations.ImageOnlyTransform):
    """Rotate about the middle, nearest neighbour.

    Nearly four times as fast as ``warpAffine`` with a constant border, and the same pixels but for ties. OpenCV is quick where
    every source pixel exists, so the picture is first widened by as much as the map reaches beyond it; and one value of four
    bytes, a pixel and a spare byte, is moved in less time than three of one.
    """

    def apply(self, img: Image, degrees: float, fill: Fill, **_params: Any) -> NDArray[Any]:
        """Rotate `img` by `degrees` anticlockwise; what comes in from outside gets the colour `fill`."""
        height, width = img.shape[:2]
        matrix, border = _rotation(degrees, height, width)
        wide = cv2.copyMakeBorder(cv2.cvtColor(img, cv2.COLOR_BGR2BGRA), *border, cv2.BORDER_CONSTANT, value=fill)
        turned = cv2.warpAffine(  # "float" only names the four bytes: nothing is computed with them
            wide.view(np.float32),
            matrix,
            (width, height),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return cv2.cvtColor(turned.view(np.uint8).reshape(height, width, 4), cv2.COLOR_BGRA2BGR)


@lru_cache(maxsize=64)
def _rotation(degrees: float, height: int, width: int) -> tuple[NDArray[Any], tuple[int, int, int, int]]:
    """From a new pixel to its place in the widened picture; and the widths of the border: top, bottom, left, right."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = (width - 1) / 2, (height - 1) / 2
    x, y = x - cosine * x + sine * y, y - sine * x - cosine * y
    top, bottom = _overhang(sine, cosine, y, columns=width, rows=height, size=height)
    left, right = _overhang(cosine, -sine, x, columns=width, rows=height, size=width)
    return np.array(((cosine, -sine, x + left), (sine, cosine, y + top))), (top, bottom, left, right)


class ShearRows(albumentations.ImageOnlyTransform):
    """Slide each row sideways by whole pixels, further from row to row; the upper edge of the picture stays where it is.

    A fifth of ``warpAffine``'s time: every new row is one piece of an old one.

    Source: ``Image.transform(AFFINE, NEAREST)`` of Pillow, which counts in 1/65536 of a pixel.
    """

    def apply(self, img: Image, slope: float, fill: Fill, **_params: Any) -> NDArray[Any]:
        """Slide the rows of `img` to the left by `slope` columns per row down; what comes in gets the colour `fill`."""
        height, width = img.shape[:2]
        rows, starts, left, right = _slides(slope, height)
        wide = cv2.copyMakeBorder(img, 0, 0, left, right, cv2.BORDER_CONSTANT, value=fill)
        pieces = np.ndarray((height, left + right + 1), f"V{3 * width}", wide, strides=(wide.strides[0], 3))
        return pieces[rows, starts].view(np.uint8).reshape(img.shape)


@lru_cache(maxsize=64)
def _slides(slope: float, height: int) -> tuple[NDArray[Any], NDArray[Any], int, int]:
    """Rows, the column of the widened picture that each begins at, and the widths of the border: left, right."""
    rows = np.arange(height)
    slides = (round(65536 * (slope / 2 + 0.5)) + round(65536 * slope) * rows) >> 16
    left, right = max(0, -int(slides[-1])), max(0, int(slides[-1]))
    return rows, slides + left, left, right


class ShearColumns(albumentations.ImageOnlyTransform):
    """`ShearRows` of the picture turned over its diagonal: the left edge stays."""

    def apply(self, img: Image, slope: float, fill: Fill, **_params: Any) -> NDArray[Any]:
        """Slide the columns of `img` up by `slope` rows per column to the right; what comes in gets the colour `fill`."""
        turned = _SHEAR_ROWS.apply(np.asarray(cv2.transpose(img), np.uint8), slope=slope, fill=fill)
        return cv2.transpose(turned)


_SHEAR_ROWS = ShearRows(p=1.0)


class Shift(albumentations.ImageOnlyTransform):
    """Move by whole pixels: exact, without the cost of a warp."""

    def apply(self, img: Image, right: int, down: int, fill: Fill, **_params: Any) -> NDArray[Any]:
        """Move `img` to the `right` and `down` (negative: left and up); what comes in gets the colour `fill`."""
        height, width = img.shape[:2]
        kept = img[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
        border = (max(0, down), max(0, -down), max(0, right), max(0, -right))
        return cv2.copyMakeBorder(kept, *border, cv2.BORDER_CONSTANT, value=fill)
