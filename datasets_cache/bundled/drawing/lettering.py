"""The titles: eight letterings from Open Font License packages, wrapped and fitted to a box."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets_cache.bundled.drawing.canvas import SCALE, Box, Canvas
from datasets_cache.bundled.drawing.palettes import contrast
from datasets_cache.bundled.drawing.pen import RGB

Align = Literal["left", "centre", "right"]
_YEAR_SIZE = 8.5
_YEAR_GAP = 6.0
_MOST_LINES = 6


class FontsMissingError(RuntimeError):
    """A font package that the posters need is not installed."""


@dataclass(frozen=True)
class Lettering:
    """A lettering: a font file in a package, and how its lines are set. Lengths are shares of the font size."""

    package: str
    file: str
    weight: int | None = None
    capitals: bool = False
    tracking: float = 0.0
    leading: float = 1.0
    largest: float = 40.0
    slope: float = 0.0


LETTERINGS: dict[str, Lettering] = {
    "serif_caps": Lettering("fontpkg_cinzel", "Cinzel[wght].ttf", 700, True, 0.03, 1.08, 34),
    "serif_italic": Lettering("fontpkg_playfair_display", "PlayfairDisplay-Italic[wght].ttf", 650, False, 0, 1.0, 40),
    "sans_heavy": Lettering("fontpkg_archivo_black", "ArchivoBlack-Regular.ttf", None, True, -0.02, 0.92, 40),
    "sans_thin": Lettering("fontpkg_josefin_sans", "JosefinSans[wght].ttf", 330, True, 0.17, 1.22, 27),
    "condensed_tall": Lettering("fontpkg_bebas_neue", "BebasNeue-Regular.ttf", None, True, 0.015, 0.9, 66),
    "typewriter": Lettering("fontpkg_ibm_plex_mono", "IBMPlexMono-Medium.ttf", None, False, -0.03, 1.2, 24),
    "script_like": Lettering("fontpkg_lobster", "Lobster-Regular.ttf", None, False, 0, 0.98, 46, 3.5),
    "stencil": Lettering("fontpkg_black_ops_one", "BlackOpsOne-Regular.ttf", None, True, 0.02, 1.0, 38),
}
_YEAR = Lettering("fontpkg_josefin_sans", "JosefinSans[wght].ttf", 500, True, 0.22, 1.0)


def font_path(package: str, file: str) -> Path:
    """Where a font lies in its package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        name = package.replace("_", "-")
        message = f"the font package {name} is missing; install the fonts with: pip install -e .[posters]"
        raise FontsMissingError(message)
    path = Path(next(iter(spec.submodule_search_locations))) / "files" / file
    if not path.is_file():
        message = f"the font package {package} has no file {file}; install the pinned version"
        raise FontsMissingError(message)
    return path


@lru_cache(maxsize=512)
def _font(style: Lettering, size: int) -> ImageFont.FreeTypeFont:
    """Load a font at a size in pixels of the large canvas."""
    font = ImageFont.truetype(str(font_path(style.package, style.file)), size, layout_engine=ImageFont.Layout.BASIC)
    if style.weight is not None:
        font.set_variation_by_axes([style.weight])
    return font


def _width(line: str, style: Lettering, font: ImageFont.FreeTypeFont) -> float:
    """Width of a line with its tracking."""
    return font.getlength(line) + style.tracking * font.size * (len(line) - 1)


def _wrap(words: Sequence[str], count: int, style: Lettering, font: ImageFont.FreeTypeFont) -> list[str]:
    """Break words into `count` lines, the longest as short as possible."""
    best: tuple[float, list[str]] | None = None
    for cuts in combinations(range(1, len(words)), count - 1):
        edges = (0, *cuts, len(words))
        lines = [" ".join(words[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
        widths = [_width(line, style, font) for line in lines]
        badness = max(widths) + 0.02 * (max(widths) - min(widths))
        if best is None or badness < best[0]:
            best = (badness, lines)
    assert best is not None
    return best[1]


def _set_lines(lines: Sequence[str], style: Lettering, size: int, align: Align) -> Image.Image:
    """Set lines of text as a mask cut to the ink."""
    font = _font(style, size)
    widths = [_width(line, style, font) for line in lines]
    pad = size
    leading = style.leading * size
    mask = Image.new("L", (round(max(widths)) + 2 * pad, round(leading * len(lines)) + 3 * pad), 0)
    draw = ImageDraw.Draw(mask)
    for i, (line, width) in enumerate(zip(lines, widths, strict=True)):
        x = pad + {"left": 0.0, "centre": (max(widths) - width) / 2, "right": max(widths) - width}[align]
        y = pad + i * leading
        if style.tracking == 0:
            draw.text((x, y), line, font=font, fill=255)
            continue
        for k, letter in enumerate(line):
            before = font.getlength(line[: k + 1]) - font.getlength(letter)
            draw.text((x + before + k * style.tracking * size, y), letter, font=font, fill=255)
    if style.slope:
        mask = mask.rotate(style.slope, Image.Resampling.BICUBIC, expand=True)
    return mask.crop(mask.getbbox())


def fit_title(title: str, style: Lettering, width: float, height: float, align: Align) -> Image.Image:
    """The title as a mask, as large as fits in width x height poster pixels."""
    largest = style.largest * (1.6 if len(title) <= 4 else 1)
    words = (title.upper() if style.capitals else title).split()
    most = (round(width * SCALE), round(height * SCALE))
    trial = _font(style, 100)
    choices: list[tuple[float, list[str]]] = []
    for count in range(1, min(_MOST_LINES, len(words)) + 1):
        lines = _wrap(words, count, style, trial)
        widest = max(_width(line, style, trial) for line in lines) / 100
        tall = style.leading * (count - 1) + 0.95
        size = min(most[0] / widest, most[1] / tall, largest * SCALE)
        choices.append((size * (1 - 0.015 * count), lines))
    size, lines = max(choices, key=lambda choice: choice[0])
    pixels = round(size)
    mask = _set_lines(lines, style, pixels, align)
    while mask.width > most[0] or mask.height > most[1]:
        pixels = int(pixels * 0.97)
        mask = _set_lines(lines, style, pixels, align)
    return mask


def worst_contrast(ink: RGB, field: Sequence[RGB]) -> float:
    """The contrast of an ink with the part of a field it is hardest to read on."""
    return float(np.percentile([contrast(ink, colour) for colour in field], 12))


def choose_ink(inks: Sequence[RGB], field: Sequence[RGB], enough: float = 4.0) -> RGB:
    """The first ink that reads well on a field, or else the one that reads best."""
    for ink in inks:
        if worst_contrast(ink, field) >= enough:
            return ink
    return max(inks, key=lambda ink: worst_contrast(ink, field))


def _ornament(canvas: Canvas, x0: float, x1: float, y: float, ink: RGB, kind: int) -> None:
    """Draw a thin rule with a small end between x0 and x1."""
    if x1 - x0 < 4:
        return
    canvas.rect((x0, y - 0.4, x1, y + 0.4), ink)
    if kind == 1:
        canvas.rect((x0, y + 1.6, x1, y + 2.2), ink)
    elif kind == 2:
        canvas.poly([(x0 - 2.2, y), (x0, y - 2.2), (x0 + 2.2, y), (x0, y + 2.2)], ink)
        canvas.poly([(x1 - 2.2, y), (x1, y - 2.2), (x1 + 2.2, y), (x1, y + 2.2)], ink)
    elif kind == 3:
        for x in (x0, x1):
            canvas.circle(x, y, 1.5, ink)


def draw_title(
    canvas: Canvas, title: str, year: int, lettering: str, box: Box, align: Align, stand: float,
    inks: Sequence[RGB], ornament: int, plate: RGB | None = None,
) -> None:
    """Set the title and the year in a box; `stand` places them between its top (0) and its bottom (1)."""
    style = LETTERINGS[lettering]
    x0, y0, x1, y1 = box
    year_mask = _set_lines([str(year)], _YEAR, round(_YEAR_SIZE * SCALE), "left")
    year_height = year_mask.height / SCALE
    mask = fit_title(title, style, x1 - x0, y1 - y0 - year_height - _YEAR_GAP, align)
    wide, tall = mask.width / SCALE, mask.height / SCALE
    top = y0 + (y1 - y0 - tall - _YEAR_GAP - year_height) * stand
    left = x0 + {"left": 0.0, "centre": (x1 - x0 - wide) / 2, "right": x1 - x0 - wide}[align]
    bottom = top + tall + _YEAR_GAP + year_height
    area: Box = (left, top, left + wide, bottom)
    ink = choose_ink(inks, canvas.colours_in(area))
    if plate is not None and worst_contrast(ink, canvas.colours_in(area)) < 3.0:
        canvas.rect((left - 7, top - 7, left + wide + 7, bottom + 7), plate)
        ink = choose_ink(inks, [plate])
    canvas.image.paste(ink, (round(left * SCALE), round(top * SCALE)), mask)
    small = choose_ink([inks[-1], *inks], canvas.colours_in((x0, bottom - year_height, x1, bottom)), 3.2)
    year_wide = year_mask.width / SCALE
    year_top = top + tall + _YEAR_GAP
    middle = year_top + year_height / 2
    if align == "centre":
        year_left = (x0 + x1) / 2 - year_wide / 2
        reach = max(12.0, min(wide / 2 - year_wide / 2 - 7, 34.0))
        _ornament(canvas, year_left - 6 - reach, year_left - 6, middle, small, ornament)
        _ornament(canvas, year_left + year_wide + 6, year_left + year_wide + 6 + reach, middle, small, ornament)
    elif align == "left":
        year_left = x0
        _ornament(canvas, year_left + year_wide + 7, min(x1, year_left + year_wide + 44), middle, small, ornament)
    else:
        year_left = x1 - year_wide
        _ornament(canvas, max(x0, year_left - 44), year_left - 7, middle, small, ornament)
    canvas.image.paste(small, (round(year_left * SCALE), round(year_top * SCALE)), year_mask)
