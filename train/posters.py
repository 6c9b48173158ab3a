"""Posters as normalised tensors, decoded when a batch is made: a cache in memory would take 196 KB a film.

Shape legend: B films, C channels, H height, W width.
"""

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from datasets_cache.posters import MAX_BYTES, PosterError, prepare


def load(posters: Dataset, rows: Sequence[int], *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Decode and normalise the ``poster_256`` of some rows.

    Args:
        posters: has a column ``poster_256``, 256x256 RGB JPEGs.
        rows: which, in the order of the batch.
        mean: by channel (RGB), for pixels in 0 to 1.
        std: likewise.

    Returns:
        float32 [B, 3, 256, 256].
    """
    return _normalised([posters[row]["poster_256"] for row in rows], mean=mean, std=std)


def read_file(path: Path, *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """One poster from a file, made into the very tensor that training would have read of it.

    Args:
        path: a JPEG, PNG, WebP, GIF or BMP of any size.
        mean: by channel (RGB), for pixels in 0 to 1.
        std: likewise.

    Returns:
        float32 [1, 3, 256, 256].

    Raises:
        ValueError: there is no such file, or it cannot be read as a picture.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); expected a poster as JPEG, PNG, WebP, GIF or BMP."
        raise ValueError(msg) from error
    if size > MAX_BYTES:
        msg = f"{path}: {size:,} bytes, a poster may have {MAX_BYTES:,}; save a smaller copy."
        raise ValueError(msg)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")  # what Pillow says of a damaged file is in the error
            square = prepare(data).square
    except PosterError as error:
        msg = f"{path}: {error}; expected a whole JPEG, PNG, WebP, GIF or BMP."
        raise ValueError(msg) from error
    return _normalised([square], mean=mean, std=std)


def _normalised(jpegs: Sequence[bytes], *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    # numpy, not torch: batches are made in threads, and each would start torch's own team of threads
    scale = 1 / (255 * np.asarray(std, dtype=np.float32))
    shift = np.asarray(mean, dtype=np.float32) / np.asarray(std, dtype=np.float32)
    pixels_BHWC = np.stack([_decode(jpeg) for jpeg in jpegs])
    return torch.from_numpy(np.ascontiguousarray((pixels_BHWC * scale - shift).transpose(0, 3, 1, 2)))


def _decode(jpeg: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB"))
