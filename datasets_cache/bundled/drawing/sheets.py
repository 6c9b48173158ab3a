"""Contact sheets for looking the work over: posters side by side, and every motif on a plain ground."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from datasets_cache.bundled.drawing.motifs import MOTIFS, draw_motif
from datasets_cache.bundled.drawing.palettes import PALETTES, tones_on

_COLUMNS, _PAGE = 10, 50


def poster_sheets(posters: Sequence[Image.Image]) -> list[Image.Image]:
    """Posters in sheets of fifty."""
    sheets: list[Image.Image] = []
    for start in range(0, len(posters), _PAGE):
        page = posters[start:start + _PAGE]
        sheet = Image.new("RGB", (_COLUMNS * 206, -(-len(page) // _COLUMNS) * 306), (70, 70, 70))
        for i, poster in enumerate(page):
            sheet.paste(poster, (i % _COLUMNS * 206 + 3, i // _COLUMNS * 306 + 3))
        sheets.append(sheet)
    return sheets


def motif_sheet(palette: str = "sepia") -> Image.Image:
    """All motifs by name."""
    field = PALETTES[palette].back
    tones = tones_on(PALETTES[palette], field)
    columns, cell = 16, 120
    names = sorted(MOTIFS)
    sheet = Image.new("RGB", (columns * cell, -(-len(names) // columns) * (cell + 14)), field)
    draw = ImageDraw.Draw(sheet)
    for i, name in enumerate(names):
        picture = draw_motif(name, cell * 3, tones)
        picture.thumbnail((cell - 12, cell - 12), Image.Resampling.LANCZOS)
        x, y = i % columns * cell, i // columns * (cell + 14)
        sheet.paste(picture, (x + (cell - picture.width) // 2, y + (cell - picture.height) // 2), picture)
        draw.text((x + 6, y + cell - 2), name, fill=(0, 0, 0))
    return sheet
