"""Motifs: clothes and what people carry."""

from collections.abc import Callable

from datasets_cache.bundled.drawing.pen import Pen, arc_points


def blood_drop(pen: Pen) -> None:
    """A single drop."""
    pen.shape("50,3! 60,24 74,44 82,64 74,86 50,97 26,86 18,64 26,44 40,24", "body")
    with pen.inside():
        pen.shape("60,2! 68,44 68,70 44,92 24,90! 50,99! 98,99! 98,2!", "shade")
    pen.shape("34,54 40,50 38,66 42,76 34,74 29,64", "tint")


def bow_tie(pen: Pen) -> None:
    """A bow tie with dots."""
    with pen.mirrored():
        pen.shape("46,44! 26,28 6,22! 3,50 6,78! 26,72 46,56!", "body")
        with pen.inside():
            pen.shape("46,50! 26,54 2,62! 2,84! 46,60!", "shade")
        for x, y in ((14, 36), (26, 44), (14, 52), (26, 60), (14, 68), (37, 50)):
            pen.circle(x, y, 2.3, "light")
    pen.rect(41, 39, 59, 61, "accent", 5)
    pen.line("46,44 47,56", 1.6, "deep")
    pen.line("54,44 53,56", 1.6, "deep")


def boxing_glove(pen: Pen) -> None:
    """A boxing glove with laces."""
    pen.shape("30,64! 22,46 22,26 36,10 58,8 78,18 84,38 78,56 70,66! 50,70!", "body")
    with pen.inside():
        pen.shape("72,8! 72,40 60,60 40,72! 98,72! 98,8!", "shade")
    pen.shape("26,34 36,34 46,42 50,54 44,60 34,56 28,46", "tint")
    pen.shape("32,20 40,14 52,13 42,20 34,28", "tint")
    pen.poly("32,64 70,64 74,90 28,90", "light")
    pen.poly("58,64 70,64 74,90 62,90", "tint")
    pen.rect(26, 87, 76, 95, "accent", 2)
    for y in (70, 76, 82):
        pen.line(f"44,{y} 56,{y + 4}", 1.6, "dark")
        pen.line(f"56,{y} 44,{y + 4}", 1.6, "dark")


def cane(pen: Pen) -> None:
    """A crook-handled cane with a bowler resting on it."""
    pen.line("66,97 40,36 34,20 42,8 56,8 60,20", 5.4, "body")
    pen.line("65,94 40,34", 1.4, "tint")
    pen.line("66,97 63.4,91", 6.6, "accent")
    pen.line("45,48 43,43", 6.6, "accent")
    pen.shape("52,62! 54,46 66,38 80,40 90,52 90,64!", "dark")
    pen.shape("44,60! 60,66 84,67 98,62! 94,70 70,74 50,69", "dark")
    pen.line("53,60 70,64.6 89.6,62", 3, "accent")


def crown(pen: Pen) -> None:
    """A crown with jewels."""
    pen.poly("8,76 4,28 28,52 50,14 72,52 96,28 92,76", "accent")
    pen.poly("50,14 72,52 96,28 92,76 50,76", "deep")
    pen.poly("50,14 60,44 50,70 40,44", "light")
    for x, y in ((4, 26), (50, 11), (96, 26)):
        pen.circle(x, y, 4.4, "body")
    pen.rect(8, 76, 92, 90, "accent", 2)
    pen.rect(50, 76, 92, 90, "deep", 2)
    for x in (18, 34, 50, 66, 82):
        if x in (34, 66):
            pen.circle(x, 83, 3.6, "light")
        else:
            pen.poly(f"{x - 5},83 {x},78.6 {x + 5},83 {x},87.4", "body")
    for x, y in ((18, 62), (82, 62)):
        pen.circle(x, y, 3.6, "body")


def dress(pen: Pen) -> None:
    """A dress with a full skirt on a stand."""
    pen.line("50,4 50,12", 2, "dark")
    pen.circle(50, 4, 2.6, "dark")
    pen.line("50,88 50,97", 2.4, "dark")
    pen.line("36,97 64,97", 2.4, "dark")
    pen.shape("36,14! 42,22 50,25 58,22 64,14! 68,18! 66,32 58,44! 66,60 84,88! 70,86 60,92! 50,86 40,92! 30,86 16,88! 34,60 "
              "42,44! 34,32 32,18!", "body")
    with pen.inside():
        pen.shape("56,10! 54,44 64,70 66,98! 98,98! 80,10!", "shade")
        pen.line("46,50 38,70 32,90", 1.6, "tint")
        pen.line("50,50 49,70 47,90", 1.6, "tint")
    pen.rect(41, 42, 59, 47, "accent", 1)
    pen.circle(50, 44.6, 3.4, "light")


def envelope(pen: Pen) -> None:
    """A sealed letter."""
    pen.rect(4, 22, 96, 82, "light", 2)
    pen.poly("4,80 40,50 60,50 96,80 94,82 6,82", "tint")
    pen.poly("4,24 6,22 94,22 96,24 50,60", "tint")
    pen.poly("4,23 96,23 50,57", "light")
    pen.line("5,24! 50,59! 95,24!", 1.6, "shade")
    pen.circle(50, 58, 10, "body")
    pen.circle(50, 58, 7, "shade")
    pen.star(50, 58, 5, 2, 5, "tint")


def fedora(pen: Pen) -> None:
    """A felt hat with a band."""
    pen.shape("24,66! 24,44 32,24 44,18 52,26 62,18 72,26 78,46 78,66!", "body")
    with pen.inside():
        pen.shape("60,14! 64,40 62,70! 98,70! 98,14!", "shade")
        pen.shape("22,54! 50,62 80,54! 80,72! 22,72!", "dark")
    pen.line("40,28 46,42 50,44", 2, "shade")
    pen.poly("68,54 78,50 76,66 70,66", "accent")
    pen.shape("2,62! 24,68 50,71 76,68 98,60! 92,74 70,82 44,83 16,76", "body")
    with pen.inside():
        pen.shape("2,70! 40,80 98,66! 98,90! 2,90!", "shade")


def glasses(pen: Pen) -> None:
    """A pair of round spectacles."""
    with pen.mirrored():
        pen.circle(27, 54, 22, "light")
        pen.poly("16,66 34,40 40,44 22,70", "tint")
        pen.ring(27, 54, 21, 5, "body")
        pen.line("6,48 3,40", 4.4, "shade")
    pen.arc(50, 54, 7, 200, 340, 4.6, "body")


def handcuffs(pen: Pen) -> None:
    """A pair of handcuffs, one open."""
    pen.ring(27, 60, 20, 6.4, "body")
    pen.arc(27, 60, 21, 190, 280, 2, "tint")
    pen.rect(30, 36, 46, 50, "shade", 3)
    pen.circle(38, 43, 2.6, "dark")
    pen.arc(73, 60, 20, -50, 215, 6.4, "body")
    pen.arc(73, 60, 21, 100, 170, 2, "tint")
    pen.line("84,43 74,28 66,20", 6, "body")
    pen.rect(54, 36, 70, 50, "shade", 3)
    pen.circle(62, 43, 2.6, "dark")
    for x, y in ((44, 32), (50, 29), (56, 32)):
        pen.ring(x, y, 4, 2.2, "accent")


def helmet(pen: Pen) -> None:
    """A crested ancient helmet."""
    pen.shape("14,64! 8,40 18,14 44,3 72,8 90,26 96,48! 86,46 80,32 66,20! 46,18 28,30 24,52", "accent")
    for path in ("24,22 32,28", "40,8 44,18", "58,6 58,18", "75,13 69,22", "88,27 78,32", "14,38 24,42"):
        pen.line(path, 1.4, "deep")
    pen.shape("26,52! 28,32 46,20 66,22 80,36 82,56! 80,76 74,92! 62,92! 60,74! 66,64! 58,60! 52,66! 46,94! 30,86 26,70",
              "body")
    with pen.inside():
        pen.shape("24,52! 40,50 38,70 44,98! 10,98!", "shade")
        pen.shape("70,24! 74,50 70,96! 98,96! 98,24!", "shade")
    pen.shape("56,54! 66,48 78,50! 76,60 64,62!", "dark")
    pen.line("32,38 44,28 58,26", 2, "tint")
    pen.circle(36, 62, 2, "accent")


def jewel(pen: Pen) -> None:
    """A cut diamond."""
    pen.poly("24,18 76,18 97,42 50,94 3,42", "body")
    pen.poly("24,18 36,42 3,42", "tint")
    pen.poly("76,18 97,42 64,42", "shade")
    pen.poly("24,18 50,18 36,42", "light")
    pen.poly("50,18 76,18 64,42", "tint")
    pen.poly("50,18 64,42 36,42", "body")
    pen.poly("36,42 64,42 50,94", "tint")
    pen.poly("64,42 97,42 50,94", "shade")
    pen.star(82, 14, 9, 2, 4, "accent")
    pen.star(14, 72, 6, 1.5, 4, "accent")


def key(pen: Pen) -> None:
    """An old ornate key."""
    with pen.turned(45):
        for x, y in ((12, 50), (26, 36), (26, 64)):
            pen.circle(x, y, 12, "accent")
        for x, y in ((12, 50), (26, 36), (26, 64)):
            pen.circle(x, y, 5.4, "clear")
        pen.circle(24, 50, 6, "body")
        pen.rect(30, 46.4, 98, 53.6, "accent", 3)
        pen.rect(30, 50.4, 98, 53.6, "deep", 1)
        pen.rect(36, 43, 42, 57, "deep", 2)
        pen.poly("78,53 84,53 84,68 78,68", "accent")
        pen.poly("87,53 95,53 95,72 91,72 91,64 87,64", "accent")


def rain_umbrella(pen: Pen) -> None:
    """An open umbrella in the rain."""
    for x, y in ((12, 6), (86, 8), (6, 66), (94, 66), (24, 74), (76, 76), (84, 92), (16, 92)):
        pen.line(f"{x},{y} {x - 3},{y + 9}", 1.8, "accent")
    pen.line("50,8 50,84 45,92 37,90 36,84", 3, "dark")
    pen.shape("50,10 74,16 90,34 95,56! 85,50 75,56! 67,50 50,56! 33,50 25,56! 15,50 5,56! 10,34 26,16", "body")
    pen.shape("50,10! 66,26 75,56! 67,50 50,56! 33,50 25,56! 34,26", "tint")
    pen.shape("50,10! 74,16 90,34 95,56! 85,50 75,56! 68,28", "shade")
    pen.line("50,11 50,4", 2.4, "dark")


def ring(pen: Pen) -> None:
    """A ring with a stone."""
    pen.ring(50, 66, 26, 8, "accent")
    pen.arc(50, 66, 26, -40, 110, 8, "deep")
    pen.arc(50, 66, 28, 160, 240, 2, "light")
    pen.poly("36,10 64,10 76,22 50,44 24,22", "body")
    pen.poly("36,10 50,10 42,22 24,22", "light")
    pen.poly("50,10 64,10 76,22 58,22", "tint")
    pen.poly("42,22 58,22 50,44", "tint")
    pen.poly("58,22 76,22 50,44", "shade")
    pen.poly("40,36 60,36 56,44 44,44", "deep")


def sandals(pen: Pen) -> None:
    """A pair of sandals seen from above."""
    for dx, flip in ((-23, False), (23, True)):
        with pen.turned(-6 if flip else 6, dx=dx, mirror=flip):
            pen.shape("50,5 64,14 66,34 60,54 62,78 54,95 44,95 38,80 40,58 36,34 38,14", "accent")
            pen.shape("50,9 61,17 62,34 56,54 58,78 52,91 46,91 42,80 44,58 40,34 41,17", "tint")
            pen.line("50,20 42,32 36,42", 4.6, "body")
            pen.line("50,20 58,32 65,42", 4.6, "body")
            pen.line("38,60 50,56 62,62", 4.6, "shade")
            pen.circle(50, 20, 3, "dark")


def shoe(pen: Pen) -> None:
    """A high-heeled shoe with a ribbon."""
    pen.shape("84,22! 90,34 90,48! 86,66 85,92! 79,92! 78,66! 66,56 54,66 42,80 26,88 6,88! 4,80 16,76 34,66 50,48 "
              "62,30 70,24!", "body")
    with pen.inside():
        pen.shape("4,84! 30,84 48,66 60,52 74,50 94,40! 94,96! 4,96!", "shade")
    pen.line("6,90 28,89 44,82", 3, "dark")
    pen.shape("14,78 24,74 30,68 26,78 18,82", "tint")
    pen.shape("64,32! 54,22 44,26! 50,34", "accent")
    pen.shape("64,32! 66,18 78,14! 74,26", "accent")
    pen.circle(64, 31, 3.6, "deep")


def suitcase(pen: Pen) -> None:
    """A travelling case with labels."""
    pen.line("38,28 38,16 62,16 62,28", 5, "dark")
    pen.rect(6, 26, 94, 90, "body", 6)
    with pen.inside():
        pen.rect(6, 72, 94, 92, "shade")
    pen.rect(18, 26, 26, 90, "deep")
    pen.rect(74, 26, 82, 90, "deep")
    for x in (22, 78):
        pen.rect(x - 5, 40, x + 5, 48, "accent", 1)
    pen.circle(42, 52, 9, "light")
    pen.circle(42, 52, 6, "tint")
    with pen.turned(-12, 58, 68):
        pen.rect(48, 62, 70, 74, "accent")
        pen.line("51,66 66,66", 1.4, "dark")
        pen.line("51,70 62,70", 1.4, "dark")
    for x, y in ((9, 29), (91, 29), (9, 87), (91, 87)):
        pen.circle(x, y, 3.4, "dark")


def top_hat(pen: Pen) -> None:
    """A silk hat with a band."""
    pen.shape("24,12! 50,6 76,12! 71,44 74,76! 26,76! 29,44", "body")
    with pen.inside():
        pen.shape("62,4! 60,44 64,80! 98,80! 98,4!", "shade")
        pen.rect(20, 58, 80, 72, "accent")
        pen.rect(62, 58, 80, 72, "deep")
    pen.ellipse(50, 12, 26, 6, "tint")
    pen.shape("2,72! 14,78 50,82 86,78 98,72! 92,88 70,92 30,92 8,88", "body")
    with pen.inside():
        pen.shape("2,84! 50,90 98,84! 98,98! 2,98!", "shade")
    pen.line("34,22 33,40 34,54", 2, "tint")


def watch(pen: Pen) -> None:
    """A pocket watch on a chain."""
    for x, y in ((62, 6), (72, 4), (81, 8), (87, 16), (90, 25)):
        pen.ring(x, y, 4, 1.8, "deep")
    pen.ring(50, 12, 7, 3, "accent")
    pen.rect(45, 16, 55, 26, "deep", 1)
    pen.circle(50, 60, 37, "accent")
    pen.points(arc_points(50, 60, 37, 37, -60, 120), "deep")
    pen.circle(50, 60, 30, "light")
    for i in range(12):
        with pen.turned(30 * i, 50, 60):
            pen.line("50,33 50,37" if i % 3 else "50,33 50,39", 1.4 if i % 3 else 2.4, "dark")
    pen.line("50,60 50,42", 2.8, "dark")
    pen.line("50,60 64,68", 2.2, "dark")
    pen.circle(50, 60, 3, "body")


BELONGINGS: dict[str, Callable[[Pen], None]] = {
    "blood_drop": blood_drop, "bow_tie": bow_tie, "boxing_glove": boxing_glove, "cane": cane, "crown": crown,
    "dress": dress, "envelope": envelope, "fedora": fedora, "glasses": glasses, "handcuffs": handcuffs,
    "helmet": helmet, "jewel": jewel, "key": key, "rain_umbrella": rain_umbrella, "ring": ring, "sandals": sandals,
    "shoe": shoe, "suitcase": suitcase, "top_hat": top_hat, "watch": watch,
}
