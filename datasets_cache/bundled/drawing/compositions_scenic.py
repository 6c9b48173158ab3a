"""Compositions that build a place: horizon, window, circle, water, border, street level."""

from collections.abc import Callable
from math import sin

from datasets_cache.bundled.drawing.canvas import HEIGHT, WIDTH, Box, Canvas
from datasets_cache.bundled.drawing.palettes import mix
from datasets_cache.bundled.drawing.pen import RGB, Point, Tones, arc_points
from datasets_cache.bundled.drawing.scene import Scene, TitlePlace


def horizon(s: Scene) -> TitlePlace:
    """The motif stands on the land under a wide sky."""
    p, c = s.palette, s.canvas
    title_above = s.chance(0.4)
    y = s.between(232, 246) if title_above else s.between(186, 200)
    behind = s.sky(y + 12)
    s.in_the_sky(y - 40)
    r = s.between(40, 62)
    sun = p.accent if s.chance(0.6) else mix(p.back, p.light, 0.75)
    sun_x, sun_y = s.x(s.between(70, 150)), y - s.between(10, 70)
    s.disc(sun_x, sun_y, r, sun)
    far = mix(p.ground, p.back, 0.5)
    s.land(y - 4, far)
    if s.motif2:
        side = s.box(8, y - 62, 62, y + 3) if s.chance(0.6) else s.box(140, y - 118, 188, y - 72)
        c.motif(s.motif2, side, s.tones(behind), stand=1, mirror=s.mirror)
    s.land(y + 6, p.ground)
    if s.chance(0.4):
        c.dots((0, y + 20, WIDTH, HEIGHT), mix(p.ground, p.dark, 0.25), 5, 2.4)
    wide = s.between(108, 134)
    left = s.between(52, 188 - wide)
    top = 92 if title_above else 24
    tones = s.tones(mix(behind, sun, 0.5) if abs(s.x(left + wide / 2) - sun_x) < 50 else behind)
    c.motif(s.motif, s.box(left, top, left + wide, y + 15), tones, stand=1, mirror=s.mirror, shadow=mix(p.ground, p.dark, 0.4))
    if title_above:
        return TitlePlace((13, 14, 187, 84), s.titles(), stand=0.2, plate=p.back)
    return TitlePlace((13, y + 22, 187, 290), s.titles(p.light), plate=p.ground)


def _window_outline(kind: str, box: Box) -> list[Point]:
    """The outline of a window."""
    x0, y0, x1, y1 = box
    half = (x1 - x0) / 2
    if kind == "arch":
        return [*arc_points(x0 + half, y0 + half, half, half, 180, 360), (x1, y1), (x0, y1)]
    if kind == "gothic":
        tip = [(x0 + half + dx * half, y0 + half * 1.3 * (1 - (1 - abs(dx)) ** 0.62)) for dx in (i / 12 - 1 for i in range(25))]
        return [*tip, (x1, y1), (x0, y1)]
    if kind == "porthole":
        return arc_points((x0 + x1) / 2, (y0 + y1) / 2, half, (y1 - y0) / 2)
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _wall(s: Scene, wall: RGB, ink: RGB) -> None:
    """Paper a wall."""
    c = s.canvas
    kind = s.pick("stripes", "bricks", "diamonds", "plain")
    if kind == "stripes":
        for x in range(0, WIDTH, 14):
            c.rect((x, 0, x + 7, HEIGHT), ink)
    elif kind == "bricks":
        for row in range(25):
            c.rect((0, row * 12, WIDTH, row * 12 + 1), ink)
            for x in range(-12 if row % 2 else 0, WIDTH, 24):
                c.rect((x, row * 12, x + 1, row * 12 + 12), ink)
    elif kind == "diamonds":
        for row in range(16):
            for x in range(-10 if row % 2 else 0, WIDTH + 10, 20):
                y = row * 20
                c.poly([(x, y - 4), (x + 3, y), (x, y + 4), (x - 3, y)], ink)
    c.rect((0, 222, WIDTH, HEIGHT), wall)


def window_frame(s: Scene) -> TitlePlace:
    """The motif is seen through a window; the second one stands on the sill."""
    p, c = s.palette, s.canvas
    wall = p.ground if s.chance(0.55) else p.back
    c.rect((0, 0, WIDTH, HEIGHT), wall)
    _wall(s, wall, mix(wall, p.dark, 0.16))
    kind = s.pick("arch", "gothic", "porthole", "square")
    half = s.between(66, 76)
    box = (100 - half, 20.0, 100 + half, 204.0) if kind != "porthole" else (100 - half, 30.0, 100 + half, 30.0 + 2 * half)
    frame = s.readable(wall, p.light, p.dark)
    outside: RGB = p.back if wall == p.ground else mix(p.accent, p.light, 0.25)
    grown = (box[0] - 6, box[1] - 6, box[2] + 6, box[3] + 6)
    c.poly(_window_outline(kind, (grown[0] + 3, grown[1] + 3, grown[2] + 3, grown[3] + 3)), mix(wall, p.dark, 0.5))
    c.poly(_window_outline(kind, grown), frame)
    view = Canvas(outside)
    view.fade(outside, mix(outside, p.light, 0.35), box[1], box[3])
    moon = s.panel(outside)
    mid_y = (box[1] + box[3]) / 2
    view.circle(s.x(s.between(80, 140)), mid_y - s.between(5, 40), s.between(28, 46), mix(outside, moon, 0.6))
    pane = s.chance(0.6)
    if pane:
        view.rect((98.7, 0, 101.3, HEIGHT), frame)
        view.rect((0, mid_y - 1.3, WIDTH, mid_y + 1.3), frame)
    inner = (box[0] + 8, box[1] + 20, box[2] - 8, box[3] - (0 if kind != "porthole" else 18))
    view.motif(s.motif, inner, s.tones(outside), mirror=s.mirror, stand=1 if kind != "porthole" else 0.5)
    c.clipped(view, _window_outline(kind, box))
    if kind != "porthole":
        c.rect((box[0] - 12, 203, box[2] + 12, 210), frame)
        c.rect((box[0] - 12, 207.5, box[2] + 12, 210), mix(frame, p.dark, 0.35))
    if s.motif2:
        y = 204 if kind != "porthole" else 212
        c.motif(s.motif2, s.box(14, y - 58, 66, y), s.tones(mix(wall, outside, 0.5)), stand=1, mirror=s.mirror,
                shadow=mix(wall, p.dark, 0.6))
    return TitlePlace((14, 219, 186, 289), s.titles(p.light), plate=wall)


def circle_frame(s: Scene) -> TitlePlace:
    """A round picture of its own; the second motif breaks out of it as a badge."""
    p, c = s.palette, s.canvas
    paper = s.pick(p.back, p.back, p.ground)
    c.rect((0, 0, WIDTH, HEIGHT), paper)
    if s.chance(0.5):
        c.dots((0, 0, WIDTH, 150), mix(paper, p.dark, 0.14), 6, 2.6, upward=True)
    low = s.chance(0.3)
    cx, cy, r = 100.0, (186.0 if low else 112.0), s.between(80, 87)
    inner = s.panel(paper)
    scene = Canvas(inner)
    kind = s.pick("bands", "fade", "flat", "rays")
    if kind == "bands":
        scene.bands([mix(inner, p.light, 0.1 * i) for i in range(6)], cy - r, cy + r)
    elif kind == "fade":
        scene.fade(inner, mix(inner, p.light, 0.45), cy - r, cy + r)
    elif kind == "rays":
        scene.rays(cx, cy, s.pick(16, 20, 24), mix(inner, p.light, 0.16))
    ring = s.readable(paper, p.light, p.dark)
    c.circle(cx, cy, r + 7, ring)
    c.circle(cx, cy, r + 5.4, paper)
    c.circle(cx, cy, r + 3, ring)
    ground = mix(inner, p.dark, 0.5)
    standing = s.chance(0.5)
    if standing:
        scene.rect((0, cy + r * 0.62, WIDTH, HEIGHT), ground)
        motif_box = (cx - r * 0.74, cy - r * 0.86, cx + r * 0.74, cy + r * 0.7)
    else:
        motif_box = (cx - r * 0.72, cy - r * 0.72, cx + r * 0.72, cy + r * 0.72)
    scene.motif(s.motif, motif_box, s.tones(inner), mirror=s.mirror, stand=1 if standing else 0.5)
    c.clipped(scene, arc_points(cx, cy, r, r))
    if s.motif2:
        bx, by, br = s.x(s.between(158, 166)), cy + r * 0.74, 27.0
        badge = s.readable(inner, p.dark, p.light)
        c.circle(bx, by, br + 2, paper)
        c.circle(bx, by, br, badge)
        c.motif(s.motif2, (bx - 19, by - 19, bx + 19, by + 19), s.tones(badge, p.accent), mirror=s.mirror)
    title = (14, 14, 186, 90) if low else (14, 216 if s.motif2 else 210, 186, 290)
    return TitlePlace(title, s.titles(p.light), plate=paper)


def reflection(s: Scene) -> TitlePlace:
    """The motif above its own reflection, or above what it hides."""
    p, c = s.palette, s.canvas
    above = s.chance(0.35)
    y = s.between(194, 204) if above else s.between(132, 142)
    behind = s.sky(y)
    if not above:
        s.in_the_sky(y - 50)
    water = mix(p.ground, p.dark, 0.15)
    s.disc(s.x(s.between(50, 150)), y - s.between(0, 40), s.between(30, 50), mix(p.back, p.accent, 0.7))
    c.fade(water, mix(water, p.dark, 0.35), y, HEIGHT)
    tones = s.tones(mix(behind, p.accent, 0.3))
    at = c.motif(s.motif, s.box(30, y - 122, 170, y + 1), tones, stand=1, mirror=s.mirror)
    other = s.motif2 if s.motif2 and s.chance(0.7) else None
    pale: Tones = s.tones(water)
    if not other:
        pale = {tone: mix(water, colour, 0.55) for tone, colour in tones.items()}
    below = (at[0], y + 1, at[2], y + 1 + min(88.0, at[3] - at[1])) if not other else s.box(48, y + 1, 152, y + 88)
    c.motif(other or s.motif, below, pale, stand=0, mirror=s.mirror, flip=True)
    step, yy, i = 5.5, y + 6, 0
    while yy < y + 90:
        half = 88 - i * 3 + 9 * sin(i * 2.1)
        c.rect((100 - half, yy, 100 + half, yy + 1.1 + i * 0.07), mix(water, p.light, 0.16) if i % 2 else water)
        yy += step
        i += 1
    c.rect((0, y - 0.6, WIDTH, y + 0.8), mix(water, p.light, 0.5))
    if s.motif2 and not other:
        c.motif(s.motif2, s.box(8, y - 44, 50, y + 1), tones, stand=1, mirror=s.mirror)
    if above:
        return TitlePlace((14, 13, 186, 72), s.titles(), plate=p.back)
    return TitlePlace((14, 230, 186, 290), s.titles(p.light), plate=water)


def border_ornate(s: Scene) -> TitlePlace:
    """A framed plate with ornaments, the second motif as its crest."""
    p, c = s.palette, s.canvas
    outer, inner = (p.ground, p.back) if s.chance(0.6) else (p.back, p.ground)
    gilt = s.readable(outer, p.accent, p.main)
    c.rect((0, 0, WIDTH, HEIGHT), outer)
    c.frame((6, 6, 194, 294), 1.4, gilt)
    kind = s.pick("fans", "beads", "teeth", "steps")
    if kind == "beads":
        for i in range(24):
            for x, y in ((12 + i * 7.65, 12), (12 + i * 7.65, 288)):
                c.circle(x, y, 1.7, gilt)
        for i in range(1, 36):
            for x, y in ((12, 12 + i * 7.67), (188, 12 + i * 7.67)):
                c.circle(x, y, 1.7, gilt)
    elif kind == "teeth":
        for i in range(22):
            x = 12 + i * 8
            c.poly([(x, 9), (x + 8, 9), (x + 4, 16)], gilt)
            c.poly([(x, 291), (x + 8, 291), (x + 4, 284)], gilt)
        for i in range(34):
            y = 14 + i * 8
            c.poly([(9, y), (9, y + 8), (16, y + 4)], gilt)
            c.poly([(191, y), (191, y + 8), (184, y + 4)], gilt)
    c.rect((18, 18, 182, 282), gilt)
    c.rect((19.6, 19.6, 180.4, 280.4), inner)
    c.frame((23, 23, 177, 277), 0.8, s.readable(inner, p.accent, p.main))
    if kind == "fans":
        s.corner_fans(23, 26, s.readable(inner, p.accent, p.main))
    elif kind == "steps":
        for k in range(3):
            for x, y in ((18, 18), (182 - 22 + k * 7, 18), (18, 282 - 22 + k * 7), (182 - 22 + k * 7, 282 - 22 + k * 7)):
                w = 22 - k * 7
                c.rect((x, y, x + w, y + w), gilt if k % 2 == 0 else inner)
    oval = s.panel(inner)
    shape = s.pick("oval", "arch", "halo", "rhomb")
    if shape == "oval":
        c.poly(arc_points(100, 122, 61, 74), oval)
        c.poly(arc_points(100, 122, 58, 71), mix(oval, p.dark, 0.12))
    elif shape == "arch":
        c.poly([*arc_points(100, 108, 60, 60, 180, 360), (160, 196), (40, 196)], oval)
    elif shape == "rhomb":
        c.poly([(100, 38), (170, 120), (100, 202), (30, 120)], oval)
    else:
        burst = Canvas(inner)
        burst.rays(100, 118, 36, mix(inner, oval, 0.25))
        c.clipped(burst, [(25, 25), (175, 25), (175, 200), (25, 200)])
        c.circle(100, 118, 58, oval)
    c.motif(s.motif, (48, 56 if s.motif2 else 46, 152, 190), s.tones(oval), mirror=s.mirror)
    if s.motif2:
        c.circle(100, 26, 23, gilt)
        c.circle(100, 26, 21, outer)
        c.motif(s.motif2, (84, 10, 116, 42), s.tones(outer), mirror=s.mirror)
    return TitlePlace((30, 204, 170, 272), s.titles(p.light), plate=inner)


def low_angle(s: Scene) -> TitlePlace:
    """The motif towers over us; the second one is small at its foot."""
    p, c = s.palette, s.canvas
    sky, beam = p.back, mix(p.back, p.light if s.chance(0.6) else p.accent, 0.2)
    c.rect((0, 0, WIDTH, HEIGHT), sky)
    above = s.chance(0.35)
    floor = 258.0 if above else 214.0
    vanish = (s.x(s.between(84, 116)), floor - s.between(6, 30))
    kind = s.pick("beams", "towers", "sun")
    if kind == "towers":
        ink = mix(sky, p.ground, 0.6) if sky != p.ground else mix(sky, p.dark, 0.3)
        for left, right, top in ((-10, 26, 20), (30, 52, 96), (150, 172, 80), (176, 214, 8)):
            lean = 16 if left < 100 else -16
            c.poly([(left, floor), (left + lean, top), (right + lean * 0.6, top + 6), (right, floor)], ink)
            for row in range(int((floor - top) / 14)):
                y = top + 16 + row * 14
                shift = lean * (floor - y) / (floor - top) * 0.8
                c.rect((left + 6 + shift, y, left + 9 + shift, y + 5), beam)
                c.rect((right - 9 + shift, y, right - 6 + shift, y + 5), beam)
    elif kind == "beams":
        c.rays(vanish[0], vanish[1], s.pick(14, 18, 22), beam, s.between(0, 20), 0.42)
    else:
        c.rays(vanish[0], vanish[1], 28, mix(sky, beam, 0.4), s.between(0, 12))
        c.circle(100, 96 if not above else 160, 74, mix(sky, p.accent, 0.75))
    c.rect((0, floor, WIDTH, HEIGHT), p.ground if p.ground != sky else p.dark)
    floor_ink = mix(p.ground, p.dark, 0.22)
    for i in range(-6, 7):
        near, far = 100 + i * 44, 100 + i * 12
        c.poly([(far, floor), (far + 2, floor), (near + 9, HEIGHT), (near, HEIGHT)], floor_ink)
    field_behind = mix(sky, p.accent, 0.6) if kind == "sun" else sky
    box = (16.0, 84.0, 184.0, floor + 6) if above else (16.0, 12.0, 184.0, floor + 6)
    c.motif(s.motif, box, s.tones(field_behind), stand=1, mirror=s.mirror, taper=s.between(0.3, 0.42),
            shadow=mix(sky, p.dark, 0.45))
    if s.motif2:
        c.motif(s.motif2, s.box(10, floor - 38, 58, floor + 14), s.tones(mix(sky, p.ground, 0.5), p.accent), stand=1,
                mirror=s.mirror, shadow=mix(p.ground, p.dark, 0.6))
    if above:
        return TitlePlace((13, 12, 187, 78), s.titles(p.light), plate=sky)
    return TitlePlace((13, floor + 16, 187, 291), s.titles(p.light), plate=p.ground)


SCENIC: dict[str, Callable[[Scene], TitlePlace]] = {
    "horizon": horizon, "window_frame": window_frame, "circle_frame": circle_frame, "reflection": reflection,
    "border_ornate": border_ornate, "low_angle": low_angle,
}
