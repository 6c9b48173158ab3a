"""What the report shows, gathered from run directories and the cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets_cache.manifest import Manifest
from datasets_cache.schema import SPLITS
from datasets_cache.version import Version, rows_by_id
from train import history
from train.records import EpochMetrics, RunResult
from train.report import pictures
from train.report.passages import Compared, compared
from train.variants import Variant, base_of, flat

GALLERY_FILMS = 12

PUBLISHED: Mapping[str, tuple[str, str]] = {
    "BERT": ("71", "72"),
    "BERT + UDA": ("70", "73"),
    "ResNet": ("43", "51"),
    "ResNet + UDA": ("44", "53"),
    "MMBT": ("71.5", "74.1"),
    "MMBT + UDA": ("72.3", "74.9"),
}
"""AP macro and micro, %, by the title of a row, as the method's author reported them for a 30 % Moviescope sample."""


@dataclass(frozen=True, slots=True)
class Course:
    """The epochs of one variant."""

    variant: Variant
    epochs: Sequence[Sequence[EpochMetrics]]
    """Of each seed that left its ``epochs.jsonl``."""

    @property
    def target_gap(self) -> float | None:
        """The gap that an adaptive λ is steered to, a fraction; None for other schedules."""
        term = self.variant.results[0].config.uda
        return term.schedule.target_gap if term and term.schedule.kind == "adaptive" else None

    @property
    def weighted(self) -> Sequence[Sequence[EpochMetrics]]:
        """Seeds with an epoch that had the consistency term."""
        return [seed for seed in self.epochs if any(epoch.consistency_weight is not None for epoch in seed)]


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
    plots: Compared
    back_translated: bool
    """Whether the version has a back-translation of the plot; without one both plots are the same."""
    sentences_kept: int


def courses(found: Sequence[Variant]) -> list[Course]:
    """Variants with their epochs, in the order of the table; without those whose epochs are not there any more."""
    read = [(one, [epochs for run in one.results if (epochs := history.read(run.path))]) for one in found]
    return [Course(variant, epochs) for variant, epochs in read if epochs]


def side_by_side(found: Sequence[Variant]) -> list[tuple[str, list[Variant]]]:
    """A title, and the variants of one figure: each with UDA behind its base, and bases that none stands beside, alone."""
    bases = {id(one): base for one in found if one.uda and (base := base_of(one, found))}
    beside = {id(base) for base in bases.values()}
    groups: list[tuple[str, list[Variant]]] = []
    for one in found:
        if base := bases.get(id(one)):
            groups.append((one.title.replace(" + UDA", "", 1), [base, one]))
        elif id(one) not in beside:
            groups.append((one.title, [one]))
    return groups


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
    """Settings that all runs share, and for each run those of its own."""
    by_run = {result.run: flat(result.config.model_dump(mode="json")) for result in results}
    first = next(iter(by_run.values()))
    shared = {key: value for key, value in first.items() if all((key, value) in found.items() for found in by_run.values())}
    return shared, {run: {key: value for key, value in found.items() if key not in shared} for run, found in by_run.items()}


def shelves(version: Version) -> list[tuple[str, Manifest]]:
    """The shelves that a version is made of, with what each is."""
    named = (
        ("Films", version.sample),
        ("Augmented plots", version.text),
        ("Augmented posters", version.image),
        ("Unlabelled films", version.pool),
        ("Augmented plots of unlabelled films", version.pool_text),
        ("Augmented posters of unlabelled films", version.pool_image),
    )
    return [(title, shelf.manifest) for title, shelf in named if shelf]


def _gallery_film(film: Mapping[str, Any], text: Mapping[str, Any] | None, image: Mapping[str, Any] | None) -> GalleryFilm:
    return GalleryFilm(
        title=film["title"] or film["id"],
        genres=tuple(film["genres"]),
        poster=pictures.address(film["poster_256"], size=pictures.PAIR),
        augmented_poster=pictures.address(image["poster_256"], size=pictures.PAIR) if image else None,
        ops=tuple(image["ops"]) if image else (),
        poster_kept=image["kept"] if image else None,
        plots=compared(film["plot"], text["plot"] if text else film["plot"]),
        back_translated=text is not None,
        sentences_kept=len(text["kept"]) if text else 0,
    )
