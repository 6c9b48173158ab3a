"""Motifs: places, rooms and what stands in the street."""

from collections.abc import Callable
from math import cos, radians, sin

from datasets_cache.bundled.drawing.pen import Pen, arc_points


def curtain(pen: Pen) -> None:
    """A theatre curtain drawn apart over a lit stage."""
    pen.rect(4, 8, 96, 92, "dark")
    pen.poly("50,16 72,84 28,84", "light")
    pen.ellipse(50, 84, 23, 5, "tint")
    with pen.mirrored():
        pen.shape("4,10! 46,10! 44,40 28,62 14,70! 20,80 20,92! 4,92!", "body")
        for path in ("14,12 13,46 9,68", "24,12 23,44 12,68", "35,12 33,42 15,68", "9,76 10,91", "14,76 15,91"):
            pen.line(path, 2, "shade")
        pen.line("5,71 12,73 17,70", 4, "accent")
    for i in range(6):
        x = 4 + i * 15.33
        pen.points([(x, 6), *arc_points(x + 7.67, 12, 7.67, 10, 180, 0), (x + 15.33, 6)], "shade")
        pen.arc(x + 7.67, 12, 8, 20, 160, 1.6, "accent")
    pen.rect(2, 4, 98, 12, "deep", 1)
    pen.rect(2, 90, 98, 96, "deep", 1)


def door(pen: Pen) -> None:
    """A door standing ajar with light behind."""
    pen.rect(22, 6, 78, 94, "dark", 2)
    pen.rect(28, 12, 72, 94, "light")
    pen.poly("28,94 72,94 96,99 40,99", "accent")
    pen.poly("28,12 58,22 58,98 28,94", "body")
    pen.poly("54,21 58,22 58,98 54,97", "shade")
    pen.poly("33,22 49,27 49,52 33,50", "shade")
    pen.poly("33,58 49,60 49,88 33,86", "shade")
    pen.poly("35,25 49,29 49,32 35,28", "deep")
    pen.circle(53, 58, 2.4, "accent")


def gallows(pen: Pen) -> None:
    """A gallows with a noose."""
    pen.rect(10, 86, 90, 94, "body")
    pen.rect(10, 91, 90, 94, "shade")
    pen.rect(20, 8, 28, 88, "body")
    pen.rect(25, 8, 28, 88, "shade")
    pen.rect(14, 6, 80, 14, "body")
    pen.rect(14, 11, 80, 14, "shade")
    pen.poly("28,30 46,14 52,14 28,38", "tint")
    pen.line("68,12 68,46", 2.2, "accent")
    for y in (36, 40, 44, 48):
        pen.line(f"65,{y} 71,{y + 1.4}", 3, "deep")
    pen.stroke(arc_points(68, 61, 8, 11, 0, 365), 2.8, "accent")
    for x in (18, 74):
        pen.line(f"{x},94 {x},98", 4, "dark")


def grave(pen: Pen) -> None:
    """A gravestone on a mound."""
    pen.shape("26,88! 26,32 34,14 50,8 66,14 74,32 74,88!", "body")
    with pen.inside():
        pen.shape("62,4! 68,36 68,90! 90,90! 90,4!", "shade")
    pen.rect(47, 22, 53, 48, "dark")
    pen.rect(39, 28, 61, 34, "dark")
    for y, x0 in ((56, 38), (63, 36), (70, 42)):
        pen.line(f"{x0},{y} {100 - x0},{y}", 2, "shade")
    pen.line("30,36 34,42 32,50", 1.2, "dark")
    pen.shape("2,94! 16,84 50,82 84,84 98,94!", "deep")
    for x in (12, 22, 80, 88):
        pen.poly(f"{x - 3},90 {x},76 {x + 3},90", "deep")
    pen.circle(20, 72, 3.4, "accent")
    pen.line("20,74 21,86", 1.4, "deep")


def hotel_sign(pen: Pen) -> None:
    """An upright hotel sign on a wall bracket."""
    pen.rect(6, 4, 12, 96, "dark")
    pen.line("10,16 36,16", 3, "dark")
    pen.line("10,84 36,84", 3, "dark")
    pen.rect(32, 4, 74, 96, "dark", 8)
    pen.rect(35, 7, 71, 93, "body", 6)
    for i in range(9):
        for x in (38, 68):
            pen.circle(x, 13 + i * 9.3, 1.6, "accent" if i % 2 else "light")
    strokes = (
        ("47,13 47,25", "58,13 58,25", "47,19 58,19"), (), ("46,45 59,45", "52.5,45 52.5,57"),
        ("47,61 47,73", "47,61 58,61", "47,67 56,67", "47,73 58,73"), ("47,77 47,89", "47,89 58,89"),
    )
    for letter in strokes:
        for path in letter:
            pen.line(path, 2.8, "light")
    pen.ring(52.5, 35, 5.4, 2.8, "light")
    pen.poly("74,40 94,46 94,58 74,62", "accent")
    pen.star(84, 52, 5, 2, 5, "deep")


def ladder(pen: Pen) -> None:
    """A ladder leaning upwards."""
    for i in range(9):
        y = 90 - i * 10
        left, right = 24 + i * 2.1, 72 - i * 2.1
        pen.line(f"{left},{y} {right},{y}", 4, "accent")
        pen.line(f"{left},{y + 1.6} {right},{y + 1.6}", 1.2, "deep")
    pen.line("22,97 43,3", 5, "body")
    pen.line("74,97 57,3", 5, "body")
    pen.line("24,97 45,3", 1.4, "shade")
    pen.line("76,97 59,3", 1.4, "shade")


def lamp_post(pen: Pen) -> None:
    """An old street lamp shining."""
    pen.poly("40,26 60,26 88,96 12,96", "tint")
    pen.poly("44,26 56,26 70,96 30,96", "accent")
    pen.rect(47.6, 34, 52.4, 92, "dark")
    pen.line("38,46 62,46", 2.6, "dark")
    pen.poly("42,97 58,97 54,82 46,82", "dark")
    pen.rect(45, 60, 55, 64, "dark", 1)
    pen.poly("38,12 62,12 56,34 44,34", "light")
    pen.poly("50,12 62,12 56,34 50,34", "accent")
    pen.poly("34,13 66,13 56,6 44,6", "dark")
    pen.circle(50, 4, 2.6, "dark")
    pen.rect(43, 33, 57, 37, "dark", 1)
    pen.line("50,12 50,34", 1.2, "dark")


def maze(pen: Pen) -> None:
    """A round maze."""
    for i, r in enumerate((46, 37, 28, 19, 10)):
        start = (100, 250, 10, 190, 60)[i]
        pen.arc(50, 50, r, start, start + 322, 3.4, "body" if i % 2 == 0 else "shade")
    walls = ((140, 37, 46), (300, 37, 46), (60, 28, 37), (220, 28, 37), (330, 19, 28), (150, 19, 28), (20, 10, 19))
    for angle, r0, r1 in walls:
        a = radians(angle)
        pen.stroke([(50 + r0 * cos(a), 50 + r0 * sin(a)), (50 + r1 * cos(a), 50 + r1 * sin(a))], 3.4, "body")
    pen.circle(50, 50, 4.6, "accent")


def monolith(pen: Pen) -> None:
    """A black slab with light breaking behind it."""
    pen.circle(50, 34, 24, "accent")
    pen.circle(50, 34, 17, "light")
    pen.poly("36,14 60,10 60,92 36,96", "dark")
    pen.poly("60,10 68,16 68,88 60,92", "shade")
    pen.line("36,14 60,10", 1, "tint")
    pen.shape("2,97! 20,90 50,93 80,89 98,97!", "body")


def neon_sign(pen: Pen) -> None:
    """A neon arrow with a glass and stars."""
    pen.rect(44, 60, 56, 98, "dark")
    pen.rect(6, 10, 84, 62, "dark", 8)
    pen.stroke([(12, 16), (78, 16), (78, 56), (12, 56), (12, 16)], 2.4, "body")
    pen.poly("84,28 98,36 84,44", "accent")
    pen.line("36,24! 58,24! 47,38! 36,24!", 2.2, "light")
    pen.line("47,38 47,49", 2.2, "light")
    pen.line("41,50 53,50", 2.2, "light")
    pen.line("52,28 60,18", 1.6, "accent")
    pen.circle(47, 28, 2.6, "accent")
    for x in (23, 68):
        pen.star(x, 36, 6.6, 2.6, 5, "accent")
    for i in range(8):
        pen.circle(15 + i * 8.7, 62, 1.6, "light" if i % 2 else "accent")


def pyramid(pen: Pen) -> None:
    """Stone pyramids in the sun."""
    pen.circle(76, 24, 14, "accent")
    pen.poly("66,92 84,54 100,92", "tint")
    pen.poly("2,92 44,14 64,92", "body")
    pen.poly("44,14 84,92 58,92", "shade")
    for i in range(1, 8):
        y = 14 + i * 10
        pen.line(f"{44 - i * 5.2},{y} {44 + i * 1.7},{y}", 0.9, "shade")
    for x, y in ((30, 52), (38, 64), (24, 76), (44, 78), (36, 40)):
        pen.line(f"{x},{y + 2} {x},{y + 10}", 0.9, "shade")
    pen.shape("0,97! 0,92 30,90 60,93 100,90 100,97!", "deep")


def road(pen: Pen) -> None:
    """A straight road to the horizon."""
    pen.circle(50, 38, 20, "accent")
    pen.poly("10,39 30,30 46,38 62,26 80,34 90,39", "shade")
    pen.poly("10,38.6 90,38.6 100,96 0,96", "body")
    pen.poly("48.4,39 51.6,39 88,96 12,96", "dark")
    pen.poly("47,39 48,39 14,96 8,96", "light")
    pen.poly("52,39 53,39 92,96 86,96", "light")
    for y0, y1 in ((43, 46), (50, 55), (60, 68), (75, 88)):
        near, far = (y1 - 38) * 0.05, (y0 - 38) * 0.05
        pen.poly(f"{50 - far},{y0} {50 + far},{y0} {50 + near},{y1} {50 - near},{y1}", "accent")
    for x, y in ((72, 50), (83, 62)):
        s = (y - 38) / 14
        pen.line(f"{x},{y} {x},{y - 12 * s}", 1.2 * s, "deep")


def staircase(pen: Pen) -> None:
    """A staircase rising with a rail."""
    for i in range(8):
        x, y = 6 + i * 11, 84 - i * 9
        pen.rect(x, y, 94, y + 12, "body")
        pen.rect(x, y, 94, y + 2.6, "tint")
        pen.rect(x, y + 2.6, x + 1.6, 94, "shade")
    pen.poly("94,94 6,94 14,94 94,30", "shade")
    for i in range(8):
        x, y = 6 + i * 11, 84 - i * 9
        pen.poly(f"{x},{y} 94,{y} 94,{y + 9} {x},{y + 9}", "body" if i % 2 else "shade")
        pen.rect(x, y, 94, y + 2.4, "tint")
    for i in range(8):
        x, y = 11 + i * 11, 84 - i * 9
        pen.line(f"{x},{y} {x},{y - 22}", 1.5, "accent")
    pen.line("9,62 90,-3", 3, "accent")
    pen.circle(9, 62, 3.6, "accent")


def vault(pen: Pen) -> None:
    """A round vault door with a spoked handle."""
    pen.rect(3, 3, 97, 97, "shade", 6)
    pen.circle(50, 50, 42, "dark")
    pen.circle(50, 50, 38, "body")
    pen.points([*arc_points(50, 50, 38, 38, -50, 130), *arc_points(43, 45, 38, 38, 120, -40)], "shade")
    pen.ring(50, 50, 30, 1.6, "tint")
    for i in range(12):
        a = radians(30 * i)
        pen.circle(50 + 34 * cos(a), 50 + 34 * sin(a), 2, "accent")
    for i in range(3):
        with pen.turned(60 * i + 15):
            pen.line("50,26 50,74", 4, "light")
            pen.circle(50, 25, 4, "accent")
            pen.circle(50, 75, 4, "accent")
    pen.circle(50, 50, 10, "dark")
    pen.circle(50, 50, 6, "accent")
    for y in (22, 78):
        pen.rect(1, y - 7, 9, y + 7, "dark", 2)


def window(pen: Pen) -> None:
    """A lit window with curtains and a sill."""
    pen.rect(16, 6, 84, 88, "dark", 2)
    pen.rect(21, 11, 79, 83, "accent")
    pen.circle(60, 34, 8, "light")
    with pen.mirrored():
        pen.shape("21,11! 44,11! 40,34 30,52 24,58! 27,70 28,83! 21,83!", "body")
        pen.line("28,13 27,36 23,54", 1.4, "shade")
        pen.line("36,13 34,34 25,54", 1.4, "shade")
    pen.rect(48.4, 11, 51.6, 83, "dark")
    pen.rect(21, 46, 79, 49, "dark")
    pen.rect(10, 87, 90, 94, "shade", 1)
    pen.rect(10, 87, 90, 90, "tint", 1)


PLACES: dict[str, Callable[[Pen], None]] = {
    "curtain": curtain, "door": door, "gallows": gallows, "grave": grave, "hotel_sign": hotel_sign, "ladder": ladder,
    "lamp_post": lamp_post, "maze": maze, "monolith": monolith, "neon_sign": neon_sign, "pyramid": pyramid,
    "road": road, "staircase": staircase, "vault": vault, "window": window,
}
