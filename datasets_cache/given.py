"""Augmented plots and posters that came with a source, published as views as they are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, TEXT_VIEW_FEATURES, Columns
from datasets_cache.store import Cache, Shelf

KEPT = "no augmentation given"


class GivenSpec(Frozen):
    """Views that were not made here."""

    engine: Literal["given"] = "given"
    """The source brought them."""


def publish_given_text(sample: ShelfId, *, cache: Cache) -> ShelfId:
    """Publish the augmented plots that a sample carries as a text shelf, or find it published.

    A film without one keeps its plot, with a reason. Each plot counts as one sentence: how it was cut is not known.

    Raises:
        ValueError: the sample is missing or damaged, or its source brought no augmented plot.
    """
    opened = _open(sample, cache, column="given_plot", option="augmented_plot_field")
    rows = (_text_view(row) for row in _rows(opened, ["id", "plot", "given_plot"]))
    return _publish("text", TEXT_VIEW_FEATURES, sample, rows, cache)


def publish_given_images(sample: ShelfId, *, cache: Cache) -> ShelfId:
    """Publish the augmented posters that a sample carries as an image shelf, or find it published.

    A film without one keeps its poster, with a reason.

    Raises:
        ValueError: the sample is missing or damaged, or its source brought no augmented poster.
    """
    opened = _open(sample, cache, column="given_poster_256", option="augmented_poster_folder")
    rows = (_image_view(row) for row in _rows(opened, ["id", "poster_256", "given_poster_256"]))
    return _publish("image", IMAGE_VIEW_FEATURES, sample, rows, cache)


def find_given(kind: Literal["text", "image"], sample: ShelfId, *, cache: Cache) -> ShelfId | None:
    """Name of the published shelf of given views, None where there is none."""
    shelf = shelf_id(kind, GivenSpec(), [sample])
    return shelf if cache.published(shelf) else None


def _open(sample: ShelfId, cache: Cache, *, column: str, option: str) -> Shelf:
    opened = cache.open(sample)
    films = opened.split("train")
    if films.data.column(column).null_count == len(films):
        msg = f"{sample}: no training film brought {column}; give the source's `--source.{option}`, or choose an engine."
        raise ValueError(msg)
    return opened


def _rows(sample: Shelf, columns: list[str]) -> Iterator[dict[str, Any]]:
    for row in sample.split("train").select_columns(columns):
        yield dict(row)


def _text_view(row: Mapping[str, Any]) -> dict[str, Any]:
    given = row["given_plot"]
    kept = [] if given is not None else [KEPT]
    plot = row["plot"] if given is None else given
    unknown = {"retried": None, "numbers_lost": None, "names_lost": None, "chrf": None}
    return {"id": row["id"], "view": 0, "plot": plot, "sentences": 1, "kept": kept, **unknown}


def _image_view(row: Mapping[str, Any]) -> dict[str, Any]:
    given = row["given_poster_256"]
    if given is None:
        return {"id": row["id"], "view": 0, "poster_256": row["poster_256"], "ops": [], "kept": KEPT}
    return {"id": row["id"], "view": 0, "poster_256": given, "ops": ["given"], "kept": None}


def _publish(
    kind: Literal["text", "image"], columns: Columns, sample: ShelfId, rows: Iterable[Mapping[str, Any]], cache: Cache
) -> ShelfId:
    spec = GivenSpec()
    shelf = shelf_id(kind, spec, [sample])
    if cache.published(shelf):
        return shelf
    counts: Counter[str] = Counter()
    with cache.stage(kind, columns) as stage:
        for row in rows:
            stage.write("train", row)
            counts[f"kept: {KEPT}" if row["kept"] else "given"] += 1
        stage.publish(shelf, spec=spec, parents=[sample], counts=counts)
    return shelf
