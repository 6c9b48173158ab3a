"""Motifs: animals that fly, swim or crawl."""

from collections.abc import Callable
from math import cos, radians, sin

from datasets_cache.bundled.drawing.pen import Pen


def bat(pen: Pen) -> None:
    """A bat with spread wings."""
    with pen.mirrored():
        pen.shape("46,40! 34,30 22,18! 4,34! 2,62! 12,52 20,62! 28,54 36,66! 40,58 48,64!", "body")
        pen.line("44,44 22,19", 1.4, "tint")
        pen.line("23,20 20,60", 1.2, "shade")
        pen.line("23,20 35,62", 1.2, "shade")
    pen.shape("42,22! 45,32 50,31 55,32 58,22! 60,38 58,54 56,68 50,80 44,68 42,54 40,38", "shade")
    with pen.mirrored():
        pen.circle(46.5, 39, 1.9, "accent")
    pen.poly("47.6,45 49.4,45 48.5,49", "light")
    pen.poly("50.6,45 52.4,45 51.5,49", "light")


def bird(pen: Pen) -> None:
    """A bird in flight, wings raised."""
    pen.shape("46,56! 30,44 18,22 14,4! 36,16 52,32 60,48!", "shade")
    pen.shape("4,78! 20,68 36,58 56,46 74,44 84,46 97,52! 85,57 76,68 58,76 36,78 22,88!", "body")
    with pen.inside():
        pen.shape("10,90! 36,72 60,66 86,54! 80,90!", "tint")
    pen.shape("48,60! 44,38 52,16 66,2! 74,22 74,42 64,58!", "body")
    pen.line("56,52 58,34 66,14", 1.5, "shade")
    pen.line("62,50 66,36 70,22", 1.5, "shade")
    pen.poly("85,46 98,52 85,56", "accent")
    pen.circle(79, 50, 1.9, "dark")


def butterfly(pen: Pen) -> None:
    """A butterfly with patterned wings."""
    with pen.mirrored():
        pen.shape("48,46! 38,18 16,6 4,16 8,40 24,54 48,54!", "body")
        pen.shape("48,54! 28,54 12,64 16,84 30,94 42,80 49,62!", "shade")
        pen.shape("44,46! 36,26 20,14 13,20 18,38 28,47", "accent")
        pen.shape("44,60! 28,62 20,70 26,84 36,78", "tint")
        for x, y, r in ((10, 22, 2.2), (11, 33, 2), (17, 43, 1.8), (20, 80, 2), (28, 87, 2)):
            pen.circle(x, y, r, "light")
        pen.line("49,34 44,20 36,12", 1.2, "dark")
        pen.circle(36, 12, 1.8, "dark")
    pen.ellipse(50, 56, 3.4, 23, "dark")
    pen.circle(50, 34, 4.4, "dark")


def fish(pen: Pen) -> None:
    """A fish with stripes and flowing fins."""
    pen.shape("70,50! 84,28 97,22! 92,50 97,78! 84,72", "accent")
    pen.shape("34,30! 48,12 68,18 66,36!", "accent")
    pen.shape("42,70! 52,86 64,82 60,66!", "accent")
    pen.shape("4,54 18,34 40,26 62,36 76,50 62,64 40,74 18,68", "body")
    with pen.inside():
        pen.shape("4,58! 40,64 76,50! 70,80! 10,80!", "shade")
        pen.shape("30,24! 38,26! 32,50 40,76! 30,76! 24,50", "light")
        pen.shape("54,24! 62,30! 58,50 64,70! 56,76! 50,50", "light")
    pen.shape("40,50! 52,46 56,54 50,62 42,58", "accent")
    pen.circle(17, 48, 5, "light")
    pen.circle(16.4, 48, 2.7, "dark")
    pen.line("5,58 10,60 14,58", 1.4, "dark")


def frog(pen: Pen) -> None:
    """A frog sitting, seen from the front."""
    with pen.mirrored():
        pen.shape("30,60! 8,58 4,78 16,90 38,88!", "shade")
        pen.shape("4,94! 12,86 30,86 36,94!", "body")
        pen.circle(30, 26, 13, "body")
    pen.shape("50,28 74,34 84,52 76,70 70,92 50,95 30,92 24,70 16,52 26,34", "body")
    pen.shape("50,62 66,66 66,88 50,93 34,88 34,66", "tint")
    with pen.mirrored():
        pen.circle(30, 26, 8, "light")
        pen.ellipse(31, 26, 5.4, 3, "dark")
        pen.rect(37, 72, 44, 94, "body", 3)
        pen.ellipse(39, 94, 8, 2.6, "body")
        pen.circle(45.5, 42, 1.2, "shade")
    pen.line("22,50 34,58 50,60 66,58 78,50", 2.2, "dark")
    for x, y, r in ((50, 36, 3), (60, 40, 2), (22, 66, 3), (78, 66, 3)):
        pen.circle(x, y, r, "shade")


def octopus(pen: Pen) -> None:
    """An octopus with curling arms."""
    with pen.mirrored():
        pen.line("42,54 30,66 14,60 6,70 14,76", 7, "shade")
        pen.line("44,58 36,76 20,78 16,90 26,92", 7, "body")
        pen.line("47,60 46,78 38,88 42,96", 7, "shade")
    pen.shape("50,4 74,14 80,36 70,54 62,66 38,66 30,54 20,36 26,14", "body")
    with pen.inside():
        pen.shape("62,2! 70,30 60,70! 90,70! 90,2!", "shade")
    with pen.mirrored():
        pen.circle(38, 46, 7, "light")
        pen.ellipse(38.6, 47, 5, 2.8, "dark")
    for x, y, r in ((40, 18, 4), (52, 12, 2.5), (34, 28, 2.6)):
        pen.ellipse(x, y, r, r * 0.8, "tint")
    for x, y in ((22, 78), (17, 85), (29, 76), (78, 78), (83, 85), (71, 76)):
        pen.circle(x, y, 1.5, "tint")
    pen.line("45,58 50,60 55,58", 1.8, "dark")


def owl(pen: Pen) -> None:
    """An owl on a branch."""
    pen.line("4,88 40,86 70,90 96,86", 5, "dark")
    pen.shape("22,8! 34,16 50,17 66,16 78,8! 80,30 82,60 70,84 50,90 30,84 18,60 20,30", "body")
    pen.shape("50,44 64,54 62,76 50,86 38,76 36,54", "tint")
    for y in (56, 64, 72):
        for x in (43, 50, 57):
            pen.arc(x, y, 3, 10, 170, 1.4, "shade")
    with pen.mirrored():
        pen.shape("19,34! 30,52 34,74 28,84! 18,62", "shade")
        pen.circle(36, 34, 13, "light")
        pen.circle(37, 34, 8, "accent")
        pen.circle(37, 34, 4.6, "dark")
        pen.circle(39, 32, 1.5, "light")
        pen.line("40,87 40,92", 3, "accent")
        pen.line("45,88 45,93", 3, "accent")
    pen.poly("46,38 54,38 50,48", "deep")


def penguin(pen: Pen) -> None:
    """A penguin standing upright."""
    pen.shape("50,4 63,9 66,24 74,44 74,72 66,90 50,94 34,90 26,72 26,44 34,24 37,9", "dark")
    with pen.mirrored():
        pen.shape("30,38! 16,54 12,72! 24,68 30,60!", "dark")
        pen.shape("48,94! 32,96 26,92! 40,86", "accent")
    pen.shape("50,34 64,42 67,64 62,84 50,90 38,84 33,64 36,42", "light")
    with pen.mirrored():
        pen.shape("50,28! 40,30 37,18 43,12 49,17!", "light")
        pen.circle(43.5, 19, 2.2, "dark")
        pen.shape("34,36! 40,34 44,40! 36,46", "body")
    pen.poly("45,23 55,23 50,31", "accent")
    with pen.inside():
        pen.shape("56,50! 68,50! 66,92! 52,92! 60,76", "tint")


def shark(pen: Pen) -> None:
    """A shark rising with open jaws."""
    pen.shape("50,2 64,16 76,44 84,72 86,98! 14,98! 16,72 24,44 36,16", "body")
    with pen.inside():
        pen.shape("50,2! 76,2! 96,98! 70,98! 68,50", "shade")
    with pen.mirrored():
        pen.shape("20,62! 4,74 0,94! 16,88", "shade")
    pen.shape("50,38 68,50 75,74 72,98! 28,98! 25,74 32,50", "light")
    pen.shape("50,48 63,56 68,76 66,98! 34,98! 32,76 37,56", "deep")
    pen.shape("50,64 60,70 62,84 58,98! 42,98! 38,84 40,70", "dark")
    with pen.mirrored():
        pen.poly("50,49 54,50 52,60", "light")
        pen.poly("55,51 60,54 56,62", "light")
        pen.poly("61,56 64,61 58,68", "light")
        pen.poly("65,64 67,71 60,76", "light")
        pen.poly("67,75 67,83 61,85", "light")
    with pen.mirrored():
        pen.circle(34, 36, 2.6, "dark")
        for y in (70, 76, 82):
            pen.line(f"21,{y} 25,{y + 5}", 1.2, "dark")


def snake(pen: Pen) -> None:
    """A snake winding upwards, tongue out."""
    path = "16,92 44,96 80,90 84,74 56,68 26,64 20,48 46,42 70,38 72,22 56,14"
    pen.line(path, 12, "shade")
    pen.line(path, 9.5, "body")
    pen.line("6,86 12,92 20,92", 5, "shade")
    for x, y in ((34, 95), (52, 95), (70, 92), (72, 71), (54, 68), (38, 66), (30, 45), (48, 42), (64, 39)):
        pen.poly(f"{x - 4},{y} {x},{y - 3.4} {x + 4},{y} {x},{y + 3.4}", "accent")
    pen.shape("66,10 56,4 40,6 28,14! 30,20 44,25 58,23", "body")
    pen.line("29,17 18,20 12,16", 1.5, "deep")
    pen.line("18,20 13,25", 1.5, "deep")
    pen.circle(45, 12, 2.8, "light")
    pen.ellipse(45, 12, 1, 2.4, "dark")


def spider(pen: Pen) -> None:
    """A spider on its thread."""
    pen.line("50,2 50,40", 1, "light")
    with pen.mirrored():
        for path in ("44,48 26,30 16,34 8,52", "43,52 22,42 12,50 6,70", "43,55 24,58 14,68 14,88", "45,58 32,68 24,78 28,96"):
            words = path.split()
            pen.line(f"{words[0]} {words[1]}! {words[2]}! {words[3]}", 2.8, "body")
    pen.ellipse(50, 69, 17, 20, "body")
    pen.circle(50, 46, 10, "body")
    with pen.inside():
        pen.ellipse(60, 74, 12, 20, "shade")
    pen.poly("44,58 56,58 50,68", "accent")
    pen.poly("50,66 56,78 44,78", "accent")
    with pen.mirrored():
        pen.circle(46.6, 42, 1.8, "light")
        pen.circle(43.4, 45.5, 1.2, "light")


def web(pen: Pen) -> None:
    """A spider's web."""
    spokes = [(50 + 49 * cos(radians(a)), 48 + 49 * sin(radians(a))) for a in range(8, 360, 40)]
    for x, y in spokes:
        pen.stroke([(50, 48), (x, y)], 1.3, "body")
    for share in (0.2, 0.38, 0.57, 0.77, 0.95):
        for i, (x, y) in enumerate(spokes):
            nx, ny = spokes[(i + 1) % len(spokes)]
            ax, ay, bx, by = 50 + (x - 50) * share, 48 + (y - 48) * share, 50 + (nx - 50) * share, 48 + (ny - 48) * share
            mx, my = 50 + ((ax + bx) / 2 - 50) * 0.86, 48 + ((ay + by) / 2 - 48) * 0.86
            pen.line(f"{ax},{ay} {mx},{my} {bx},{by}", 1.2, "tint" if share < 0.6 else "body")
    for x, y in ((30, 40), (66, 30), (60, 66)):
        pen.circle(x, y, 1.6, "light")
    pen.ellipse(50, 48, 4.5, 6, "accent")
    pen.circle(50, 40.5, 3, "accent")


def whale(pen: Pen) -> None:
    """A great whale with a spout."""
    pen.shape("4,56 10,36 34,28 58,36 72,56 82,58 88,46 80,30! 92,34 98,26! 98,42 94,62 84,78 62,88 34,88 12,78", "body")
    with pen.inside():
        pen.shape("2,60! 16,66 40,72 60,92! 10,96!", "light")
        pen.shape("60,92! 70,76 90,66 98,40! 98,96!", "shade")
    for i in range(5):
        pen.line(f"{7 + i * 6},{70 + i * 2.6} {24 + i * 6},{76 + i * 2.6}", 1, "shade")
    pen.line("5,60 18,66 32,64", 1.7, "dark")
    pen.circle(30, 54, 2.6, "dark")
    pen.circle(30.8, 53.2, 0.9, "light")
    pen.shape("42,70! 50,72 56,84 48,88", "shade")
    with pen.turned(dx=-22):
        pen.line("56,28 56,16 46,8 38,14", 3, "accent")
        pen.line("56,28 56,16 66,8 74,14", 3, "accent")


WINGS_AND_WATER: dict[str, Callable[[Pen], None]] = {
    "bat": bat, "bird": bird, "butterfly": butterfly, "fish": fish, "frog": frog, "octopus": octopus, "owl": owl,
    "penguin": penguin, "shark": shark, "snake": snake, "spider": spider, "web": web, "whale": whale,
}
