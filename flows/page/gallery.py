"""Training films beside their augmented views, for people: posters, and plots with the changed words marked."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets_cache.version import Version, rows_by_id
from flows.page.markup import element, thumbnail
from train.report.words import Span, excerpt, word_diff

FILMS = 12
SIDE, QUALITY = 128, 70
"""Of the posters: pixels, and quality of the JPEG."""
WORDS, WORTH_CUTTING = 70, 30


def as_markdown(version: Version, *, films: int = FILMS) -> str:
    """Films at even distances through the training split, with their first views, as Markdown with HTML in it.

    The HTML of a film has no empty line, so that Markdown leaves its content alone; that content is escaped.
    """
    rows = version.films("train")
    texts, images = version.text_views(), version.image_views()
    text_rows, image_rows = (rows_by_id(views) if views else {} for views in (texts, images))
    chosen = np.linspace(0, len(rows) - 1, min(films, len(rows))).round().astype(int).tolist()
    parts = [
        f"## Films of {version.id}, before and after",
        "Words that the translation changed are struck out on the left and underlined on the right.",
    ]
    for number in chosen:
        film: dict[str, Any] = rows[number]
        text = texts[text_rows[film["id"]][0]] if texts and film["id"] in text_rows else None
        image = images[image_rows[film["id"]][0]] if images and film["id"] in image_rows else None
        parts.append(_film(film, text, image))
    return "\n\n".join(parts) + "\n"


def _film(film: dict[str, Any], text: dict[str, Any] | None, image: dict[str, Any] | None) -> str:
    compared = word_diff(film["plot"], text["plot"] if text else film["plot"])
    before = _side(film["poster_256"], f"poster of {film['title']}", compared.original, "del")
    after = ["", ""]
    if text or image:
        poster = image["poster_256"] if image else film["poster_256"]
        after = _side(poster, f"the same poster, augmented: {film['title']}", compared.augmented, "ins")
    heading = f"<b>{element(film['title'] or film['id'])}</b> · {element(', '.join(film['genres']))}"
    lines = [
        "<table>",
        f"<thead><tr><th>{heading}</th><th>{_happened(compared.changed, text, image)}</th></tr></thead>",
        "<tbody>",
        *(
            f'<tr><td width="50%">{left}</td><td width="50%">{right}</td></tr>'
            for left, right in zip(before, after, strict=True)
        ),
        "</tbody>",
        "</table>",
    ]
    return "\n".join(lines)


def _side(poster: bytes, described: str, spans: Sequence[Span], mark: str) -> list[str]:
    address = thumbnail(poster, side=SIDE, quality=QUALITY)
    return [f'<img src="{address}" width="{SIDE}" height="{SIDE}" alt="{element(described)}">', _words(spans, mark)]


def _words(spans: Sequence[Span], mark: str) -> str:
    head, rest = excerpt(spans, words=WORDS, worth=WORTH_CUTTING)
    shown = " ".join(f"<{mark}>{element(span.text)}</{mark}>" if span.changed else element(span.text) for span in head)
    return f"{shown} …" if rest else shown


def _happened(changed: float, text: dict[str, Any] | None, image: dict[str, Any] | None) -> str:
    said: list[str] = []
    if image:
        said.append(f"poster kept: {image['kept']}" if image["kept"] else ", ".join(image["ops"]) or "augmented")
    if text:
        kept = len(text["kept"])
        said.append(f"{changed:.0%} of words changed" + (f", {kept} sentence{'s' if kept != 1 else ''} kept" if kept else ""))
    return element("; ".join(said) or "no augmented views")
