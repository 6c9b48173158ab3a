"""Plots: one line of clean text out of what a source holds, with what had to be repaired."""

import html
import re
import unicodedata
from dataclasses import dataclass

from datasets_cache.schema import Reason

_SURROGATE = re.compile("[\ud800-\udfff]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_WIKI = (
    (re.compile(r"<ref\b[^<>]*/>|<ref\b[^<>]*>.{0,1000}?</ref\s*>", re.DOTALL | re.IGNORECASE), " "),
    (re.compile(r"<ref\b[^<>{}]{0,400}(?:>|\}\})", re.IGNORECASE), " "),  # never closed, or cut out of a {{cite}}
    (re.compile(r"</?(?:br|p|i|b|em|strong|small|div|span|a|ref|nowiki)\b[^<>]*>", re.IGNORECASE), " "),
    (re.compile(r"\[\[(?:File|Image):[^\[\]]*\]\]", re.IGNORECASE), " "),
    (re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]"), r"\1"),  # [[article|words]] reads "words"
    (re.compile(r"\{\{[^{}.!?]{0,200}\|"), " "),  # a template that is never closed loses its name and fields
    (re.compile(r"\{\{|\}\}|\[\[|\]\]|'{3,}"), ""),
)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_BRACE_OR_TEXT = re.compile(r"[{}]|[^{}]+")
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True)
class CleanPlot:
    """A plot in one line; empty where nothing readable is left."""

    text: str
    repairs: tuple[Reason, ...]


def clean(text: str) -> CleanPlot:
    """Repair a plot: mojibake, HTML entities and wiki markup, control characters; then every run of white space is one space.

    Mojibake is what `ftfy.fix_encoding` changes, nothing of its other fixes: quotes, dashes and case stay as they are.
    White space alone (line breaks, no-break spaces) counts as no repair.

    Args:
        text: as the source has it; lone surrogates are allowed.
    Returns:
        The text, ``""`` if it holds no letter or digit, and the repairs in the order they were made.
    """
    import ftfy  # only now: options and lists do without it

    repairs: list[Reason] = []

    def made(after: str, before: str, reason: Reason) -> str:
        if after != before and reason not in repairs:
            repairs.append(reason)
        return after

    text = made(_SURROGATE.sub("\ufffd", text), text, "plot control characters")
    text = made(ftfy.fix_encoding(text), text, "plot mojibake")
    text = made(_without_markup(text), text, "plot markup")
    text = made(_CONTROL.sub("", text), text, "plot control characters")
    text = " ".join(text.split())
    return CleanPlot(text if any(character.isalnum() for character in text) else "", tuple(repairs))


def comparable(text: str) -> str:
    """The plot without case, accents' encoding, punctuation and spaces: equal where two plots are the same story told once."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_ALPHANUMERIC.sub("", folded)


def _without_markup(text: str) -> str:
    text = _ENTITY.sub(lambda found: html.unescape(found.group()), text)
    if not any(mark in text for mark in ("{{", "}}", "[[", "]]", "<", "'''")):
        return text
    text = _without_comments(_without_templates(text))
    for pattern, replacement in _WIKI:
        text = pattern.sub(replacement, text)
    return text


def _without_templates(text: str) -> str:
    """`text` with a space for each ``{{template}}``, inner ones first; time grows with the length, however deep they nest."""
    kept: list[str] = []
    for piece in _BRACE_OR_TEXT.findall(text):
        kept.append(piece)
        if kept[-2:] != ["}", "}"]:
            continue
        start = len(kept) - 3
        while start > 0 and kept[start] not in ("{", "}"):
            start -= 1
        if start > 0 and kept[start - 1 : start + 1] == ["{", "{"]:
            kept[start - 1 :] = " "
    return "".join(kept)


def _without_comments(text: str) -> str:
    """`text` with a space for each ``<!-- comment -->``; the end is looked for once where none is closed."""
    kept: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept += [text[position:start], " "]
        position = end + 3
    return "".join([*kept, text[position:]])
