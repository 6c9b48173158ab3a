"""Texts that people, wikis, broken decoders and attackers write."""

import random
from collections.abc import Sequence

from hypothesis import strategies as st

PIECES = [
    "The captain takes her aboard. ", "“We leave,” she said. ", "Ms. Day and J.D. wait in the U.S. ", "no, ",
    "Él vuelve a casa. ", "Он возвращается домой. ", "他回家了。", "彼は家に帰る。", "عاد إلى البيت. ", "הוא חזר הביתה. ",
    "वह घर लौटता है। ", "มันกลับบ้าน", "ის ბრუნდება. ", "😀", "👩‍👩‍👧‍👦", "🏳️‍🌈 ", "e\u0301", "\u0301", "ﬁ", "Ａ", "İ", "ß",
    "\u200d", "\u202e", "\u2066", "\u200b", "\ufeff", "\ufffe", "\x00", "\x07", "\x1b[31m", "\x85", "\u2028", "\u3000",
    "\xa0", "\t", "\r\n", "\n\n", "\ud83d", "\udc00", "\U0010ffff", "Ã©", "â€™", "ÃƒÂ©", "&amp;", "&#x1F600;", "&#0;",
    "&#xD800;", "&nosuch;", "<!--", "-->", "{{", "}}", "{", "}", "[[", "]]", "[[File:a.jpg|", "|", "'''", "<ref>",
    "<ref name=", "</ref>", "/>", "<p ", "<", ">", "::", " :: Bo", "A. ", "A.", "!", "?", "...", "…", "—", " - ", "(", ")",
    "\"", "„", "1,000", "3.5", "007", "ha", "a", "word ", "Abc ", " ", "%s", "{0}", "../", "\\", "${HOME}",
    "'; DROP TABLE films; --",
]  # fmt: skip


def texts(longest: int = 400) -> st.SearchStrategy[str]:
    """Texts of up to about `longest` characters: pieces in a row, one piece over and over, any characters."""
    any_text = st.text(st.characters(), max_size=60)
    in_a_row = st.lists(st.sampled_from(PIECES) | any_text, max_size=20).map("".join)
    return in_a_row | over_and_over(longest) | any_text


def over_and_over(longest: int) -> st.SearchStrategy[str]:
    """A piece or two, repeated up to the length, with something before and after."""
    unit = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join)
    edge = st.sampled_from(["", "A story. ", "x", " "])

    def build(unit: str, length: int, before: str, after: str) -> str:
        return before + unit * (length // len(unit) + 1) + after

    return st.builds(build, unit, st.integers(longest // 10, longest), edge, edge)


def perturbed(text: str, seed: int) -> str:
    """A real text with some faults of the kinds above, and pieces of itself dropped, doubled or decoded wrongly."""
    rng = random.Random(seed)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text) + 1)
        length = rng.choice([1, 5, 80])
        match rng.randrange(5):
            case 0:
                text = text[:at] + rng.choice(PIECES) * rng.choice([1, 1, 3, 200]) + text[at:]
            case 1:
                text = text[:at] + text[at + length :]
            case 2:
                text = text[:at] + text[max(0, at - length) :]
            case 3:
                text = text[:at] + text[at:].encode(errors="replace").decode("cp1252", errors="replace")
            case _:
                text = text.swapcase() if rng.random() < 0.5 else text.replace(" ", rng.choice(PIECES))
    return text


def drawn(seed: int, pieces: Sequence[str] = PIECES, most: int = 30) -> str:
    """One text out of a seed, for recipes."""
    rng = random.Random(seed)
    return "".join(rng.choice(pieces) * rng.choice([1, 1, 1, 2, 50]) for _ in range(rng.randrange(most)))
