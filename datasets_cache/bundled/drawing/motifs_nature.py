"""Motifs: plants, weather, landscape and the sky at night."""

from collections.abc import Callable
from math import cos, radians, sin

from datasets_cache.bundled.drawing.pen import Pen, Tone, arc_points


def apple(pen: Pen) -> None:
    """An apple with a leaf."""
    pen.shape("50,26 62,19 80,24 90,44 84,70 68,92 56,92 50,89 44,92 32,92 16,70 10,44 20,24 38,19", "body")
    with pen.inside():
        pen.shape("76,18! 80,50 66,78 46,98! 98,98! 98,18!", "shade")
    pen.shape("22,38 28,30 34,30 26,40 24,54 19,52", "tint")
    pen.line("50,28 51,16 56,7", 3, "dark")
    pen.shape("54,16! 64,4 84,6! 76,20 60,22", "accent")
    pen.line("56,16 68,12 80,8", 1.2, "deep")


def desert_dune(pen: Pen) -> None:
    """Dunes under a sun with one trail of steps."""
    pen.circle(70, 30, 14, "accent")
    pen.shape("2,66! 20,50 34,44! 52,58 74,64 98,60! 98,96! 2,96!", "tint")
    pen.shape("34,44! 40,58 30,72 44,96! 98,96! 98,60! 74,64 52,58", "body")
    pen.shape("2,82! 24,72 46,76 66,66! 82,74 98,80! 98,96! 2,96!", "body")
    pen.shape("66,66! 62,80 74,88 70,96! 98,96! 98,80! 82,74", "shade")
    for i, (x, y) in enumerate(((22, 92), (27, 88), (33, 86), (38, 83), (44, 81), (49, 78), (54, 75))):
        pen.ellipse(x, y, 1.6 - i * 0.1, 0.9, "dark")


def fire(pen: Pen) -> None:
    """A flame in three tones."""
    pen.shape("52,3! 50,18 64,30 70,42! 74,34 72,26! 84,40 88,60 80,82 64,95 50,97 36,95 20,82 12,62 16,46 26,34! 28,46 36,48! "
              "34,28 40,14", "body")
    pen.shape("54,30! 54,42 66,54 70,68 64,86 50,94 36,86 30,70 38,58! 42,64 46,62! 44,46", "accent")
    pen.shape("51,58! 54,66 61,74 59,87 50,92 41,87 40,76 47,70", "light")


def flower(pen: Pen) -> None:
    """A daisy with stem and leaves."""
    pen.line("50,40 52,66 50,97", 3.4, "deep")
    pen.shape("51,80! 62,62 84,62! 78,78 62,84", "deep")
    pen.shape("51,90! 40,74 20,74! 26,88 40,93", "deep")
    for i in range(10):
        with pen.turned(36 * i, 50, 34):
            pen.shape("50,34! 42,16 46,4 50,2 54,4 58,16", "body" if i % 2 else "tint")
    pen.circle(50, 34, 10, "accent")
    pen.circle(47.5, 31.5, 4, "light")


def forest(pen: Pen) -> None:
    """Fir trees in three depths."""
    trees: tuple[tuple[float, float, float, float, Tone], ...] = (
        (14, 30, 88, 20, "tint"), (38, 20, 88, 22, "tint"), (64, 26, 88, 22, "tint"), (88, 34, 88, 20, "tint"),
        (26, 34, 92, 26, "body"), (76, 30, 92, 28, "body"), (50, 38, 96, 34, "shade"), (6, 56, 96, 22, "shade"),
        (94, 54, 96, 24, "shade"),
    )
    for x, top, base, width, tone in trees:
        height = base - top
        for step in (0.0, 0.26, 0.52):
            half = width / 2 * (0.5 + step)
            y0, y1 = top + height * step * 0.9, top + height * (step + 0.46)
            pen.poly(f"{x},{y0} {x + half},{y1} {x - half},{y1}", tone)
        pen.rect(x - 1.6, base - 3, x + 1.6, 97, "dark")


def iceberg(pen: Pen) -> None:
    """An iceberg above and below the water."""
    pen.poly("14,46 88,46 80,70 64,80 54,97 40,86 26,74", "body")
    pen.poly("56,46 88,46 80,70 64,80 54,97 50,70", "shade")
    pen.poly("26,46 34,26 44,20 52,5 60,18 70,26 78,46", "light")
    pen.poly("52,5 60,18 70,26 78,46 58,46 56,26", "tint")
    pen.poly("34,26 44,20 42,46 26,46", "light")
    pen.line("2,46! 26,46! 30,48! 50,46! 70,48! 78,46! 98,46!", 2, "accent")
    for x, y in ((8, 54), (84, 56), (4, 64), (90, 68)):
        pen.line(f"{x},{y} {x + 7},{y}", 1.2, "accent")


def island(pen: Pen) -> None:
    """A small island with a palm in the sea."""
    pen.circle(70, 30, 15, "accent")
    pen.shape("14,72! 30,60 50,56 72,62 88,72!", "tint")
    pen.line("48,58 46,40 54,22", 3.4, "deep")
    for path in ("54,22! 40,12 24,22! 38,20", "54,22! 44,24 32,40! 46,32", "54,22! 64,8 82,12! 68,18",
                 "54,22! 70,22 80,38! 66,30", "54,22! 52,8 40,4! 46,12"):
        pen.shape(path, "body")
    pen.circle(53, 25, 2.2, "deep")
    pen.circle(57, 24, 2.2, "deep")
    swell: tuple[tuple[float, Tone], ...] = ((71, "shade"), (80, "body"), (89, "shade"))
    for y, tone in swell:
        low, high = y + 2, y - 1
        pen.line(f"6,{low} 20,{high} 34,{low} 50,{high} 66,{low} 80,{high} 94,{low}", 3.6, tone)


def lightning(pen: Pen) -> None:
    """A bolt from a cloud."""
    pen.poly("52,34 30,66 46,66 36,98 72,54 54,54 66,34", "accent")
    pen.poly("58,34 66,34 54,54 72,54 36,98 60,58 46,58", "deep")
    for cx, cy, r in ((24, 34, 15), (42, 22, 18), (62, 24, 17), (78, 36, 14)):
        pen.circle(cx, cy, r, "body")
    pen.rect(20, 30, 82, 49, "body", 8)
    with pen.inside():
        pen.shape("8,44! 34,42 60,44 94,36! 94,52! 8,52!", "shade")
    pen.arc(42, 22, 12, 190, 280, 2.4, "tint")


def moon(pen: Pen) -> None:
    """A crescent moon with a few stars."""
    pen.circle(46, 52, 42, "accent")
    pen.circle(46, 52, 42, "body")
    pen.circle(66, 42, 36, "clear")
    with pen.inside():
        pen.circle(52, 48, 44, "tint")
        pen.circle(60, 44, 43, "body")
        for x, y, r in ((14, 50, 4), (22, 72, 5), (38, 86, 3.4), (18, 34, 2.6)):
            pen.circle(x, y, r, "shade")
    pen.star(72, 30, 9, 3, 4, "accent")
    pen.star(62, 56, 6, 2, 4, "light")
    pen.star(84, 52, 5, 1.7, 4, "light")


def mountain(pen: Pen) -> None:
    """A snow-capped peak."""
    pen.poly("52,44 74,20 99,92 60,92", "tint")
    pen.poly("1,92 40,8 78,92", "body")
    pen.poly("40,8 78,92 46,92 36,70 46,52 38,34", "shade")
    pen.poly("40,8 54,39 47,34 42,44 36,34 30,41 26,38", "light")
    pen.poly("40,8 54,39 47,34 42,42 38,30", "tint")
    pen.poly("74,20 81,40 76,36 72,42 67,34 64,31", "light")
    pen.shape("1,92! 20,86 46,90 70,84 99,92!", "dark")


def mushroom_cloud(pen: Pen) -> None:
    """The cloud of a great explosion."""
    pen.shape("42,44! 46,66 42,82 26,95! 74,95! 58,82 54,66 58,44!", "body")
    pen.shape("52,44! 52,66 56,84 66,95! 74,95! 58,82 54,66 58,44!", "shade")
    for cx, cy, r in ((20, 38, 14), (36, 24, 19), (62, 22, 19), (80, 37, 14), (50, 34, 20)):
        pen.circle(cx, cy, r, "body")
    for cx, cy, r in ((30, 22, 9), (56, 16, 10), (42, 34, 9)):
        pen.circle(cx, cy, r, "accent")
    for cx, cy, r in ((28, 20, 5), (54, 13, 6)):
        pen.circle(cx, cy, r, "light")
    with pen.inside():
        pen.shape("4,48! 30,44 50,50 70,44 96,48! 90,60! 10,60!", "shade")
    for rx, y in ((30, 56), (22, 68)):
        pen.stroke(arc_points(50, y, rx, 4.4, 0, 365), 2.4, "tint")
    pen.shape("4,96! 16,86 30,90 50,86 70,90 86,86 96,96!", "shade")


def palm_tree(pen: Pen) -> None:
    """A leaning palm."""
    pen.shape("44,96! 46,70 54,46 60,34! 65,36! 60,52 54,74 56,96!", "deep")
    for y in (46, 56, 66, 76, 86):
        x = 57 - (y - 46) * 0.16
        pen.line(f"{x - 4},{y} {x + 4},{y - 1.6}", 1.3, "dark")
    fronds: tuple[tuple[str, Tone], ...] = (
        ("62,34! 44,22 22,24 6,42! 20,34 42,34", "shade"), ("62,34! 48,36 34,50 30,70! 40,54 52,44", "shade"),
        ("62,34! 78,24 92,34 98,52! 88,42 76,38", "shade"), ("62,34! 74,38 82,52 82,68! 74,54 66,44", "body"),
        ("62,34! 52,18 32,8 14,12! 30,16 46,28", "body"), ("62,34! 66,16 80,8 96,14! 82,18 74,28", "body"),
        ("62,34! 56,20 58,8 66,2! 64,14 66,24", "tint"),
    )
    for path, tone in fronds:
        pen.shape(path, tone)
    for x, y in ((59, 38), (65, 39), (62, 34)):
        pen.circle(x, y, 3.4, "accent")


def planet(pen: Pen) -> None:
    """A ringed planet."""
    with pen.turned(-18):
        pen.stroke(arc_points(50, 50, 46, 12, 180, 360), 4.6, "deep")
        pen.circle(50, 50, 28, "body")
        with pen.inside():
            pen.shape("18,40! 40,44 62,38 84,42! 84,48! 60,46 40,50 18,47!", "tint")
            pen.shape("18,58! 40,60 62,56 84,58! 84,66! 18,66!", "tint")
            pen.points([*arc_points(50, 50, 29, 29, -70, 110), *arc_points(42, 46, 29, 29, 100, -60)], "shade")
        pen.stroke(arc_points(50, 50, 46, 12, 0, 180), 4.6, "accent")
        pen.stroke(arc_points(50, 50, 40, 9, 20, 160), 1.4, "light")
    pen.star(14, 18, 5, 1.6, 4, "light")
    pen.star(86, 80, 4, 1.3, 4, "light")
    pen.circle(82, 14, 3.4, "accent")


def pumpkin(pen: Pen) -> None:
    """A carved, glowing pumpkin."""
    pen.shape("46,26! 44,14 38,8! 50,6! 56,14 56,26!", "deep")
    with pen.mirrored():
        pen.ellipse(24, 58, 21, 31, "shade")
    with pen.mirrored():
        pen.ellipse(37, 58, 20, 34, "body")
    pen.ellipse(50, 58, 15, 35, "tint")
    with pen.inside():
        pen.ellipse(50, 58, 13, 35, "body")
    with pen.mirrored():
        pen.poly("22,54 36,36 44,54", "dark")
        pen.poly("26,54 36,41 41,54", "accent")
    pen.poly("50,52 55,61 45,61", "dark")
    pen.poly("18,66 32,70 38,67 44,73 50,70 56,73 62,67 68,70 82,66 70,84 62,80 56,88 50,84 44,88 38,80 30,84", "dark")
    pen.poly("24,70 33,73 39,70 44,76 50,73 56,76 61,70 67,73 76,70 68,80 62,77 56,84 50,81 44,84 38,77 32,80", "accent")


def rose(pen: Pen) -> None:
    """A rose with a thorny stem."""
    pen.line("50,50 52,74 48,97", 3.2, "deep")
    pen.shape("51,72! 62,58 82,58! 76,74 62,78", "deep")
    pen.shape("50,84! 38,70 20,72! 26,84 40,88", "deep")
    pen.poly("51,66 57,62 52,70", "deep")
    pen.shape("26,22! 24,40 34,54 50,60 66,54 76,40 74,22! 62,30 50,26 38,30", "shade")
    pen.shape("30,16! 26,34 36,48 50,54 64,48 74,34 70,16! 60,24 50,20 40,24", "body")
    pen.shape("36,12 50,4 64,12 66,26 58,40 50,44 42,40 34,26", "tint")
    pen.shape("40,16 50,10 60,16 61,26 50,36 39,26", "body")
    pen.line("45,24 48,18 55,19 56,26 50,30 46,26", 2, "shade")
    pen.line("36,26 42,38 50,42 58,38 64,26", 1.6, "shade")


def snowflake(pen: Pen) -> None:
    """A six-armed crystal of snow."""
    for i in range(6):
        with pen.turned(60 * i):
            pen.line("50,50 50,6", 4, "body")
            pen.line("50,16 40,8", 3, "body")
            pen.line("50,16 60,8", 3, "body")
            pen.line("50,29 37,19", 3.2, "tint")
            pen.line("50,29 63,19", 3.2, "tint")
            pen.circle(50, 6, 3.2, "accent")
    pen.star(50, 50, 15, 8, 6, "light")
    pen.star(50, 50, 8, 4, 6, "body")


def star(pen: Pen) -> None:
    """A five-pointed star in facets."""
    outer = [(50 + 48 * cos(radians(a)), 53 + 48 * sin(radians(a))) for a in range(-90, 270, 72)]
    inner = [(50 + 20 * cos(radians(a)), 53 + 20 * sin(radians(a))) for a in range(-54, 306, 72)]
    for i in range(5):
        pen.points([(50, 53), outer[i], inner[i]], "shade")
        pen.points([(50, 53), outer[i], inner[i - 1]], "body")
    pen.points([(50, 53), outer[0], inner[-1]], "tint")
    pen.points([(50, 53), outer[4], inner[3]], "tint")


def sun(pen: Pen) -> None:
    """A sun with straight and waving rays."""
    for i in range(12):
        with pen.turned(30 * i):
            if i % 2:
                pen.shape("45,22! 47,14 53,10 50,3! 58,10 56,16 55,22!", "deep")
            else:
                pen.poly("44,23 56,23 50,2", "accent")
    pen.circle(50, 50, 28, "body")
    pen.circle(50, 50, 23, "accent")
    with pen.inside():
        pen.points([*arc_points(50, 50, 23, 23, -60, 120), *arc_points(44, 46, 23, 23, 110, -50)], "deep")
    pen.arc(50, 50, 17, 190, 260, 2.4, "light")


def tornado(pen: Pen) -> None:
    """A whirlwind with flying scraps."""
    for i, (cx, cy, rx) in enumerate(
        ((50, 12, 46), (54, 24, 38), (50, 36, 31), (44, 47, 24), (47, 58, 18), (52, 68, 13), (50, 78, 9), (46, 87, 6),
         (48, 94, 3))
    ):
        pen.ellipse(cx, cy, rx, 9 - i * 0.7, "body" if i % 2 else "shade", -4)
        pen.stroke(arc_points(cx, cy - 1, rx * 0.86, 6 - i * 0.5, 20, 150), 1.6, "tint")
    for x, y, a in ((14, 52, 20), (82, 58, -30), (22, 72, 50), (74, 80, 10), (90, 38, 40)):
        with pen.turned(a, x, y):
            pen.rect(x - 3, y - 2, x + 3, y + 2, "accent")


def tree(pen: Pen) -> None:
    """A broad tree with roots."""
    pen.shape("44,46! 45,70 38,86 24,95! 44,91 50,96! 56,91 76,95! 62,86 55,70 56,46!", "deep")
    pen.line("48,66 38,54 32,50", 3.6, "deep")
    pen.line("53,62 64,50 70,48", 3.6, "deep")
    for cx, cy, r in ((26, 44, 19), (74, 44, 19), (34, 24, 18), (64, 22, 19), (50, 38, 22)):
        pen.circle(cx, cy, r, "body")
    for cx, cy, r in ((70, 50, 12), (54, 52, 10), (80, 36, 10)):
        pen.circle(cx, cy, r, "shade")
    for cx, cy, r in ((32, 20, 9), (22, 40, 8), (56, 14, 7), (44, 32, 7)):
        pen.circle(cx, cy, r, "tint")


def volcano(pen: Pen) -> None:
    """A volcano in eruption."""
    for cx, cy, r in ((34, 16, 10), (50, 10, 12), (66, 17, 10), (56, 24, 9)):
        pen.circle(cx, cy, r, "tint")
    pen.shape("42,46! 40,30 30,24! 44,24! 50,12! 56,24! 68,22! 60,32 58,46!", "accent")
    pen.poly("2,95 38,44 62,44 98,95", "body")
    pen.poly("50,44 62,44 98,95 62,95 56,66", "shade")
    pen.shape("38,44! 62,44! 64,54 58,52 58,68 53,72 52,58 47,56 45,76 41,78 41,60 36,52", "accent")
    pen.shape("44,44! 56,44! 54,50 50,62 48,50", "light")
    for x, y in ((24, 36), (76, 34), (18, 24), (84, 24), (30, 46), (72, 46)):
        pen.circle(x, y, 1.9, "accent")


def wave(pen: Pen) -> None:
    """A great curling wave."""
    pen.shape("2,96! 4,64 16,36 40,16 66,12 88,24 96,42! 86,36 76,38! 80,46! 68,44 58,50 54,60 60,74 76,82 "
              "98,84! 98,96!", "body")
    with pen.inside():
        pen.shape("14,96! 16,64 28,42 48,30 66,30! 50,42 44,60 52,80 74,96!", "shade")
        pen.line("20,96 24,68 36,46 56,34", 2.4, "tint")
        pen.line("32,96 34,72 42,54", 2.2, "tint")
    pen.line("14,40 36,18 64,13 86,24 95,40", 4.4, "light")
    for cx, cy, r in ((95, 42, 3.6), (85, 37, 4), (76, 39, 3.6), (80, 47, 3), (68, 45, 3.4), (59, 50, 2.8),
                      (90, 50, 1.8), (74, 54, 1.8)):
        pen.circle(cx, cy, r, "light")
    pen.line("46,92 60,86 78,90 97,88", 2.2, "light")


NATURE: dict[str, Callable[[Pen], None]] = {
    "apple": apple, "desert_dune": desert_dune, "fire": fire, "flower": flower, "forest": forest, "iceberg": iceberg,
    "island": island, "lightning": lightning, "moon": moon, "mountain": mountain, "mushroom_cloud": mushroom_cloud,
    "palm_tree": palm_tree, "planet": planet, "pumpkin": pumpkin, "rose": rose, "snowflake": snowflake, "star": star,
    "sun": sun, "tornado": tornado, "tree": tree, "volcano": volcano, "wave": wave,
}
