"""Draw the pictures of ``docs/randaugment.md``: what every operation does to a bundled poster.

    python docs/randaugment_pictures.py [FOLDER]

One strip for each operation, a column for each magnitude, a row for each sign that is drawn; one strip of cut-outs, and one of
whole views. Sharpness is shown close up: it would be lost in a small picture. Writes the same files every time.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from augment.image.ops import OPS, Op, apply_op, draw_parameter
from augment.image.poster import augment, decode, generator_for
from datasets_cache.posters import prepare

ROOT = Path(__file__).parents[1]
POSTER = ROOT / "datasets_cache/bundled/posters/titanic-1997.jpg"
FOLDER = ROOT / "docs/images/randaugment"
MAGNITUDES = (0, 3, 7, 10)
TILE, GAP, LABEL = 180, 8, 22
GREY = (128, 128, 128)
CLOSE_UP = (slice(160, 250), slice(83, 173))
"""Rows and columns of the detail that Sharpness is shown on."""

Tile = tuple[str, np.ndarray]
"""A label, and a picture as the operations have them."""


def op_rows(op: Op, poster: np.ndarray) -> list[list[Tile]]:
    """The poster at each magnitude, for each sign that is drawn."""
    return [
        [op_tile(op, poster, magnitude, negative) for magnitude in MAGNITUDES] for negative in (False, True)[: 1 + op.signed]
    ]


def op_tile(op: Op, poster: np.ndarray, magnitude: float, negative: bool) -> Tile:  # noqa: FBT001
    """One magnitude, labelled with it and the parameter."""
    height, width = poster.shape[:2]
    parameter = draw_parameter(op, magnitude=magnitude, negative=negative, height=height, width=width)
    made = apply_op(op, np.asarray(poster, np.uint8), parameter, fill=GREY)
    sign = "+" if op.signed and parameter and parameter > 0 else ""
    return f"{magnitude}:  " + ("no parameter" if parameter is None else f"{sign}{round(parameter, 4):g}"), made


def view_tiles(poster: np.ndarray, *, cutout: int | None) -> list[Tile]:
    """Four views at the default settings."""
    views = [augment(poster, rng=generator_for(0, POSTER.stem, view), magnitude=5, cutout=cutout) for view in range(4)]
    return [(", ".join(op.split()[0] for op in ops[:2]), made) for made, ops in views]


def cutout_tiles(poster: np.ndarray) -> list[Tile]:
    """No operation, patches of four sizes."""
    sides = (32, 64, 96, 128)
    return [
        (f"cutout {side}", augment(poster, rng=generator_for(0, "patch", 0), magnitude=0, num_ops=0, cutout=side)[0])
        for side in sides
    ]


def strip(rows: list[list[Tile]], *, resampling: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    """Rows of labelled tiles."""
    across, down = len(rows[0]), len(rows)
    sheet = Image.new("RGB", (across * (TILE + GAP) - GAP, down * (LABEL + TILE + GAP) - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, tiles in enumerate(rows):
        for column, (label, picture) in enumerate(tiles):
            x, y = column * (TILE + GAP), row * (LABEL + TILE + GAP)
            pen.text((x, y + 2), label, fill="black", font=font)
            small = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).resize((TILE, TILE), resampling)
            sheet.paste(small, (x, y + LABEL))
    return sheet


def strips() -> Iterator[tuple[str, Image.Image]]:
    """Every picture of the page with its file name."""
    poster = decode(prepare(POSTER.read_bytes()).square)
    assert poster is not None
    for op in OPS:
        rows = op_rows(op, poster)
        if op.name == "Sharpness":
            closer = [[(label, picture[CLOSE_UP]) for label, picture in row] for row in rows]
            yield f"{op.name}.jpg", strip(closer, resampling=Image.Resampling.NEAREST)
        else:
            yield f"{op.name}.jpg", strip(rows)
    yield "Cutout.jpg", strip([cutout_tiles(poster)])
    yield "views.jpg", strip([view_tiles(poster, cutout=None)])


def draw(folder: Path) -> None:
    """Write all pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in strips():
        picture.save(folder / name, "JPEG", quality=85, optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
