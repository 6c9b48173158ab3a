"""Text as Markdown and HTML that Prefect's page draws; nothing that comes from data is taken for markup."""

import base64
import html
import io
from collections.abc import Iterable, Sequence

from PIL import Image

_MARKS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"} | {mark: f"&#{ord(mark)};" for mark in "*_`~[]\\$"}


def cell(text: str, *, characters: int | None = None) -> str:
    """`text` in one cell of a Markdown table, or in one line.

    Args:
        text: of any origin.
        characters: at most so many are shown; None: all.
    """
    short = text if characters is None or len(text) <= characters else text[: characters - 1] + "…"
    return " ".join("".join(_MARKS.get(mark, mark) for mark in short).split())


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def element(text: str) -> str:
    """`text` inside an HTML element, in one line: an empty line would end the element for Markdown."""
    return " ".join(html.escape(text).split())


def thumbnail(image: bytes, *, side: int, quality: int) -> str:
    """A picture as a small JPEG in a ``data:`` address.

    Args:
        image: encoded.
        side: pixels of its longer side.
        quality: of the JPEG.
    """
    small = io.BytesIO()
    with Image.open(io.BytesIO(image)) as opened:
        picture = opened.convert("RGB")
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        picture.save(small, "JPEG", quality=quality)
    return data_address(small.getvalue(), kind="jpeg")


def data_address(image: bytes, *, kind: str) -> str:
    """An encoded picture as a ``data:`` address; `kind` is ``png`` or ``jpeg``."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
