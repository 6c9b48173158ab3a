"""A version in half a minute: what it was made from, how, what became of the films, how good it is, how long it took."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from datasets_cache.manifest import Manifest
from datasets_cache.store import Shelf
from datasets_cache.version import Version
from flows.page.markup import cell, table
from flows.terminal import span

FIGURES = {
    "sentences changed": ("sentences changed", ".1%"),
    "sentences kept": ("sentences kept as the original", ".1%"),
    "length ratio": ("length of a plot, as a multiple of its original's", ".2f"),
    "chrf": ("chrF against the originals (100: unchanged)", ".1f"),
    "bleu": ("BLEU against the originals (100: unchanged)", ".1f"),
    "cosine": ("cosine similarity to the originals (1: the same)", ".3f"),
    "mean absolute change, grey levels": ("change of a poster's pixels, mean, grey levels of 255", ".1f"),
}
"""Figures that the summary has of those in the manifests: their title, and how they are written."""


def as_markdown(version: Version, *, since: datetime, seconds: float) -> str:
    """The summary as Markdown.

    Args:
        version: the version.
        since: when the run began, UTC: shelves that are older were in the cache already.
        seconds: how long the run took.
    """
    parts = [
        f"## {cell(version.id)}",
        _said(version, since, seconds),
        "### Films",
        _films(version),
        "### Made of",
        table(("what", "id", "rows", "time"), [_shelf_row(name, one, since) for name, one in shelves(version)]),
        "### Settings",
        "\n".join(f"- {line}" for line in _settings(version)),
        "### Kept as they were, skipped or repaired",
        _fallbacks(version),
    ]
    for title, key in (("### How the source was read", "read_as"), ("### The first rows that were skipped", "skipped_rows")):
        if lines := version.sample.manifest.quality.get(key):
            parts += [title, "\n".join(f"- {cell(line)}" for line in lines)]
    if figures := _figures(version):
        parts += ["### Quality", figures]
    return "\n\n".join(parts) + "\n"


def shelves(version: Version) -> list[tuple[str, Manifest]]:
    """The shelves of a version, with what each is."""
    named = (
        ("sample", version.sample),
        ("plots", version.text),
        ("posters", version.image),
        ("pool", version.pool),
        ("plots of the pool", version.pool_text),
        ("posters of the pool", version.pool_image),
    )
    return [(name, shelf.manifest) for name, shelf in named if shelf]


def source_of(version: Version) -> dict[str, Any]:
    """Settings of the source, with the place where it lay if the version knows it."""
    plan = version.manifest.spec.get("plan") or {}
    return dict(plan.get("source") or version.sample.manifest.spec["source"])


def _said(version: Version, since: datetime, seconds: float) -> str:
    manifests = [manifest for _, manifest in shelves(version)]
    fresh = [manifest.id for manifest in manifests if manifest.created >= since]
    if not fresh:
        return f"Everything was in the cache already; found in {span(seconds)}."
    found = len(manifests) - len(fresh)
    rest = f", {found} found in the cache" if found else ""
    return f"{len(fresh)} of {len(manifests)} shelves made by this run in {span(seconds)}{rest}."


def _films(version: Version) -> str:
    rows = {"training" if split == "train" else split: f"{count:,}" for split, count in version.manifest.rows.items()}
    genres = ", ".join(map(cell, version.genres))
    return table(tuple(rows), [tuple(rows.values())]) + f"\n\n{len(version.genres)} genres: {genres}"


def _shelf_row(name: str, manifest: Manifest, since: datetime) -> tuple[str, ...]:
    fresh = manifest.created >= since
    when = span(manifest.seconds) if fresh else f"found, made {manifest.created:%Y-%m-%d %H:%M} UTC in {span(manifest.seconds)}"
    return name, f"`{manifest.id}`", f"{sum(manifest.rows.values()):,}", when


def _settings(version: Version) -> list[str]:
    sample = version.sample.manifest.spec
    lines = [f"Source: {source_as_text(source_of(version))}", f"Sample: {sample['share']:.0%} of each split"]
    if sample.get("evaluation_share") is not None:
        lines[-1] = f"Sample: {sample['share']:.0%} of the training films, {sample['evaluation_share']:.0%} of the others"
    if version.pool:
        lines.append(f"Unlabelled: {version.pool.manifest.spec['unlabelled']:.0%} of the training films that the sample left")
    text, image = version.text and version.text.manifest, version.image and version.image.manifest
    if text:
        lines.append("Plots: " + (_text(text.spec) if "pivot" in text.spec else "came with the source"))
    if image:
        lines.append("Posters: " + (_image(image.spec) if "magnitude" in image.spec else "came with the source"))
    return lines


def source_as_text(source: Mapping[str, Any]) -> str:
    """``bundled``, or ``mmimdb, /data/mmimdb``."""
    return cell(", ".join(str(source[name]) for name in ("kind", "root") if source.get(name)))


def _text(spec: Mapping[str, Any]) -> str:
    route = "→".join((spec["source"], *str(spec["pivot"]).split(","), spec["source"]))
    return cell(f"{route} by {spec['engine']}, {spec['decoding'] or 'sampling'}, {_views(spec)}")


def _image(spec: Mapping[str, Any]) -> str:
    return f"RandAugment, magnitude {spec['magnitude']:g}, {spec['num_ops']} operations, {_views(spec)}"


def _views(spec: Mapping[str, Any]) -> str:
    return f"{spec['views']} view{'s' if spec['views'] != 1 else ''} of each film"


def _fallbacks(version: Version) -> str:
    rows = [
        (name, cell(reason), f"{count:,}", f"{_of(manifest):,}")
        for name, manifest in shelves(version)
        for reason, count in manifest.counts.items()
        if count and reason.startswith(("kept", "skipped", "repaired", "left out"))
    ]
    return table(("where", "what", "number", "of"), rows) if rows else "Nothing: every film, plot and poster went through."


def _of(manifest: Manifest) -> int:
    return manifest.counts.get("sentences") or sum(manifest.rows.values())


def _figures(version: Version) -> str | None:
    """Figures of the sample's views, and beside them those of the pool's."""
    columns = [_measured(version.text, version.image)]
    if version.pool:
        columns.append(_measured(version.pool_text, version.pool_image))
    names = list(dict.fromkeys(name for column in columns for name in column))
    headings = ("figure", "training films", "pool")[: 1 + len(columns)]
    return table(headings, [(name, *(column.get(name, "–") for column in columns)) for name in names]) if names else None


def _measured(text: Shelf | None, image: Shelf | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, (title, shown) in FIGURES.items():
        for shelf in (text, image):
            if shelf and (value := shelf.manifest.quality.get(name)) is not None:
                found[title] = format(value, shown)
    return found
