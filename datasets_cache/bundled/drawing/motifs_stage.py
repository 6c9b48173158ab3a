"""Motifs: music, cinema, games and machines that talk."""

from collections.abc import Callable
from math import cos, radians, sin

from datasets_cache.bundled.drawing.pen import Pen, arc_points


def camera(pen: Pen) -> None:
    """A film camera on legs."""
    pen.line("42,66 22,97", 4, "dark")
    pen.line("46,66 48,97", 4, "dark")
    pen.line("52,66 72,97", 4, "dark")
    pen.circle(28, 20, 16, "body")
    pen.circle(58, 18, 14, "shade")
    for cx, cy, r in ((28, 20, 16), (58, 18, 14)):
        for i in range(5):
            a = radians(72 * i)
            pen.circle(cx + r * 0.58 * cos(a), cy + r * 0.58 * sin(a), r * 0.22, "dark")
        pen.circle(cx, cy, r * 0.16, "accent")
    pen.rect(14, 34, 72, 68, "body", 4)
    pen.rect(14, 54, 72, 68, "shade", 4)
    pen.rect(72, 44, 80, 58, "dark")
    pen.poly("80,44 96,36 96,66 80,58", "tint")
    pen.rect(20, 40, 40, 50, "accent", 1)
    pen.circle(58, 47, 6, "light")
    pen.circle(58, 47, 3, "dark")


def chess_knight(pen: Pen) -> None:
    """A chess knight."""
    pen.shape("34,76! 34,62 48,50 46,42! 36,48 24,54 16,46 18,36 30,22 34,14 36,4! 44,12 58,14 70,28 74,50 70,76!", "body")
    with pen.inside():
        pen.shape("56,12! 60,34 52,56 54,78! 90,78! 90,12!", "shade")
    for x, y in ((50, 13), (60, 18), (67, 28), (71, 40), (72, 52)):
        pen.circle(x, y, 3.4, "shade")
    pen.circle(38, 26, 2.6, "light")
    pen.circle(21, 45, 1.7, "dark")
    pen.line("22,51 30,46", 1.5, "dark")
    pen.rect(28, 74, 76, 82, "accent", 3)
    pen.shape("24,96! 26,86 32,82 72,82 78,86 80,96!", "body")
    pen.shape("56,82! 72,82 78,86 80,96! 60,96!", "shade")


def clapperboard(pen: Pen) -> None:
    """A clapperboard, open."""
    pen.rect(6, 42, 94, 94, "dark", 2)
    pen.rect(6, 34, 94, 46, "light")
    with pen.turned(-14, 8, 34):
        pen.rect(6, 20, 94, 32, "light")
        for i in range(5):
            x = 8 + i * 18
            pen.poly(f"{x},20 {x + 9},20 {x + 16},32 {x + 7},32", "body")
    for i in range(5):
        x = 8 + i * 18
        pen.poly(f"{x + 7},34 {x + 16},34 {x + 9},46 {x},46", "body")
    pen.circle(10, 35, 3, "accent")
    for path in ("12,58 88,58", "12,76 88,76", "42,58 42,76", "66,58 66,76"):
        pen.line(path, 1.4, "tint")
    pen.star(27, 67, 6, 2.6, 5, "accent")
    pen.line("48,67 60,67", 2, "light")
    pen.line("72,67 82,67", 2, "light")
    pen.line("16,85 70,85", 2, "light")


def film_reel(pen: Pen) -> None:
    """A reel of film with a loose end."""
    pen.shape("46,84! 64,90 84,86 99,92! 99,99! 84,95 60,99 40,96!", "dark")
    for x, y in ((66, 94.6), (75, 93.4), (84, 91.6), (92, 93.6)):
        pen.rect(x - 1.8, y - 1.2, x + 1.8, y + 2, "light")
    pen.circle(46, 46, 43, "dark")
    pen.circle(46, 46, 40, "body")
    pen.points([*arc_points(46, 46, 40, 40, -50, 130), *arc_points(39, 40, 40, 40, 120, -40)], "shade")
    for i in range(5):
        a = radians(72 * i - 90)
        pen.circle(46 + 23 * cos(a), 46 + 23 * sin(a), 10.6, "dark")
        pen.circle(45.2 + 23 * cos(a), 45.2 + 23 * sin(a), 9, "light")
    pen.circle(46, 46, 8, "accent")
    pen.circle(46, 46, 3.4, "dark")


def gramophone(pen: Pen) -> None:
    """A gramophone with a flared horn."""
    pen.line("42,70 40,54 48,44", 5, "deep")
    pen.shape("46,48! 48,34 40,14! 58,4 78,8 92,24 94,42! 78,42 62,46 50,52!", "accent")
    pen.shape("40,14! 58,4 78,8 92,24 94,42! 86,40 74,28 60,18 48,14", "deep")
    for path in ("48,48 56,30 58,12", "48,48 64,34 80,22", "48,49 68,42 86,36"):
        pen.line(path, 1.4, "light")
    pen.ellipse(46, 72, 34, 6, "dark")
    pen.ellipse(46, 71, 10, 2, "body")
    pen.poly("14,76 78,76 84,95 8,95", "body")
    pen.poly("52,76 78,76 84,95 56,95", "shade")
    pen.rect(6, 92, 86, 98, "dark", 2)
    pen.line("82,84 92,84 92,78", 2.6, "deep")
    pen.poly("46,80 52,86 46,92 40,86", "accent")


def guitar(pen: Pen) -> None:
    """An acoustic guitar."""
    with pen.turned(32, 50, 50, 0.84):
        pen.rect(46.4, 0, 53.6, 54, "dark")
        pen.poly("44,-12 56,-12 54,2 46,2", "shade")
        for y in (-9, -4):
            pen.circle(43, y, 1.9, "accent")
            pen.circle(57, y, 1.9, "accent")
        for y in range(6, 46, 6):
            pen.line(f"46.8,{y} 53.2,{y}", 0.9, "tint")
        pen.shape("50,42 62,46 66,56 62,64 72,76 74,92 62,104 50,106 38,104 26,92 28,76 38,64 34,56 38,46", "body")
        with pen.inside():
            pen.shape("60,40! 58,64 66,84 56,108! 90,108! 90,40!", "shade")
        pen.circle(50, 72, 9.4, "accent")
        pen.circle(50, 72, 7, "dark")
        pen.rect(41, 90, 59, 94, "dark", 1)
        for x in (48, 50, 52):
            pen.line(f"{x},4 {x},91", 0.6, "light")


def harp(pen: Pen) -> None:
    """A concert harp."""
    for i in range(9):
        x = 28 + i * 6.2
        pen.line(f"{x},{20 + 6 * sin(i * 0.62)} {x},{90 - i * 7.2}", 0.8, "light")
    pen.rect(16, 10, 23, 92, "accent")
    pen.rect(20, 10, 23, 92, "deep")
    pen.shape("14,12! 26,4 36,12 48,24 64,18 76,10 88,16 86,26! 78,22 66,28 50,34 34,22 22,20!", "accent")
    pen.shape("84,22! 90,24! 38,94! 24,94!", "body")
    pen.shape("88,22! 90,24! 38,94! 32,94!", "shade")
    pen.circle(19, 8, 5, "body")
    pen.shape("10,98! 14,90 44,90 48,98!", "deep")


def microphone(pen: Pen) -> None:
    """A ribbed stage microphone."""
    pen.rect(47, 74, 53, 98, "dark")
    pen.rect(34, 93, 66, 98, "dark", 2)
    pen.line("24,40 26,62 50,74 74,62 76,40", 4, "shade")
    pen.rect(32, 4, 68, 68, "body", 18)
    with pen.inside():
        pen.rect(54, 0, 70, 70, "shade")
        for x in (38, 44, 50, 56, 62):
            pen.line(f"{x},6 {x},30", 2, "dark")
            pen.line(f"{x},42 {x},66", 2, "dark")
        pen.rect(30, 31, 70, 41, "accent")
        pen.rect(54, 31, 70, 41, "deep")
    pen.star(50, 36, 4, 1.8, 5, "light")


def music_note(pen: Pen) -> None:
    """A pair of beamed notes."""
    pen.poly("32,18 88,6 88,24 32,36", "body")
    pen.poly("32,28 88,16 88,24 32,36", "shade")
    pen.rect(32, 20, 38, 80, "body")
    pen.rect(82, 10, 88, 70, "body")
    for x, y in ((25, 80), (75, 70)):
        pen.ellipse(x, y, 16, 11.6, "body", -22)
        pen.ellipse(x + 2, y + 3, 12, 7, "shade", -22)
        pen.ellipse(x - 5, y - 3, 4, 2.2, "tint", -22)
    pen.circle(60, 46, 3, "accent")
    pen.circle(12, 46, 2.4, "accent")


def phone(pen: Pen) -> None:
    """A dial telephone."""
    pen.shape("10,40! 6,24 20,14 50,10 80,14 94,24 90,40! 72,40! 68,30 50,27 32,30 28,40!", "body")
    pen.shape("50,10 80,14 94,24 90,40! 72,40! 68,30 50,27!", "shade")
    pen.rect(36, 30, 42, 42, "dark")
    pen.rect(58, 30, 64, 42, "dark")
    pen.shape("28,42! 72,42! 84,66 92,92! 8,92! 16,66", "body")
    with pen.inside():
        pen.shape("62,40! 70,66 74,94! 98,94! 98,40!", "shade")
    pen.rect(5, 90, 95, 96, "dark", 2)
    pen.circle(50, 66, 20, "light")
    for i in range(9):
        a = radians(-60 - 33 * i)
        pen.circle(50 + 14 * cos(a), 66 + 14 * sin(a), 3, "dark")
    pen.circle(50, 66, 7, "accent")


def piano(pen: Pen) -> None:
    """A grand piano with its lid raised."""
    pen.shape("18,44! 24,16 46,4 64,12 78,26 92,34!", "shade")
    pen.shape("22,42! 27,20 46,9 62,16 76,29 86,35! 24,46!", "accent")
    pen.line("60,40 66,18", 1.8, "dark")
    pen.shape("10,46! 96,36! 96,56! 10,66!", "body")
    pen.poly("10,58 96,49 96,56 10,66", "shade")
    pen.poly("4,52 46,48 46,56 4,60", "light")
    for i in range(9):
        pen.line(f"{7 + i * 4.4},{52.6 - i * 0.4} {7 + i * 4.4},{56.6 - i * 0.4}", 1.6, "dark")
    pen.rect(4, 59, 46, 63, "dark")
    for x, y in ((12, 62), (46, 62), (88, 56)):
        pen.poly(f"{x - 3},{y} {x + 3},{y} {x + 1.6},94 {x - 1.6},94", "dark")
        pen.circle(x, 95, 2.4, "accent")
    pen.line("66,60 66,84", 1.6, "dark")
    pen.line("62,84 70,84", 2.2, "accent")


def playing_card(pen: Pen) -> None:
    """Two playing cards fanned."""
    with pen.turned(-14, 50, 90):
        pen.rect(18, 8, 66, 82, "shade", 5)
        pen.rect(22, 12, 62, 78, "body", 3)
        for y in range(18, 76, 9):
            for x in range(28, 60, 9):
                pen.poly(f"{x},{y - 3} {x + 3},{y} {x},{y + 3} {x - 3},{y}", "tint")
    with pen.turned(10, 50, 90):
        pen.rect(36, 12, 86, 88, "light", 5)
        for x, y, s in ((43, 23, 0.5), (79, 77, 0.5), (61, 50, 1.5)):
            pen.shape(f"{x},{y - 12 * s}! {x + 6 * s},{y - 5 * s} {x + 11 * s},{y + 2 * s} {x + 8 * s},{y + 7 * s} {x + 2 * s},"
                      f"{y + 5 * s}! {x + 4 * s},{y + 12 * s}! {x - 4 * s},{y + 12 * s}! {x - 2 * s},{y + 5 * s}! {x - 8 * s},"
                      f"{y + 7 * s} {x - 11 * s},{y + 2 * s} {x - 6 * s},{y - 5 * s}", "dark")
        pen.circle(61, 50, 3, "accent")


def radio(pen: Pen) -> None:
    """An old radio set with a cloth grille."""
    pen.shape("10,92! 10,40 20,16 50,8 80,16 90,40 90,92!", "body")
    pen.shape("18,84! 18,42 26,24 50,17 74,24 82,42 82,84!", "shade")
    pen.circle(50, 42, 21, "accent")
    with pen.inside():
        for x in (36, 43, 50, 57, 64):
            pen.line(f"{x},20 {x},64", 1.8, "deep")
    pen.rect(26, 67, 74, 75, "light", 2)
    pen.line("60,67 60,75", 1.4, "body")
    for x in (30, 36, 42, 48, 54, 66):
        pen.line(f"{x},69 {x},72", 0.9, "dark")
    for x in (32, 50, 68):
        pen.circle(x, 81, 3.6, "dark")
        pen.circle(x - 0.6, 80.4, 1.2, "tint")
    pen.rect(6, 89, 94, 97, "dark", 2)


def television(pen: Pen) -> None:
    """An old television set with aerials."""
    pen.line("48,26 28,4", 2.2, "dark")
    pen.line("52,26 74,2", 2.2, "dark")
    pen.circle(28, 4, 2.8, "accent")
    pen.circle(74, 2.8, 2.8, "accent")
    pen.line("24,88 18,98", 4, "dark")
    pen.line("76,88 82,98", 4, "dark")
    pen.rect(4, 24, 96, 90, "body", 7)
    with pen.inside():
        pen.rect(4, 82, 96, 92, "shade")
    pen.rect(11, 31, 72, 82, "dark", 9)
    pen.rect(14, 34, 69, 79, "light", 8)
    with pen.inside():
        pen.poly("22,79 46,34 58,34 34,79", "tint")
    pen.circle(84, 42, 5, "accent")
    pen.circle(84, 56, 5, "accent")
    pen.line("84,42 87,39", 1.4, "dark")
    pen.line("84,56 84,52", 1.4, "dark")
    for y in (68, 73, 78):
        pen.line(f"79,{y} 90,{y}", 1.8, "dark")


def trumpet(pen: Pen) -> None:
    """A trumpet."""
    with pen.turned(-16):
        pen.stroke(arc_points(36, 56, 12, 10, 90, 270), 4, "deep")
        pen.line("36,66 66,66", 4, "deep")
        pen.stroke(arc_points(66, 56, 12, 10, -90, 90), 4, "deep")
        pen.line("6,46 66,46", 4.4, "accent")
        pen.shape("64,43! 80,40 96,26! 99,46 96,66! 80,52 64,49!", "accent")
        pen.shape("70,47! 82,48 98,48! 96,66! 80,52", "deep")
        pen.ellipse(96.6, 46, 2.8, 20, "body")
        pen.poly("0,41 6,44 6,48 0,51", "dark")
        for x in (40, 49, 58):
            pen.rect(x - 3, 36, x + 3, 68, "light", 2)
            pen.rect(x, 36, x + 3, 68, "tint", 1)
            pen.line(f"{x},35 {x},29", 2, "dark")
            pen.line(f"{x - 3},28 {x + 3},28", 2.4, "body")


def typewriter(pen: Pen) -> None:
    """A typewriter with a sheet of paper."""
    pen.rect(28, 4, 72, 44, "light")
    for y, x in ((11, 64), (18, 60), (25, 66), (32, 50)):
        pen.line(f"34,{y} {x},{y}", 1.5, "shade")
    pen.rect(8, 38, 92, 48, "dark", 4)
    pen.circle(8, 43, 5, "accent")
    pen.circle(92, 43, 5, "accent")
    pen.poly("18,48 82,48 88,66 12,66", "body")
    pen.poly("50,48 82,48 88,66 50,66", "shade")
    pen.poly("10,66 90,66 98,92 2,92", "body")
    pen.poly("4,87 96,87 98,92 2,92", "shade")
    pen.rect(1, 91, 99, 97, "dark", 2)
    for row in range(3):
        y = 70.5 + row * 5.6
        count = 9 + row
        for i in range(count):
            pen.circle(50 + (i - (count - 1) / 2) * 8, y, 2.5, "light" if (i + row) % 5 else "accent")
    pen.shape("38,48! 50,56 62,48!", "dark")


def violin(pen: Pen) -> None:
    """A violin with its bow."""
    pen.line("88,10 76,96", 2, "deep")
    pen.line("91,12 80,96", 0.9, "light")
    with pen.turned(-14, 44, 50):
        pen.rect(41.4, 2, 46.6, 44, "dark")
        pen.circle(44, 3, 4, "deep")
        for y in (9, 14):
            pen.line(f"38,{y} 50,{y}", 1.8, "deep")
        pen.shape("44,34 57,37 62,47 58,54! 54,60! 60,64! 67,76 64,90 44,97 24,90 21,76 28,64! 34,60! "
                  "30,54! 26,47 31,37", "body")
        with pen.inside():
            pen.shape("54,32! 50,58 58,78 50,98! 90,98! 90,32!", "shade")
        for x, k in ((35, 1), (53, -1)):
            pen.line(f"{x + k},58 {x - k},66 {x + k},72 {x},80", 1.5, "dark")
        pen.rect(38, 70, 50, 73, "accent")
        pen.poly("41,80 47,80 46,94 42,94", "dark")
        for x in (42.6, 44, 45.4):
            pen.line(f"{x},8 {x},82", 0.5, "light")


def wine_glass(pen: Pen) -> None:
    """A glass of wine."""
    pen.shape("26,4! 74,4! 78,26 72,48 54,58! 46,58! 28,48 22,26", "light")
    pen.shape("25,24! 36,21 50,25 64,27 75,23! 72,40 64,50 50,54 36,50 28,40", "body")
    pen.shape("66,27 75,23! 72,40 64,50 52,54! 62,44", "shade")
    pen.rect(47.4, 57, 52.6, 90, "light")
    pen.rect(50, 57, 52.6, 90, "tint")
    pen.shape("26,97! 32,91 46,88 54,88 68,91 74,97!", "light")
    pen.shape("52,88! 68,91 74,97! 56,97!", "tint")
    pen.line("31,12 30,24 33,36", 2, "tint")


STAGE: dict[str, Callable[[Pen], None]] = {
    "camera": camera, "chess_knight": chess_knight, "clapperboard": clapperboard, "film_reel": film_reel,
    "gramophone": gramophone, "guitar": guitar, "harp": harp, "microphone": microphone, "music_note": music_note,
    "phone": phone, "piano": piano, "playing_card": playing_card, "radio": radio, "television": television,
    "trumpet": trumpet, "typewriter": typewriter, "violin": violin, "wine_glass": wine_glass,
}
