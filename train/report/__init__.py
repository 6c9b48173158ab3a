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
from train.report import charts, content, figures
from train.report.again import augmentation, commands, config_file
from train.report.certainty import certainty
from train.report.together import together
from train.report.translations import worst
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

    No script, no request; light and dark follow the reader's system. Text of films is escaped. Where the cache version is not
    there any more, or a shelf of it is damaged, the page says so and shows what the runs themselves know.

    Args:
        results: finished runs on one cache version.
        cache: holds that version.
        path: the HTML file, replaced if it is there.
        effects: what `train.effects.effects` found for these runs; None looks for them here, which takes seconds.
        yardsticks: scores of ``train.yardstick`` by what they read, such as ``text``.
    Returns:
        `path`.
    Raises:
        ValueError: results that cannot be compared, or a folder that cannot be written.
    """
    ordered = sorted(results, key=lambda one: one.run)
    found = variants(ordered)
    version, missing = _open(cache, ordered[0].version)
    priors, shares = (class_priors(version), content.genre_shares(version)) if version else (None, {})
    comparison = compare(ordered, priors=priors, yardsticks=yardsticks)
    changes = find_effects(ordered) if effects is None else effects
    environment = Environment(loader=PackageLoader("train.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    values = {
        **_values(ordered, found, version),
        **_said(ordered, comparison, changes, priors),
        **charts.of_runs(found, changes, priors, list(shares) or ordered[0].genres),
        **(_films(found, version, shares) if version else {}),
        "missing": missing,
    }
    page = environment.get_template("report.html").render(values)
    write_text(path, page)
    return path


def _open(cache: Cache, wanted: str) -> tuple[Version | None, str | None]:
    """The version, or why it cannot be shown."""
    try:
        return open_version(cache, wanted), None
    except ValueError as error:
        return None, str(error)


def _values(results: Sequence[RunResult], found: Sequence[Variant], version: Version | None) -> dict[str, Any]:
    seeds = sorted({result.seed for result in results})
    known, genres = results[0].version, results[0].genres
    spec: Mapping[str, Any] = version.manifest.spec if version else {"name": known.rpartition("-")[0]}
    recipe = str(spec.get("name", known))
    plan: Mapping[str, Any] = spec.get("plan") or {}
    shared, own = content.settings(results)
    opening = f"--config {config_file(known)}" if plan else recipe
    return {
        "recipe": recipe,
        "version": known,
        "films_by_split": version.manifest.rows if version else {},
        "genres": genres,
        "results": results,
        "seeds": seeds,
        "many_seeds": any(len(variant.seeds) > 1 for variant in found),
        "one_seed": any(len(variant.seeds) == 1 for variant in found),
        "published": content.PUBLISHED if recipe == "moviescope" else {},
        "cut_short": [one.run for one in results if one.best_epoch == one.epochs],
        "shared": shared,
        "own_settings": own,
        "augment_command": augmentation(plan, version=known) if plan else None,
        "commands": commands([run for variant in found for run in variant.results], recipe=opening),
        "report_command": f"mmuda report --version {known}",
        "minutes": _duration(sum(result.seconds for result in results)),
        "created": f"Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
    }


def _films(found: Sequence[Variant], version: Version, shares: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """What is read from the cache: films, genres, views and shelves."""
    films = content.gallery(version)
    return {
        "films": films,
        "has_views": version.text is not None or version.image is not None,
        "changed_share": sum(film.plots.changed for film in films) / len(films) if version.text else None,
        "back_translated": version.text.manifest.rows["train"] if version.text else 0,
        "worst": worst(version),
        "certainty": certainty(found, version),
        "together": together(version.films("train")["genres"], version.genres),
        "distribution_chart": figures.distribution(shares),
        "shelves": [
            (name, shelf, flat(shelf.spec), shelf.counts, flat(shelf.quality)) for name, shelf in content.shelves(version)
        ],
        "libraries": version.sample.manifest.libraries,
        "plan": flat(version.manifest.spec.get("plan") or {}),
    }


def _said(
    results: Sequence[RunResult], comparison: Comparison, changes: Sequence[Effect], priors: Scores | None
) -> dict[str, Any]:
    return {
        "title": _title(comparison),
        "lead": _lead(comparison, changes, priors),
        "rows": comparison.rows,
        "prior_micro": 100 * priors.ap_micro if priors else 0.0,
        "effect_headings": HEADINGS,
        "effects": [(effect, cells(effect)) for effect in changes],
        "uncompared": uncompared(results),
        "caution": caution(changes) if changes else None,
    }


def _title(comparison: Comparison) -> str:
    models = list(dict.fromkeys(MODEL_TITLES[row.model] for row in comparison.rows if row.model))
    named = models[0] if len(models) == 1 else f"{', '.join(models[:-1])} and {models[-1]}"
    kinds = {row.uda for row in comparison.rows} - {None}
    return f"{named}, {'with and without UDA' if len(kinds) == 2 else 'with UDA' if True in kinds else 'without UDA'}"


def _lead(comparison: Comparison, changes: Sequence[Effect], priors: Scores | None) -> str:
    best = max((row for row in comparison.rows if row.kind == "model"), key=lambda row: row.ap_micro.mean)
    beside = f"; the class priors reach {100 * priors.ap_micro:.1f}%" if priors else ""
    sentences = [f"Highest on the test split: {best.title} with {best.ap_micro}% AP micro{beside}."]
    if changes:
        verdicts = [verdict(one.ap_micro, one.test_films) for one in changes]
        moved = "; ".join(
            f"{one.plain_title} {signed(one.ap_micro.mean)} points" + (f", {said}" if len(set(verdicts)) > 1 else "")
            for one, said in zip(changes, verdicts, strict=True)
        )
        together = "" if len(set(verdicts)) > 1 else f": {'all ' if len(changes) > 1 else ''}{verdicts[0]}"
        sentences.append(f"What UDA changed in AP micro: {moved}{together}.")
    return " ".join(sentences)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
