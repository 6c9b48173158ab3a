"""Motifs: tools, weapons, instruments of science, and games and music."""

from collections.abc import Callable
from math import cos, pi, radians, sin

from datasets_cache.bundled.drawing.pen import Pen, Tone, arc_points


def anchor(pen: Pen) -> None:
    """A ship's anchor with a rope."""
    pen.ring(50, 12, 8, 4, "accent")
    pen.rect(46, 20, 54, 90, "body")
    pen.rect(50, 20, 54, 90, "shade")
    pen.rect(28, 28, 72, 35, "body", 3)
    with pen.mirrored():
        pen.shape("50,84! 34,82 22,70 18,58! 10,66! 12,50 18,44! 30,60! 25,60! 34,72 50,76!", "body")
    with pen.inside():
        pen.shape("50,74! 70,72 82,40! 98,40! 98,98! 50,98!", "shade")
    pen.line("56,14 68,26 52,44 46,58 58,72 50,88 60,97", 3, "accent")


def arrow(pen: Pen) -> None:
    """A feathered arrow."""
    with pen.turned(-45):
        pen.rect(16, 48, 82, 52, "deep")
        pen.poly("98,50 78,40 83,50 78,60", "body")
        pen.poly("98,50 83,50 78,60", "shade")
        for x in (6, 14, 22):
            pen.poly(f"{x},38 {x + 7},38 {x + 14},49 {x + 6},49", "accent")
            pen.poly(f"{x},62 {x + 7},62 {x + 14},51 {x + 6},51", "light")
        pen.rect(72, 46.6, 79, 53.4, "dark", 1)


def basketball(pen: Pen) -> None:
    """A basketball."""
    pen.circle(50, 50, 46, "body")
    with pen.inside():
        pen.points([*arc_points(50, 50, 47, 47, -50, 130), *arc_points(40, 42, 47, 47, 120, -40)], "shade")
        pen.line("50,2 50,98", 2.6, "dark")
        pen.line("2,50 98,50", 2.6, "dark")
        pen.ring(2, 50, 34, 2.6, "dark")
        pen.ring(98, 50, 34, 2.6, "dark")
    pen.shape("26,20 36,14 42,14 34,22 26,28 22,27", "tint")


def clock(pen: Pen) -> None:
    """An alarm clock."""
    with pen.mirrored():
        pen.line("24,86 16,96", 5, "shade")
        pen.shape("12,30! 12,16 22,8 34,10!", "accent")
    pen.line("50,14 50,6", 4, "shade")
    pen.rect(43, 3, 57, 8, "dark", 2)
    pen.circle(50, 54, 40, "body")
    pen.points(arc_points(50, 54, 40, 40, -50, 130), "shade")
    pen.circle(50, 54, 32, "light")
    for i in range(12):
        with pen.turned(30 * i, 50, 54):
            pen.line("50,25 50,29" if i % 3 else "50,25 50,31", 1.6 if i % 3 else 2.8, "dark")
    pen.line("50,54 38,40", 3.4, "dark")
    pen.line("50,54 66,36", 2.4, "dark")
    pen.line("50,54 52,74", 1.3, "body")
    pen.circle(50, 54, 3.2, "accent")


def coins(pen: Pen) -> None:
    """Stacks of coins."""
    for x, top in ((24, 64), (74, 48), (50, 76)):
        for y in range(90, top, -7):
            pen.ellipse(x, y, 21, 7, "deep")
            pen.rect(x - 21, y - 4, x + 21, y, "deep")
            pen.ellipse(x, y - 4, 21, 7, "accent")
        pen.ellipse(x, top + 3, 15, 4.4, "deep")
        pen.ellipse(x, top + 3.6, 13, 3.6, "accent")
    pen.circle(34, 28, 20, "accent")
    pen.points(arc_points(34, 28, 20, 20, -50, 130), "deep")
    pen.circle(34, 28, 14.6, "body")
    pen.star(34, 28, 10, 4.4, 5, "light")


def dna(pen: Pen) -> None:
    """A double helix."""
    left = [(50 + 24 * sin(t * pi / 25), 4 + t * 0.92) for t in range(101)]
    right = [(100 - x, y) for x, y in left]
    tones: tuple[Tone, ...] = ("accent", "tint", "light")
    for i in range(4, 100, 6):
        if abs(left[i][0] - 50) > 6:
            pen.stroke([left[i], (50, left[i][1])], 2.4, tones[i % 3])
            pen.stroke([right[i], (50, right[i][1])], 2.4, tones[(i + 1) % 3])
    pen.stroke(left, 5, "shade")
    pen.stroke(right, 5, "body")
    for start in (13, 63):
        pen.stroke(left[start:start + 24], 5, "shade")


def fan(pen: Pen) -> None:
    """A painted folding fan."""
    cx, cy = 50, 84
    for i in range(10):
        a, b = 192 + i * 15.6, 192 + (i + 1) * 15.6
        outer = arc_points(cx, cy, 50, 62, a, b)
        inner = arc_points(cx, cy, 20, 25, b, a)
        pen.points(outer + inner, "body" if i % 2 else "shade")
    pen.stroke(arc_points(cx, cy, 48, 60, 192, 348), 2.4, "accent")
    pen.stroke(arc_points(cx, cy, 36, 45, 192, 348), 1.3, "tint")
    for i in range(11):
        a = radians(192 + i * 15.6)
        pen.stroke([(cx, cy), (cx + 22 * cos(a), cy + 27 * sin(a))], 1.8, "deep")
    for a in (222, 270, 318):
        x, y = cx + 38 * cos(radians(a)), cy + 48 * sin(radians(a))
        for k in range(5):
            pen.circle(x + 4 * cos(k * 1.257), y + 4 * sin(k * 1.257), 2.6, "light")
        pen.circle(x, y, 2, "accent")
    pen.circle(cx, cy, 3.6, "dark")
    pen.line("50,86 46,92 50,98", 1.8, "accent")


def flag(pen: Pen) -> None:
    """A flag streaming from a pole."""
    pen.rect(12, 6, 17, 97, "dark", 2)
    pen.circle(14.5, 6, 4, "accent")
    pen.shape("17,12! 36,8 54,16 72,20 94,12! 88,36 94,58! 72,66 54,60 36,54 17,60!", "body")
    with pen.inside():
        pen.shape("17,26! 36,22 54,30 72,35 98,26! 98,42! 72,50 54,46 36,38 17,44!", "light")
        pen.shape("44,6! 54,14 60,18 58,60 50,60! 46,40", "shade")
    pen.star(30, 34, 8, 3.4, 5, "accent")


def gear(pen: Pen) -> None:
    """Two meshing gears."""
    gears: tuple[tuple[float, float, float, int, float, tuple[Tone, Tone, Tone]], ...] = (
        (38, 40, 28, 10, 0, ("body", "shade", "tint")), (76, 76, 17, 8, 12, ("accent", "deep", "accent")),
    )
    for cx, cy, r, n, off, (rim, groove, hub) in gears:
        for i in range(n):
            with pen.turned(360 / n * i + off, cx, cy):
                pen.poly(f"{cx - 5},{cy - r + 1} {cx - 3.4},{cy - r - 7} {cx + 3.4},{cy - r - 7} {cx + 5},{cy - r + 1}",
                         rim)
        pen.circle(cx, cy, r, rim)
        pen.circle(cx, cy, r * 0.72, groove)
        pen.circle(cx, cy, r * 0.62, hub)
        pen.circle(cx, cy, r * 0.3, "dark")
    pen.arc(38, 40, 24, 190, 250, 2, "tint")


def globe(pen: Pen) -> None:
    """A globe on a stand."""
    pen.arc(48, 42, 41, -60, 150, 3.6, "deep")
    pen.circle(48, 42, 34, "body")
    with pen.inside():
        pen.shape("24,22 36,14 46,20 42,32 32,36 30,46 22,42 18,30", "accent")
        pen.shape("36,50 48,48 54,58 46,70 38,66", "accent")
        pen.shape("58,24 72,20 82,32 78,48 68,44 60,52 54,40", "accent")
        pen.points([*arc_points(48, 42, 35, 35, -50, 130), *arc_points(40, 36, 35, 35, 120, -40)], "shade")
    pen.arc(48, 42, 28, 195, 245, 2.4, "light")
    pen.rect(46, 80, 54, 90, "deep")
    pen.shape("26,97! 32,90 50,88 68,90 74,97!", "deep")


def hourglass(pen: Pen) -> None:
    """An hourglass running."""
    with pen.mirrored():
        pen.rect(20, 10, 24, 90, "deep")
    pen.shape("28,12! 72,12! 70,32 54,48! 54,52! 70,68 72,88! 28,88! 30,68 46,52! 46,48! 30,32", "light")
    pen.shape("33,30! 67,30! 62,38 52,47! 48,47! 38,38", "accent")
    pen.shape("31,86! 34,76 50,66 66,76 69,86!", "accent")
    pen.shape("52,68! 66,76 69,86! 56,86!", "deep")
    pen.line("50,46 50,70", 1.6, "accent")
    pen.line("35,17 36,26", 2, "tint")
    pen.rect(14, 4, 86, 13, "body", 3)
    pen.rect(14, 87, 86, 96, "body", 3)
    pen.rect(56, 4, 86, 13, "shade", 3)
    pen.rect(56, 87, 86, 96, "shade", 3)


def knife(pen: Pen) -> None:
    """A kitchen knife with a drop."""
    with pen.turned(30):
        pen.shape("44,4! 58,18 62,40 60,64! 44,64!", "light")
        pen.poly("44,4 49,12 49,64 44,64", "tint")
        pen.rect(42, 62, 62, 68, "dark", 1)
        pen.shape("45,68! 58,68! 60,82 58,96 50,97 46,92 46,80", "body")
        for y in (74, 82, 90):
            pen.circle(52, y, 1.9, "accent")
    pen.shape("84,16! 89,26 84,32 79,26", "accent")


def magnifying_glass(pen: Pen) -> None:
    """A magnifying glass."""
    pen.line("64,64 92,92", 12, "body")
    pen.line("68,64 94,90", 3, "shade")
    pen.circle(40, 40, 37, "accent")
    pen.points(arc_points(40, 40, 37, 37, -40, 140), "deep")
    pen.circle(40, 40, 30, "light")
    with pen.inside():
        pen.poly("18,62 52,6 62,14 30,70", "tint")
    pen.arc(40, 40, 24, 190, 250, 3, "light")
    pen.line("61,61 67,67", 9, "dark")


def map_(pen: Pen) -> None:
    """A folded map with a marked route."""
    for i, (x, y0, y1) in enumerate(((4, 22, 14), (27, 14, 24), (50, 24, 14), (73, 14, 22))):
        pen.poly(f"{x},{y0} {x + 23},{y1} {x + 23},{y1 + 68} {x},{y0 + 68}", "light" if i % 2 == 0 else "tint")
    with pen.inside():
        pen.shape("8,36 20,30 34,40 30,56 14,60", "shade")
        pen.shape("62,54 80,46 96,54 92,76 70,78", "shade")
    for x, y in ((20, 74), (28, 70), (36, 66), (43, 60), (48, 52), (56, 46), (64, 40)):
        pen.circle(x, y, 1.8, "dark")
    pen.line("68,28 80,40", 4.4, "body")
    pen.line("80,28 68,40", 4.4, "body")
    pen.shape("18,76! 10,62 12,52 18,50 24,52 26,62", "accent")
    pen.circle(18, 58, 2.8, "light")


def paintbrush(pen: Pen) -> None:
    """A brush with a swash of paint."""
    pen.shape("4,86! 14,70 36,76 54,68 70,78 96,72! 88,88 64,92 40,96 20,92", "accent")
    pen.shape("14,84 30,86 50,82 44,89 24,90", "deep")
    pen.line("94,6 58,44", 6.6, "body")
    pen.line("92,5 60,39", 1.8, "tint")
    pen.poly("52,40 62,50 52,60 42,50", "light")
    pen.poly("57,45 62,50 52,60 47,55", "tint")
    pen.shape("42,50! 52,60! 44,74 30,78 20,82! 26,72 28,62", "accent")
    pen.line("46,58 36,70", 1.6, "deep")


def pen_(pen: Pen) -> None:
    """A fountain pen drawing a line."""
    pen.line("6,94 20,84 34,94 48,86 62,94", 2.6, "accent")
    with pen.turned(40, 50, 50):
        pen.rect(41, -10, 59, 44, "body", 6)
        pen.rect(51, -10, 59, 44, "shade", 4)
        pen.rect(40, 30, 60, 36, "accent")
        pen.poly("42,44 58,44 56,56 44,56", "dark")
        pen.shape("44,56! 56,56! 60,68 50,88! 40,68", "accent")
        pen.shape("50,56! 56,56! 60,68 50,88!", "deep")
        pen.line("50,66 50,84", 1.2, "dark")
        pen.circle(50, 66, 2, "dark")
        pen.line("45,-2 45,24", 2, "tint")


def saw(pen: Pen) -> None:
    """A hand saw."""
    with pen.turned(-22):
        teeth = " ".join(f"{96 - i * 4},{60 if i % 2 else 55}" for i in range(15))
        pen.poly(f"34,40 96,48 {teeth} 34,60", "light")
        pen.poly("34,40 96,48 96,50 34,45", "tint")
        pen.shape("36,36! 36,64! 22,70 6,64 4,46 10,34 24,32", "body")
        pen.shape("26,42 26,58 16,60 12,52 14,42", "clear")
        pen.shape("36,36! 36,44! 22,38 10,40! 12,33 24,32", "shade")
        for y in (46, 56):
            pen.circle(32, y, 1.9, "accent")


def scales(pen: Pen) -> None:
    """A pair of scales, tipped."""
    pen.rect(47.4, 14, 52.6, 88, "accent")
    pen.rect(50, 14, 52.6, 88, "deep")
    pen.shape("28,97! 34,90 44,86 56,86 66,90 72,97!", "body")
    pen.line("14,30 50,22 86,14", 4, "accent")
    pen.circle(50, 14, 5, "body")
    for x, y in ((16, 30), (84, 15)):
        pen.line(f"{x},{y} {x - 13},{y + 32}", 1.2, "deep")
        pen.line(f"{x},{y} {x + 13},{y + 32}", 1.2, "deep")
        pen.points(arc_points(x, y + 32, 15, 12, 0, 180), "body")
        pen.points(arc_points(x, y + 32, 15, 12, 0, 90) + [(x, y + 32)], "shade")
        pen.line(f"{x - 15},{y + 32} {x + 15},{y + 32}", 2.4, "tint")
    pen.circle(16, 57, 5, "light")


def shield(pen: Pen) -> None:
    """A round-bossed heraldic shield."""
    pen.shape("50,3! 68,12 92,12! 92,48 78,78 50,98! 22,78 8,48 8,12! 32,12", "accent")
    pen.shape("50,11! 66,19 84,19! 84,47 72,72 50,89! 28,72 16,47 16,19! 34,19", "body")
    pen.shape("50,11! 66,19 84,19! 84,47 72,72 50,89!", "shade")
    pen.poly("45,13 55,13 55,86 50,89 45,86", "light")
    pen.poly("16,40 84,40 83,51 17,51", "light")
    pen.star(50, 45, 17, 8, 8, "accent")
    pen.circle(50, 45, 6, "deep")


def spiral(pen: Pen) -> None:
    """A hypnotic spiral."""
    pen.circle(50, 50, 48, "dark")
    turn = [(t / 360, radians(t)) for t in range(0, 1301, 6)]
    outer = [(50 + 12.6 * k * cos(a), 50 + 12.6 * k * sin(a)) for k, a in turn]
    inner = [(50 + 12.6 * max(k - 0.5, 0) * cos(a), 50 + 12.6 * max(k - 0.5, 0) * sin(a)) for k, a in reversed(turn)]
    with pen.inside():
        pen.points(outer + inner, "body")
        half = [(50 + 12.6 * max(k - 0.25, 0) * cos(a), 50 + 12.6 * max(k - 0.25, 0) * sin(a)) for k, a in reversed(turn)]
        pen.points(outer + half, "shade")
    pen.circle(50, 50, 4, "accent")


def sword(pen: Pen) -> None:
    """A sword, point upwards."""
    with pen.turned(38, 50, 48, 0.92):
        pen.poly("45,12 50,-6 50,68 45,68", "light")
        pen.poly("50,-6 55,12 55,68 50,68", "tint")
        pen.line("50,16 50,62", 1.2, "shade")
        pen.shape("28,66! 50,70 72,66! 74,73 50,78 26,73", "accent")
        pen.rect(46, 76, 54, 96, "body", 2)
        for y in (80, 85, 90):
            pen.line(f"46.6,{y} 53.4,{y - 2}", 1.4, "dark")
        pen.circle(50, 100, 6, "accent")
        pen.circle(50, 100, 3, "deep")


def syringe(pen: Pen) -> None:
    """A syringe with a drop at the needle."""
    with pen.turned(45, 50, 50, 0.95):
        pen.line("50,-8 50,18", 1.4, "light")
        pen.rect(46, 16, 54, 24, "tint")
        pen.rect(40, 24, 60, 72, "light", 3)
        pen.rect(43, 40, 57, 69, "body")
        pen.rect(51, 40, 57, 69, "shade")
        for y in (32, 40, 48, 56, 64):
            pen.line(f"43,{y} 48,{y}", 1.1, "dark")
        pen.rect(34, 70, 66, 75, "accent", 1)
        pen.rect(47, 75, 53, 96, "tint")
        pen.rect(38, 94, 62, 100, "accent", 2)
    pen.shape("92,2! 97,10 93,15 88,11", "body")


def target(pen: Pen) -> None:
    """A target with an arrow in the middle."""
    for i, r in enumerate((46, 37, 28, 19, 10)):
        pen.circle(46, 54, r, "light" if i % 2 else "body")
    with pen.inside():
        pen.points([*arc_points(46, 54, 47, 47, -45, 135), *arc_points(38, 46, 48, 48, 125, -35)], "shade")
        for r in (37, 19):
            pen.arc(46, 54, r - 4.5, -40, 130, 9, "tint")
    pen.circle(46, 54, 9, "body")
    pen.line("46,54 84,16", 3, "dark")
    pen.poly("78,22 78,10 88,1 88,12 99,12 90,22", "accent")
    pen.poly("78,22 88,12 99,12 90,22", "deep")


def telescope(pen: Pen) -> None:
    """A telescope on its tripod beneath a star."""
    for x in (30, 52, 74):
        pen.line(f"52,58 {x},97", 3.4, "dark")
    with pen.turned(-28, 52, 50):
        pen.rect(4, 45, 26, 57, "deep", 2)
        pen.rect(22, 42, 54, 60, "body")
        pen.rect(22, 52, 54, 60, "shade")
        pen.rect(50, 38, 92, 64, "body", 2)
        pen.rect(50, 53, 92, 64, "shade", 2)
        pen.rect(86, 35, 97, 67, "accent", 2)
        pen.rect(50, 38, 55, 64, "accent")
    pen.circle(52, 58, 5, "accent")
    pen.star(20, 18, 10, 3, 4, "light")
    pen.star(40, 8, 5, 1.6, 4, "light")


def test_tube(pen: Pen) -> None:
    """A bubbling test tube and flask."""
    with pen.turned(-18, 30, 50):
        pen.rect(20, 10, 40, 88, "light", 10)
        pen.rect(23, 44, 37, 85, "accent", 7)
        pen.rect(31, 44, 37, 84, "deep", 4)
        pen.rect(16, 7, 44, 14, "tint", 3)
        for x, y, r in ((28, 54, 2.4), (32, 64, 1.8), (27, 72, 1.6)):
            pen.circle(x, y, r, "light")
    pen.shape("62,24! 78,24! 78,50! 96,86 92,95! 48,95! 44,86 62,50!", "light")
    pen.shape("56,66! 84,66! 92,86 89,92! 51,92! 48,86", "body")
    pen.shape("74,66! 84,66! 92,86 89,92! 78,92!", "shade")
    pen.rect(58, 20, 82, 27, "tint", 3)
    for x, y, r in ((62, 78, 3), (72, 84, 2.2), (68, 72, 1.8), (70, 12, 3), (76, 5, 2), (66, 4, 1.6)):
        pen.circle(x, y, r, "accent")


def wrench(pen: Pen) -> None:
    """A spanner and a bolt."""
    with pen.turned(42):
        pen.rect(43, 24, 57, 78, "body", 4)
        pen.rect(50, 24, 57, 78, "shade", 3)
        pen.circle(50, 16, 19, "body")
        pen.points(arc_points(50, 16, 19, 19, -90, 90), "shade")
        pen.poly("42,-8 58,-8 58,14 50,20 42,14", "clear")
        pen.circle(50, 86, 15, "body")
        pen.points(arc_points(50, 86, 15, 15, -90, 90), "shade")
        pen.circle(50, 86, 7, "clear")
        pen.line("46.4,34 46.4,68", 1.8, "tint")
    pen.points([(20 + 13 * cos(radians(60 * i + 10)), 28 + 13 * sin(radians(60 * i + 10))) for i in range(6)], "accent")
    pen.circle(20, 28, 7, "deep")
    pen.circle(20, 28, 4, "dark")


TOOLS: dict[str, Callable[[Pen], None]] = {
    "anchor": anchor, "arrow": arrow, "basketball": basketball, "clock": clock, "coins": coins, "dna": dna,
    "fan": fan, "flag": flag, "gear": gear, "globe": globe, "hourglass": hourglass, "knife": knife,
    "magnifying_glass": magnifying_glass, "map": map_, "paintbrush": paintbrush, "pen": pen_, "saw": saw,
    "scales": scales, "shield": shield, "spiral": spiral, "sword": sword, "syringe": syringe, "target": target,
    "telescope": telescope, "test_tube": test_tube, "wrench": wrench,
}
