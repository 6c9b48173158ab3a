"""Motifs: people, faces and parts of the body."""

from collections.abc import Callable

from datasets_cache.bundled.drawing.pen import Pen, Tone, arc_points


def _walker(pen: Pen, coat: Tone, legs: Tone, skin: Tone) -> None:
    """A man in a long coat walking, about the middle of the square."""
    pen.poly("44,62 50,62 47,80 40,95 33,95 41,78", legs)
    pen.poly("50,62 57,62 59,78 66,93 61,96 53,80", legs)
    pen.shape("42,20 50,17 58,20 62,32 63,50 64,68! 38,68! 38,50 38,32", coat)
    pen.shape("47,10! 54,10! 54,20! 47,20!", skin)
    pen.ellipse(50.5, 9, 5.6, 6.8, skin)


def angel(pen: Pen) -> None:
    """An angel in a long robe with spread wings."""
    with pen.mirrored():
        pen.shape("46,36! 30,22 12,14 3,22! 8,30! 5,36! 13,42! 11,49! 20,53! 20,60! 30,62 44,54!", "light")
        pen.line("42,38 26,30 10,26", 1.5, "tint")
        pen.line("42,43 28,40 14,39", 1.5, "tint")
        pen.line("42,48 32,49 21,50", 1.5, "tint")
    pen.shape("50,30 58,34 62,46 68,76 76,95! 24,95! 32,76 38,46 42,34", "body")
    with pen.inside():
        pen.shape("50,32! 60,34! 78,96! 56,96! 58,60", "shade")
    with pen.mirrored():
        pen.line("40,37 39,48 49,51", 5, "tint")
    pen.circle(50, 23, 8.5, "light")
    pen.shape("41,24! 42,14 50,12 58,14 59,24! 55,18 45,18", "deep")
    pen.stroke(arc_points(50, 8, 12, 3.4, 0, 365), 2, "accent")


def clown_face(pen: Pen) -> None:
    """A clown's white face with a red nose and tufts of hair."""
    with pen.mirrored():
        for cx, cy, r in ((12, 44, 11), (16, 28, 11), (14, 58, 9), (26, 18, 9)):
            pen.circle(cx, cy, r, "accent")
        pen.circle(13, 46, 6, "deep")
    pen.shape("50,12 72,20 80,46 74,72 58,92 50,94 42,92 26,72 20,46 28,20", "light")
    with pen.mirrored():
        pen.shape("36,26! 43,40 36,58! 29,40", "body")
        pen.circle(36, 42, 3.6, "dark")
        pen.line("28,26 35,20 43,26", 1.8, "dark")
    pen.shape("27,66! 50,74 73,66! 66,82 50,88 34,82", "body")
    pen.shape("33,71! 50,77 67,71! 60,79 50,82 40,79", "dark")
    pen.circle(50, 58, 8.5, "body")
    pen.circle(47, 55, 2.4, "tint")


def eye(pen: Pen) -> None:
    """A wide open eye with rays of lashes."""
    for path in ("50,22 50,6", "34,26 27,11", "66,26 73,11", "20,35 9,23", "80,35 91,23"):
        pen.line(path, 3, "body")
    pen.shape("3,56! 26,34 50,27 74,34 97,56! 74,76 50,82 26,76", "light")
    with pen.inside():
        pen.shape("3,56! 26,36 50,29 74,36 97,56! 74,44 50,38 26,44", "tint")
        pen.circle(50, 54, 23, "body")
        pen.circle(50, 54, 17, "accent")
    for angle in range(0, 360, 30):
        with pen.turned(angle, 50, 54):
            pen.line("50,40 50,44", 1.3, "deep")
    pen.circle(50, 54, 10, "dark")
    pen.circle(56, 47, 4.2, "light")
    pen.line("3,56 26,34 50,27 74,34 97,56", 3, "dark")
    pen.line("3,56 26,76 50,82 74,76 97,56", 1.6, "dark")


def fingerprint(pen: Pen) -> None:
    """The lines of a fingerprint."""
    arches = (
        "12,66 10,44 22,18 50,7 78,18 90,44 89,60", "20,82 19,48 30,24 50,16 70,24 81,48 79,80",
        "29,90 28,50 37,31 50,26 63,31 72,50 70,90", "38,95 37,54 42,41 50,37 58,41 63,54 61,95",
        "47,97 46,60 50,49 54,60 53,97",
    )
    for i, path in enumerate(arches):
        pen.line(path, 4, "accent" if i == 2 else "body")
    for path in ("29,70 29,77", "63,66 63,72", "80,60 80,66", "37,84 37,89"):
        pen.line(path, 4.4, "clear")


def ghost(pen: Pen) -> None:
    """A draped ghost with hollow eyes."""
    pen.shape("50,5 70,11 80,32 82,62 88,94! 78,86 70,95! 60,86 50,96! 40,86 30,95! 22,86 12,94! 18,62 20,32 30,11", "light")
    with pen.inside():
        pen.shape("66,6! 70,40 66,70 74,98! 98,98! 92,6!", "tint")
        pen.line("34,60 32,76 24,92", 1.8, "tint")
        pen.line("50,62 51,78 48,92", 1.8, "tint")
    pen.ellipse(39, 36, 5.6, 8.4, "dark", 6)
    pen.ellipse(59, 36, 5.6, 8.4, "dark", -6)
    pen.ellipse(49, 54, 4.6, 6.6, "dark")
    pen.circle(40.5, 33, 1.6, "accent")
    pen.circle(60, 33, 1.6, "accent")


def hand(pen: Pen) -> None:
    """An open hand raised."""
    pen.shape("30,96! 32,80 22,66 14,48 8,38 13,33 21,40 30,52! 27,20 29,13 36,14 40,44! 41,10 45,4 51,8 52,43! 56,14 61,9 "
              "66,14 64,46! 70,26 76,23 80,29 77,56 72,74 66,84 68,96!", "body")
    with pen.inside():
        pen.shape("66,10! 60,60 62,76 52,98! 96,98! 96,10!", "shade")
        pen.line("30,58 42,60 56,70", 1.6, "shade")
        pen.line("34,52 50,52 66,58", 1.6, "shade")
        pen.line("36,64 36,74 42,82", 1.6, "shade")
    pen.rect(26, 88, 72, 97, "accent", 2)


def heart(pen: Pen) -> None:
    """A full heart with a highlight."""
    pen.shape("50,28! 60,12 76,9 91,20 94,38 84,58 68,76 50,93! 32,76 16,58 6,38 9,20 24,9 40,12", "body")
    with pen.inside():
        pen.shape("88,6! 84,44 66,64 46,80! 50,98! 99,98!", "shade")
    pen.shape("18,26 26,18 34,20 26,26 20,38 15,36", "tint")


def lips(pen: Pen) -> None:
    """Parted lips."""
    pen.shape("3,50! 22,34 38,24 50,31 62,24 78,34 97,50! 82,66 66,78 50,80 34,78 18,66", "body")
    pen.shape("14,50! 34,44 50,47 66,44 86,50! 66,60 50,63 34,60", "dark")
    with pen.inside():
        pen.shape("22,49! 36,46 50,48 64,46 78,49! 64,54 36,54", "light")
        pen.shape("12,62! 34,70 50,71 66,70 88,62! 80,90! 20,90!", "shade")
    pen.shape("30,66 42,64 50,66 44,70 34,70", "tint")
    pen.line("28,36 38,30 44,31", 2, "tint")


def mask(pen: Pen) -> None:
    """A carnival half mask with plumes."""
    for i, angle in enumerate((-26, -10, 6, 22)):
        with pen.turned(angle, 50, 60):
            pen.shape("50,46! 42,28 44,10 50,2 56,10 58,28", "accent" if i % 2 else "deep")
            pen.line("50,44 50,8", 1, "light")
    pen.shape("50,50 66,40 84,38 97,46 94,64 82,82 64,82 54,70 50,66 46,70 36,82 18,82 6,64 3,46 16,38 34,40", "body")
    with pen.inside():
        pen.shape("50,46! 70,52 96,40! 98,90! 50,90!", "shade")
    with pen.mirrored():
        pen.shape("18,60! 26,52 38,55 42,64! 32,68 22,67", "dark")
        pen.line("16,58 26,49 40,52", 1.6, "accent")
        pen.circle(14, 72, 1.7, "accent")
        pen.circle(22, 76, 1.7, "accent")
    pen.poly("50,48 54,54 50,60 46,54", "accent")


def puppet(pen: Pen) -> None:
    """A jointed wooden puppet on strings."""
    for path in ("26,6 26,46", "74,6 74,40", "50,6 50,18", "40,6 40,76", "60,6 60,76"):
        pen.line(path, 0.9, "light")
    pen.rect(18, 3, 82, 8, "dark", 2)
    for path in ("43,42 32,52 26,46", "57,42 70,50 74,40"):
        words = path.split()
        pen.line(f"{words[0]} {words[1]}! {words[2]}", 5, "tint")
    for path in ("45,62 40,76 42,92", "55,62 60,76 58,92"):
        words = path.split()
        pen.line(f"{words[0]} {words[1]}! {words[2]}", 6, "tint")
    pen.shape("40,38! 60,38! 62,64! 38,64!", "body")
    with pen.inside():
        pen.poly("50,38 64,38 64,64 50,64", "shade")
    for x, y in ((32, 52), (70, 50), (40, 76), (60, 76)):
        pen.circle(x, y, 3, "deep")
    pen.ellipse(39, 94, 7, 3.2, "dark")
    pen.ellipse(61, 94, 7, 3.2, "dark")
    pen.circle(50, 27, 10, "tint")
    pen.shape("39,24! 44,14 50,11 58,14 61,24!", "accent")
    pen.line("50,29 61,30", 2.4, "deep")
    pen.circle(46, 26, 1.3, "dark")
    pen.circle(54, 26, 1.3, "dark")
    pen.line("45,33 50,34.5 54,33.5", 1.2, "dark")
    for y in (46, 53):
        pen.circle(50, y, 1.5, "accent")


def robot(pen: Pen) -> None:
    """A boxy robot."""
    pen.line("50,14 50,6", 2, "shade")
    pen.circle(50, 6, 3.4, "accent")
    pen.rect(32, 14, 68, 42, "body", 5)
    pen.rect(46, 42, 54, 48, "shade")
    pen.rect(28, 47, 72, 78, "body", 4)
    with pen.inside():
        pen.rect(60, 14, 80, 42, "shade")
        pen.rect(62, 47, 80, 78, "shade")
    with pen.mirrored():
        pen.line("26,51 16,60 16,72", 5.5, "tint")
        pen.arc(16, 77, 5, -40, 220, 3.4, "shade")
        pen.circle(42, 26, 5.4, "light")
        pen.circle(42, 26, 2.6, "dark")
        pen.rect(34, 78, 44, 91, "tint")
        pen.rect(31, 90, 47, 96, "shade", 2)
        pen.rect(28, 22, 32, 32, "deep", 1)
    pen.rect(40, 34, 60, 38, "dark", 1)
    for x in (44, 48, 52, 56):
        pen.line(f"{x},34.6 {x},37.4", 0.8, "light")
    pen.rect(36, 53, 64, 68, "dark", 2)
    for x in (42, 50, 58):
        pen.circle(x, 58, 2.4, "tint" if x == 50 else "accent")
    pen.line("40,64 46,64 49,61 52,66 55,64 60,64", 1.1, "light")


def scarecrow(pen: Pen) -> None:
    """A scarecrow on its pole."""
    pen.rect(48, 50, 52, 97, "deep")
    pen.rect(6, 41, 94, 45, "deep")
    for x in (8, 92):
        for dx in (-5, -2, 1, 4):
            pen.line(f"{x},43 {x + dx},54", 1.4, "accent")
    pen.shape("14,36! 36,34 64,34 86,36! 86,48! 66,50 66,80! 60,76! 56,84! 50,78! 44,84! 40,76! 34,80! 34,50 14,48!", "body")
    with pen.inside():
        pen.poly("52,34 90,34 90,90 52,90", "shade")
    pen.rect(54, 58, 63, 67, "accent")
    pen.line("42,36 50,46", 1.6, "light")
    pen.line("58,36 50,46", 1.6, "light")
    pen.ellipse(50, 26, 10, 11, "tint")
    pen.shape("26,19! 40,17 42,4 50,2 58,4 60,17 74,19! 62,23 38,23", "dark")
    pen.line("42,16 50,17.5 58,16", 1.8, "accent")
    with pen.mirrored():
        pen.line("44,25 47,28", 1.2, "dark")
        pen.line("47,25 44,28", 1.2, "dark")
    pen.line("44,32 50,34 56,32", 1.2, "dark")


def silhouette_child(pen: Pen) -> None:
    """A child standing with a toy bear in hand."""
    with pen.mirrored():
        pen.rect(40, 70, 47.5, 92, "tint", 2)
        pen.shape("37,95! 38,89 48,89 48,95!", "dark")
    pen.shape("38,40 50,37 62,40 66,56 70,76! 30,76! 34,56", "body")
    with pen.inside():
        pen.poly("52,36 74,36 74,80 58,80", "shade")
    pen.line("38,44 30,56 29,64", 5, "body")
    pen.line("62,44 70,54 73,62", 5, "shade")
    pen.circle(50, 24, 13, "tint")
    pen.shape("36,27! 35,12 48,7 62,10 65,27! 60,20 48,19 42,21", "dark")
    pen.circle(73, 68, 4.5, "accent")
    pen.ellipse(74, 77, 5.4, 7, "accent")
    for x, y in ((69.5, 64), (76.5, 64), (69, 74), (79, 74), (71, 84), (77, 84)):
        pen.circle(x, y, 1.9, "accent")
    pen.circle(74, 77, 2.4, "deep")


def silhouette_couple(pen: Pen) -> None:
    """Two people holding hands, seen from behind."""
    pen.line("40,42 46,52 50,58", 4.4, "body")
    pen.line("62,44 55,52 50,58", 4, "accent")
    with pen.turned(scale=0.98, dx=-20):
        pen.rect(42, 58, 49, 95, "dark")
        pen.rect(51, 58, 58, 95, "dark")
        pen.shape("40,26 50,23 60,26 62,44 60,66! 40,66! 38,44", "body")
        with pen.inside():
            pen.poly("50,22 66,22 66,68 50,68", "shade")
        pen.line("39,30 35,46 37,58", 4.6, "body")
        pen.circle(50, 14, 7.6, "tint")
        pen.shape("42,14! 42,5 50,4 58,6 58,17! 54,19 46,19", "dark")
    with pen.turned(dx=21):
        pen.rect(45, 76, 49, 95, "tint")
        pen.rect(51, 76, 55, 95, "tint")
        pen.shape("43,33 50,31 57,33 56,48 66,80! 34,80! 44,48", "accent")
        with pen.inside():
            pen.poly("51,30 70,30 70,84 55,84", "deep")
        pen.line("57,36 62,48 61,58", 3.6, "deep")
        pen.circle(50, 23, 6.6, "tint")
        pen.shape("42,32! 43,18 50,14 57,18 58,32! 50,34", "dark")


def silhouette_crowd(pen: Pen) -> None:
    """A crowd seen from behind, row upon row."""
    rows: tuple[tuple[float, tuple[float, ...], Tone], ...] = (
        (30, (18, 36, 54, 72, 88), "tint"), (46, (8, 27, 46, 65, 84), "body"), (66, (16, 39, 62, 85), "shade"),
    )
    for y, places, tone in rows:
        for i, x in enumerate(places):
            r = 6 + (y - 30) / 9
            mark: Tone = "accent" if (tone == "body" and i == 2) else tone
            pen.circle(x, y, r, mark)
            pen.shape(f"{x - r * 1.9},98! {x - r * 1.8},{y + r * 2.4} {x - r * 0.9},{y + r * 1.2} {x + r * 0.9},{y + r * 1.2} "
                      f"{x + r * 1.8},{y + r * 2.4} {x + r * 1.9},98!", mark)
            if i % 2:
                pen.pie(x, y - 0.4, r + 0.6, 170, 370, "dark")


def silhouette_man(pen: Pen) -> None:
    """A man in hat and coat walking with his shadow."""
    pen.poly("44,95 66,95 99,86 92,82", "dark")
    _walker(pen, "body", "dark", "tint")
    with pen.inside():
        pen.shape("52,16! 66,20! 68,70! 50,70! 54,44", "shade")
    pen.line("40,26 34,42 37,55", 5.4, "body")
    pen.line("61,26 66,40 64,52", 5.4, "shade")
    pen.circle(37.5, 57, 2.6, "tint")
    pen.circle(64, 54, 2.6, "tint")
    pen.poly("48,20 54,20 51,36", "light")
    pen.poly("50,21 52,21 51.4,32 50.4,32", "accent")
    pen.shape("39,7! 44,5 45,0 50,1 56,0 57,5 62,7! 56,8.4 45,8.4", "dark")


def silhouette_woman(pen: Pen) -> None:
    """A woman in a long dress."""
    pen.shape("45,72! 55,72! 54,95! 51,95! 50,80 49,95! 46,95!", "tint")
    pen.line("43,30 34,42 41,52", 4.2, "tint")
    pen.line("57,30 65,42 70,54", 4.2, "tint")
    pen.shape("43,27 50,29 57,27 59,38 55,50 62,66 72,88! 50,91 28,88! 38,66 45,50 41,38", "body")
    with pen.inside():
        pen.shape("54,26! 54,44 58,64 62,94! 80,94! 66,26!", "shade")
    pen.line("45.5,50 54.5,50", 2.4, "accent")
    pen.rect(47.6, 18, 52.4, 28, "tint")
    pen.ellipse(50, 13, 6.6, 8, "tint")
    pen.shape("41,24! 40,10 46,3 55,3 60,10 59,26! 55,20 56,12 46,9 45,20", "dark")


def skull(pen: Pen) -> None:
    """A human skull."""
    pen.shape("50,5 76,11 90,34 86,56 74,66 72,76! 28,76! 26,66 14,56 10,34 24,11", "light")
    pen.rect(31, 70, 69, 94, "light", 7)
    with pen.inside():
        pen.shape("70,4! 78,34 70,60 66,98! 98,98! 98,4!", "tint")
    with pen.mirrored():
        pen.shape("26,42 34,36 44,42 43,54 34,58 26,53", "dark")
    pen.circle(36, 47, 2.4, "accent")
    pen.circle(62, 47, 2.4, "accent")
    pen.shape("50,56! 56,67 50,66 44,67", "dark")
    for x in (38, 44, 50, 56, 62):
        pen.line(f"{x},79 {x},92", 1.5, "dark")
    pen.line("33,79 67,79", 1.5, "dark")


PEOPLE: dict[str, Callable[[Pen], None]] = {
    "angel": angel, "clown_face": clown_face, "eye": eye, "fingerprint": fingerprint, "ghost": ghost, "hand": hand,
    "heart": heart, "lips": lips, "mask": mask, "puppet": puppet, "robot": robot, "scarecrow": scarecrow,
    "silhouette_child": silhouette_child, "silhouette_couple": silhouette_couple, "silhouette_crowd": silhouette_crowd,
    "silhouette_man": silhouette_man, "silhouette_woman": silhouette_woman, "skull": skull,
}
