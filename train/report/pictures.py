"""Posters as the page holds them: small JPEGs in ``data:`` addresses, so that a page stays light."""

import base64
import io

from PIL import Image

PAIR = (256, 256)
"""Pixels of a poster beside its augmented view: those that training reads."""
THUMBNAIL = (128, 192)
"""Pixels of a poster that only says which film is meant."""
_QUALITY = 80


def address(image: bytes, *, size: tuple[int, int]) -> str:
    """A picture as a JPEG of exactly `size` pixels, width before height, in a ``data:`` address."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(image)) as opened:
        picture = opened.convert("RGB")
        drawn = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
        drawn.save(small, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
