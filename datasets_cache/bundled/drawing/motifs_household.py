"""Motifs: things about the house, toys and tableware."""

from collections.abc import Callable

from datasets_cache.bundled.drawing.pen import Pen, arc_points


def bell(pen: Pen) -> None:
    """A bell with a clapper."""
    pen.ring(50, 12, 6, 3.4, "deep")
    pen.shape("50,16 64,22 70,44 74,64 88,78! 12,78! 26,64 30,44 36,22", "accent")
    with pen.inside():
        pen.shape("58,14! 62,40 64,64 74,80! 98,80! 98,14!", "deep")
    pen.shape("38,28 42,24 40,44 36,62 33,60", "light")
    pen.rect(8, 76, 92, 84, "body", 4)
    pen.circle(50, 88, 8, "shade")


def book(pen: Pen) -> None:
    """An open book, seen from above the desk."""
    pen.poly("4,30 50,38 96,30 96,86 50,94 4,86", "body")
    pen.shape("8,26! 30,22 50,34! 50,88! 30,78 8,80!", "light")
    pen.shape("92,26! 70,22 50,34! 50,88! 70,78 92,80!", "tint")
    for y in (36, 43, 50, 57, 64, 71):
        pen.line(f"14,{y - 1} 30,{y - 3} 44,{y + 4}", 1.5, "shade")
        pen.line(f"86,{y - 1} 70,{y - 3} 56,{y + 4}", 1.5, "shade")
    pen.poly("70,22 78,23 78,52 74,47 70,51", "accent")


def broom(pen: Pen) -> None:
    """A witch's broom."""
    pen.line("96,6 46,56", 4.4, "deep")
    pen.line("94,6 46,54", 1.2, "tint")
    pen.shape("48,44! 58,54! 50,72 34,90 24,96! 22,88! 14,90! 14,82! 5,80! 10,66 28,52", "accent")
    for path in ("48,52 34,68 20,84", "44,50 28,62 12,76", "52,56 42,74 28,90"):
        pen.line(path, 1.6, "deep")
    pen.line("43,46 56,59", 4, "body")
    pen.line("38,51 52,65", 3, "shade")


def candle(pen: Pen) -> None:
    """A burning candle in a holder."""
    pen.shape("50,3! 58,16 60,26 50,34 40,26 42,16", "accent")
    pen.shape("50,14! 54,22 54,27 50,31 46,27 46,22", "light")
    pen.line("50,30 50,38", 1.8, "dark")
    pen.shape("40,38! 46,36 54,38 60,36! 60,82! 40,82!", "light")
    pen.shape("52,38! 60,36! 60,82! 53,82!", "tint")
    pen.shape("40,38! 47,38! 47,50 45,56 43,50 40,52!", "tint")
    pen.shape("20,80! 80,80! 74,90 62,94 38,94 26,90", "body")
    pen.shape("54,80! 80,80! 74,90 62,94 52,94!", "shade")
    pen.ring(84, 82, 6, 3, "body")
    pen.ellipse(50, 80, 30, 3, "tint")


def chain(pen: Pen) -> None:
    """A chain with one broken link."""
    with pen.turned(45):
        for x in (4, 22, 60, 78):
            pen.stroke(arc_points(x + 9, 50, 13, 8, 0, 365), 5, "body")
            pen.stroke(arc_points(x + 9, 49, 13, 8, 190, 260), 1.6, "tint")
        for x in (13, 69):
            pen.rect(x, 47.6, x + 18, 52.4, "shade", 2.4)
        pen.stroke(arc_points(46, 44, 9, 9, 120, 290), 5, "accent")
        pen.stroke(arc_points(54, 56, 9, 9, -60, 110), 5, "accent")
        for x, y, a, b in ((46, 28, 44, 20), (54, 28, 57, 20), (50, 72, 48, 80)):
            pen.line(f"{x},{y} {a},{b}", 1.8, "light")


def chair(pen: Pen) -> None:
    """A wooden chair alone."""
    pen.rect(28, 6, 33, 60, "body")
    pen.rect(63, 4, 68, 58, "body")
    for y in (10, 22, 34):
        pen.shape(f"30,{y}! 48,{y - 4} 66,{y - 2}! 66,{y + 5}! 48,{y + 3} 30,{y + 7}!", "tint")
    pen.rect(66, 58, 71, 90, "shade")
    pen.rect(40, 62, 44, 88, "shade")
    pen.poly("28,56 68,54 76,64 20,66", "accent")
    pen.poly("20,66 76,64 76,69 20,71", "deep")
    pen.rect(21, 70, 27, 96, "body")
    pen.rect(69, 68, 75, 94, "body")
    pen.rect(26, 80, 70, 83, "shade")


def chandelier(pen: Pen) -> None:
    """A crystal chandelier with candles."""
    pen.line("50,2 50,56", 2.6, "deep")
    for y in (6, 12, 18):
        pen.ring(50, y, 2.6, 1.2, "deep")
    with pen.mirrored():
        pen.line("50,58 34,72 20,66 16,52", 3, "accent")
        pen.line("50,52 40,60 34,54 33,44", 3, "accent")
        for x, y in ((16, 50), (33, 42)):
            pen.rect(x - 5, y - 1, x + 5, y + 2, "accent", 1)
            pen.rect(x - 2.2, y - 13, x + 2.2, y, "light")
            pen.shape(f"{x},{y - 25}! {x + 3.4},{y - 18} {x},{y - 13} {x - 3.4},{y - 18}", "body")
        for x, y, s in ((16, 60, 1.0), (25, 73, 1.2), (37, 76, 1.2), (34, 60, 0.9)):
            pen.poly(f"{x},{y} {x + 2.6 * s},{y + 5 * s} {x},{y + 11 * s} {x - 2.6 * s},{y + 5 * s}", "tint")
    pen.shape("50,28! 56,36 56,44 52,52! 48,52! 44,44 44,36", "accent")
    pen.shape("50,54 58,62 56,74 50,84! 44,74 42,62", "deep")
    pen.poly("50,82 55,88 50,98 45,88", "light")


def coffin(pen: Pen) -> None:
    """A coffin with a cross on the lid."""
    pen.poly("38,4 64,4 80,28 68,96 36,96 22,28", "shade")
    pen.poly("36,3 60,3 76,27 64,95 32,95 20,27", "body")
    pen.poly("39,9 57,9 69,28 59,89 37,89 27,28", "tint")
    pen.poly("40.6,12 55.4,12 66,28.6 57,86 39,86 30,28.6", "body")
    pen.rect(45.6, 22, 50.4, 60, "accent")
    pen.rect(38, 31, 58, 36, "accent")
    for y in (44, 66):
        pen.line(f"{75.6 - (y - 28) * 0.17},{y} {75.6 - (y - 28) * 0.17},{y + 8}", 2.4, "accent")


def genie_lamp(pen: Pen) -> None:
    """An oil lamp with rising smoke."""
    pen.line("8,40 4,28 14,20 10,8", 4, "light")
    pen.line("10,36 12,28", 2, "tint")
    pen.line("80,52 94,46 96,62 80,70", 4, "accent")
    pen.shape("6,44! 14,46 26,56 40,50 60,50 80,52! 84,64 72,76 56,80 44,80 30,76 18,62 4,50!", "accent")
    with pen.inside():
        pen.shape("4,56! 30,68 60,68 90,58! 90,90! 4,90!", "deep")
    pen.shape("38,50! 42,40 50,37 58,40 62,50!", "body")
    pen.circle(50, 34, 3.6, "accent")
    pen.shape("40,80! 60,80! 56,86 68,94! 32,94! 44,86", "deep")
    for x in (40, 50, 60):
        pen.poly(f"{x - 3},62 {x},58 {x + 3},62 {x},66", "body")


def kettle(pen: Pen) -> None:
    """A whistling kettle."""
    pen.line("28,34 32,12 50,6 68,12 72,34", 4.4, "dark")
    pen.shape("20,52! 6,44 4,34! 14,34 26,46!", "shade")
    pen.shape("50,30 72,34 84,56 84,80 78,92! 22,92! 16,80 16,56 28,34", "body")
    with pen.inside():
        pen.shape("68,26! 76,56 70,94! 98,94! 98,26!", "shade")
    pen.shape("26,52 34,40 40,40 32,56 30,72 25,68", "tint")
    pen.shape("36,32! 42,26 58,26 64,32!", "deep")
    pen.circle(50, 23, 4, "accent")
    pen.rect(18, 84, 82, 90, "accent")
    pen.line("4,28 8,20 2,12", 2.4, "light")


def keyhole(pen: Pen) -> None:
    """An escutcheon with a keyhole and light shining through."""
    pen.shape("50,2 70,12 78,34 72,56 78,78 66,94 50,98 34,94 22,78 28,56 22,34 30,12", "accent")
    with pen.inside():
        pen.shape("62,0! 70,34 62,60 68,100! 100,100! 100,0!", "deep")
    pen.circle(50, 38, 15, "dark")
    pen.poly("44,44 56,44 62,80 38,80", "dark")
    pen.circle(50, 38, 9, "light")
    pen.poly("46,42 54,42 57,76 43,76", "light")
    for y in (12, 90):
        pen.circle(50, y, 3, "body")


def kite(pen: Pen) -> None:
    """A kite with a bowed tail."""
    with pen.turned(18):
        pen.poly("50,2 76,32 50,70 24,32", "body")
        pen.poly("50,2 76,32 50,32", "accent")
        pen.poly("24,32 50,32 50,70", "tint")
        pen.poly("50,32 76,32 50,70", "shade")
        pen.line("50,2 50,70", 1.2, "dark")
        pen.line("24,32 76,32", 1.2, "dark")
        pen.line("50,70 58,78 48,86 58,98", 1.6, "light")
        for x, y, a in ((56, 77, 30), (50, 85, -30), (55, 93, 30)):
            with pen.turned(a, x, y):
                pen.poly(f"{x},{y} {x - 6},{y - 3.4} {x - 6},{y + 3.4}", "accent")
                pen.poly(f"{x},{y} {x + 6},{y - 3.4} {x + 6},{y + 3.4}", "accent")


def lantern(pen: Pen) -> None:
    """A storm lantern alight."""
    pen.arc(50, 26, 21, 180, 360, 3, "dark")
    pen.rect(42, 12, 58, 20, "shade", 2)
    pen.poly("36,20 64,20 72,32 28,32", "body")
    pen.poly("52,20 64,20 72,32 56,32", "shade")
    pen.shape("32,32! 68,32! 74,54 68,78! 32,78! 26,54", "light")
    pen.shape("50,40! 58,56 60,66 50,74 40,66 42,56", "accent")
    pen.shape("50,54! 54,62 54,68 50,72 46,68 46,62", "body")
    with pen.mirrored():
        pen.line("32,32 27,54 32,78", 2.4, "dark")
    pen.line("27,50 73,50", 1.6, "dark")
    pen.poly("28,78 72,78 80,95 20,95", "body")
    pen.poly("56,78 72,78 80,95 60,95", "shade")
    pen.rect(18, 91, 82, 97, "dark", 2)


def mirror(pen: Pen) -> None:
    """A hand mirror."""
    pen.rect(44, 64, 56, 96, "accent", 5)
    pen.rect(50, 64, 56, 96, "deep", 3)
    pen.ellipse(50, 36, 30, 34, "accent")
    pen.points(arc_points(50, 36, 30, 34, -80, 100), "deep")
    pen.ellipse(50, 36, 24, 28, "light")
    with pen.inside():
        pen.poly("30,58 60,4 72,10 42,66", "tint")
        pen.poly("26,46 46,8 50,9 29,50", "tint")
    for angle in range(0, 360, 45):
        with pen.turned(angle, 50, 36):
            pen.circle(50, 7, 2.2, "body")
    pen.circle(50, 92, 3, "body")


def rocking_horse(pen: Pen) -> None:
    """A wooden rocking horse."""
    pen.arc(50, 30, 60, 46, 134, 5, "accent")
    for path in ("30,58 22,82", "36,60 40,90", "64,60 60,90", "70,58 78,82"):
        pen.line(path, 5, "body")
    pen.shape("92,40! 84,42 80,54 86,68! 94,62 96,50", "deep")
    pen.shape("10,26! 20,14 32,12 38,24 46,38 62,38 78,38 82,52 74,64 50,64 30,62 24,50 26,38 16,38", "body")
    with pen.inside():
        pen.shape("20,56! 50,58 90,48! 90,70! 20,70!", "shade")
    pen.shape("28,6! 36,12 44,28 48,38! 40,36 34,22 26,14", "deep")
    pen.poly("30,12 34,3 36,14", "body")
    pen.shape("48,36! 66,36! 68,50 58,54 48,50", "accent")
    pen.circle(25, 22, 1.9, "dark")
    for x, y in ((60, 44), (54, 44)):
        pen.circle(x, y, 1.4, "dark")


def rope(pen: Pen) -> None:
    """A coil of rope with a loose end."""
    for i, r in enumerate((34, 25, 16)):
        pen.stroke(arc_points(48, 50, r, r * 0.94, 0, 365), 8.6, "accent" if i % 2 == 0 else "tint")
        for angle in range(0, 360, 18 + i * 8):
            with pen.turned(angle, 48, 50):
                pen.line(f"46,{50 - r - 3.4} 50,{50 - r + 3.4}", 1.3, "deep")
    pen.line("74,72 84,84 80,94 92,96", 8, "accent")
    for x, y in ((77, 76), (82, 82), (82, 89), (87, 94)):
        pen.line(f"{x - 2},{y + 3} {x + 3},{y - 3}", 1.3, "deep")


def snow_globe(pen: Pen) -> None:
    """A snow globe with a small house."""
    pen.circle(50, 42, 38, "light")
    with pen.inside():
        pen.circle(50, 42, 34.6, "tint")
        pen.shape("8,60! 30,54 50,58 74,52 92,58! 92,90! 8,90!", "light")
    pen.rect(36, 42, 58, 60, "body")
    pen.rect(48, 42, 58, 60, "shade")
    pen.poly("32,44 47,28 62,44", "dark")
    pen.rect(40, 48, 45, 54, "accent")
    pen.rect(50, 50, 55, 60, "dark")
    pen.poly("72,34 80,58 64,58", "deep")
    for x, y in ((30, 26), (44, 18), (62, 22), (72, 28), (24, 40), (68, 40), (50, 12), (36, 36)):
        pen.circle(x, y, 1.7, "light")
    pen.arc(50, 42, 32, 195, 240, 2.6, "light")
    pen.poly("24,76 76,76 84,95 16,95", "body")
    pen.poly("56,76 76,76 84,95 60,95", "shade")
    pen.rect(22, 73, 78, 79, "accent", 2)


def toy_block(pen: Pen) -> None:
    """Toy building blocks stacked."""
    pen.rect(4, 56, 46, 96, "body", 3)
    pen.rect(52, 56, 94, 96, "accent", 3)
    pen.rect(28, 14, 70, 54, "tint", 3)
    pen.rect(9, 61, 41, 91, "shade", 2)
    pen.rect(57, 61, 89, 91, "deep", 2)
    pen.rect(33, 19, 65, 49, "light", 2)
    pen.star(25, 76, 12, 5, 5, "light")
    pen.circle(73, 76, 10, "light")
    pen.poly("49,23 60,45 38,45", "body")
    pen.poly("49,31 53.6,41 44.4,41", "light")


HOUSEHOLD: dict[str, Callable[[Pen], None]] = {
    "bell": bell, "book": book, "broom": broom, "candle": candle, "chain": chain, "chair": chair,
    "chandelier": chandelier, "coffin": coffin, "genie_lamp": genie_lamp, "kettle": kettle, "keyhole": keyhole,
    "kite": kite, "lantern": lantern, "mirror": mirror, "rocking_horse": rocking_horse, "rope": rope,
    "snow_globe": snow_globe, "toy_block": toy_block,
}
