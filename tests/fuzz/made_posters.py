"""Recipes of encoded pictures, sound and not; a recipe is small, so that hypothesis can make many and shrink them."""

import io
import random
import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

from hypothesis import strategies as st
from PIL import Image

SIZES = [(1, 1), (2, 3), (40, 60), (182, 268), (7, 900), (640, 480), (20_000, 10), (10, 16_000), (3000, 2000)]
_WRITTEN = {
    "jpeg": ("JPEG", "RGB", {}), "progressive": ("JPEG", "RGB", {"progressive": True}), "grey": ("JPEG", "L", {}),
    "cmyk": ("JPEG", "CMYK", {}), "png": ("PNG", "RGB", {}), "png alpha": ("PNG", "RGBA", {}),
    "png grey alpha": ("PNG", "LA", {}), "png palette": ("PNG", "P", {"transparency": 0}), "png bits": ("PNG", "1", {}),
    "png 16 bits": ("PNG", "I;16", {}), "gif": ("GIF", "P", {}), "webp": ("WEBP", "RGB", {}),
    "webp lossless": ("WEBP", "RGBA", {"lossless": True}), "bmp": ("BMP", "RGB", {}), "bmp palette": ("BMP", "P", {}),
    "tiff": ("TIFF", "RGB", {}), "ico": ("ICO", "RGB", {}), "avif": ("AVIF", "RGB", {}), "ppm": ("PPM", "RGB", {}),
}  # fmt: skip
_SEVERAL = {"gif of frames": "GIF", "webp of frames": "WEBP", "png of frames": "PNG", "mpo": "MPO"}
_RAW = {
    "empty": b"", "page": b"<!DOCTYPE html><title>404</title>", "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + bytes(400), "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04" + bytes(60),
}  # fmt: skip
FORMS = [*_WRITTEN, *_SEVERAL, *_RAW, "png 16 bit colours", "png bomb", "png text bomb", "jpeg of scans"]
FAULTS = ["cut", "flip", "fill", "drop", "twice", "append", "prefix", "claim"]


def posters() -> st.SearchStrategy[bytes]:
    """Encoded pictures with up to three faults."""
    fault = st.tuples(st.sampled_from(FAULTS), st.integers(0, 2**32 - 1))
    return st.builds(
        poster,
        st.sampled_from(FORMS),
        st.sampled_from(SIZES[:5] * 8 + SIZES[5:]),
        orientation=st.none() | st.integers(0, 9),
        profile=st.sampled_from([None, None, None, b"", b"no profile", bytes(70_000)]),
        faults=st.lists(fault, max_size=3),
    )


def poster(
    form: str,
    size: tuple[int, int],
    *,
    orientation: int | None = None,
    profile: bytes | None = None,
    faults: Sequence[tuple[str, int]] = (),
) -> bytes:
    """The bytes of one picture."""
    annotated = _WRITTEN.get(form, (form,))[0] in ("JPEG", "PNG", "WEBP") or form == "jpeg of scans"
    data = _sound(form, size, orientation if annotated else None, profile if annotated else None)
    for name, seed in faults:
        data = damaged(data, name, seed)
    return data


def damaged(data: bytes, fault: str, seed: int) -> bytes:
    """`data` with one fault; the seed says where."""
    rng = random.Random(seed)
    at, length = rng.randrange(len(data) + 1), rng.choice([1, 2, 16, 300])
    if fault == "cut":
        return data[:at]
    if fault == "append":
        return data + rng.randbytes(length)
    if fault == "prefix":
        return rng.randbytes(length) + data
    if fault == "twice":
        return data[:at] + data[max(0, at - length) :]
    if fault == "drop":
        return data[:at] + data[at + length :]
    if fault == "claim":
        return _claiming(data, rng)
    changed = bytearray(data)
    spots = [rng.randrange(len(data)) for _ in range(length)] if data else []
    if fault == "flip":
        near = rng.random() < 0.5  # in the headers, where it hurts
        for spot in spots:
            changed[spot % 600 if near and len(data) > 600 else spot] ^= 1 << rng.randrange(8)
    elif spots:
        changed[spots[0] : spots[0] + length] = bytes([rng.choice([0, 255, 65])]) * length
    return bytes(changed)


@lru_cache(maxsize=200)
def _sound(form: str, size: tuple[int, int], orientation: int | None, profile: bytes | None) -> bytes:
    if form in _RAW:
        return _RAW[form]
    if form == "png 16 bit colours":
        width, height = min(size[0], 300), min(size[1], 300)
        return _png(width, height, 16, 2, b"".join(b"\x00" + bytes(range(6)) * width for _ in range(height)))
    if form == "png bomb":  # little says that it is small, and unpacks to 100 MB
        return _png(*size, 8, 2, bytes(100_000_000))
    if form == "png text bomb":
        return _png(2, 2, 8, 0, bytes(6), extra=_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(50_000_000))))
    if form == "jpeg of scans":
        return _of_scans(size, scans=(orientation or 1) * 40)
    kind, mode, options = _WRITTEN.get(form) or (_SEVERAL[form], "RGB", {})
    most = {"WEBP": 16_383, "ICO": 256, "AVIF": 2000, "GIF": 16_000}.get(kind, 65_000)
    image = _picture((min(size[0], most), min(size[1], most)), mode)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    more = dict(options)
    if kind in ("JPEG", "PNG", "WEBP", "TIFF") and orientation is not None:
        more["exif"] = exif
    if kind in ("JPEG", "PNG", "WEBP") and profile:
        more["icc_profile"] = profile
    if form in _SEVERAL:
        more |= {"save_all": True, "append_images": [image.rotate(90 * turn) for turn in (1, 2)]}
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


@lru_cache(maxsize=12)
def _picture(size: tuple[int, int], mode: str) -> Image.Image:
    gradient = Image.linear_gradient("L").resize(size)
    if mode == "I;16":
        return gradient.convert("I").point(lambda grey: grey * 257).convert("I;16")
    if mode in ("L", "1"):
        return gradient.convert(mode)
    colour = Image.merge("RGB", (gradient, gradient.rotate(180), Image.radial_gradient("L").resize(size)))
    return colour.convert("L").convert("LA") if mode == "LA" else colour.convert(mode)


def _of_scans(size: tuple[int, int], scans: int) -> bytes:
    out = io.BytesIO()
    _picture(size, "RGB").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rfind(b"\xff\xda")
    return data[:-2] + data[last:-2][:60] * scans + data[-2:]


def _png(width: int, height: int, depth: int, colour: int, pixels: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), extra, _chunk(b"IDAT", zlib.compress(pixels, 1)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _claiming(data: bytes, rng: random.Random) -> bytes:
    """The same file with other sides in its header."""
    width, height = (rng.choice([0, 1, 257, 5000, 8000, 16_384, 30_000, 65_535]) for _ in range(2))
    if data[:4] == b"\x89PNG" and len(data) > 33:
        ihdr = struct.pack(">II", width, height) + data[24:29]
        return data[:8] + _chunk(b"IHDR", ihdr) + data[33:]
    if data[:2] == b"\xff\xd8":
        for mark in (b"\xff\xc0", b"\xff\xc2"):
            if (at := data.find(mark)) > 0:
                return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]
    if data[:3] == b"GIF":
        return data[:6] + struct.pack("<HH", width, height) + data[10:]
    if data[:2] == b"BM":
        return data[:18] + struct.pack("<ii", width, height) + data[26:]
    if data[12:16] == b"VP8 ":
        return data[:26] + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF) + data[30:]
    return data
