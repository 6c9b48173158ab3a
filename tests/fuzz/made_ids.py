"""Ids that are not what names a file."""

from hypothesis import strategies as st

ODD_IDS = [
    "../x", "..", ".", "", " ", "/etc/passwd", "\\\\host\\share", "C:\\x", "C:x", "~", "~root", "a/b", "a\\b", "a\x00b",
    "a\nb", ".hidden", "trailing.", "-rf", "--help", "con", "NUL", "aux.txt", "a" * 100, "a" * 101, "é" * 100, "漢" * 67,
    "𝕏" * 50, "cafe\u0301", "café", "ＦＩＬＭ１", "film1", "FILM1", "Film1", "ﬁlm", "а1", "a1", "\u202efdp", "a\u200bb",
    "\ud800", "\udcff", "\u2215etc", "\uff0e\uff0e\uff0fx", "․․", "%2e%2e%2f", "x\u0301" * 49, "1 2", "1  2", " 1 ", "0",
    "00", "٣", "²", "1e5", "__init__", "*.jpg", "$(id)", "'", '"', "a;b", "a,b", "a|b", "👍", "_", "._x", "split", "dataset",
]  # fmt: skip


def ids() -> st.SearchStrategy[object]:
    """Ids of any type, many of which want to leave their folder or look like another."""
    joined = st.lists(st.sampled_from(ODD_IDS), min_size=1, max_size=3).map("".join)
    other = st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.integers(), max_size=2) | st.just(10**300)
    return st.sampled_from(ODD_IDS) | joined | st.text(st.characters(), max_size=120) | other
