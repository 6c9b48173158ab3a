"""Loss and average precision by epoch as pictures for the page."""

import io
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from flows.page.markup import cell, data_address
from train.records import RunResult
from train.report.content import Course, courses
from train.report.drawing import LINES, epoch_axis
from train.variants import MODEL_TITLES, variants

INK, MUTED, GRID, BASE, UDA, PAPER = "#1f1d1a", "#67625a", "#ddd7cb", "#35608f", "#b3470e", "#ffffff"
"""The colours of the report on light paper."""
WIDTH, HEIGHT, DOTS = 8.6, 3.1, 100
"""Inches, and dots an inch: as wide as the page's column."""
_STYLE: Any = {
    "text.parse_math": False,
    "font.size": 10,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def as_markdown(results: Sequence[RunResult]) -> str:
    """A picture for each model: left the losses, right the average precision, a colour and stroke for each of its variants."""
    found = courses(variants(results))
    if not found:
        return "The runs left no epochs to draw.\n"
    parts = [f"## Training on {cell(results[0].version)}"]
    for model, title in MODEL_TITLES.items():
        if own := [course for course in found if course.variant.model == model]:
            picture = data_address(_drawn(own), kind="png")
            parts.append(f"### {title}\n\n![{title}: supervised loss and average precision by epoch]({picture})")
            parts.append("\n".join(f"- {_tested(course)}" for course in own))
    return "\n\n".join(parts) + "\n"


def _tested(course: Course) -> str:
    best = ", ".join(str(result.best_epoch) for result in course.variant.results)
    epochs = ", ".join(str(result.epochs) for result in course.variant.results)
    seeds = ", ".join(map(str, course.variant.seeds))
    return f"{cell(course.variant.title)}: tested epoch {best} of {epochs} (seed {seeds})"


def _drawn(own: Sequence[Course]) -> bytes:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained", facecolor=PAPER)
        losses, precisions = figure.subplots(1, 2)
        for course, line in zip(own, cycle(LINES), strict=False):
            _course(course, losses, precisions, line if len(own) > 2 else "-")
        highest = max(epoch.supervised for course in own for epochs in course.epochs for epoch in epochs)
        last = max(epoch.epoch for course in own for epochs in course.epochs for epoch in epochs)
        losses.set(title="supervised loss, training", ylim=(0, 1.05 * highest or 1))
        precisions.set(title="AP micro: validation, and training (thin)", ylim=(0, 1.02))
        precisions.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        for axes in (losses, precisions):
            axes.set_xlim(0.5, last + 0.5)
            epoch_axis(axes)
        losses.legend(loc="best", fontsize=9)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=DOTS, metadata={"Software": None})
    return picture.getvalue()


def _course(course: Course, losses: Any, precisions: Any, line: Any) -> None:  # noqa: ANN401  # matplotlib's axes
    colour = UDA if course.variant.uda else BASE
    for number, epochs in enumerate(course.epochs):
        x = [epoch.epoch for epoch in epochs]
        dots = "o" if len(x) == 1 else None
        label = course.variant.title if number == 0 else None
        losses.plot(x, [epoch.supervised for epoch in epochs], color=colour, ls=line, lw=1.8, marker=dots, ms=5, label=label)
        validation = [epoch.validation.ap_micro for epoch in epochs]
        precisions.plot(x, validation, color=colour, ls=line, lw=2.2, marker=dots, ms=6)
        precisions.plot(
            x, [epoch.train_ap_micro for epoch in epochs], color=colour, ls=line, lw=0.9, alpha=0.8, marker=dots, ms=3
        )
        best = max((epoch for epoch in epochs if epoch.best), key=lambda epoch: epoch.epoch)
        precisions.plot(best.epoch, best.validation.ap_micro, "o", ms=8, mfc=colour, mec=PAPER, mew=1.5)
