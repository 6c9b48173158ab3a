"""Posters: whatever picture a source holds becomes a 256x256 RGB JPEG, or an error with a reason."""

import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from datasets_cache.schema import Reason

SIDE = 256
QUALITY = 95
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
MAX_SCANS = 100
"""Scans of a JPEG. A progressive one has about ten; for an empty one of 40 bytes the decoder passes over the whole picture."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
"""What Pillow may try. TIFF, EPS, FITS and the like are left out: no poster needs them, and their decoders are large."""

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")
_EXIF_ORIENTATION = 0x0112
_SCAN = b"\xff\xda"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class PreparedPoster:
    """A poster as training reads it: `square` is a 256x256 RGB JPEG; `repairs` says what had to be changed beside the size.

    `grey` is a 64x64 copy, to compare posters by.
    """

    square: bytes
    grey: Image.Image
    repairs: tuple[Reason, ...]


class PosterError(ValueError):
    """A poster that cannot be used, and why."""

    def __init__(self, *, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Reason = reason
        self.detail = detail


def prepare(data: bytes) -> PreparedPoster:
    """Decode a poster and shrink it to 256x256 RGB, without keeping its aspect.

    Resampling is bicubic with antialiasing. A large JPEG is decoded at a half, quarter or eighth of its size as long as both
    sides keep at least 512 pixels. Transparency is laid over white, 16-bit greys are scaled to 8, of an animation the first
    frame counts, an EXIF orientation is applied. Colours are taken as sRGB. Equal bytes give equal bytes.

    Args:
        data: an encoded JPEG, PNG, WebP, GIF or BMP.
    Returns:
        The copy (JPEG, quality 95, 4:4:4) and the repairs.
    Raises:
        PosterError: not an image, truncated, or too large to decode safely. Never anything else.
    """
    image = _open(data)
    try:
        repairs = _repairs(image, data)  # looks for a second frame
        image.draft(None, (2 * SIDE, 2 * SIDE))
        image.load()
        turn = _TURNS.get(_orientation(image))
        square = _square(image)
        if turn is not None:  # after the resize: the same picture, and 256x256 is quick to turn
            square = square.transpose(turn)
            repairs.append("poster rotated by EXIF")
        out = io.BytesIO()
        square.save(out, "JPEG", quality=QUALITY, subsampling=0)
        grey = square.reduce(4).convert("L")
    except Exception as error:  # a damaged file reaches any corner of a decoder: struct.error, KeyError, zlib.error, ...
        raise PosterError(reason="poster truncated", detail=_describe(error)) from error
    return PreparedPoster(out.getvalue(), grey, tuple(repairs))


def _open(data: bytes) -> Image.Image:
    if len(data) > MAX_BYTES:
        raise PosterError(reason="poster too large", detail=f"{len(data):,} bytes, at most {MAX_BYTES:,}")
    Image.init()  # WebP is not among the formats that Pillow loads by itself; at once where it is already done
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PosterError(reason="poster too large", detail=_describe(error)) from error
    except Exception as error:  # see `prepare`
        reason: Reason = "poster truncated" if data.startswith(_SIGNATURES) else "poster not an image"
        raise PosterError(reason=reason, detail=f"{len(data):,} bytes, beginning with {data[:12]!r}") from error
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        limit = f"at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side"
        raise PosterError(reason="poster too large", detail=f"{width:,}x{height:,} pixels, {limit}")
    if image.format in ("JPEG", "MPO") and (scans := data.count(_SCAN)) > MAX_SCANS:
        raise PosterError(reason="poster too large", detail=f"{scans:,} scans, at most {MAX_SCANS}")
    return image


def _repairs(image: Image.Image, data: bytes) -> list[Reason]:
    """What is to be repaired, from the header alone."""
    repairs: list[Reason] = []
    deep_png = image.format == "PNG" and data[24] == 16  # bit depth in IHDR; Pillow shows 16-bit RGB as plain RGB
    if image.mode != "RGB" or "transparency" in image.info or deep_png:
        repairs.append("poster mode converted")
    if image.format != "MPO" and getattr(image, "is_animated", False):  # an MPO holds a thumbnail or a second lens
        repairs.append("poster animated")
    return repairs


def _orientation(image: Image.Image) -> Any:  # noqa: ANN401
    try:
        return image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # unreadable EXIF says nothing about the orientation, and the picture itself is fine
        return None


def _square(image: Image.Image) -> Image.Image:
    size, bicubic = (SIDE, SIDE), Image.Resampling.BICUBIC
    if image.mode.startswith("I"):  # 16-bit grey; Pillow would clip or keep the high byte, depending on its version
        return image.convert("I").point(lambda grey: grey * (1 / 257)).convert("L").resize(size, bicubic).convert("RGB")
    if image.has_transparency_data:  # Pillow weighs colours by their alpha while it resizes
        small = image.convert("RGBA").resize(size, bicubic)
        return Image.alpha_composite(Image.new("RGBA", size, "white"), small).convert("RGB")
    return image.convert("RGB").resize(size, bicubic)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
