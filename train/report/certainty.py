"""The test films that a model is surest and least sure of, from the predictions that its runs saved.

Shape legend: S seeds, F films, G genres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datasets_cache.version import Version
from train import predictions
from train.predictions import Predictions
from train.report import pictures
from train.variants import Variant

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 6
"""Films at either end."""
NAMED = 4
"""Genres that a film's card names at least, the likeliest first."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model says of one genre of a film."""

    genre: str
    probability: float
    true: bool
    """Whether the film has it."""


@dataclass(frozen=True, slots=True)
class JudgedFilm:
    """One film of the test split, and what a model says of it."""

    title: str
    poster: str
    """``data:`` address."""
    genres: tuple[str, ...]
    """Those that it has."""
    guesses: tuple[Guess, ...]
    """The likeliest genres first; among them all that it has and all above one half."""
    entropy: float
    """Mean binary entropy over genres, bits: 0 sure of each genre, 1 undecided about each."""
    missed: tuple[str, ...]
    """Genres that it has and that were given less than one half."""
    invented: tuple[str, ...]
    """Genres above one half that it does not have."""

    @property
    def right(self) -> bool:
        """Whether the genres above one half are exactly those that it has."""
        return not self.missed and not self.invented


@dataclass(frozen=True, slots=True)
class Certainty:
    """The two ends of the test split for one variant."""

    title: str
    """Of the variant."""
    seeds: tuple[int, ...]
    """Seeds whose probabilities were averaged."""
    films: int
    """Films of the test split."""
    most: tuple[JudgedFilm, ...]
    """The surest first."""
    least: tuple[JudgedFilm, ...]
    """The least sure first; never one of `most`."""
    half: int
    """Films in either half of the split."""
    wrong_sure: float
    """Share of wrong genre decisions in the surer half."""
    wrong_unsure: float
    """Likewise in the other half."""


def certainty(found: Sequence[Variant], version: Version, *, shown: int = SHOWN) -> Certainty | None:
    """The ends of the test split for the variant of the highest validation AP-micro among those that have predictions.

    Args:
        found: variants.
        version: that they were trained on.
        shown: films at either end, at most half of the split.
    Returns:
        None where no run's predictions are there any more, or they know none of the version's films.
    Raises:
        ValueError: predictions that are damaged.
    """
    kept = {id(variant): [run for run in variant.results if (run.path / predictions.TEST).is_file()] for variant in found}
    there = [variant for variant in found if kept[id(variant)]]
    if not there:
        return None
    best = max(there, key=lambda variant: fmean(run.validation.ap_micro for run in variant.results))
    runs = kept[id(best)]
    said = [predictions.load(run.path / predictions.TEST) for run in runs]
    films = version.films("test")
    rows = {film: row for row, film in enumerate(films["id"])}
    known = set(rows).intersection(*(one.ids for one in said))
    ids = [film for film in said[0].ids if film in known]
    if len(ids) < 2:
        return None
    probabilities_FG = np.mean([_of(one, ids, one.logits_BG.sigmoid()) for one in said], axis=0)
    labels_FG = _of(said[0], ids, said[0].labels_BG) > 0
    entropy_F, wrong_F = _entropy(probabilities_FG).mean(axis=1), ((probabilities_FG > 0.5) != labels_FG).mean(axis=1)
    order, half = np.argsort(entropy_F, kind="stable"), len(ids) // 2

    def film(number: int) -> JudgedFilm:
        row: Mapping[str, Any] = films[rows[ids[number]]]
        return _film(row, said[0].genres, probabilities_FG[number], labels_FG[number], float(entropy_F[number]))

    return Certainty(
        title=best.title,
        seeds=tuple(run.seed for run in runs),
        films=len(ids),
        most=tuple(film(number) for number in order[: min(shown, half)].tolist()),
        least=tuple(film(number) for number in order[::-1][: min(shown, half)].tolist()),
        half=half,
        wrong_sure=float(wrong_F[order[:half]].mean()),
        wrong_unsure=float(wrong_F[order[::-1][:half]].mean()),
    )


def _film(
    row: Mapping[str, Any], genres: Sequence[str], probabilities_G: Floats, labels_G: NDArray[np.bool_], entropy: float
) -> JudgedFilm:
    order: list[int] = np.argsort(-probabilities_G, kind="stable").tolist()
    named = [one for place, one in enumerate(order) if place < NAMED or labels_G[one] or probabilities_G[one] > 0.5]
    return JudgedFilm(
        title=row["title"] or row["id"],
        poster=pictures.address(row["poster_256"], size=pictures.THUMBNAIL),
        genres=tuple(row["genres"]),
        guesses=tuple(Guess(genres[one], float(probabilities_G[one]), bool(labels_G[one])) for one in named),
        entropy=entropy,
        missed=tuple(genres[one] for one in order if labels_G[one] and probabilities_G[one] <= 0.5),
        invented=tuple(genres[one] for one in order if not labels_G[one] and probabilities_G[one] > 0.5),
    )


def _of(said: Predictions, ids: Sequence[str], values_FG: "Tensor") -> Floats:
    """Rows of these films, in their order: films are paired by id, whatever order a run has them in."""
    rows = {film: row for row, film in enumerate(said.ids)}
    return values_FG.double().numpy()[[rows[film] for film in ids]]


def _entropy(probabilities_FG: Floats) -> Floats:
    """Binary entropy of each genre, bits."""
    sure_FG = np.clip(probabilities_FG, 1e-12, 1 - 1e-12)
    return -(sure_FG * np.log2(sure_FG) + (1 - sure_FG) * np.log2(1 - sure_FG))
