"""The sheet a poster is printed on: flat fields, gradients, dots, rays and motifs, in units of the final pixels."""

from collections.abc import Sequence
from functools import lru_cache
from math import cos, pi, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from datasets_cache.bundled.drawing.motifs import draw_motif
from datasets_cache.bundled.drawing.pen import RGB, Point, Tones, arc_points

WIDTH, HEIGHT = 200, 300
SCALE = 4
Box = tuple[float, float, float, float]

_PROBE: Tones = {
    "body": (1, 1, 1), "shade": (1, 1, 1), "tint": (1, 1, 1), "accent": (1, 1, 1), "deep": (1, 1, 1),
    "light": (1, 1, 1), "dark": (1, 1, 1),
}


@lru_cache(maxsize=1024)
def _extent(name: str, angle: float, *, mirror: bool, flip: bool) -> tuple[float, float]:
    """Width and height of a motif as shares of the square it is drawn on."""
    probe = draw_motif(name, 200, _PROBE, angle=angle, mirror=mirror, flip=flip)
    return probe.width / 200, probe.height / 200


class Canvas:
    """A picture four times as large as the poster, drawn on in the poster's own pixels."""

    def __init__(self, colour: RGB) -> None:
        """Start with a sheet of one colour."""
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), colour)
        self._draw = ImageDraw.Draw(self.image)

    # --- fields -------------------------------------------------------------------------------------------

    def poly(self, points: Sequence[Point], colour: RGB) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def rect(self, box: Box, colour: RGB) -> None:
        """Fill a rectangle."""
        x0, y0, x1, y1 = box
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def frame(self, box: Box, width: float, colour: RGB) -> None:
        """Stroke a rectangle, the line lying inside it."""
        x0, y0, x1, y1 = box
        for part in (
            (x0, y0, x1, y0 + width), (x0, y1 - width, x1, y1), (x0, y0, x0 + width, y1), (x1 - width, y0, x1, y1)
        ):
            self.rect(part, colour)

    def circle(self, cx: float, cy: float, r: float, colour: RGB) -> None:
        """Fill a circle."""
        self.poly(arc_points(cx, cy, r, r), colour)

    def ring(self, cx: float, cy: float, r: float, width: float, colour: RGB) -> None:
        """Stroke a circle, the line lying inside radius r."""
        self.poly(arc_points(cx, cy, r, r) + arc_points(cx, cy, r - width, r - width, 360, 0), colour)

    def line(self, points: Sequence[Point], width: float, colour: RGB) -> None:
        """Stroke a line."""
        self._draw.line([(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=max(1, round(width * SCALE)),
                        joint="curve")

    def bands(self, colours: Sequence[RGB], y0: float, y1: float) -> None:
        """Fill a part of the sheet with flat horizontal bands."""
        step = (y1 - y0) / len(colours)
        for i, colour in enumerate(colours):
            self.rect((0, y0 + i * step, WIDTH, y0 + (i + 1) * step + 0.5), colour)

    def fade(self, top: RGB, bottom: RGB, y0: float = 0, y1: float = HEIGHT) -> None:
        """Fill a part of the sheet with a smooth gradient."""
        first, last = round(y0 * SCALE), round(y1 * SCALE)
        share = np.linspace(0, 1, max(1, last - first))[:, None]
        column = np.array(top) * (1 - share) + np.array(bottom) * share
        strip = np.repeat(column[:, None, :], WIDTH * SCALE, axis=1).round().astype(np.uint8)
        self.image.paste(Image.fromarray(strip), (0, first))

    def halo(self, cx: float, cy: float, r: float, colour: RGB, strength: float = 0.6) -> None:
        """Let a colour glow softly about a point."""
        ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
        glow = np.clip(1 - np.hypot(xs - cx, ys - cy) / r, 0, 1) ** 1.5 * 255 * strength
        mask = Image.fromarray(glow.astype(np.uint8)).resize(self.image.size, Image.Resampling.BILINEAR)
        self.image.paste(colour, (0, 0), mask)

    def dots(self, box: Box, colour: RGB, pitch: float, largest: float, *, upward: bool = False) -> None:
        """Print a halftone that fades from one edge of a box to the other."""
        x0, y0, x1, y1 = box
        rows = int((y1 - y0) / pitch) + 1
        for row in range(rows):
            share = row / max(1, rows - 1)
            r = largest * (1 - share if upward else share)
            if r < 0.25:
                continue
            x = x0 + (pitch / 2 if row % 2 else 0)
            while x <= x1:
                y = y0 + row * pitch
                self._draw.ellipse([(x - r) * SCALE, (y - r) * SCALE, (x + r) * SCALE, (y + r) * SCALE], fill=colour)
                x += pitch

    def rays(self, cx: float, cy: float, count: int, colour: RGB, turn: float = 0, share: float = 0.5) -> None:
        """Draw a sunburst over the whole sheet."""
        reach = 420
        for i in range(count):
            a = 2 * pi * i / count + radians(turn)
            b = a + 2 * pi / count * share
            self.poly([(cx, cy), (cx + reach * cos(a), cy + reach * sin(a)), (cx + reach * cos(b), cy + reach * sin(b))],
                      colour)

    def points_star(self, cx: float, cy: float, outer: float, inner: float, count: int, colour: RGB) -> None:
        """Fill a star with many points."""
        radii = (outer, inner)
        steps = ((radii[i % 2], pi * i / count) for i in range(2 * count))
        self.poly([(cx + r * cos(a), cy + r * sin(a)) for r, a in steps], colour)

    def clipped(self, other: "Canvas", outline: Sequence[Point]) -> None:
        """Copy the part of another canvas within an outline."""
        mask = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(mask).polygon([(x * SCALE, y * SCALE) for x, y in outline], fill=255)
        self.image.paste(other.image, (0, 0), mask)

    # --- motifs -------------------------------------------------------------------------------------------

    def motif(
        self, name: str, box: Box, tones: Tones, *, angle: float = 0, mirror: bool = False, flip: bool = False,
        stand: float = 0.5, shadow: RGB | None = None, taper: float = 0,
    ) -> Box:
        """Draw a motif as large as fits in a box and return where it lies.

        `stand` places it between the top (0) and the bottom (1) of the box; `taper` narrows its top by that share,
        as if seen from below; `shadow` prints its outline once before, a little lower to the right, like an ink
        out of register.
        """
        x0, y0, x1, y1 = box
        w, h = _extent(name, angle, mirror=mirror, flip=flip)
        ratios = ((x1 - x0) / w, (y1 - y0) / h)
        size = min(ratios)
        picture = draw_motif(name, max(8, round(size * SCALE)), tones, angle=angle, mirror=mirror, flip=flip)
        if picture.height < 1.3 * picture.width:
            taper *= 0.3  # round and wide things would look squeezed
        if taper:
            spread = picture.width * taper / (1 - taper) / 2
            quad = (-spread, 0, 0, picture.height, picture.width, picture.height, picture.width + spread, 0)
            picture = picture.transform(picture.size, Image.Transform.QUAD, quad, Image.Resampling.NEAREST)
        left = round(((x0 + x1) / 2) * SCALE - picture.width / 2)
        top = round(y0 * SCALE + ((y1 - y0) * SCALE - picture.height) * stand)
        if shadow is not None:
            self.image.paste(shadow, (left + round(2.2 * SCALE), top + round(2.2 * SCALE)), picture.getchannel("A"))
        self.image.paste(picture, (left, top), picture)
        return (left / SCALE, top / SCALE, (left + picture.width) / SCALE, (top + picture.height) / SCALE)

    # --- looking and printing -----------------------------------------------------------------------------

    def colours_in(self, box: Box) -> list[RGB]:
        """A coarse sample of the colours in a box."""
        x0, y0, x1, y1 = (round(v * SCALE) for v in box)
        part = self.image.crop((max(0, x0), max(0, y0), min(self.image.width, x1), min(self.image.height, y1)))
        small = np.asarray(part.resize((24, 12), Image.Resampling.BOX)).reshape(-1, 3)
        return [(int(r), int(g), int(b)) for r, g, b in small]

    def printed(self, rng: np.random.Generator, grain: float, vignette: float) -> Image.Image:
        """The poster at its final size, with the grain of the paper and darker corners."""
        sheet = np.asarray(self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), dtype=np.float64)
        noise = rng.normal(0, 1, (HEIGHT // 2, WIDTH // 2))
        fine = Image.fromarray(noise.astype(np.float32)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
        distance = np.hypot((xs - WIDTH / 2) / WIDTH, (ys - HEIGHT / 2) / HEIGHT) * 1.41
        sheet *= (1 - vignette * np.clip(distance - 0.35, 0, 1) ** 1.6)[:, :, None]
        sheet += (np.asarray(fine) * grain)[:, :, None]
        return Image.fromarray(np.clip(sheet, 0, 255).round().astype(np.uint8))
