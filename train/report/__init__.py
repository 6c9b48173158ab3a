"""The report of a comparison: one HTML file that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from datasets_cache.files import write_text
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version
from train.compare import Comparison, class_priors, compare
from train.effects import HEADINGS, Effect, caution, cells, signed, uncompared, verdict
from train.effects import effects as find_effects
from train.records import RunResult, Scores
from train.report import again, content, evidence, figures
from train.variants import MODEL_TITLES, Variant, flat, variants

__all__ = ["write_report"]


def write_report(
    results: Sequence[RunResult],
    *,
    cache: Cache,
    path: Path,
    effects: Sequence[Effect] | None = None,
    yardsticks: Mapping[str, Scores] | None = None,
) -> Path:
    """Write the page: results, what UDA changed, curves, genres, films with their augmented views, settings.

    No script, no request; light and dark follow the reader's system. Text of films is escaped.

    Args:
        results: finished runs on one cache version.
        cache: holds that version.
        path: the HTML file, replaced if it is there.
        effects: what `train.effects.effects` found for these runs; None looks for them here, which takes seconds.
        yardsticks: scores of ``train.yardstick`` by what they read, such as ``text``.
    Returns:
        `path`.
    Raises:
        ValueError: results that cannot be compared, an unknown version, or a folder that cannot be written.
    """
    ordered = sorted(results, key=lambda one: one.run)
    found = variants(ordered)
    version = open_version(cache, ordered[0].version)
    priors = class_priors(version)
    comparison = compare(ordered, priors=priors, yardsticks=yardsticks)
    changes = find_effects(ordered) if effects is None else effects
    environment = Environment(loader=PackageLoader("train.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    values = {
        **_values(ordered, found, version),
        **_said(ordered, comparison, changes, priors),
        **_charts(found, changes, priors, version),
    }
    page = environment.get_template("report.html").render(values)
    write_text(path, page)
    return path


def _values(results: Sequence[RunResult], found: Sequence[Variant], version: Version) -> dict[str, Any]:
    seeds = sorted({result.seed for result in results})
    recipe = str(version.manifest.spec.get("name", version.id))
    shared, own = content.settings(results)
    films = content.gallery(version)
    return {
        "recipe": recipe,
        "version": version.manifest,
        "results": results,
        "seeds": seeds,
        "many_seeds": any(len(variant.seeds) > 1 for variant in found),
        "one_seed": any(len(variant.seeds) == 1 for variant in found),
        "published": content.PUBLISHED if recipe == "moviescope" else (),
        "cut_short": [one.run for one in results if one.best_epoch == one.epochs],
        "films": films,
        "has_views": version.text is not None or version.image is not None,
        "changed_share": sum(film.changed for film in films) / len(films) if version.text else None,
        "excerpt_words": content.EXCERPT_WORDS,
        "shared": shared,
        "own_settings": own,
        "commands": again.commands([run for variant in found for run in variant.results], recipe=recipe),
        "shelves": [
            (name, shelf, flat(shelf.spec), shelf.counts, flat(shelf.quality)) for name, shelf in content.shelves(version)
        ],
        "libraries": version.sample.manifest.libraries,
        "minutes": _duration(sum(result.seconds for result in results)),
        "created": f"Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
    }


def _said(results: Sequence[RunResult], comparison: Comparison, changes: Sequence[Effect], priors: Scores) -> dict[str, Any]:
    return {
        "title": _title(comparison),
        "lead": _lead(comparison, changes),
        "rows": comparison.rows,
        "prior_micro": 100 * priors.ap_micro,
        "effect_headings": HEADINGS,
        "effects": [(effect, cells(effect)) for effect in changes],
        "uncompared": uncompared(results),
        "caution": caution(changes) if changes else None,
    }


def _charts(found: Sequence[Variant], changes: Sequence[Effect], priors: Scores, version: Version) -> dict[str, Any]:
    shares = content.genre_shares(version)
    genres = [genre for genre in shares if priors.ap_by_genre[genre] is not None]
    courses = content.courses(found)
    bottom, last = figures.axis_limits([epochs for course in courses for epochs in course.epochs])
    terms = {course.variant.title: course.weighted for course in courses if course.weighted}
    return {
        "curve_charts": [
            (
                one.variant.title,
                figures.curves(one.epochs, title=one.variant.title, uda=one.variant.uda, bottom=bottom, last_epoch=last),
            )
            for one in courses
        ],
        "share_chart": figures.shares(terms) if terms else None,
        "weight_charts": [
            (one.variant.title, evidence.weight_and_gap(one.weighted, title=one.variant.title, target=one.target_gap))
            for one in courses
            if one.weighted
        ],
        "ogr_charts": [
            (one.variant.title, chart)
            for one in courses
            if (chart := evidence.overfitting(one.epochs, title=one.variant.title, uda=one.variant.uda))
        ],
        "genre_charts": [
            (title, figures.genre_bars(genres, title=title, priors=priors.ap_by_genre, base=base, uda=uda))
            for title, base, uda in content.genres_side_by_side(found)
        ],
        "difference_charts": [
            (effect.title, chart) for effect in changes if (chart := evidence.genre_differences(effect, genres))
        ],
        "absent": [genre for genre in shares if genre not in genres],
        "distribution_chart": figures.distribution(shares),
    }


def _title(comparison: Comparison) -> str:
    models = list(dict.fromkeys(MODEL_TITLES[row.model] for row in comparison.rows if row.model))
    named = models[0] if len(models) == 1 else f"{', '.join(models[:-1])} and {models[-1]}"
    kinds = {row.uda for row in comparison.rows} - {None}
    return f"{named}, {'with and without UDA' if len(kinds) == 2 else 'with UDA' if True in kinds else 'without UDA'}"


def _lead(comparison: Comparison, changes: Sequence[Effect]) -> str:
    models = [row for row in comparison.rows if row.kind == "model"]
    best, prior = max(models, key=lambda row: row.ap_micro.mean), comparison.rows[-1].ap_micro.mean
    sentences = [
        f"Highest on the test split: {best.title} with {best.ap_micro}% AP micro; the class priors reach {prior:.1f}%."
    ]
    if changes:
        said = "; ".join(f"{one.plain_title} {signed(one.ap_micro.mean)} points, {verdict(one.ap_micro)}" for one in changes)
        sentences.append(f"What UDA changed in AP micro: {said}.")
    return " ".join(sentences)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
