"""A small vector pen: motifs are drawn with it on a square of 100 x 100 units, y pointing down.

Paths are written as text, ``"10,20 30,40! 50,20"``: points separated by spaces, an exclamation mark makes
the point a sharp corner of an otherwise smooth curve.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from math import cos, hypot, pi, radians, sin
from typing import Literal

from PIL import Image, ImageChops, ImageDraw

RGB = tuple[int, int, int]
Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]
Tone = Literal["body", "shade", "tint", "accent", "deep", "light", "dark", "clear"]
Tones = dict[Tone, RGB]

SIDE = 100.0
_HANDLE = 0.37  # length of a curve's handles as a share of the chord; 0.39 would make four points a circle
_STEPS = 10


@lru_cache(maxsize=4096)
def parse_path(path: str) -> tuple[tuple[float, float, bool], ...]:
    """Read the text of a path into points with a flag for sharp corners."""
    points: list[tuple[float, float, bool]] = []
    for word in path.split():
        x, y = word.rstrip("!").split(",")
        points.append((float(x), float(y), word.endswith("!")))
    return tuple(points)


def _bezier(p0: Point, c0: Point, c1: Point, p1: Point) -> list[Point]:
    """Sample a cubic curve, without its last point."""
    out: list[Point] = []
    for step in range(_STEPS):
        t = step / _STEPS
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        out.append((a * p0[0] + b * c0[0] + c * c1[0] + d * p1[0], a * p0[1] + b * c0[1] + c * c1[1] + d * p1[1]))
    return out


def smooth(points: Sequence[tuple[float, float, bool]], *, closed: bool) -> list[Point]:
    """Draw a smooth curve through the points; flagged points stay sharp corners."""
    count = len(points)
    handles: list[tuple[Point, Point]] = []
    for i, (x, y, sharp) in enumerate(points):
        before = points[i - 1] if closed or i > 0 else points[i]
        after = points[(i + 1) % count] if closed or i < count - 1 else points[i]
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = hypot(dx, dy)
        if sharp or length == 0:
            handles.append(((x, y), (x, y)))
            continue
        back = hypot(x - before[0], y - before[1]) * _HANDLE / length
        ahead = hypot(after[0] - x, after[1] - y) * _HANDLE / length
        handles.append(((x - dx * back, y - dy * back), (x + dx * ahead, y + dy * ahead)))
    out: list[Point] = []
    for i in range(count if closed else count - 1):
        j = (i + 1) % count
        out += _bezier(points[i][:2], handles[i][1], handles[j][0], points[j][:2])
    if not closed:
        out.append(points[-1][:2])
    return out


def arc_points(cx: float, cy: float, rx: float, ry: float, start: float = 0, end: float = 360) -> list[Point]:
    """Points along an ellipse between two angles in degrees, clockwise from three o'clock."""
    steps = max(12, int(abs(end - start) / 5))
    angles = (radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return [(cx + rx * cos(a), cy + ry * sin(a)) for a in angles]


def _compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The affine map that does `inner` first and `outer` second."""
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f)


class Pen:
    """Draws filled shapes and strokes in the tones of a palette on a transparent square."""

    def __init__(self, size: int, tones: Tones, *, angle: float = 0, mirror: bool = False, flip: bool = False) -> None:
        """Make a canvas of `size` pixels; the drawing may be turned (degrees), mirrored and flipped."""
        self.image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
        self.tones = tones
        self._draw = ImageDraw.Draw(self.image)
        self._clip: Image.Image | None = None
        self._twins: list[Matrix] = []
        scale = size / SIDE
        self._matrix: Matrix = (scale, 0, 0, 0, scale, 0)
        if angle or mirror or flip:
            self._matrix = _compose(self._matrix, self._turn(angle, 50, 50, -1 if mirror else 1, -1 if flip else 1))

    @staticmethod
    def _turn(angle: float, cx: float, cy: float, sx: float, sy: float) -> Matrix:
        """Scale and turn about a centre."""
        co, si = cos(radians(angle)), sin(radians(angle))
        a, b, d, e = co * sx, -si * sy, si * sx, co * sy
        return (a, b, cx - a * cx - b * cy, d, e, cy - d * cx - e * cy)

    # --- states -------------------------------------------------------------------------------------------

    @contextmanager
    def turned(
        self, angle: float = 0, cx: float = 50, cy: float = 50, scale: float = 1, dx: float = 0, dy: float = 0,
        *, mirror: bool = False,
    ) -> Generator[None]:
        """Turn, scale and move what is drawn in the block about (cx, cy)."""
        before = self._matrix
        turn = self._turn(angle, cx, cy, -scale if mirror else scale, scale)
        self._matrix = _compose(before, _compose((1, 0, dx, 0, 1, dy), turn))
        yield
        self._matrix = before

    @contextmanager
    def mirrored(self) -> Generator[None]:
        """Draw everything in the block twice, the second time mirrored about the middle."""
        before = self._twins
        self._twins = [(-1, 0, SIDE, 0, 1, 0)]
        yield
        self._twins = before

    @contextmanager
    def inside(self) -> Generator[None]:
        """Keep what is drawn in the block within what has been drawn so far."""
        before = self._clip
        self._clip = self.image.getchannel("A")
        yield
        self._clip = before

    # --- shapes -------------------------------------------------------------------------------------------

    def shape(self, path: str, tone: Tone) -> None:
        """Fill a closed smooth curve."""
        self._fill(smooth(parse_path(path), closed=True), tone)

    def poly(self, path: str, tone: Tone) -> None:
        """Fill a polygon with straight sides."""
        self._fill([(x, y) for x, y, _ in parse_path(path)], tone)

    def points(self, points: Sequence[Point], tone: Tone) -> None:
        """Fill a polygon given as computed points."""
        self._fill(points, tone)

    def line(self, path: str, width: float, tone: Tone) -> None:
        """Stroke a smooth open curve with round ends."""
        self._stroke(smooth(parse_path(path), closed=False), width, tone)

    def stroke(self, points: Sequence[Point], width: float, tone: Tone) -> None:
        """Stroke computed points."""
        self._stroke(points, width, tone)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, tone: Tone, angle: float = 0) -> None:
        """Fill an ellipse, turned by an angle."""
        co, si = cos(radians(angle)), sin(radians(angle))
        flat = arc_points(0, 0, rx, ry)
        self._fill([(cx + x * co - y * si, cy + x * si + y * co) for x, y in flat], tone)

    def circle(self, cx: float, cy: float, r: float, tone: Tone) -> None:
        """Fill a circle."""
        self._fill(arc_points(cx, cy, r, r), tone)

    def ring(self, cx: float, cy: float, r: float, width: float, tone: Tone) -> None:
        """Stroke a circle."""
        self._stroke(arc_points(cx, cy, r, r, 0, 365), width, tone)

    def arc(self, cx: float, cy: float, r: float, start: float, end: float, width: float, tone: Tone) -> None:
        """Stroke a part of a circle."""
        self._stroke(arc_points(cx, cy, r, r, start, end), width, tone)

    def pie(self, cx: float, cy: float, r: float, start: float, end: float, tone: Tone, ry: float = 0) -> None:
        """Fill the segment of an ellipse between two angles, closed by its chord."""
        self._fill(arc_points(cx, cy, r, ry or r, start, end), tone)

    def wedge(self, cx: float, cy: float, r: float, start: float, end: float, tone: Tone) -> None:
        """Fill a slice of a disc, closed through its centre."""
        self._fill([(cx, cy), *arc_points(cx, cy, r, r, start, end)], tone)

    def rect(self, x0: float, y0: float, x1: float, y1: float, tone: Tone, radius: float = 0) -> None:
        """Fill a rectangle, perhaps with round corners."""
        if not radius:
            self._fill([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], tone)
            return
        r = min(radius, abs(x1 - x0) / 2, abs(y1 - y0) / 2)
        corners = ((x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180), (x1 - r, y0 + r, 270))
        self._fill([p for cx, cy, a in corners for p in arc_points(cx, cy, r, r, a, a + 90)], tone)

    def star(
        self, cx: float, cy: float, outer: float, inner: float, count: int, tone: Tone, angle: float = -90
    ) -> None:
        """Fill a star with `count` points."""
        radii = (outer, inner)
        steps = ((radii[i % 2], radians(angle) + pi * i / count) for i in range(2 * count))
        self._fill([(cx + r * cos(a), cy + r * sin(a)) for r, a in steps], tone)

    # --- pixels -------------------------------------------------------------------------------------------

    def _placed(self, points: Sequence[Point]) -> Iterator[list[Point]]:
        """The points in pixels, once for each twin."""
        for twin in [(1, 0, 0, 0, 1, 0), *self._twins]:
            a, b, c, d, e, f = _compose(self._matrix, twin)
            yield [(a * x + b * y + c, d * x + e * y + f) for x, y in points]

    def _fill(self, points: Sequence[Point], tone: Tone) -> None:
        for placed in self._placed(points):
            if self._clip is None:
                self._draw.polygon(placed, fill=self._colour(tone))
            else:
                mask = Image.new("L", self.image.size, 0)
                ImageDraw.Draw(mask).polygon(placed, fill=255)
                self._paste(mask, tone)

    def _stroke(self, points: Sequence[Point], width: float, tone: Tone) -> None:
        a, b, _, d, e, _ = self._matrix
        pixels = max(1.0, width * abs(a * e - b * d) ** 0.5)
        for placed in self._placed(points):
            if self._clip is None:
                self._trace(self._draw, placed, pixels, self._colour(tone))
            else:
                mask = Image.new("L", self.image.size, 0)
                self._trace(ImageDraw.Draw(mask), placed, pixels, 255)
                self._paste(mask, tone)

    @staticmethod
    def _trace(
        draw: ImageDraw.ImageDraw, points: list[Point], width: float, colour: tuple[int, int, int, int] | int
    ) -> None:
        """Stroke pixels with round joints and ends."""
        r = width / 2
        for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
            length = hypot(x1 - x0, y1 - y0)
            if length:
                nx, ny = (y0 - y1) * r / length, (x1 - x0) * r / length
                draw.polygon([(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)], colour)
        for x, y in points:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def _paste(self, mask: Image.Image, tone: Tone) -> None:
        """Colour the part of the mask that lies in the clip."""
        if self._clip is not None:
            mask = ImageChops.multiply(mask, self._clip)
        self.image.paste(self._colour(tone), (0, 0), mask)

    def _colour(self, tone: Tone) -> tuple[int, int, int, int]:
        """The colour of a tone; "clear" erases."""
        return (0, 0, 0, 0) if tone == "clear" else (*self.tones[tone], 255)
