"""Motifs: buildings."""

from collections.abc import Callable

from datasets_cache.bundled.drawing.pen import Pen, Tone, arc_points


def bridge(pen: Pen) -> None:
    """A suspension bridge over water."""
    pen.rect(0, 66, 100, 71, "body")
    for x in (28, 72):
        pen.rect(x - 4, 12, x + 4, 86, "body")
        pen.rect(x, 12, x + 4, 86, "shade")
        for y in (24, 40, 54):
            pen.rect(x - 1.6, y, x + 1.6, y + 9, "dark")
    pen.line("0,52 14,36 28,14!", 2, "tint")
    pen.line("28,14! 38,44 50,54 62,44 72,14!", 2, "tint")
    pen.line("72,14! 86,36 100,52", 2, "tint")
    for x, y in ((36, 40), (43, 50), (50, 54), (57, 50), (64, 40), (20, 28), (12, 39), (80, 28), (88, 39)):
        pen.line(f"{x},{y} {x},67", 0.9, "tint")
    for y, x in ((82, 6), (88, 14), (94, 2)):
        pen.line(f"{x},{y} {x + 18},{y}", 1.8, "accent")
        pen.line(f"{x + 42},{y + 1} {x + 66},{y + 1}", 1.8, "accent")


def cabin(pen: Pen) -> None:
    """A log cabin with a smoking chimney."""
    pen.rect(68, 18, 78, 44, "shade")
    for cx, cy, r in ((74, 12, 4), (79, 6, 5), (87, 3, 4)):
        pen.circle(cx, cy, r, "light")
    pen.rect(14, 50, 86, 92, "body")
    for y in (56, 64, 72, 80, 88):
        pen.line(f"14,{y} 86,{y}", 1.3, "shade")
        pen.circle(14, y - 4, 3.4, "tint")
        pen.circle(86, y - 4, 3.4, "tint")
    pen.poly("50,18 96,54 88,58 50,28 12,58 4,54", "dark")
    pen.poly("50,28 84,54 16,54", "deep")
    pen.rect(24, 62, 42, 77, "accent")
    pen.line("33,62 33,77", 1.6, "dark")
    pen.line("24,69.5 42,69.5", 1.6, "dark")
    pen.rect(56, 62, 72, 92, "dark", 2)
    pen.circle(68, 78, 1.6, "accent")
    pen.circle(50, 43, 4, "accent")
    pen.line("2,94 98,94", 3, "light")


def castle(pen: Pen) -> None:
    """A castle with towers and flags."""
    def tower(x: float, y: float, half: float, tone: Tone) -> None:
        pen.rect(x - half, y, x + half, 95, tone)
        for i in range(-1, 2):
            pen.rect(x + i * half - half * 0.34, y - 5, x + i * half + half * 0.34, y + 1, tone)
    tower(50, 26, 12, "tint")
    pen.poly("50,2 63,24 37,24", "accent")
    pen.poly("50,2 63,24 52,24", "deep")
    pen.rect(24, 58, 76, 95, "body")
    for x in range(26, 76, 8):
        pen.rect(x, 54, x + 4, 60, "body")
    tower(18, 38, 9, "body")
    tower(82, 38, 9, "shade")
    pen.rect(20, 38, 27, 95, "shade")
    for x in (18, 82):
        pen.line(f"{x},33 {x},16", 1.2, "dark")
        pen.poly(f"{x},15 {x + 12},19 {x},23", "accent")
    pen.shape("40,95! 40,78 50,68 60,78 60,95!", "dark")
    for x in (45, 50, 55):
        pen.line(f"{x},74 {x},95", 1, "deep")
    for x, y in ((18, 52), (82, 52), (50, 38), (32, 70), (68, 70)):
        pen.rect(x - 2, y, x + 2, y + 9, "dark", 2)


def church(pen: Pen) -> None:
    """A country church with a steeple."""
    pen.rect(36, 48, 90, 94, "light")
    pen.poly("30,52 50,34 84,34 97,52", "shade")
    pen.rect(16, 36, 44, 94, "light")
    pen.rect(34, 36, 44, 94, "tint")
    pen.poly("30,8 48,38 12,38", "body")
    pen.poly("30,8 48,38 33,38", "shade")
    pen.line("30,9 30,0.8", 1.8, "accent")
    pen.line("27,3.6 33,3.6", 1.6, "accent")
    pen.shape("24,94! 24,80 30,74 36,80 36,94!", "dark")
    pen.circle(30, 50, 5, "dark")
    pen.line("30,50 30,46.6", 1, "light")
    pen.line("30,50 32.4,51", 1, "light")
    for x in (54, 67, 80):
        pen.shape(f"{x - 4},82! {x - 4},66 {x},60 {x + 4},66 {x + 4},82!", "accent")
        pen.line(f"{x},60 {x},82", 1, "deep")
    pen.line("4,95 96,95", 2.6, "dark")


def city_skyline(pen: Pen) -> None:
    """A skyline of towers with lit windows."""
    for x0, x1, y in ((0, 14, 46), (20, 32, 26), (44, 54, 18), (62, 74, 34), (84, 100, 40)):
        pen.rect(x0, y, x1, 96, "tint")
    pen.line("49,18 49,4", 1.6, "tint")
    front: tuple[tuple[float, float, float, Tone], ...] = (
        (6, 22, 58, "body"), (26, 42, 44, "shade"), (46, 60, 54, "body"), (64, 80, 50, "shade"), (80, 96, 62, "body"),
    )
    for x0, x1, y, tone in front:
        pen.rect(x0, y, x1, 96, tone)
        for row in range(int((92 - y) // 8)):
            for col in range(3):
                if (row * 5 + col * 3 + int(x0)) % 4:
                    x = x0 + 2.6 + col * (x1 - x0 - 3) / 3
                    pen.rect(x, y + 4 + row * 8, x + 2.6, y + 8 + row * 8, "accent" if (row + col) % 3 else "light")
    pen.poly("26,44 34,32 42,44", "shade")
    pen.line("34,34 34,22", 1.4, "shade")


def factory(pen: Pen) -> None:
    """A factory with saw-tooth roof and chimneys."""
    for cx, cy, r in ((24, 12, 6), (33, 8, 7), (43, 11, 6), (50, 7, 5)):
        pen.circle(cx, cy, r, "tint")
    pen.poly("14,20 26,20 28,60 12,60", "shade")
    pen.rect(13.4, 24, 26.6, 30, "accent")
    pen.poly("34,28 44,28 46,60 32,60", "shade")
    pen.poly("6,94 6,58 34,58 34,52 54,40 54,54 74,40 74,54 95,40 95,94", "body")
    for x in (34, 54, 74):
        pen.poly(f"{x},{54 if x > 34 else 52} {x + 20},40 {x + 20},54", "tint")
    for x in (12, 28, 44, 60):
        pen.rect(x, 66, x + 11, 76, "accent")
        pen.line(f"{x + 5.5},66 {x + 5.5},76", 1.2, "dark")
    pen.rect(76, 66, 90, 94, "dark")
    for y in (71, 77, 83, 89):
        pen.line(f"76,{y} 90,{y}", 1, "shade")
    pen.rect(6, 84, 72, 88, "shade")


def house(pen: Pen) -> None:
    """A narrow old house on a hill, one window lit."""
    pen.shape("0,96! 16,84 50,80 84,84 100,96!", "dark")
    pen.rect(62, 14, 70, 40, "shade")
    pen.rect(24, 44, 76, 86, "body")
    pen.rect(52, 44, 76, 86, "shade")
    pen.poly("38,10 60,46 16,46", "dark")
    pen.poly("54,28 70,28 84,46 58,46", "deep")
    pen.poly("38,16 55,44 21,44", "tint")
    pen.circle(38, 34, 4, "dark")
    for i, (x, y) in enumerate(((30, 52), (42, 52), (58, 52), (58, 68), (30, 68))):
        pen.rect(x, y, x + 8, y + 11, "dark" if i else "accent")
        pen.line(f"{x + 4},{y} {x + 4},{y + 11}", 1, "tint")
    pen.shape("42,86! 42,72 46.5,67 51,72 51,86!", "deep")
    pen.poly("40,92 54,92 51,86 42,86", "tint")


def lighthouse(pen: Pen) -> None:
    """A striped lighthouse with beams."""
    pen.poly("44,19 2,6 2,30", "accent")
    pen.poly("56,19 98,6 98,30", "accent")
    pen.poly("40,32 60,32 68,90 32,90", "light")
    with pen.inside():
        for y in (42, 66):
            pen.poly(f"20,{y + 2} 80,{y - 2} 80,{y + 10} 20,{y + 14}", "body")
        pen.poly("54,30 62,30 74,92 58,92", "tint")
        for y in (42, 66):
            pen.poly(f"55,{y} 80,{y - 2} 80,{y + 10} 56,{y + 11.4}", "shade")
    pen.rect(37, 28, 63, 33, "dark", 1)
    pen.rect(43, 13, 57, 28, "light")
    pen.rect(47, 15, 53, 28, "accent")
    pen.points(arc_points(50, 13.4, 10, 9, 180, 360), "body")
    pen.line("50,5 50,1.4", 1.6, "body")
    pen.shape("46,90! 46,80 50,76 54,80 54,90!", "dark")
    pen.shape("12,97! 20,88 38,86 62,87 78,86 90,97!", "dark")


def skyscraper(pen: Pen) -> None:
    """A stepped tower seen from below."""
    pen.line("50,18 50,1.6", 1.8, "accent")
    blocks: tuple[tuple[float, float], ...] = ((7, 14), (13, 28), (20, 46))
    for half, top in blocks:
        pen.rect(50 - half, top, 50, 96, "body")
        pen.rect(50, top, 50 + half, 96, "shade")
    for half, top in ((7, 14), (13, 28), (20, 46)):
        pen.rect(50 - half - 1, top - 1.5, 50 + half + 1, top + 1.5, "accent")
    for i in range(11):
        y = 50 + i * 4.2
        for x in (33, 37.6, 42.2, 46.8):
            if (i * 3 + int(x)) % 4:
                pen.rect(x, y, x + 2.2, y + 2.4, "light")
                pen.rect(100 - x - 2.2, y, 100 - x, y + 2.4, "tint")
    for y in range(18, 46, 4):
        pen.line(f"47,{y} 47,{y + 1.6}", 1.3, "light")
        pen.line(f"53,{y} 53,{y + 1.6}", 1.3, "tint")
    pen.poly("24,96 76,96 76,92 24,92", "dark")


def tent(pen: Pen) -> None:
    """A striped circus tent."""
    pen.line("50,16 50,3", 1.6, "dark")
    pen.poly("50,3 66,7 50,12", "accent")
    pen.rect(14, 52, 86, 94, "light")
    for i in range(6):
        pen.rect(14 + i * 12, 52, 20 + i * 12, 94, "body")
    pen.poly("50,14 96,52 4,52", "light")
    for x0, x1 in ((4, 17), (30, 43), (57, 70), (83, 96)):
        pen.poly(f"50,14 {x1},52 {x0},52", "body")
    for i in range(7):
        pen.pie(10.6 + i * 13.15, 52, 6.57, 0, 180, "accent" if i % 2 else "deep")
    pen.poly("50,58 62,94 38,94", "dark")
    pen.poly("50,58 56,76 50,94 44,76", "shade")
    pen.line("8,95 92,95", 2.4, "dark")


def tombstone_city(pen: Pen) -> None:
    """Gravestones ranked like the towers of a city."""
    rows: tuple[tuple[float, float, float, Tone], ...] = (
        (14, 40, 8, "tint"), (34, 24, 8, "tint"), (56, 32, 8, "tint"), (80, 20, 8, "tint"),
        (8, 60, 9, "body"), (28, 52, 9, "body"), (48, 58, 9, "shade"), (68, 48, 9, "body"), (90, 56, 9, "shade"),
    )
    for x, y, half, tone in rows:
        pen.rect(x - half, y + half, x + half, 96, tone)
        pen.circle(x, y + half, half, tone)
    for x, y in ((28, 60), (68, 56), (8, 68)):
        pen.line(f"{x},{y} {x},{y + 13}", 2, "dark")
        pen.line(f"{x - 4},{y + 4} {x + 4},{y + 4}", 2, "dark")
    for x, y in ((34, 34), (80, 30), (48, 68), (90, 68)):
        for i in range(3):
            pen.rect(x - 3, y + i * 5, x - 1, y + 2.4 + i * 5, "accent")
            pen.rect(x + 1, y + i * 5, x + 3, y + 2.4 + i * 5, "accent")
    pen.shape("0,97! 0,90 24,86 50,90 76,86 100,90 100,97!", "dark")


def windmill(pen: Pen) -> None:
    """A windmill with lattice sails."""
    pen.poly("40,42 60,42 70,95 30,95", "light")
    pen.poly("52,42 60,42 70,95 56,95", "tint")
    pen.shape("37,43! 40,32 50,27 60,32 63,43!", "body")
    pen.shape("45,95! 45,82 50,77 55,82 55,95!", "dark")
    pen.rect(46, 56, 54, 65, "dark", 3)
    for i in range(4):
        with pen.turned(90 * i + 22, 50, 38):
            pen.line("50,38 50,1", 1.8, "dark")
            pen.rect(50, 4, 59, 31, "accent")
            pen.rect(56, 4, 59, 31, "deep")
            for y in (11, 18, 25):
                pen.line(f"50,{y} 59,{y}", 1, "dark")
    pen.circle(50, 38, 4, "dark")
    pen.circle(50, 38, 1.8, "accent")


BUILDINGS: dict[str, Callable[[Pen], None]] = {
    "bridge": bridge, "cabin": cabin, "castle": castle, "church": church, "city_skyline": city_skyline,
    "factory": factory, "house": house, "lighthouse": lighthouse, "skyscraper": skyscraper, "tent": tent,
    "tombstone_city": tombstone_city, "windmill": windmill,
}
