"""What the augmentations of a version are worth, for people: figures, and the pairs worth reading."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datasets_cache import version as versions
from datasets_cache.manifest import Manifest
from datasets_cache.store import Cache, Shelf
from flows.page.markup import cell

if TYPE_CHECKING:
    from datasets import Dataset

SHOWN_CHARACTERS = 400

TEXT_FIGURES = {
    "sentences changed": "share of sentences that differ from the original",
    "sentences kept": "share of sentences kept as the original by a guard",
    "length ratio": "length of a plot, as a multiple of its original's",
    "chrf": "chrF against the original, mean over plots (100: unchanged)",
    "bleu": "BLEU against the originals (100: unchanged)",
    "distinct-1": "distinct words of a plot",
    "distinct-1 of the originals": "the same of the originals",
    "distinct-2": "distinct word pairs of a plot",
    "distinct-2 of the originals": "the same of the originals",
    "cosine": "similarity to the original by the embedded encoder",
}
"""Figures of a text shelf's manifest, and what they are."""


def figures(manifest: Manifest) -> dict[str, float]:
    """The figures that a text shelf's manifest holds."""
    return {name: manifest.quality[name] for name in TEXT_FIGURES if manifest.quality.get(name) is not None}


def as_markdown(cache: Cache, wanted: str) -> str:
    """The quality of a version as Markdown: shelves, figures, and pairs of plots.

    Raises:
        ValueError: the version is unknown, or a shelf of it is missing or damaged.
    """
    version = versions.open_version(cache, wanted)
    parts = [f"## {version.id}"]
    for name, text, image, films in (
        ("", version.text, version.image, version.films("train")),
        (" of the pool", version.pool_text, version.pool_image, version.unlabelled()),
    ):
        if text and films and figures(text.manifest):
            parts += [_text(f"Plots{name}", text.manifest), *_pairs(text, films, name)]
        if image:
            measured = {figure: str(value) for figure, value in image.manifest.quality.items()}
            parts.append(_table(f"Posters{name}", measured))
    return "\n\n".join(parts)


def _text(title: str, manifest: Manifest) -> str:
    measured = {f"{name} ({TEXT_FIGURES[name]})": f"{value:g}" for name, value in figures(manifest).items()}
    return _table(title, measured | {name: f"{count:,}" for name, count in manifest.counts.items()})


def _table(title: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {name} | {cell(value)} |" for name, value in rows.items()]
    return "\n".join([f"### {title}", "", "| | |", "|---|---|", *lines])


def _pairs(views: Shelf, films: "Dataset", name: str) -> list[str]:
    named: Mapping[str, list[dict[str, Any]]] = views.manifest.quality.get("pairs", {})
    texts = _texts(views.split("train"), films, {pair["id"] for pairs in named.values() for pair in pairs})
    found: list[str] = []
    for kind, pairs in named.items():
        lines = ["| film | nearness | original | augmented |", "|---|---|---|---|"]
        for pair in pairs:
            shown = [cell(text, characters=SHOWN_CHARACTERS) for text in texts[pair["id"], pair["view"]]]
            near = f"chrF {pair['chrf']}" if pair["cosine"] is None else f"cosine {pair['cosine']}, chrF {pair['chrf']}"
            lines.append(f"| {cell(pair['id'])} | {near} | {' | '.join(shown)} |")
        found.append("\n".join([f"### {kind.capitalize()} pairs{name}", "", *lines]))
    return found


def _texts(views: "Dataset", films: "Dataset", wanted: set[str]) -> dict[tuple[str, int], tuple[str, str]]:
    """Original and augmented plot of some films, by id and view."""
    plots = {row["id"]: row["plot"] for row in _rows(films.select_columns(["id", "plot"]), wanted)}
    rows = _rows(views.select_columns(["id", "view", "plot"]), wanted)
    return {(row["id"], row["view"]): (plots[row["id"]], row["plot"]) for row in rows}


def _rows(rows: Any, films: set[str]) -> list[dict[str, Any]]:  # noqa: ANN401
    return [dict(rows[number]) for number, film in enumerate(rows["id"]) if film in films]
