"""What the report shows, gathered from run directories and the cache."""

import base64
import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from datasets_cache.manifest import Manifest
from datasets_cache.schema import SPLITS
from datasets_cache.version import Version, rows_by_id
from train import history
from train.compare import MODEL_TITLES
from train.config import MODELS, RunConfig
from train.records import EpochMetrics, RunResult
from train.report.words import Span, excerpt, word_diff

GALLERY_FILMS = 12
PAGE_QUALITY = 85
"""JPEG quality of the posters on the page; training reads larger files."""
EXCERPT_WORDS, WORTH_CUTTING = 70, 30

PUBLISHED = (
    ("BERT", "71 / 72", "70 / 73"),
    ("ResNet-152", "43 / 51", "44 / 53"),
    ("MMBT", "71.5 / 74.1", "72.3 / 74.9"),
)
"""AP macro / micro, %, base and UDA, as the method's author reported them for a 30 % Moviescope sample."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Runs of one model, by whether they had UDA."""

    model: str
    title: str
    results: Mapping[bool, Sequence[RunResult]]
    epochs: Mapping[bool, Sequence[Sequence[EpochMetrics]]]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its changed words marked: what is shown at once, and the rest."""

    head: list[Span]
    rest: list[Span]
    words: int


@dataclass(frozen=True, slots=True)
class GalleryFilm:
    """One training film beside its augmented views."""

    title: str
    genres: tuple[str, ...]
    poster: str
    """``data:`` address."""
    augmented_poster: str | None
    ops: tuple[str, ...]
    poster_kept: str | None
    """Why the poster was kept as it was."""
    plot: Passage
    augmented_plot: Passage | None
    changed: float
    """Share of words changed."""
    sentences_kept: int


def curves_by_model(results: Sequence[RunResult]) -> list[Curves]:
    """Runs with their epochs, models in fixed order, seeds in rising order."""
    found: list[Curves] = []
    for model in MODELS:
        runs = {
            uda: sorted((one for one in results if one.model == model and one.uda == uda), key=lambda one: one.seed)
            for uda in (False, True)
        }
        if runs[False] or runs[True]:
            epochs = {uda: [read for one in runs[uda] if (read := history.read(one.path))] for uda in runs}
            found.append(Curves(model, MODEL_TITLES[model], runs, epochs))
    return found


def genre_shares(version: Version) -> dict[str, tuple[float, ...]]:
    """Share of films that have each genre in training, validation and test, commonest first."""
    by_split = [version.films(split)["genres"] for split in SPLITS]
    shares = {genre: tuple(float(np.mean([genre in film for film in films])) for films in by_split) for genre in version.genres}
    return dict(sorted(shares.items(), key=lambda item: -item[1][0]))


def gallery(version: Version, *, films: int = GALLERY_FILMS) -> list[GalleryFilm]:
    """Training films at even distances through the split, with their first views."""
    rows = version.films("train")
    texts, images = version.text_views(), version.image_views()
    text_rows, image_rows = (rows_by_id(views) if views else {} for views in (texts, images))
    chosen = np.linspace(0, len(rows) - 1, min(films, len(rows))).round().astype(int).tolist()
    shown: list[GalleryFilm] = []
    for number in chosen:
        film: dict[str, Any] = rows[number]
        text = texts[text_rows[film["id"]][0]] if texts and film["id"] in text_rows else None
        image = images[image_rows[film["id"]][0]] if images and film["id"] in image_rows else None
        shown.append(_gallery_film(film, text, image))
    return shown


def settings(results: Sequence[RunResult]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Settings that all runs share, and for each run those of its own; runs without a readable ``config.json`` are left out."""
    by_run = {result.run: flat(config) for result in results if (config := _config(result))}
    if not by_run:
        return {}, {}
    first = next(iter(by_run.values()))
    shared = {key: value for key, value in first.items() if all((key, value) in found.items() for found in by_run.values())}
    return shared, {run: {key: value for key, value in found.items() if key not in shared} for run, found in by_run.items()}


def command(results: Sequence[RunResult], *, recipe: str) -> str | None:
    """The command line that finds or trains these runs, every setting spelled out; None where their settings are not known."""
    configs = [config for result in results if (config := _config(result))]
    with_uda = [config for config in configs if config["uda"]]
    terms = {repr(config["uda"]) for config in with_uda}
    if len({repr((config["text"], config["image"], config["optim"])) for config in configs}) != 1 or len(terms) > 1:
        return None
    uda = "both" if 0 < len(with_uda) < len(configs) else "on" if with_uda else "off"
    seeds, models = sorted({config["seed"] for config in configs}), [m for m in MODELS if m in {c["model"] for c in configs}]
    options = {"version": configs[0]["version"], "models": ",".join(models), "uda": uda, "seeds": ",".join(map(str, seeds))}
    for part in ("text", "image", "optim"):
        options |= flat(configs[0][part], f"{part}.")
    if with_uda:
        options |= flat(with_uda[0]["uda"], "consistency.")
    words = [f"--{name} {shlex.quote('none' if value is None else str(value))}" for name, value in options.items()]
    return " \\\n  ".join([f"mmuda train {shlex.quote(recipe)}", *words])


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level: ``{"optim": {"patience": 5}}`` becomes ``{"optim.patience": 5}``."""
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            found |= flat(inner, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = inner
    return found


def shelves(version: Version) -> list[tuple[str, Manifest]]:
    """The shelves that a version is made of, with what each is."""
    named = (("Films", version.sample), ("Augmented plots", version.text), ("Augmented posters", version.image))
    return [(title, shelf.manifest) for title, shelf in named if shelf]


def _gallery_film(film: Mapping[str, Any], text: Mapping[str, Any] | None, image: Mapping[str, Any] | None) -> GalleryFilm:
    compared = word_diff(film["plot"], text["plot"] if text else film["plot"])
    return GalleryFilm(
        title=film["title"] or film["id"],
        genres=tuple(film["genres"]),
        poster=_data(film["poster_256"]),
        augmented_poster=_data(image["poster_256"]) if image else None,
        ops=tuple(image["ops"]) if image else (),
        poster_kept=image["kept"] if image else None,
        plot=_passage(compared.original),
        augmented_plot=_passage(compared.augmented) if text else None,
        changed=compared.changed,
        sentences_kept=len(text["kept"]) if text else 0,
    )


def _passage(spans: list[Span]) -> Passage:
    head, rest = excerpt(spans, words=EXCERPT_WORDS, worth=WORTH_CUTTING)
    return Passage(head, rest, sum(len(span.text.split()) for span in spans))


def _data(jpeg: bytes) -> str:
    small = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as poster:
        poster.convert("RGB").save(small, "JPEG", quality=PAGE_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"


def _config(result: RunResult) -> dict[str, Any] | None:
    path = result.path / "config.json"
    if not path.is_file():
        return None
    return RunConfig.model_validate_json(path.read_bytes()).model_dump(mode="json")
