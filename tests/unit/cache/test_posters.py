"""Posters: any picture becomes a 256x256 RGB JPEG, anything else an error with a reason."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from datasets_cache.posters import PosterError, prepare

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + bytes(400)
"""A telephone's picture, for which there is no decoder here."""


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def pixels(data: bytes) -> NDArray[np.int16]:
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))
    return np.asarray(image).astype(np.int16)


def colour(data: bytes) -> tuple[int, ...]:
    """Colour of a poster that is all one colour, as its prepared copy shows it."""
    shown = pixels(prepare(data).square)
    assert np.ptp(shown.reshape(-1, 3), axis=0).max() <= 2
    return tuple(int(value) for value in shown[128, 128])


def near(shown: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(shown, expected, strict=True)) <= 2  # JPEG rounds


def png(size: tuple[int, int], *, depth: int = 8, kind: int = 2, rows: bytes = b"") -> bytes:
    """A PNG written by hand, since Pillow writes neither 16-bit colour nor false sizes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def picture(width: int = 90, height: int = 130) -> Image.Image:
    """Four quarters of different colours: no turn or flip of it looks like another."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    image.paste("white", (width // 2, height // 2, width, height))
    return image


def test_a_plain_poster_fills_the_square_without_keeping_its_aspect():
    shown = pixels(prepare(encode(picture(100, 300), "PNG")).square)
    # the quarters of the poster are the quarters of the square, each corner to corner
    for (y, x), expected in {(20, 20): (255, 0, 0), (20, 236): (0, 255, 0), (236, 20): (0, 0, 255)}.items():
        assert near(tuple(shown[y, x]), expected)
    assert near(tuple(shown[118, 118]), (255, 0, 0))
    assert near(tuple(shown[138, 138]), (255, 255, 255))


def test_a_plain_poster_needs_no_repair():
    assert prepare(encode(picture(), "JPEG")).repairs == ()


def test_a_fine_pattern_is_averaged_and_not_picked_from():
    # columns of black and white in turn average to grey 127; picking every fourth column would give all black
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:, 1::2] = 255
    shown = pixels(prepare(encode(Image.fromarray(stripes), "PNG")).square)[:, 8:-8]
    assert abs(shown.mean() - 127.5) < 2
    assert np.ptp(shown) < 12


@pytest.mark.parametrize("factor", [3, 4, 6, 8, 11])
def test_a_large_jpeg_decoded_at_a_fraction_looks_like_its_box_averages(factor: int):
    generator = np.random.default_rng(1)
    coarse = Image.fromarray(generator.integers(0, 256, (96, 96, 3), dtype=np.uint8))
    large = coarse.resize((256 * factor, 256 * factor), Image.Resampling.BICUBIC)
    averages = np.asarray(large).reshape(256, factor, 256, factor, 3).mean(axis=(1, 3))
    shown = pixels(prepare(encode(large, "JPEG", quality=95, subsampling=0)).square)
    assert np.abs(shown - averages).mean() < 3


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (30, 40), 99), (99, 99, 99)),
        (Image.new("1", (30, 40), 1), (255, 255, 255)),
        (Image.new("RGBA", (30, 40), (255, 0, 0, 255)), (255, 0, 0)),
        (Image.new("RGBA", (30, 40), (255, 0, 0, 128)), (255, 127, 127)),  # 255 * (1 - 128/255) of white shines through
        (Image.new("RGBA", (30, 40), (1, 2, 3, 0)), (255, 255, 255)),
        (Image.new("LA", (30, 40), (0, 128)), (127, 127, 127)),
        (Image.fromarray(np.full((40, 30), 0x8000, np.uint16)), (127, 127, 127)),  # 32768 / 257 = 127.5
        (Image.fromarray(np.full((40, 30), 0x00FF, np.uint16)), (0, 0, 0)),  # clipping to 8 bits would give 255
    ],
)
def test_modes_are_converted_and_said_to_be(image: Image.Image, expected: tuple[int, ...]):
    data = encode(image, "PNG")
    assert near(colour(data), expected)
    assert prepare(data).repairs == ("poster mode converted",)


def test_a_cmyk_jpeg_is_converted():
    # no cyan, full magenta, full yellow, no black: red
    data = encode(Image.new("CMYK", (30, 40), (0, 255, 255, 0)), "JPEG")
    assert near(colour(data), (255, 0, 0))
    assert prepare(data).repairs == ("poster mode converted",)


def test_a_palette_is_looked_up_and_its_transparent_entry_is_white():
    image = Image.new("P", (30, 40), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert near(colour(encode(image, "PNG")), (10, 200, 30))
    assert near(colour(encode(image, "PNG", transparency=1)), (255, 255, 255))


def test_sixteen_bit_colour_is_scaled_and_said_to_be():
    row = b"\x00" + struct.pack(">HHH", 0xFFFF, 0x8080, 0x0000) * 8
    data = png((8, 4), depth=16, rows=row * 4)
    assert near(colour(data), (255, 128, 0))
    assert prepare(data).repairs == ("poster mode converted",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_is_applied(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(picture(), "JPEG", quality=95, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))  # Pillow's own reading of the tag
    expected = np.asarray(upright.resize((256, 256), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(pixels(prepare(data).square) - expected).mean() < 3
    assert prepare(data).repairs == (() if orientation == 1 else ("poster rotated by EXIF",))


def test_unreadable_exif_is_no_reason_to_lose_a_poster():
    data = encode(picture(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xffnonsense")
    assert prepare(data).repairs == ()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_counts(form: str):
    frames = [Image.new("RGB", (30, 40), name) for name in ("red", "blue")]
    data = encode(frames[0], form, save_all=True, append_images=frames[1:])
    assert near(tuple(pixels(prepare(data).square)[128, 128]), (255, 0, 0))
    assert "poster animated" in prepare(data).repairs


@pytest.mark.parametrize("data", [b"", b"<html>404 Not Found</html>", b"%PDF-1.4 ...", b"BM", HEIC])
def test_what_is_no_image_is_refused_as_that(data: bytes):
    with pytest.raises(PosterError, match="poster not an image") as caught:
        prepare(data)
    assert caught.value.reason == "poster not an image"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_file_cut_in_the_middle_is_refused_as_truncated(form: str):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 60, 3), dtype=np.uint8))
    data = encode(noise, form)
    with pytest.raises(PosterError) as caught:
        prepare(data[: len(data) // 2])
    assert caught.value.reason == "poster truncated"


@pytest.mark.parametrize(
    "size",
    [
        (100_000, 100_000),  # beyond what Pillow itself opens
        (12_000, 5_000),  # 60 million pixels, within what Pillow opens
        (50_000, 2),  # few pixels, absurd side
        (2, 50_000),
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]):
    with pytest.raises(PosterError) as caught:
        prepare(png(size))  # it holds no rows: reaching the decoder would say "truncated"
    assert caught.value.reason == "poster too large"


def test_equal_bytes_give_equal_bytes(jpeg: Callable[..., bytes]):
    assert prepare(jpeg()).square == prepare(jpeg()).square


def _small(form: str) -> bytes:
    return encode(picture(20, 30), form)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "BMP"]),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    st.integers(0, 4000),
)
def test_a_damaged_image_is_prepared_or_refused_and_never_anything_else(form: str, changes: list[tuple[int, int]], length: int):
    data = bytearray(_small(form))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        square = prepare(bytes(data[: max(length, 1)])).square
    except PosterError:
        return
    assert pixels(square).shape == (256, 256, 3)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBP", b"BM"]), st.binary()
)
def test_random_bytes_are_refused(head: bytes, data: bytes):
    with pytest.raises(PosterError):
        prepare(head + data)


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded():
    out = io.BytesIO()
    Image.new("RGB", (40, 60)).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data[data.rfind(b"\xff\xda") : -2]  # each further one costs a few bytes, and a pass over the whole picture
    assert prepare(data[:-2] + 50 * last + data[-2:]).repairs == ()
    with pytest.raises(PosterError, match=r"poster too large: 1,0\d\d scans, at most 100"):
        prepare(data[:-2] + 1000 * last + data[-2:])
