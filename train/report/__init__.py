"""The report of a comparison: one HTML file that needs nothing beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version
from train.compare import Comparison, Row, class_priors, compare
from train.records import RunResult, Scores
from train.report import content, figures

__all__ = ["write_report"]


def write_report(results: Sequence[RunResult], *, cache: Cache, path: Path) -> Path:
    """Write the page: results, curves, genres, films with their augmented views, settings.

    No script, no request; light and dark follow the reader's system. Text of films is escaped.

    Args:
        results: finished runs on one cache version.
        cache: holds that version.
        path: the HTML file, replaced if it is there.
    Returns:
        `path`.
    Raises:
        ValueError: results that cannot be compared, an unknown version, or a folder that cannot be written.
    """
    ordered = sorted(results, key=lambda one: one.run)
    version = open_version(cache, ordered[0].version) if ordered else None
    priors = class_priors(version) if version else None
    comparison = compare(ordered, priors=priors)
    assert version is not None
    assert priors is not None
    environment = Environment(loader=PackageLoader("train.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template("report.html").render(_values(ordered, comparison, priors, version))
    aside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(page, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}); choose another place for the report."
        raise ValueError(msg) from error
    return path


def _values(results: Sequence[RunResult], comparison: Comparison, priors: Scores, version: Version) -> dict[str, Any]:
    seeds = sorted({result.seed for result in results})
    recipe = str(version.manifest.spec.get("name", version.id))
    shared, own = content.settings(results)
    films = content.gallery(version)
    views = version.text is not None or version.image is not None
    return {
        "title": _title(comparison),
        "lead": _lead(comparison),
        "recipe": recipe,
        "version": version.manifest,
        "results": results,
        "rows": comparison.rows,
        "prior_micro": 100 * priors.ap_micro,
        "seeds": seeds,
        "many_seeds": len(seeds) > 1,
        "published": content.PUBLISHED if recipe == "moviescope" else (),
        "cut_short": [one.run for one in results if one.best_epoch == one.epochs],
        "films": films,
        "has_views": views,
        "changed_share": sum(film.changed for film in films) / len(films) if version.text else None,
        "excerpt_words": content.EXCERPT_WORDS,
        "shared": shared,
        "own_settings": own,
        "command": content.command(results, recipe=recipe),
        "shelves": [
            (name, shelf, content.flat(shelf.spec), shelf.counts, content.flat(shelf.quality))
            for name, shelf in content.shelves(version)
        ],
        "libraries": version.sample.manifest.libraries,
        "minutes": _duration(sum(result.seconds for result in results)),
        "created": f"Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        **_charts(results, priors, version),
    }


def _charts(results: Sequence[RunResult], priors: Scores, version: Version) -> dict[str, Any]:
    by_model = content.curves_by_model(results)
    shares = content.genre_shares(version)
    genres = [genre for genre in shares if priors.ap_by_genre[genre] is not None]
    bottom, last = figures.axis_limits([epochs for model in by_model for runs in model.epochs.values() for epochs in runs])
    terms = {model.title: runs for model in by_model if (runs := _with_share(model))}
    genre_charts = [
        figures.genre_bars(
            genres,
            title=model.title,
            priors=priors.ap_by_genre,
            **{
                name: figures.mean_by_genre(model.results[uda]) if model.results[uda] else None
                for name, uda in (("base", False), ("uda", True))
            },
        )
        for model in by_model
    ]
    return {
        "curve_charts": [charts for model in by_model if (charts := _curve_pair(model, bottom=bottom, last_epoch=last))],
        "share_chart": figures.shares(terms) if terms else None,
        "genre_charts": genre_charts,
        "absent": [genre for genre in shares if genre not in genres],
        "distribution_chart": figures.distribution(shares),
    }


def _curve_pair(model: content.Curves, *, bottom: float, last_epoch: int) -> list[Markup]:
    return [
        figures.curves(
            model.epochs[uda], title=f"{model.title}{' + UDA' if uda else ''}", uda=uda, bottom=bottom, last_epoch=last_epoch
        )
        for uda in (False, True)
        if model.epochs[uda]
    ]


def _with_share(model: content.Curves) -> list[Any]:
    return [epochs for epochs in model.epochs[True] if any(epoch.consistency_share is not None for epoch in epochs)]


def _title(comparison: Comparison) -> str:
    models = list(dict.fromkeys(row.title.removesuffix(" + UDA") for row in comparison.rows if row.uda is not None))
    named = models[0] if len(models) == 1 else f"{', '.join(models[:-1])} and {models[-1]}"
    kinds = {row.uda for row in comparison.rows} - {None}
    return f"{named}, {'with and without UDA' if len(kinds) == 2 else 'with UDA' if True in kinds else 'without UDA'}"


def _lead(comparison: Comparison) -> str:
    models = [row for row in comparison.rows if row.uda is not None]
    best, prior = max(models, key=lambda row: row.ap_micro.mean), comparison.rows[-1].ap_micro.mean
    sentences = [
        f"Highest on the test split: {best.title} with {best.ap_micro}% AP micro; the class priors reach {prior:.1f}%."
    ]
    effects = [_effect(base, uda) for base, uda in zip(models, models[1:], strict=False) if base.model == uda.model]
    if effects:
        sentences.append(f"What UDA changed: {'; '.join(effects)}.")
    return " ".join(sentences)


def _effect(base: Row, uda: Row) -> str:
    change = f"{uda.ap_micro.mean - base.ap_micro.mean:+.1f}".replace("-", "−")
    text = f"{base.title} {change} points AP micro"
    if base.gap and uda.gap:
        text += f", gap {base.gap.mean:.1f} → {uda.gap.mean:.1f}"
    return text


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
