"""Compositions that divide the sheet: splits, stripes, rays, spirals, patterns and empty fields."""

from collections.abc import Callable
from math import cos, exp, pi, radians, sin

from datasets_cache.bundled.drawing.canvas import HEIGHT, WIDTH, Box, Canvas
from datasets_cache.bundled.drawing.palettes import mix
from datasets_cache.bundled.drawing.pen import RGB, Point, Tones, arc_points
from datasets_cache.bundled.drawing.scene import Scene, TitlePlace


def centered(s: Scene) -> TitlePlace:
    """The motif in the middle before a simple shape."""
    p, c = s.palette, s.canvas
    c.fade(p.back, mix(p.back, p.ground, s.between(0.3, 0.8)))
    above = s.chance(0.3)
    cy = 186.0 if above else 112.0
    panel = s.panel(p.back)
    kind = s.pick("disc", "arch", "rhomb", "rings", "half", "halo")
    behind = panel
    if kind == "disc":
        c.circle(100, cy, s.between(70, 80), panel)
    elif kind == "arch":
        c.poly([*arc_points(100, cy - 10, 66, 66, 180, 360), (166, cy + 80), (34, cy + 80)], panel)
    elif kind == "rhomb":
        c.poly([(100, cy - 98), (188, cy), (100, cy + 98), (12, cy)], panel)
    elif kind == "half":
        c.poly(arc_points(100, cy + 46, 86, 86, 180, 360), panel)
        c.rect((14, cy + 49, 186, cy + 51), panel)
    elif kind == "rings":
        for r in (88, 74, 60):
            c.ring(100, cy, r, 2, mix(p.back, panel, 0.7))
        behind = mix(p.back, p.ground, 0.3)
    else:
        c.halo(100, cy, 120, panel, 0.8)
        behind = mix(p.back, panel, 0.5)
    size = s.between(56, 66)
    tall = size * 1.16
    c.motif(s.motif, (100 - size, cy - tall, 100 + size, cy + tall), s.tones(behind), mirror=s.mirror,
            shadow=mix(behind, p.dark, 0.4) if s.chance(0.6) else None)
    title = (14, 12, 186, 84) if above else (14, 210, 186, 290)
    if s.motif2:
        tones = s.tones(p.back)
        where = s.pick("flank", "side", "side")
        y = cy + 58
        if where == "flank":
            c.motif(s.motif2, (6, y - 26, 42, y + 26), tones, stand=1)
            c.motif(s.motif2, (158, y - 26, 194, y + 26), tones, stand=1, mirror=True)
        else:
            c.motif(s.motif2, s.box(138, y - 34, 192, y + 28), tones, stand=1, mirror=s.mirror, shadow=mix(p.back, p.dark, 0.5))
    return TitlePlace(title, s.titles(p.light), plate=p.back)


def diagonal(s: Scene) -> TitlePlace:
    """Two fields meet on a slant, the motif across it."""
    p, c = s.palette, s.canvas
    low = p.ground if s.chance(0.6) else s.panel(p.back)
    c.rect((0, 0, WIDTH, HEIGHT), p.back)
    if s.chance(0.5):
        c.dots((0, 0, WIDTH, 140), mix(p.back, low, 0.35), 6, 2.8, upward=True)
    left, right = s.between(186, 210), s.between(70, 110)
    edge = [(s.x(0), left), (s.x(WIDTH), right)]
    c.poly([*edge, (s.x(WIDTH), HEIGHT), (s.x(0), HEIGHT)], low)
    stripes = s.pick((p.accent,), (p.accent, p.light), (p.main, p.accent, p.light))
    for i, colour in enumerate(stripes):
        d = i * 9
        c.poly([(s.x(0), left + d), (s.x(WIDTH), right + d), (s.x(WIDTH), right + d + 5), (s.x(0), left + d + 5)], colour)
    angle = s.between(6, 14) * (1 if s.mirror else -1)
    both = mix(p.back, low, 0.5)
    c.motif(s.motif, s.box(30, 26, 178, 198), s.tones(both), angle=angle, mirror=s.mirror, shadow=mix(both, p.dark, 0.5))
    if s.motif2:
        spot: Box = s.box(10, 12, 62, 66)
        c.motif(s.motif2, spot, s.tones(p.back, p.accent), mirror=s.mirror)
    return TitlePlace(s.box(14, 218, 186, 289), s.titles(p.light), "left" if s.mirror else "right", 0.6, low)


def split_vertical(s: Scene) -> TitlePlace:
    """Two halves side by side: one motif in exchanged colours, or one motif in each."""
    p, c = s.palette, s.canvas
    first, second = p.back, s.panel(p.back)
    other = Canvas(second)
    c.rect((0, 0, WIDTH, HEIGHT), first)
    above = s.chance(0.3)
    y0, y1 = (92.0, 288.0) if above else (16.0, 212.0)
    edge = 100.0
    one, two = s.tones(first), s.tones(second)
    if s.motif2 and s.chance(0.6):
        drop = s.between(10, 44)
        c.motif(s.motif, (8, y0, 94, y1 - drop), one, stand=0.35, mirror=s.chance(0.5))
        other.motif(s.motif2, (106, y0 + drop, 192, y1), two, stand=0.75, mirror=s.chance(0.5))
    else:
        box = (22.0, y0, 178.0, y1 - (34 if s.motif2 else 0))
        c.motif(s.motif, box, one, mirror=s.mirror)
        other.motif(s.motif, box, two, mirror=s.mirror)
        if s.motif2:
            small = (74.0, y1 - 46, 126.0, y1 + 2)
            c.motif(s.motif2, small, one, mirror=s.mirror)
            other.motif(s.motif2, small, two, mirror=s.mirror)
    c.clipped(other, [(edge, 0), (WIDTH, 0), (WIDTH, HEIGHT), (edge, HEIGHT)])
    band = s.readable(first, p.dark, p.light) if second != p.dark else p.light
    box = (0.0, 0.0, 200.0, 80.0) if above else (0.0, 220.0, 200.0, 300.0)
    c.rect(box, band)
    c.rect((0, 80, 200, 82) if above else (0, 218, 200, 220), p.accent if band != p.accent else p.light)
    return TitlePlace((14, box[1] + 9, 186, box[3] - 9), s.titles(p.accent))


def split_horizontal(s: Scene) -> TitlePlace:
    """Two halves, one above the other, like a playing card."""
    p, c = s.palette, s.canvas
    upper, lower = p.back, s.panel(p.back)
    c.rect((0, 0, WIDTH, 150), upper)
    c.rect((0, 150, WIDTH, HEIGHT), lower)
    if s.chance(0.5):
        c.dots((0, 0, WIDTH, 120), mix(upper, p.dark, 0.14), 6, 2.6, upward=True)
        c.dots((0, 180, WIDTH, HEIGHT), mix(lower, p.dark, 0.14), 6, 2.6)
    if s.chance(0.55):
        band = s.readable(upper, p.dark, p.light)
        c.rect((0, 116, WIDTH, 184), band)
        c.rect((0, 113, WIDTH, 114.4), band)
        c.rect((0, 185.6, WIDTH, 187), band)
        c.motif(s.motif, (24, 10, 176, 111), s.tones(upper), stand=1, mirror=s.mirror)
        c.motif(s.motif2 or s.motif, (24, 189, 176, 290), s.tones(lower), stand=0 if not s.motif2 else 0.5,
                flip=s.motif2 is None, mirror=s.mirror)
        return TitlePlace((16, 121, 184, 179), s.titles(p.accent))
    c.rect((0, 122, WIDTH, 150), lower)
    c.rect((0, 216, WIDTH, HEIGHT), upper)
    c.motif(s.motif, (22, 12, 178, 122), s.tones(upper), stand=1, mirror=s.mirror)
    c.motif(s.motif2 or s.motif, (40, 132, 160, 208), s.tones(lower), flip=s.motif2 is None, mirror=not s.mirror)
    for y in (120, 214):
        c.rect((0, y, WIDTH, y + 2), p.light)
    return TitlePlace((16, 222, 184, 290), s.titles(p.accent, p.light))


def stripes(s: Scene) -> TitlePlace:
    """Bands of ink run through the sheet behind the motif."""
    p, c = s.palette, s.canvas
    c.rect((0, 0, WIDTH, HEIGHT), p.back)
    inks = [ink for ink in (p.ground, p.main, p.accent, p.light) if ink != p.back]
    if s.chance(0.5):
        inks.reverse()
    kind = s.pick("arcs", "slant", "flat", "upright")
    w = s.between(10, 15)
    cx, cy = s.x(100), 126.0
    if kind == "arcs":
        for i, ink in enumerate(inks):
            c.circle(s.x(s.pick(26, 100)) if i == 0 else cx, 214, 130 - i * w * 1.5, ink)
        c.circle(cx, 214, 130 - len(inks) * w * 1.5, p.back)
    elif kind == "slant":
        for i, ink in enumerate(inks):
            y = 150 + i * w
            c.poly([(s.x(0), y + 50), (s.x(WIDTH), y - 110), (s.x(WIDTH), y - 110 + w), (s.x(0), y + 50 + w)], ink)
    elif kind == "flat":
        for i, ink in enumerate(inks * 2):
            c.rect((0, 58 + i * w * 1.2, WIDTH, 58 + i * w * 1.2 + w * 0.8), ink)
    else:
        for i, ink in enumerate(inks):
            x = s.x(24 + i * (w + 3))
            c.rect((min(x, x + w), 0, max(x, x + w), HEIGHT), ink)
    c.rect((0, 214, WIDTH, HEIGHT), p.back)
    for i, ink in enumerate(inks[:3]):
        c.rect((0, 206 + i * 3, WIDTH, 208 + i * 3), ink)
    plate = s.readable(p.back, p.dark, p.light) if s.chance(0.5) else None
    if plate and kind != "arcs":
        c.circle(cx, cy - 18, 78, plate)
    behind = plate if plate and kind != "arcs" else p.back
    c.motif(s.motif, (34, 20, 166, 196), s.tones(behind), mirror=s.mirror, stand=0.6, shadow=mix(behind, p.dark, 0.6))
    if s.motif2:
        c.motif(s.motif2, s.box(140, 150, 192, 205), s.tones(p.back, p.light), stand=1, mirror=s.mirror, shadow=p.dark)
    return TitlePlace((14, 220, 186, 290), s.titles(p.accent), plate=p.back)


def rays(s: Scene) -> TitlePlace:
    """A sunburst behind the motif."""
    p, c = s.palette, s.canvas
    c.rect((0, 0, WIDTH, HEIGHT), p.back)
    ink = p.ground if s.chance(0.6) else mix(p.back, p.accent, 0.55)
    cx, cy = s.x(s.between(80, 120)), s.between(100, 128)
    c.rays(cx, cy, s.pick(14, 18, 24, 32), ink, s.between(0, 25), s.between(0.42, 0.58))
    middle = mix(p.back, ink, 0.5)
    if s.chance(0.65):
        middle = s.panel(middle)
        r = s.between(58, 72)
        if s.chance(0.4):
            c.points_star(cx, cy, r * 1.3, r * 1.05, s.pick(16, 20, 24), middle)
        else:
            c.circle(cx, cy, r, middle)
    base = s.pick(p.dark, p.ground, p.light)
    bow = s.pick(0.0, 14.0, -12.0)
    top = [(x, 216 + bow * (1 - ((x - 100) / 100) ** 2) - max(bow, 0)) for x in range(0, 201, 5)]
    tones = s.tones(middle)
    c.motif(s.motif, (cx - 66, cy - 84, cx + 66, cy + 84), tones, mirror=s.mirror, shadow=mix(middle, p.dark, 0.5))
    c.poly([(x, y - 3) for x, y in top] + [(WIDTH, HEIGHT), (0, HEIGHT)], s.readable(base, p.accent, p.main))
    c.poly([*top, (WIDTH, HEIGHT), (0, HEIGHT)], base)
    if s.motif2:
        if s.chance(0.4):
            c.motif(s.motif2, (6, 166, 44, 214), s.tones(p.back), stand=1)
            c.motif(s.motif2, (156, 166, 194, 214), s.tones(p.back), stand=1, mirror=True)
        else:
            c.motif(s.motif2, s.box(138, 156, 192, 215), s.tones(p.back, p.light), stand=1, mirror=s.mirror, shadow=p.dark)
    return TitlePlace((14, 222, 186, 290), s.titles(p.accent), plate=base)


def _spiral_arm(cx: float, cy: float, growth: float, start: float, *, mirror: bool) -> list[Point]:
    """A logarithmic spiral from the middle to beyond the sheet."""
    turns = (k * 0.12 for k in range(int(48.2 / growth) + 60))
    way = -1 if mirror else 1
    return [(cx + 5 * exp(growth * t) * cos(way * t + start), cy + 5 * exp(growth * t) * sin(way * t + start)) for t in turns]


def spiral_ground(s: Scene) -> TitlePlace:
    """The motif falls into, or out of, a great spiral."""
    p, c = s.palette, s.canvas
    c.rect((0, 0, WIDTH, HEIGHT), p.back)
    above = s.chance(0.35)
    cx, cy = 100.0, 182.0 if above else 118.0
    ink = p.ground if s.chance(0.6) else mix(p.back, p.accent, 0.6)
    arms, growth = s.pick(1, 2, 3), s.between(0.16, 0.24)
    for arm in range(arms):
        start = 2 * pi * arm / arms
        outer = _spiral_arm(cx, cy, growth, start, mirror=s.mirror)
        inner = _spiral_arm(cx, cy, growth, start + pi / arms, mirror=s.mirror)
        c.poly(outer + inner[::-1], ink)
    middle = mix(p.back, ink, 0.5)
    tones = s.tones(middle)
    if s.chance(0.5):
        disc = s.panel(middle)
        c.circle(cx, cy, 58, disc)
        tones = s.tones(disc)
        middle = disc
    if s.motif2:
        for k, a in enumerate((s.between(20, 60), s.between(190, 250))):
            r = 78
            x, y = cx + r * cos(radians(a)), cy + r * sin(radians(a))
            half = 22 - k * 5
            x = min(max(x, half + 6), 194 - half)
            c.motif(s.motif2, (x - half, y - half, x + half, y + half), s.tones(mix(p.back, ink, 0.5), p.accent),
                    angle=s.between(-35, 35), mirror=s.mirror, shadow=p.dark)
    size = s.between(46, 54)
    c.motif(s.motif, (cx - size, cy - size * 1.1, cx + size, cy + size * 1.1), tones, mirror=s.mirror, angle=s.between(-16, 16),
            shadow=mix(middle, p.dark, 0.6))
    band = p.dark if s.chance(0.5) else p.back
    box = (0.0, 0.0, 200.0, 84.0) if above else (0.0, 222.0, 200.0, 300.0)
    if band == p.dark:
        c.rect(box, band)
    return TitlePlace((14, box[1] + 8, 186, box[3] - 8), s.titles(p.accent, p.light), plate=p.dark)


def scattered(s: Scene) -> TitlePlace:
    """A pattern of the motifs, one of them the odd one out."""
    p, c = s.palette, s.canvas
    field = p.back
    c.rect((0, 0, WIDTH, HEIGHT), field)
    columns, rows = s.pick((3, 4), (4, 5))
    place = s.pick("bottom", "bottom", "middle")
    cell = WIDTH / columns
    tones, other = s.tones(field), s.tones(field, p.accent)
    top, bottom = (-8.0, 218.0) if place == "bottom" else (-6.0, 306.0)
    tall = (bottom - top) / rows if place == "bottom" else 312 / (rows + 1)
    count = rows if place == "bottom" else rows + 1
    odd = (1, s.pick(*range(1, rows - 1)) if place == "bottom" else s.pick(0, rows))
    for row in range(count):
        for col in range(columns + 1):
            x = (col + (0.0 if row % 2 else 0.5)) * cell + s.between(-3, 3)
            y = top + (row + 0.5) * tall + s.between(-3, 3)
            half = min(cell, tall) * 0.4
            spot = (x - half, y - half, x + half, y + half)
            angle = s.between(-28, 28)
            if (col, row) == odd:
                disc = s.readable(field, p.accent, p.light)
                c.circle(x, y, half * 1.22, disc)
                c.motif(s.motif, spot, s.tones(disc), angle=angle * 0.3, mirror=s.mirror)
            elif s.motif2 and (row + col) % 2:
                c.motif(s.motif2, spot, other, angle=angle, mirror=s.chance(0.5))
            else:
                c.motif(s.motif, spot, tones, angle=angle, mirror=s.chance(0.5))
    plate = s.readable(field, p.dark, p.light, p.ground)
    if place == "bottom":
        c.rect((0, 216, WIDTH, HEIGHT), plate)
        c.rect((0, 213, WIDTH, 214.5), plate)
        return TitlePlace((14, 223, 186, 291), s.titles(p.accent))
    c.rect((10, 106, 190, 194), plate)
    c.frame((13, 109, 187, 191), 0.8, s.readable(plate, p.accent, p.light))
    return TitlePlace((20, 115, 180, 185), s.titles(p.accent))


def big_cropped(s: Scene) -> TitlePlace:
    """The motif so large that it runs off the sheet."""
    p, c = s.palette, s.canvas
    field = s.pick(p.back, p.back, p.ground)
    c.fade(field, mix(field, p.dark, 0.18))
    if s.chance(0.6):
        c.circle(s.x(s.between(30, 80)), s.between(40, 90), s.between(60, 100), mix(field, s.panel(field), 0.4))
    above = s.chance(0.3)
    reach = s.between(36, 66)
    box = s.box(-8, 100, 200 + reach, 300 + reach * 0.8) if above else s.box(-8, -reach * 0.8, 200 + reach, 208)
    c.motif(s.motif, box, s.tones(field), mirror=s.mirror, stand=0.0 if above else 1.0, shadow=mix(field, p.dark, 0.4),
            angle=s.between(-8, 8))
    if s.motif2:
        disc = s.readable(field, p.dark, p.light)
        y = 262.0 if above else 184.0
        x = s.x(168)
        c.circle(x, y, 29, field)
        c.circle(x, y, 26, disc)
        c.motif(s.motif2, (x - 18, y - 18, x + 18, y + 18), s.tones(disc, p.accent), mirror=s.mirror)
    title = (14, 14, 186, 92) if above else (14, 218, 186, 289)
    return TitlePlace(title, s.titles(p.light), "right" if s.mirror else "left", 0.2 if above else 0.7, field)


def negative_space(s: Scene) -> TitlePlace:
    """A small motif in a wide empty field, the second one barely there behind it."""
    p, c = s.palette, s.canvas
    field = s.pick(p.back, p.back, p.light, p.ground)
    c.rect((0, 0, WIDTH, HEIGHT), field)
    ghost: RGB = mix(field, p.dark if not s.is_dark(field) else p.light, 0.1)
    flat: Tones = dict.fromkeys(s.tones(field), ghost)
    if s.motif2 and s.chance(0.65):
        c.motif(s.motif2, s.box(20, 14, 230, 224), flat, mirror=s.mirror, stand=0.3, angle=s.between(-10, 10))
    elif s.chance(0.5):
        c.circle(s.x(s.between(60, 140)), s.between(70, 120), s.between(50, 76), mix(field, s.panel(field), 0.85))
    else:
        c.dots((0, 0, WIDTH, 150), ghost, 7, 2.6, upward=True)
    floor = s.between(196, 208)
    kind = s.pick("line", "shadow", "hill")
    if kind == "line":
        c.rect((14, floor, 186, floor + 1.2), s.readable(field, p.dark, p.light))
    elif kind == "hill":
        c.poly(arc_points(100, floor + 300, 320, 302, 180, 360), s.pick(p.ground, p.accent) if field != p.ground else p.dark)
    else:
        c.poly(arc_points(s.x(96), floor, 62, 4.5), ghost)
    size = s.between(92, 116)
    left = s.between(20, 60)
    at = s.box(left, floor - size * 1.08, left + size, floor + 1)
    c.motif(s.motif, at, s.tones(field), stand=1, mirror=s.mirror)
    if s.motif2 and s.chance(0.55):
        c.motif(s.motif2, s.box(146, floor - 46, 188, floor + 1), s.tones(field, p.accent), stand=1, mirror=s.mirror)
    return TitlePlace((14, 218, 186, 289), s.titles(), "right" if s.mirror else "left", 0.55, field if kind != "hill" else None)


GRAPHIC: dict[str, Callable[[Scene], TitlePlace]] = {
    "centered": centered, "diagonal": diagonal, "split_vertical": split_vertical, "split_horizontal": split_horizontal,
    "stripes": stripes, "rays": rays, "spiral_ground": spiral_ground, "scattered": scattered, "big_cropped": big_cropped,
    "negative_space": negative_space,
}
