"""Posters as normalised tensors, decoded when a batch is made: a cache in memory would take 196 KB a film.

Shape legend: B films, C channels, H height, W width.
"""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor


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
    # numpy, not torch: batches are made in threads, and each would start torch's own team of threads
    scale = 1 / (255 * np.asarray(std, dtype=np.float32))
    shift = np.asarray(mean, dtype=np.float32) / np.asarray(std, dtype=np.float32)
    pixels_BHWC = np.stack([_decode(posters[row]["poster_256"]) for row in rows])
    return torch.from_numpy(np.ascontiguousarray((pixels_BHWC * scale - shift).transpose(0, 3, 1, 2)))


def _decode(jpeg: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB"))
