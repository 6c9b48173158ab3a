"""Transforms of our own: where albumentations has no operation of RandAugment's definition, or one several times slower.

All of them take their parameter in ``apply``: whoever draws it decides it, and the transforms hold no state. Pictures are RGB,
uint8, [H, W, 3]; each returns a new picture.
"""

import math
from typing import Any

import albumentations
import cv2
import numpy as np
from albucore import sz_lut
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Fill = tuple[int, int, int]
ColorWeights = tuple[tuple[float, float, float, float], ...]
Channels = tuple[float, float, float]
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey picture (ITU-R BT.601), as Pillow's mode L."""
_ROUND_DOWN = 0.499
"""OpenCV rounds to nearest, the definitions round down; not 0.5, so that a whole number computed inexactly stays what it is."""


class ColorMatrix(albumentations.ImageOnlyTransform):
    """Each new channel is a weighted sum of the old ones and a constant: what brightness, contrast and saturation are made of.

    Source: ``PIL.ImageEnhance``, whose blends round down.
        Deviation: albumentations' ColorJitter rounds to nearest, and takes twice the time.
    """

    def apply(self, img: Image, matrix: ColorWeights, **_params: Any) -> NDArray[Any]:
        """Mix the channels of `img`; a row of `matrix` holds the weights of red, green and blue, and the constant."""
        rounded_down = [(red, green, blue, constant - _ROUND_DOWN) for red, green, blue, constant in matrix]
        return cv2.transform(img, np.array(rounded_down))


def saturation_matrix(factor: float) -> ColorWeights:
    """Blend of a picture (`factor`) with its grey version (1 - `factor`)."""
    red, green, blue = (weight * (1 - factor) for weight in LUMA)
    return ((red + factor, green, blue, 0.0), (red, green + factor, blue, 0.0), (red, green, blue + factor, 0.0))


def contrast_matrix(img: Image, factor: float) -> ColorWeights:
    """Blend of a picture (`factor`) with the mean grey level of `img` (1 - `factor`)."""
    mean = int(sum(weight * level for weight, level in zip(LUMA, cv2.mean(img)[:3], strict=True)) + 0.5)
    constant = mean * (1 - factor)
    return diagonal_matrix((factor, factor, factor), (constant, constant, constant))


def brightness_matrix(factor: float) -> ColorWeights:
    """Blend of a picture (`factor`) with black (1 - `factor`)."""
    return diagonal_matrix((factor, factor, factor))


def diagonal_matrix(factors: Channels, constants: Channels = (0.0, 0.0, 0.0)) -> ColorWeights:
    """Each channel by itself: factor times channel plus constant."""
    (red, green, blue), (to_red, to_green, to_blue) = factors, constants
    return ((red, 0.0, 0.0, to_red), (0.0, green, 0.0, to_green), (0.0, 0.0, blue, to_blue))


def stretch_matrix(img: Image) -> ColorWeights:
    """Stretches each channel so that the darkest value in `img` becomes 0 and the brightest 255. A flat channel stays.

    Source: ``PIL.ImageOps.autocontrast``.
        Deviation: albumentations' AutoContrast takes 254 for the brightest value of a channel that reaches 255.
    """
    columns = img.reshape(img.shape[0], -1)  # numpy is quick over a long inner axis, slow over one of 3 channels
    darkest = columns.min(axis=0).reshape(-1, 3).min(axis=0).tolist()
    brightest = columns.max(axis=0).reshape(-1, 3).max(axis=0).tolist()
    red, green, blue = (
        (255.0 / (top - low), low) if top > low else (1.0, 0.0) for low, top in zip(darkest, brightest, strict=True)
    )
    constants = (-red[0] * red[1], -green[0] * green[1], -blue[0] * blue[1])
    return diagonal_matrix((red[0], green[0], blue[0]), constants)


class Equalize(albumentations.ImageOnlyTransform):
    """Spread the grey levels of each channel so that every level holds about as many pixels.

    Source: ``PIL.ImageOps.equalize``: level i goes to (pixels below i + step / 2) / step, where step is (pixels below the
        brightest level) / 255, all rounded down.
        Deviation: albumentations (``mode="pil"``) counts the pixels of level i itself among those below it.
    """

    def apply(self, img: Image, **_params: Any) -> NDArray[Any]:
        """Equalize `img`."""
        planes = cv2.split(img)
        counts = np.array([cv2.calcHist([plane], [0], None, [256], [0, 256]) for plane in planes], np.int32).reshape(-1, 256)
        upto = counts.cumsum(axis=1)
        below = upto - counts
        step = np.where(upto < img.shape[0] * img.shape[1], upto, 0).max(axis=1, keepdims=True) // 255
        levels = np.minimum((below + step // 2) // np.maximum(step, 1), 255)
        levels = np.where(step > 0, levels, np.arange(256)).astype(np.uint8)
        return cv2.merge([sz_lut(plane, table, inplace=True) for plane, table in zip(planes, levels, strict=True)])


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


class Warp(albumentations.ImageOnlyTransform):
    """An affine map, nearest neighbour; what comes from outside the picture gets the fill colour.

    For rotations three times as fast as ``warpAffine`` with a constant border, and the same pixels: OpenCV is quick where every
    source pixel exists, so the picture is first widened by as much as the map reaches beyond it.
    """

    def apply(self, img: Image, source: Affine, fill: Fill, **_params: Any) -> NDArray[Any]:
        """Warp `img`.

        Args:
            img: the picture.
            source: ((a, b, x), (c, d, y)): the output pixel at (u, v) comes from (a u + b v + x, c u + d v + y); the middle of
                the first pixel is at (0.5, 0.5).
            fill: colour of what lies outside.
            _params: what albumentations adds; not used.
        """
        height, width = img.shape[:2]
        (a, b, x), (c, d, y) = source
        x, y = x + (a + b - 1) / 2, y + (c + d - 1) / 2  # OpenCV counts from the middle of the first pixel
        left, right = _overhang(a, b, x, columns=width, rows=height, size=width)
        top, bottom = _overhang(c, d, y, columns=width, rows=height, size=height)
        wide = cv2.copyMakeBorder(img, top, bottom, left, right, cv2.BORDER_CONSTANT, value=fill)
        matrix = np.array(((a, b, x + left), (c, d, y + top)))
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(wide, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


class Shift(albumentations.ImageOnlyTransform):
    """Move by whole pixels: exact, without the cost of a warp."""

    def apply(self, img: Image, right: int, down: int, fill: Fill, **_params: Any) -> NDArray[Any]:
        """Move `img` to the `right` and `down` (negative: left and up); what comes in gets the colour `fill`."""
        height, width = img.shape[:2]
        kept = img[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
        border = (max(0, down), max(0, -down), max(0, right), max(0, -right))
        return cv2.copyMakeBorder(kept, *border, cv2.BORDER_CONSTANT, value=fill)
