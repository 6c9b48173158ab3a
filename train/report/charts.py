"""Every chart of the page, by the name that the template has for it."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from train.effects import Effect
from train.records import Scores
from train.report import content, evidence, figures
from train.report.content import Course
from train.report.figures import Panel
from train.variants import Variant, base_of


def of_runs(
    found: Sequence[Variant], changes: Sequence[Effect], priors: Scores | None, genres: Sequence[str]
) -> dict[str, Any]:
    """Curves, the consistency term, over-fitting, and scores by genre.

    Args:
        found: variants.
        changes: what UDA changed.
        priors: scores of the class priors; None where the version is not there any more.
        genres: of the task, in the order in which they are drawn.
    """
    read = {id(course.variant): course for course in content.courses(found)}
    tested = found[0].results[0].test.ap_by_genre
    scored = [genre for genre in genres if tested.get(genre) is not None]
    weighted = [course for course in read.values() if course.weighted]
    terms = {course.variant.title: course.weighted for course in weighted}
    groups = content.side_by_side(found)
    return {
        "curve_charts": _curves(groups, read),
        "share_chart": figures.shares(terms) if terms else None,
        "weight_charts": [(one.variant.title, _weight(one, _base(one, found, read))) for one in weighted],
        "ogr_charts": [
            (one.variant.title, chart)
            for one in read.values()
            if (chart := evidence.overfitting(one.epochs, title=one.variant.title, uda=one.variant.uda))
        ],
        "genre_charts": [(title, _genres(title, group, scored, priors)) for title, group in groups],
        "difference_charts": [
            (effect.title, chart) for effect in changes if (chart := evidence.genre_differences(effect, scored))
        ],
        "absent": [genre for genre in genres if genre not in scored],
    }


def _curves(groups: Sequence[tuple[str, list[Variant]]], read: dict[int, Course]) -> list[tuple[str, Markup]]:
    bottom, last = figures.axis_limits([epochs for course in read.values() for epochs in course.epochs])
    shown = [(title, [read[id(one)] for one in group if id(one) in read]) for title, group in groups]
    return [
        (
            title,
            figures.curves(
                [Panel(course.epochs, course.variant.uda) for course in group], title=title, bottom=bottom, last_epoch=last
            ),
        )
        for title, group in shown
        if group
    ]


def _base(course: Course, found: Sequence[Variant], read: dict[int, Course]) -> Course | None:
    base = base_of(course.variant, found) if course.variant.uda else None
    return read.get(id(base)) if base else None


def _weight(course: Course, base: Course | None) -> Markup:
    return evidence.weight_and_gap(
        course.weighted, title=course.variant.title, target=course.target_gap, base=base.epochs if base else ()
    )


def _genres(title: str, group: Sequence[Variant], genres: Sequence[str], priors: Scores | None) -> Markup:
    base, uda = (next((figures.mean_by_genre(one.results) for one in group if one.uda is uses), None) for uses in (False, True))
    return figures.genre_bars(genres, title=title, priors=priors.ap_by_genre if priors else {}, base=base, uda=uda)
