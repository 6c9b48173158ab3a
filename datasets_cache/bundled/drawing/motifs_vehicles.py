"""Motifs: vehicles on land, on water, in the air and beyond."""

from collections.abc import Callable
from math import cos, radians, sin

from datasets_cache.bundled.drawing.pen import Pen, arc_points


def _tyre(pen: Pen, x: float, y: float, r: float) -> None:
    """A wheel with a hub cap."""
    pen.circle(x, y, r, "dark")
    pen.circle(x, y, r * 0.52, "light")
    pen.circle(x, y, r * 0.24, "dark")


def airplane(pen: Pen) -> None:
    """An airliner climbing, seen from the side."""
    with pen.turned(-14):
        pen.shape("12,24! 22,24! 34,46! 18,48!", "accent")
        pen.shape("6,46! 30,42 70,42 88,46 96,53 88,58 60,60 26,58 10,53", "body")
        with pen.inside():
            pen.shape("2,53! 40,55 70,54 98,53! 98,66! 2,66!", "shade")
            pen.shape("86,44! 92,50! 84,50! 82,45!", "dark")
        pen.shape("44,53! 62,53! 40,84! 30,84!", "accent")
        pen.shape("53,53! 62,53! 40,84! 36,84!", "deep")
        pen.shape("50,43! 60,43! 50,28! 44,28!", "deep")
        pen.shape("12,50! 22,50! 12,62! 6,62!", "deep")
        for x in range(30, 80, 6):
            pen.circle(x, 49, 1.5, "dark")
        pen.rect(44, 66, 54, 71, "shade", 2)


def balloon(pen: Pen) -> None:
    """A hot-air balloon with panels."""
    pen.shape("50,3 76,10 88,32 80,54 62,72! 38,72! 20,54 12,32 24,10", "body")
    pen.shape("50,3 66,14 72,34 66,54 56,72! 44,72! 34,54 28,34 34,14", "accent")
    pen.shape("50,3 57,16 60,34 56,56 52,72! 48,72! 44,56 40,34 43,16", "light")
    with pen.inside():
        pen.shape("76,2! 82,36 70,56 60,76! 96,76! 96,2!", "shade")
    for x0, x1 in ((39, 43), (46, 47.5), (54, 52.5), (61, 57)):
        pen.line(f"{x0},72 {x1},84", 1, "dark")
    pen.rect(41, 83, 59, 97, "deep", 2)
    pen.rect(40, 82, 60, 86, "dark", 1)
    for y in (90, 94):
        pen.line(f"42,{y} 58,{y}", 0.8, "dark")


def bicycle(pen: Pen) -> None:
    """A bicycle seen from the side."""
    for x in (24, 76):
        pen.ring(x, 68, 20, 3, "dark")
        for i in range(6):
            dx, dy = 19 * cos(radians(30 * i)), 19 * sin(radians(30 * i))
            pen.stroke([(x - dx, 68 - dy), (x + dx, 68 - dy + 2 * dy)], 0.6, "light")
        pen.circle(x, 68, 2.6, "accent")
    for path in ("24,68 38,40!", "38,40 66,38!", "66,38 48,70!", "48,70 24,68!", "48,70 36,34!", "76,68 64,28!"):
        pen.line(path, 3.2, "body")
    pen.line("29,32 36,33 44,31", 4.6, "dark")
    pen.line("64,28 72,24 78,28", 2.6, "dark")
    pen.rect(70, 26, 86, 38, "accent", 2)
    for y in (30, 34):
        pen.line(f"71,{y} 85,{y}", 0.8, "deep")
    pen.ring(48, 70, 5, 2, "accent")
    pen.line("44,78 52,62", 1.8, "dark")


def boat(pen: Pen) -> None:
    """A rowing boat with oars on rippled water."""
    pen.line("30,36 54,66 66,84", 2.4, "deep")
    pen.ellipse(67, 86, 3, 7, "deep", -30)
    pen.line("70,38 50,64", 2.4, "deep")
    pen.shape("4,50! 22,57 50,59 78,57 96,48! 90,66 76,78 28,78 12,68", "body")
    with pen.inside():
        pen.shape("2,62! 40,68 70,67 98,58! 98,84! 2,84!", "shade")
    pen.line("4,50 22,57 50,59 78,57 96,48", 2.6, "tint")
    pen.rect(34, 58, 44, 62, "accent", 1)
    pen.rect(58, 58, 68, 62, "accent", 1)
    for y, x0, x1 in ((82, 6, 94), (88, 16, 84), (94, 28, 72)):
        pen.line(f"{x0},{y} {(2 * x0 + x1) / 3},{y - 2} {(x0 + 2 * x1) / 3},{y + 1} {x1},{y - 1}", 2, "light")


def car(pen: Pen) -> None:
    """A rounded old saloon car."""
    pen.shape("4,70! 4,56 16,50 28,46 36,30 54,26 70,30 80,46 92,50 97,58 97,70!", "body")
    with pen.inside():
        pen.shape("2,62! 40,60 98,62! 98,74! 2,74!", "shade")
    pen.shape("34,46! 40,35 50,32! 50,46!", "light")
    pen.shape("54,46! 54,32! 66,34 74,46!", "light")
    pen.line("42,44 48,34", 1.4, "tint")
    pen.shape("12,70! 14,58 24,54 34,58 36,70!", "shade")
    pen.shape("64,70! 66,58 76,54 86,58 88,70!", "shade")
    _tyre(pen, 24, 70, 10)
    _tyre(pen, 76, 70, 10)
    pen.circle(95, 56, 3, "accent")
    pen.rect(1, 64, 9, 68, "light", 2)
    pen.rect(91, 64, 99, 68, "light", 2)
    pen.line("52,48 52,64", 1, "shade")
    pen.line("55,52 60,52", 1.6, "light")


def helicopter(pen: Pen) -> None:
    """A helicopter hovering."""
    pen.line("6,22 86,22", 2.6, "dark")
    pen.rect(43, 20, 49, 36, "dark")
    pen.shape("50,42! 90,44! 98,34! 99,48! 92,54! 60,62!", "shade")
    pen.line("90,34 99,54", 2, "dark")
    pen.shape("8,58 14,44 30,34 52,34 66,44 66,60 54,70 24,70", "body")
    with pen.inside():
        pen.shape("4,60! 40,62 70,56! 70,76! 4,76!", "shade")
    pen.shape("12,56! 16,46 28,39! 32,56!", "light")
    pen.rect(36, 41, 48, 54, "light", 2)
    pen.line("20,52 25,44", 1.4, "tint")
    pen.rect(54, 46, 61, 50, "accent", 1)
    pen.line("26,70 24,82", 2, "dark")
    pen.line("50,70 52,82", 2, "dark")
    pen.line("8,78 12,83 66,83", 2.6, "dark")


def rocket(pen: Pen) -> None:
    """A rocket with fins and flame."""
    pen.shape("40,76! 60,76! 60,86 50,98! 40,86", "accent")
    pen.shape("45,76! 55,76! 55,82 50,91! 45,82", "light")
    pen.shape("34,52! 20,64 16,82! 36,72!", "accent")
    pen.shape("66,52! 80,64 84,82! 64,72!", "deep")
    pen.shape("50,2! 62,16 69,36 67,60 62,76! 38,76! 33,60 31,36 38,16", "light")
    with pen.inside():
        pen.shape("56,2! 62,30 58,78! 80,78! 80,2!", "tint")
        pen.rect(20, 0, 80, 20, "body")
        pen.rect(58, 0, 80, 20, "shade")
        pen.rect(20, 64, 80, 70, "body")
        pen.rect(59, 64, 80, 70, "shade")
    pen.circle(50, 36, 8.6, "body")
    pen.circle(50, 36, 5.6, "dark")
    pen.circle(48, 34, 1.6, "light")
    pen.shape("48,56! 52,56! 52,80! 50,84 48,80!", "deep")


def sailing_ship(pen: Pen) -> None:
    """A three-masted ship in full sail."""
    for x, top in ((26, 18), (52, 6), (76, 18)):
        pen.line(f"{x},{top} {x},74", 2, "deep")
    for x, top, w in ((26, 22, 15), (52, 12, 18), (76, 22, 14)):
        for i in range(3):
            y0 = top + i * 17
            half = w * (0.66 + 0.17 * i)
            if y0 + 15 > 70:
                continue
            pen.shape(f"{x - half},{y0}! {x + half * 0.8},{y0}! {x + half * 1.1},{y0 + 8} {x + half * 0.86},{y0 + 14.5}! "
                      f"{x},{y0 + 12} {x - half * 0.94},{y0 + 14.5}! {x - half * 0.7},{y0 + 7}", "light")
            pen.shape(f"{x + half * 0.4},{y0}! {x + half * 0.8},{y0}! {x + half * 1.1},{y0 + 8} {x + half * 0.86},{y0 + 14.5}! "
                      f"{x + half * 0.4},{y0 + 12.6}! {x + half * 0.6},{y0 + 7}", "tint")
    for x, top in ((26, 18), (52, 6), (76, 18)):
        pen.shape(f"{x},{top}! {x + 10},{top - 3} {x + 7},{top + 3}!", "accent")
    pen.line("82,68 99,56", 2, "deep")
    pen.shape("6,58! 14,68! 84,68! 95,62! 88,80 78,88! 22,88! 10,76", "body")
    with pen.inside():
        pen.shape("2,80! 50,78 98,76! 98,92! 2,92!", "shade")
    pen.line("12,72 86,72", 1.6, "accent")
    for x in (24, 36, 48, 60, 72):
        pen.rect(x - 2, 75, x + 2, 78.5, "dark")
    pen.line("2,92 20,89 38,92 56,89 74,92 98,89", 3, "tint")


def spaceship(pen: Pen) -> None:
    """A sleek starship seen from above, engines lit."""
    with pen.mirrored():
        pen.shape("40,76! 46,76! 45,88 43,97! 41,88", "accent")
        pen.shape("42,42! 18,66 6,86! 14,84 40,76!", "shade")
        pen.line("9,84 9,64", 2.4, "accent")
    pen.shape("50,2! 57,20 61,46 63,70 60,80! 40,80! 37,70 39,46 43,20", "body")
    with pen.inside():
        pen.shape("50,0! 54,30 54,84! 80,84! 80,0!", "shade")
    pen.shape("50,22! 55,32 54,46! 46,46! 45,32", "dark")
    pen.shape("49,25! 47,32 47,42!", "light")
    for y in (56, 61, 66):
        pen.line(f"44,{y} 56,{y}", 1.5, "tint")
    pen.rect(41, 78, 59, 82, "dark", 1)
    pen.line("50,80 50,90", 3.4, "accent")


def submarine(pen: Pen) -> None:
    """A submarine with periscope and portholes."""
    pen.line("50,38 50,12 62,12", 3, "dark")
    pen.rect(60, 9, 67, 15, "accent", 1)
    pen.shape("36,42! 40,28! 62,28! 66,42!", "shade")
    pen.shape("4,46! 16,56! 16,68! 4,78! 4,64", "shade")
    pen.ellipse(4, 62, 2.4, 17, "dark")
    pen.shape("8,62 24,44 52,40 82,46 97,60 84,76 52,82 24,78", "body")
    with pen.inside():
        pen.shape("4,66! 50,70 99,62! 99,90! 4,90!", "shade")
        pen.shape("20,50 50,44 80,50 50,48", "tint")
    for x in (34, 52, 70):
        pen.circle(x, 58, 6, "accent")
        pen.circle(x, 58, 4, "dark")
        pen.circle(x - 1.2, 56.8, 1.1, "light")
    for x, y, r in ((90, 34, 3), (84, 24, 2.2), (92, 16, 1.6)):
        pen.ring(x, y, r, 1, "light")


def tank(pen: Pen) -> None:
    """A battle tank."""
    pen.line("60,38 98,30", 4.4, "shade")
    pen.rect(92, 28, 99, 34, "dark")
    pen.shape("28,32! 34,26 54,26 64,34 66,46! 26,46!", "body")
    pen.rect(40, 22, 50, 27, "shade", 1)
    pen.poly("10,58 16,46 84,46 94,58", "shade")
    pen.rect(4, 57, 96, 82, "dark", 12)
    pen.rect(8, 61, 92, 78, "body", 8)
    for x in (18, 34, 50, 66, 82):
        pen.circle(x, 69.5, 7, "dark")
        pen.circle(x, 69.5, 4, "tint")
    pen.star(45, 37, 6, 2.6, 5, "accent")
    pen.line("20,46 20,28", 1, "dark")


def taxi(pen: Pen) -> None:
    """A city cab with a chequered band."""
    pen.rect(40, 18, 60, 27, "light", 2)
    for i in range(4):
        pen.rect(42 + i * 4, 21, 44 + i * 4, 24, "dark")
    pen.shape("3,70! 4,54! 20,50 32,46! 40,28! 64,28! 76,46! 94,52 97,60! 97,70!", "accent")
    with pen.inside():
        pen.rect(0, 62, 100, 72, "deep")
    pen.poly("37,46 43,32 51,32 51,46", "light")
    pen.poly("55,46 55,32 62,32 71,46", "light")
    for i in range(16):
        pen.rect(10 + i * 5, 52 + (i % 2) * 3, 15 + i * 5, 55 + (i % 2) * 3, "dark")
    pen.line("53,46 53,66", 1, "deep")
    _tyre(pen, 24, 71, 10)
    _tyre(pen, 77, 71, 10)
    pen.circle(94, 57, 2.6, "light")
    pen.rect(1, 64, 8, 68, "dark", 1)
    pen.rect(92, 64, 99, 68, "dark", 1)


def train(pen: Pen) -> None:
    """A steam engine coming straight at us."""
    for cx, cy, r in ((50, 9, 7), (62, 6, 6), (72, 9, 5), (80, 6, 4)):
        pen.circle(cx, cy, r, "tint")
    pen.poly("44,10 56,10 54,26 46,26", "dark")
    pen.rect(18, 24, 82, 74, "shade", 6)
    with pen.mirrored():
        pen.rect(21, 30, 28, 44, "light", 2)
    pen.circle(50, 46, 25, "dark")
    pen.circle(50, 46, 21, "body")
    pen.points([*arc_points(50, 46, 21, 21, -60, 120), *arc_points(42, 42, 22, 22, 110, -50)], "shade")
    pen.circle(50, 40, 9, "accent")
    pen.circle(50, 40, 6, "light")
    pen.rect(14, 70, 86, 78, "dark", 2)
    with pen.mirrored():
        pen.circle(22, 74, 5, "accent")
        pen.circle(22, 74, 2.6, "light")
    pen.poly("28,78 72,78 84,95 16,95", "body")
    for x0, x1 in ((34, 27), (42, 38.5), (50, 50), (58, 61.5), (66, 73)):
        pen.line(f"{x0},79 {x1},94", 1.8, "dark")
    pen.line("4,97 96,97", 2.6, "dark")


def ufo(pen: Pen) -> None:
    """A flying saucer with its beam."""
    pen.poly("38,46 62,46 84,97 16,97", "tint")
    pen.poly("44,46 56,46 66,97 34,97", "light")
    pen.pie(50, 34, 19, 180, 360, "light", 20)
    pen.points([*arc_points(50, 34, 19, 20, 270, 360), (58, 34)], "tint")
    pen.circle(50, 27, 4.4, "deep")
    pen.shape("45,36! 46,31 54,31 55,36!", "deep")
    pen.shape("4,42 24,34 50,32 76,34 96,42 76,51 50,54 24,51", "body")
    with pen.inside():
        pen.shape("2,43! 50,47 98,43! 98,60! 2,60!", "shade")
    for x, y in ((14, 42), (31, 45), (50, 46.5), (69, 45), (86, 42)):
        pen.circle(x, y, 2.6, "accent")
    pen.ellipse(50, 54, 14, 3.4, "accent")


def warplane(pen: Pen) -> None:
    """A propeller fighter seen from above."""
    pen.shape("44,30! 8,38 2,46 8,52! 46,54!", "body")
    pen.shape("56,30! 92,38 98,46 92,52! 54,54!", "shade")
    pen.shape("46,78! 30,82 27,88! 47,90!", "body")
    pen.shape("54,78! 70,82 73,88! 53,90!", "shade")
    pen.shape("50,10 57,18 58,40 55,70 53,92! 47,92! 45,70 42,40 43,18", "body")
    with pen.inside():
        pen.shape("50,8! 52,50 50,96! 62,96! 64,8!", "shade")
    pen.shape("46,34! 50,31 54,34! 53.5,50 50,53 46.5,50", "light")
    pen.line("46.6,41 53.4,41", 1, "dark")
    pen.line("28,10 72,10", 3, "dark")
    pen.circle(50, 10, 4, "accent")
    for x in (20, 80):
        pen.circle(x, 45, 6.4, "light")
        pen.circle(x, 45, 4, "accent")
    pen.line("50,76 50,92", 2, "dark")
    for x in (32, 68):
        pen.line(f"{x},33 {x},26", 1.6, "dark")


def wheel(pen: Pen) -> None:
    """A spoked wooden wheel."""
    pen.ring(50, 50, 43, 8, "body")
    pen.ring(50, 50, 47, 2, "dark")
    for i in range(8):
        with pen.turned(45 * i):
            pen.poly("48,50 52,50 53,10 47,10", "accent")
            pen.poly("50,50 52,50 53,10 50,10", "deep")
    pen.ring(50, 50, 38.4, 1.6, "shade")
    pen.circle(50, 50, 12, "body")
    pen.circle(50, 50, 8, "tint")
    pen.circle(50, 50, 4, "dark")


def steering_wheel(pen: Pen) -> None:
    """A three-spoked steering wheel."""
    for angle in (0, 90, 180):
        with pen.turned(angle):
            pen.poly("50,43 93,46 93,54 50,57", "tint")
    pen.ring(50, 50, 42, 9, "dark")
    pen.arc(50, 50, 43.5, 200, 340, 3, "body")
    pen.circle(50, 50, 15, "body")
    with pen.inside():
        pen.circle(58, 56, 14, "shade")
        pen.circle(47, 47, 13, "body")
    pen.circle(50, 50, 6, "accent")
    for x, y in ((24, 50), (76, 50), (50, 76)):
        pen.circle(x, y, 2.2, "dark")


VEHICLES: dict[str, Callable[[Pen], None]] = {
    "airplane": airplane, "balloon": balloon, "bicycle": bicycle, "boat": boat, "car": car, "helicopter": helicopter,
    "rocket": rocket, "sailing_ship": sailing_ship, "spaceship": spaceship, "steering_wheel": steering_wheel,
    "submarine": submarine, "tank": tank, "taxi": taxi, "train": train, "ufo": ufo, "warplane": warplane,
    "wheel": wheel,
}
