"""Motifs: animals that walk, as heads seen from the front or bodies from the side."""

from collections.abc import Callable

from datasets_cache.bundled.drawing.pen import Pen


def ape(pen: Pen) -> None:
    """A great ape's head with a heavy brow."""
    pen.shape("50,6 78,16 90,48 88,70 70,92 50,96 30,92 12,70 10,48 22,16", "body")
    pen.shape("50,6 60,20 56,36 50,40 44,36 40,20", "shade")
    with pen.mirrored():
        pen.ellipse(9, 50, 7, 11, "body")
        pen.ellipse(9, 50, 4, 7, "shade")
    pen.shape("50,38 72,28 82,44 74,60 80,76 64,90 50,92 36,90 20,76 26,60 18,44 28,28", "tint")
    with pen.mirrored():
        pen.shape("22,44! 34,36 50,42! 50,50! 34,46", "shade")
        pen.circle(36, 50, 4.6, "dark")
        pen.circle(37.4, 48.6, 1.5, "light")
        pen.ellipse(44, 66, 3.4, 2.6, "dark", 20)
    pen.line("32,78 42,81 50,81 58,81 68,78", 2.6, "dark")
    pen.line("40,58 50,55 60,58", 2, "shade")


def cat(pen: Pen) -> None:
    """A cat sitting with its back to us, tail round its feet."""
    pen.line("64,88 84,90 92,76 86,62 80,66", 7, "body")
    pen.shape("50,32 66,48 74,74 74,94! 26,94! 26,74 34,48", "body")
    pen.shape("32,8! 42,18 50,18 58,18 68,8! 72,26 68,42 50,48 32,42 28,26", "body")
    with pen.inside():
        pen.shape("62,4! 58,22 56,46 60,60 58,96! 90,96! 90,4!", "shade")
    with pen.mirrored():
        pen.poly("34,14 42,21 34,24", "accent")
        pen.shape("36,30! 41,27 46,31! 41,33", "light")
        pen.ellipse(41.5, 30, 1.3, 3, "dark")
        pen.line("44,38 30,36", 0.9, "light")
        pen.line("44,39.5 31,42", 0.9, "light")
    pen.poly("47.5,36 52.5,36 50,39", "accent")
    pen.line("38,94 38,80", 1.4, "shade")
    pen.line("50,94 50,76", 1.4, "dark")


def deer(pen: Pen) -> None:
    """A stag's head with wide antlers."""
    with pen.mirrored():
        pen.line("44,44 34,34 22,30 12,14", 3.4, "body")
        pen.line("22,30 8,28", 3, "body")
        pen.line("34,34 32,14", 3, "body")
        pen.line("17,22 22,8", 2.6, "body")
        pen.shape("42,46! 26,42 18,48! 28,56 42,54!", "body")
        pen.shape("39,48! 28,45 23,48! 30,52", "accent")
    pen.shape("50,40 61,44 63,56 58,72 57,86 50,92 43,86 42,72 37,56 39,44", "body")
    pen.shape("50,56 55,68 56,84 50,90 44,84 45,68", "tint")
    pen.shape("44,82 50,80 56,82 50,91", "dark")
    with pen.mirrored():
        pen.ellipse(41.5, 58, 2.4, 3.2, "dark", -20)
        pen.circle(42, 57, 0.9, "light")
    pen.poly("50,40 54,48 50,58 46,48", "shade")


def dinosaur(pen: Pen) -> None:
    """A great meat-eating dinosaur striding to the right."""
    pen.shape("4,52! 18,58 32,50 46,44 60,40 66,22 76,12 90,14 97,24! 97,30! 80,33 76,44 74,58 64,68 52,70 36,66 16,64",
              "body")
    with pen.inside():
        pen.shape("4,58! 30,58 50,56 62,52 70,36 97,31! 90,80 10,80", "shade")
    pen.shape("34,56 52,54 58,66 52,76! 58,86! 66,94! 46,94! 46,80 38,72", "body")
    pen.shape("52,60! 64,60 64,74! 74,84! 80,94! 64,94! 64,84! 54,74", "shade")
    pen.line("70,52 78,54 80,60", 3, "body")
    pen.line("78,55 84,56", 2, "body")
    pen.poly("78,33 97,30 96,36 84,39 76,38", "deep")
    for x in (82, 86, 90, 94):
        pen.poly(f"{x - 2},31.6 {x + 2},31 {x},36", "light")
    pen.circle(82, 20, 2.6, "light")
    pen.circle(82.6, 20, 1.3, "dark")
    for x, y in ((24, 55), (32, 50), (40, 46), (48, 43), (56, 40), (61, 33)):
        pen.poly(f"{x - 4},{y + 1} {x - 2},{y - 7} {x + 4},{y - 1}", "accent")


def dog(pen: Pen) -> None:
    """A friendly dog's head with hanging ears."""
    pen.shape("50,12 70,16 76,34 74,56 66,78 50,90 34,78 26,56 24,34 30,16", "body")
    pen.shape("50,12 56,24 54,44 62,60 60,76 50,86 40,76 38,60 46,44 44,24", "tint")
    with pen.mirrored():
        pen.shape("32,15! 18,16 8,36 10,60 20,66 28,50 30,34", "shade")
        pen.ellipse(38, 42, 4, 5, "dark")
        pen.circle(39.4, 40.4, 1.5, "light")
        pen.line("50,68 44,73 37,70", 2, "dark")
    pen.shape("42,60 50,56 58,60 54,67 50,69 46,67", "dark")
    pen.ellipse(48, 60, 2.4, 1.3, "light")
    pen.shape("45,73! 55,73! 56,84 50,91 44,84", "accent")
    pen.line("50,74 50,84", 1.2, "deep")


def dragon(pen: Pen) -> None:
    """A winged dragon coiling upwards, breathing fire."""
    pen.shape("46,46! 36,14 10,4! 18,16 8,22! 18,30 10,40! 26,44 24,56! 40,60", "accent")
    for path in ("44,48 30,24 10,4", "44,50 26,34 8,22", "43,54 28,46 10,40"):
        pen.line(path, 1.6, "deep")
    pen.line("64,30 54,34 50,46 58,58 66,72 54,86 34,86 22,76 26,66 36,68", 11, "body")
    pen.poly("33,61 46,70 34,76", "body")
    pen.line("61,35 54,40 55,48 62,58 69,72 57,84 36,83", 3, "tint")
    pen.shape("58,24 66,16 78,18 94,28! 92,32! 78,34 92,38! 88,41! 70,42 58,36", "body")
    pen.poly("60,22 50,8 68,17", "shade")
    pen.poly("66,18 62,4 74,17", "shade")
    pen.poly("71,23 78,25 73,28", "light")
    pen.circle(75, 25.4, 1.2, "dark")
    for x, y in ((50, 36), (46, 46), (52, 57), (60, 66)):
        pen.poly(f"{x - 7},{y - 2} {x + 1},{y - 5} {x + 2},{y + 5}", "shade")
    pen.shape("86,35! 96,44! 94,56 98,62 90,72! 90,60 82,54 84,44", "accent")
    pen.shape("88,40! 92,48 92,60! 87,54", "light")


def elephant(pen: Pen) -> None:
    """An elephant seen from the side."""
    pen.shape("28,28 50,22 70,24 86,34 92,52 90,64 88,94! 74,94! 72,70 54,72 52,94! 38,94! 36,66 30,58 24,48", "body")
    with pen.inside():
        pen.shape("40,72! 60,62 80,64 96,50! 96,96! 36,96!", "shade")
    pen.line("91,44 96,58", 2.2, "body")
    pen.shape("40,22 24,18 12,28 10,46 8,66 6,78 12,84 18,80! 15,74 18,62 24,58 38,52", "body")
    pen.shape("36,22 50,22 56,36 52,54 40,58 34,46", "tint")
    pen.shape("40,28 48,28 51,38 48,50 42,51 38,42", "shade")
    pen.shape("20,58! 27,64 20,74! 12,76! 19,68", "light")
    pen.circle(24, 36, 2.3, "dark")
    for x in (42, 48, 78, 84):
        pen.ellipse(x, 92.6, 2.2, 1.5, "light")


def fox(pen: Pen) -> None:
    """A fox's face in flat planes."""
    with pen.mirrored():
        pen.poly("16,8 44,30 18,52", "body")
        pen.poly("20,18 36,32 22,42", "dark")
    pen.poly("50,26 82,38 94,62 50,94 6,62 18,38", "body")
    pen.poly("50,26 82,38 94,62 50,94", "shade")
    with pen.mirrored():
        pen.poly("6,62 30,56 46,78 50,94", "light")
        pen.shape("28,50! 36,47 42,54! 34,55", "dark")
    pen.poly("44,80 56,80 50,92", "dark")
    pen.poly("50,26 55,48 50,60 45,48", "tint")


def horse(pen: Pen) -> None:
    """A horse's head and neck in profile."""
    pen.shape("48,12! 56,4! 60,14 68,28 78,48 84,60 80,70 72,72 64,66 54,58 52,70 58,84 62,96! 10,96! 12,70 20,42 34,20",
              "body")
    with pen.inside():
        pen.shape("54,58 56,44 64,44 84,66 74,76 60,68", "tint")
        pen.shape("52,50! 46,66 52,82 62,96! 38,96! 36,76 42,60", "shade")
    pen.shape("50,10! 40,14 24,28 12,50 4,76! 14,70 10,92! 20,80 22,66! 26,54 30,58! 34,40 40,40! 44,26 54,18!", "accent")
    pen.line("44,20 34,34 26,52", 1.5, "deep")
    pen.line("36,20 24,38 16,60", 1.5, "deep")
    pen.ellipse(61, 33, 2.8, 2.2, "dark", 40)
    pen.ellipse(77, 61, 2, 1.4, "dark", 50)
    pen.line("71,69 77,66", 1.4, "dark")


def lion(pen: Pen) -> None:
    """A lion's head in a rayed mane."""
    pen.star(50, 50, 48, 39, 16, "shade")
    pen.star(50, 50, 43, 35, 16, "body", -79)
    with pen.mirrored():
        pen.circle(26, 27, 8, "accent")
        pen.circle(26, 27, 4.5, "deep")
    pen.shape("50,22 70,28 76,46 70,66 60,78 50,82 40,78 30,66 24,46 30,28", "accent")
    pen.shape("50,56 62,62 62,74 50,80 38,74 38,62", "light")
    pen.poly("44,36 56,36 54,58 46,58", "deep")
    pen.shape("42,56! 58,56! 54,62 50,65 46,62", "dark")
    with pen.mirrored():
        pen.shape("30,44! 37,40 43,46! 36,47", "dark")
        pen.line("50,65 46,70 40,69", 1.8, "dark")
    pen.line("50,74 50,79", 1.6, "dark")


def mouse(pen: Pen) -> None:
    """A small mouse in profile with a long tail."""
    pen.line("20,80 6,86 4,70 14,60 10,50", 2.6, "accent")
    pen.shape("20,86! 14,70 22,52 40,42 58,44 72,54 90,70 95,77 90,82 76,86!", "body")
    with pen.inside():
        pen.shape("10,88! 30,76 60,80 96,76! 96,96! 10,96!", "shade")
    pen.circle(60, 38, 15, "body")
    pen.circle(60, 38, 9.5, "accent")
    pen.circle(76, 46, 9, "shade")
    pen.circle(79, 64, 2.7, "dark")
    pen.circle(80, 63, 0.9, "light")
    pen.circle(95, 77, 3, "deep")
    for y in (70, 75, 80):
        pen.line(f"86,76 74,{y + 2}", 0.9, "light")
    pen.ellipse(38, 86.5, 9, 3, "accent")
    pen.ellipse(70, 86.5, 6, 2.6, "accent")


def panda(pen: Pen) -> None:
    """A panda's round face."""
    with pen.mirrored():
        pen.circle(20, 22, 14, "dark")
    pen.shape("50,12 74,17 92,44 88,70 70,88 50,92 30,88 12,70 8,44 26,17", "light")
    with pen.inside():
        pen.shape("12,72! 50,88 88,72! 90,98! 10,98!", "tint")
    with pen.mirrored():
        pen.shape("40,38 44,48 38,60 26,64 20,56 28,42", "dark")
        pen.circle(35, 50, 3.6, "light")
        pen.circle(35.6, 50, 2, "dark")
        pen.line("50,72 45,77 38,75", 2, "dark")
        pen.ellipse(24, 72, 6, 3.6, "accent")
    pen.shape("43,64 50,62 57,64 50,71", "dark")


def paw(pen: Pen) -> None:
    """The print of a paw."""
    pen.shape("50,46 64,54 76,70 74,86 62,92 50,87 38,92 26,86 24,70 36,54", "body")
    with pen.mirrored():
        pen.ellipse(38, 24, 10, 15, "body", -8)
        pen.ellipse(17, 44, 9, 13, "body", -24)
    with pen.inside():
        pen.shape("24,92! 30,82 50,80 70,82 76,92! 70,99 30,99", "shade")
        with pen.mirrored():
            pen.ellipse(36, 18, 5, 6, "tint", -8)
            pen.ellipse(15, 39, 4, 5, "tint", -24)
        pen.ellipse(42, 58, 9, 5, "tint", -30)


def pig(pen: Pen) -> None:
    """A pig's face with a broad snout."""
    with pen.mirrored():
        pen.shape("16,14! 38,16 44,28 22,44 14,30", "shade")
    pen.shape("50,16 76,24 90,52 78,82 50,92 22,82 10,52 24,24", "body")
    with pen.inside():
        pen.shape("12,70! 50,84 88,70! 90,98! 10,98!", "shade")
    pen.ellipse(50, 62, 20, 15, "tint")
    with pen.mirrored():
        pen.ellipse(43, 62, 3.4, 5.4, "dark", 8)
        pen.circle(30, 42, 4, "dark")
        pen.circle(31.2, 40.8, 1.3, "light")
    pen.line("40,82 50,85 60,82", 2, "dark")


def rabbit(pen: Pen) -> None:
    """A rabbit sitting in profile."""
    pen.circle(16, 76, 8, "light")
    pen.shape("62,34! 48,22 44,4 52,4 64,20 68,32!", "shade")
    pen.shape("68,34! 62,16 66,2 74,6 78,22 76,34!", "body")
    pen.shape("70,30! 67,16 69,8 73,14 74,28!", "accent")
    pen.shape("72,30 86,38 90,48 82,56 74,60 70,74 72,94! 24,94! 14,82 20,60 38,46 56,44 62,34", "body")
    with pen.inside():
        pen.ellipse(36, 76, 20, 20, "shade")
        pen.ellipse(34, 75, 17, 17, "body")
    pen.shape("26,94! 32,86 48,86 56,94!", "tint")
    pen.shape("62,94! 66,88 76,88 80,94!", "tint")
    pen.circle(78, 43, 3, "dark")
    pen.circle(79, 42, 1, "light")
    pen.circle(90, 47, 2.4, "accent")


def rat_chef_hat(pen: Pen) -> None:
    """A rat's face under a tall cook's hat."""
    with pen.mirrored():
        pen.circle(20, 50, 15, "body")
        pen.circle(20, 50, 9.5, "accent")
    pen.shape("50,38 72,44 78,60 68,78 50,93 32,78 22,60 28,44", "body")
    pen.shape("50,60 60,74 50,92 40,74", "tint")
    with pen.mirrored():
        pen.circle(38, 60, 4, "dark")
        pen.circle(39.2, 58.8, 1.3, "light")
        pen.line("42,82 22,78", 1, "tint")
        pen.line("42,85 24,88", 1, "tint")
    pen.ellipse(50, 89, 5.5, 4.2, "deep")
    for cx, cy, r in ((34, 20, 14), (66, 20, 14), (50, 15, 15)):
        pen.circle(cx, cy, r, "light")
    pen.poly("30,22 70,22 67,44 33,44", "light")
    pen.rect(32, 38, 68, 46, "tint", 2)
    for x in (42, 50, 58):
        pen.line(f"{x},28 {x},37", 1.2, "tint")


def sheep(pen: Pen) -> None:
    """A woolly sheep standing."""
    for x in (34, 44, 62, 71):
        pen.rect(x - 3, 66, x + 3, 94, "dark", 2)
    for cx, cy, r in ((30, 50, 16), (46, 40, 17), (64, 42, 17), (78, 52, 15), (36, 64, 14), (54, 66, 15), (70, 66, 14)):
        pen.circle(cx, cy, r, "light")
    pen.ellipse(54, 54, 28, 18, "light")
    for cx, cy, r in ((46, 60, 7), (60, 48, 7), (72, 60, 6), (56, 70, 5)):
        pen.arc(cx, cy, r, 20, 200, 1.6, "tint")
    pen.shape("18,34 30,36 30,52 22,66 14,66 8,52 10,38", "body")
    pen.ellipse(33, 42, 7, 3.4, "body", 24)
    pen.ellipse(7, 43, 6, 3, "body", -24)
    for cx, cy, r in ((14, 33, 7), (22, 30, 8), (28, 35, 6)):
        pen.circle(cx, cy, r, "light")
    for x in (15, 24):
        pen.circle(x, 47, 2.2, "light")
        pen.circle(x - 0.3, 47.3, 1.2, "dark")
    pen.line("15,60 18,62 21,60", 1.2, "dark")


def unicorn(pen: Pen) -> None:
    """A unicorn's head with a spiral horn."""
    pen.poly("60,22 84,0 70,28", "accent")
    for t in (0.25, 0.5, 0.72):
        x, y = 65 + 19 * t, 25 - 25 * t
        pen.line(f"{x - 4},{y - 3.5 + 4 * t} {x + 5 - 3 * t},{y + 3.5 - 3 * t}", 1.1, "deep")
    pen.shape("48,18! 54,8! 60,20 70,32 78,50 84,62 80,72 72,74 64,68 54,60 52,72 58,86 62,98! 12,98! 12,72 20,44 34,24",
              "light")
    with pen.inside():
        pen.shape("52,52! 46,68 52,84 62,98! 40,98! 36,78 42,62", "tint")
    for i, path in enumerate(("52,16 30,24 20,46 6,54", "50,20 30,34 22,58 4,70", "46,28 34,44 30,68 8,88")):
        pen.line(path, 8, "shade" if i == 1 else "body")
    pen.line("60,20 66,22 64,32", 4.5, "body")
    pen.shape("57,36 62,33 66,38", "dark")
    pen.ellipse(78, 63, 1.8, 1.3, "dark", 50)
    pen.line("71,71 77,68", 1.3, "dark")


def wolf(pen: Pen) -> None:
    """A wolf howling, head thrown back."""
    pen.shape("66,2! 70,14 64,28 66,34! 58,40 60,54 70,70 76,96! 12,96! 16,72 14,52! 22,50 20,38! 30,38 32,28! 40,26 46,18! "
              "56,14", "body")
    with pen.inside():
        pen.shape("64,30! 54,40 54,56 62,72 64,98! 84,98! 84,20!", "tint")
        pen.shape("12,98! 24,78 22,66! 34,66 36,54! 44,60 40,80 48,98!", "shade")
    pen.shape("44,22! 30,12! 34,26 42,34", "shade")
    pen.shape("68,4! 70,14 61,26! 59,22!", "dark")
    pen.poly("66,1 72,4 69,9", "dark")
    pen.shape("49,22! 53,18 56,20!", "light")


ANIMALS: dict[str, Callable[[Pen], None]] = {
    "ape": ape, "cat": cat, "deer": deer, "dinosaur": dinosaur, "dog": dog, "dragon": dragon, "elephant": elephant,
    "fox": fox, "horse": horse, "lion": lion, "mouse": mouse, "panda": panda, "paw": paw, "pig": pig,
    "rabbit": rabbit, "rat_chef_hat": rat_chef_hat, "sheep": sheep, "unicorn": unicorn, "wolf": wolf,
}
