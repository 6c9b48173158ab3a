"""A version as one row a film: the film and its views together, a few films at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import ClassLabel, Dataset, Features, Image, List, Value

from datasets_cache.schema import SPLITS, Split
from datasets_cache.version import Version, rows_by_id

FILMS_AT_ONCE = 32
_SUFFIXES = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"), (b"GIF8", ".gif"), (b"RIFF", ".webp"), (b"BM", ".bmp"))


@dataclass(frozen=True)
class Part:
    """Films that lie together: a split of the sample, or the pool; views where they have some."""

    config: str
    """``default``, or ``unlabelled`` for the pool."""
    split: Split
    films: Dataset
    text: Dataset | None
    image: Dataset | None


@dataclass(frozen=True)
class WholeFilm:
    """A row of the sample with the rows of its views, in view order."""

    film: Mapping[str, Any]
    """Columns of ``SAMPLE_FEATURES``."""
    texts: Sequence[Mapping[str, Any]]
    """Columns of ``TEXT_VIEW_FEATURES``."""
    images: Sequence[Mapping[str, Any]]
    """Columns of ``IMAGE_VIEW_FEATURES``."""


def parts(version: Version) -> list[Part]:
    """The three splits, and the pool where the version has one."""
    found = [
        Part("default", split, version.films(split), None, None) for split in SPLITS if version.sample.manifest.rows.get(split)
    ]
    found = [
        Part("default", "train", part.films, version.text_views(), version.image_views()) if part.split == "train" else part
        for part in found
    ]
    if pool := version.unlabelled():
        found.append(Part("unlabelled", "train", pool, version.unlabelled_text_views(), version.unlabelled_image_views()))
    return found


def whole_films(part: Part) -> Iterator[WholeFilm]:
    """The films of a part with their views, paired by id, in the order of the films. Memory holds ``FILMS_AT_ONCE`` films."""
    texts, images = (rows_by_id(views) if views else {} for views in (part.text, part.image))
    for start in range(0, len(part.films), FILMS_AT_ONCE):
        films = _rows(part.films, range(start, min(start + FILMS_AT_ONCE, len(part.films))))
        found_texts = _views(part.text, texts, films)
        found_images = _views(part.image, images, films)
        for film in films:
            yield WholeFilm(film, found_texts[film["id"]], found_images[film["id"]])


def features(genres: Sequence[str]) -> Features:
    """Columns of an exported film, the same for every split and for the pool."""
    return Features(
        {
            "id": Value("string"),
            "title": Value("string"),
            "plot": Value("string"),
            "genres": List(ClassLabel(names=list(genres))),
            "poster": Image(),
            "poster_256": Image(),
            "augmented_plots": List(Value("string")),
            "augmented_posters": List(Image()),
            "plot_views": List(
                {
                    "view": Value("int32"),
                    "sentences": Value("int32"),
                    "kept": List(Value("string")),
                    "retried": Value("int32"),
                    "numbers_lost": Value("int32"),
                    "names_lost": Value("int32"),
                    "chrf": Value("float32"),
                }
            ),
            "poster_views": List({"view": Value("int32"), "ops": List(Value("string")), "kept": Value("string")}),
        }
    )


def as_row(whole: WholeFilm, genres: Sequence[str]) -> dict[str, Any]:
    """A film in the columns of `features`, as Arrow stores them."""
    film, name = whole.film, whole.film["id"]
    measured = ("view", "sentences", "kept", "retried", "numbers_lost", "names_lost", "chrf")
    return {
        "id": name,
        "title": film["title"],
        "plot": film["plot"],
        "genres": [genres.index(genre) for genre in film["genres"]],
        "poster": _picture(film["poster"], name),
        "poster_256": _picture(film["poster_256"], f"{name}-256"),
        "augmented_plots": [view["plot"] for view in whole.texts],
        "augmented_posters": [_picture(view["poster_256"], f"{name}-view{view['view']}") for view in whole.images],
        "plot_views": [{key: view[key] for key in measured} for view in whole.texts],
        "poster_views": [{key: view[key] for key in ("view", "ops", "kept")} for view in whole.images],
    }


def suffix_of(poster: bytes) -> str:
    """How the file name of an encoded poster ends, by its first bytes."""
    return next((suffix for signature, suffix in _SUFFIXES if poster.startswith(signature)), "")


def _picture(data: bytes, name: str) -> dict[str, Any]:
    return {"bytes": data, "path": name + suffix_of(data)}


def _rows(rows: Dataset, numbers: Sequence[int]) -> list[dict[str, Any]]:
    columns: Any = rows[numbers] if len(numbers) else {}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _views(
    views: Dataset | None, by_id: Mapping[str, list[int]], films: Sequence[Mapping[str, Any]]
) -> Mapping[str, list[dict[str, Any]]]:
    """The views of these films, by id."""
    found: dict[str, list[dict[str, Any]]] = {film["id"]: [] for film in films}
    if views:
        for row in _rows(views, [number for film in films for number in by_id.get(film["id"], [])]):
            found[row["id"]].append(row)
    return found
