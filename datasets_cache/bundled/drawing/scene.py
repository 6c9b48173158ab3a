"""What a composition works with: the canvas, the palette, chance seeded by the film, and common scenery."""

from dataclasses import dataclass, field
from math import cos, radians, sin
from typing import TypeVar

import numpy as np

from datasets_cache.bundled.drawing.canvas import HEIGHT, WIDTH, Box, Canvas
from datasets_cache.bundled.drawing.lettering import Align
from datasets_cache.bundled.drawing.palettes import Palette, apart, contrast, luminance, mix, tones_on
from datasets_cache.bundled.drawing.pen import RGB, Tones

T = TypeVar("T")


@dataclass(frozen=True)
class TitlePlace:
    """Where a composition wants its title; inks in order of preference, the last also for the year."""

    box: Box
    inks: tuple[RGB, ...]
    align: Align = "centre"
    stand: float = 0.5
    plate: RGB | None = None


@dataclass
class Scene:
    """One poster in the making."""

    canvas: Canvas
    palette: Palette
    rng: np.random.Generator
    motif: str
    motif2: str | None
    mirror: bool = field(init=False)

    def __post_init__(self) -> None:
        """Decide once whether this poster is the mirror image of its composition."""
        self.mirror = self.chance(0.5)

    # --- chance -------------------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        """True in about `share` of the films."""
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """A number between two others."""
        return float(self.rng.uniform(low, high))

    def pick(self, *choices: T) -> T:
        """One of the choices."""
        return choices[int(self.rng.integers(len(choices)))]

    def x(self, value: float) -> float:
        """A horizontal place, mirrored where the poster is."""
        return WIDTH - value if self.mirror else value

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A box, mirrored where the poster is."""
        return (WIDTH - x1, y0, WIDTH - x0, y1) if self.mirror else (x0, y0, x1, y1)

    # --- colour -------------------------------------------------------------------------------------------

    def tones(self, behind: RGB, first: RGB | None = None) -> Tones:
        """Tones that stand out on a field."""
        return tones_on(self.palette, behind, first)

    def titles(self, *first: RGB) -> tuple[RGB, ...]:
        """Inks for a title: the given ones first, then the palette's extremes."""
        return (*first, self.palette.light, self.palette.dark)

    def panel(self, behind: RGB) -> RGB:
        """An ink for a field that is plainly different from `behind`, yet leaves room for a motif on it."""
        p = self.palette
        choices = [c for c in (p.accent, p.ground, p.light, p.main, p.dark) if apart(c, behind) > 0.55]
        return self.pick(*choices[:3]) if choices else p.light

    def is_dark(self, colour: RGB) -> bool:
        """Whether a colour is nearer to black than to white, by eye."""
        return luminance(colour) < 0.2

    # --- scenery ------------------------------------------------------------------------------------------

    def sky(self, y1: float) -> RGB:
        """Fill the sheet's upper part with a sky; return the colour about its middle."""
        p = self.palette
        kind = self.pick("fade", "bands", "dots", "flat")
        glow = mix(p.back, p.accent if self.is_dark(p.back) else p.light, 0.42)
        if kind == "fade":
            self.canvas.fade(p.back, glow, 0, y1)
            return mix(p.back, glow, 0.5)
        if kind == "bands":
            count = self.pick(5, 6, 7)
            self.canvas.bands([mix(p.back, glow, i / (count - 1)) for i in range(count)], 0, y1)
            return mix(p.back, glow, 0.5)
        self.canvas.rect((0, 0, WIDTH, y1), p.back)
        if kind == "dots":
            self.canvas.dots((0, y1 * 0.35, WIDTH, y1), mix(p.back, glow, 0.75), 6, 3.0)
        return p.back

    def in_the_sky(self, y1: float) -> None:
        """Scatter stars, birds or clouds above y1."""
        p = self.palette
        ink = mix(p.back, p.light, 0.55 if self.is_dark(p.back) else 0.8)
        kind = self.pick("stars", "stars" if self.is_dark(p.back) else "birds", "clouds", "none")
        if kind == "stars":
            for _ in range(int(self.between(18, 34))):
                self.canvas.circle(self.between(6, 194), self.between(6, y1), self.between(0.5, 1.3), ink)
        elif kind == "birds":
            for _ in range(self.pick(3, 4, 5)):
                x, y, s = self.between(16, 184), self.between(20, y1 * 0.7), self.between(3, 5)
                self.canvas.line([(x - s, y - s * 0.5), (x - s * 0.4, y - s * 0.7), (x, y), (x + s * 0.4, y - s * 0.7),
                                  (x + s, y - s * 0.5)], 1, p.dark)
        elif kind == "clouds":
            for _ in range(self.pick(2, 3)):
                self.cloud(self.between(20, 180), self.between(18, y1 * 0.75), self.between(16, 30), mix(p.back, p.light, 0.3))

    def cloud(self, x: float, y: float, w: float, colour: RGB) -> None:
        """A flat cloud of bars with round ends."""
        for dx, dy, share in ((0, 0, 1.0), (w * 0.3, -5, 0.6), (-w * 0.34, 5, 0.7)):
            half = w * share
            self.canvas.rect((x + dx - half, y + dy - 2.6, x + dx + half, y + dy + 2.6), colour)
            self.canvas.circle(x + dx - half, y + dy, 2.6, colour)
            self.canvas.circle(x + dx + half, y + dy, 2.6, colour)

    def disc(self, x: float, y: float, r: float, colour: RGB) -> None:
        """A sun or moon, plain or with lines cut or rings about it."""
        kind = self.pick("plain", "rings", "cut")
        if kind == "rings":
            for k, share in ((26, 0.16), (13, 0.3)):
                self.canvas.circle(x, y, r + k, mix(self.palette.back, colour, share))
        self.canvas.circle(x, y, r, colour)
        if kind == "cut":
            for i in range(4):
                yy = y + r * (0.15 + 0.22 * i)
                self.canvas.rect((x - r, yy, x + r, yy + 1.2 + i * 0.7), self.palette.back)

    def land(self, y: float, colour: RGB, kind: str | None = None) -> None:
        """Fill the sheet from about y down with hills, dunes, waves, peaks or a plain."""
        kind = kind or self.pick("hills", "plain", "dunes", "peaks", "slope")
        phase = self.between(0, 6)
        top: list[tuple[float, float]] = []
        for x in range(0, WIDTH + 5, 4):
            dy = {
                "hills": 5 * sin(x / 31 + phase) + 3 * sin(x / 13 + phase * 2),
                "dunes": 7 * abs(sin(x / 58 + phase)) - 4, "slope": (x - 100) * 0.06 * (1 if phase > 3 else -1),
                "peaks": 8 * abs((x / 40 + phase) % 2 - 1) + 3 * abs((x / 17 + phase) % 2 - 1) - 6,
                "waves": 2.4 * abs(sin(x / 10 + phase)),
            }.get(kind, 0.0)
            top.append((x, y + dy))
        self.canvas.poly([*top, (WIDTH + 4, HEIGHT), (0, HEIGHT)], colour)

    def corner_fans(self, inset: float, r: float, colour: RGB) -> None:
        """Quarter circles of three lines in the four corners."""
        for cx, cy, start in ((inset, inset, 0), (WIDTH - inset, inset, 90), (WIDTH - inset, HEIGHT - inset, 180),
                              (inset, HEIGHT - inset, 270)):
            for k in range(3):
                rr = r * (k + 1) / 3
                self.canvas.line([(cx + rr * cos(radians(start + a)), cy + rr * sin(radians(start + a)))
                                  for a in range(0, 91, 6)], 1.3, colour)

    def readable(self, behind: RGB, *wish: RGB) -> RGB:
        """The first wished ink that shows on a field, or the palette's light or dark."""
        for ink in (*wish, self.palette.light, self.palette.dark):
            if contrast(ink, behind) > 1.9:
                return ink
        return self.palette.light
