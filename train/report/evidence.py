"""The report's charts of what the consistency term did: its weight and the gap, over-fitting, differences by genre."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from markupsafe import Markup
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from train.effects import Effect
from train.records import EpochMetrics
from train.report.drawing import BASE, INK, LINES, MUTED, UDA, canvas, epoch_axis, legend_above, mark_switch, style, svg

_OGR_OF = ("model", "text", "image")


def weight_and_gap(
    runs: Sequence[Sequence[EpochMetrics]],
    *,
    title: str,
    target: float | None,
    base: Sequence[Sequence[EpochMetrics]] = (),
) -> Markup:
    """λ by epoch above the generalisation gap by epoch, one line a seed.

    Args:
        runs: epochs of each seed.
        title: of the variant.
        target: the gap that an adaptive λ is steered to, a fraction; None for other schedules.
        base: epochs of each seed without UDA, whose gap is drawn beside.
    """
    with style():
        figure, upper = canvas(height=4.2)
        upper.remove()
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.3))
        for number, epochs in enumerate(base):
            gaps = [(one.epoch, one.gap) for one in epochs]
            lower.plot(*zip(*gaps, strict=True), color=BASE, lw=1.4, ls=LINES[1], label=None if number else "gap without UDA")
        for number, epochs in enumerate(runs):
            first = number == 0
            weighted = [(one.epoch, one.consistency_weight) for one in epochs if one.consistency_weight is not None]
            upper.plot(*zip(*weighted, strict=True), color=UDA, lw=2, marker="o", ms=3.5)
            gaps = [(one.epoch, one.gap) for one in epochs]
            smoothed = [(one.epoch, one.smoothed_gap) for one in epochs if one.smoothed_gap is not None]
            thin: dict[str, Any] = {"lw": 1.4, "ls": LINES[1]} if smoothed else {"lw": 2, "ls": LINES[0]}
            lower.plot(*zip(*gaps, strict=True), color=UDA, label="gap with UDA" if first else None, **thin)
            if smoothed:
                lower.plot(*zip(*smoothed, strict=True), color=UDA, lw=2.4, label="smoothed" if first else None)
            mark_switch(lower, epochs, named=first)
        if target is not None:
            lower.axhline(target, color=INK, lw=1, ls=LINES[2], label="target")
        for axes in (upper, lower):
            axes.patch.set_alpha(0)
        upper.set(ylim=(0, None), ylabel="λ")
        lower.set_ylabel("train − validation")
        lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
        epoch_axis(lower)
        legend_above(lower)
        return svg(figure, name=f"weight-{title}", described=f"{title}: weight of the consistency term and gap by epoch")


def overfitting(runs: Sequence[Sequence[EpochMetrics]], *, title: str, uda: bool) -> Markup | None:
    """Overfitting-to-generalisation ratio by epoch on a logarithmic axis, median over seeds, for the model and each modality.

    None where no epoch has one that is above 0.
    """
    lines = {part: found for part in _OGR_OF if (found := _median_ratios(runs, part))}
    if not lines:
        return None
    with style():
        figure, axes = canvas(height=3.1)
        for (part, found), line in zip(lines.items(), LINES, strict=False):
            axes.plot(*zip(*found, strict=True), color=UDA if uda else BASE, ls=line, lw=1.8, marker="o", ms=3, label=part)
        axes.axhline(1, color=MUTED, lw=1)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        epoch_axis(axes)
        legend_above(axes)
        return svg(figure, name=f"ogr-{title}", described=f"{title}: overfitting-to-generalisation ratio by epoch")


def genre_differences(effect: Effect, genres: Sequence[str]) -> Markup | None:
    """UDA minus base in the test AP of each genre, points, with its 95 % interval; None without intervals.

    Args:
        effect: the variant.
        genres: rows from the top.
    """
    found = [(row, change) for row, genre in enumerate(genres) if (change := effect.by_genre.get(genre)) and change.interval]
    if not found:
        return None
    with style():
        figure, axes = canvas(height=0.7 + 0.27 * len(genres), width=4.4)
        axes.axvline(0, color=INK, lw=1)
        for row, change in found:
            assert change.interval is not None
            colour = MUTED if change.interval.holds_zero else UDA
            axes.plot([change.interval.low, change.interval.high], [row, row], color=colour, lw=2)
            axes.plot(change.mean, row, "o", color=colour, ms=5)
        axes.set_yticks(range(len(genres)), genres)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(len(genres) - 0.5, -0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, prune="both"))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0")
        return svg(
            figure, name=f"differences-{effect.title}", described=f"{effect.title}: change of each genre's test AP, points"
        )


def _median_ratios(runs: Sequence[Sequence[EpochMetrics]], part: str) -> list[tuple[int, float]]:
    """Epoch and ratio, of the epochs that have one above 0, which a logarithmic axis can show."""
    by_epoch: dict[int, list[float]] = {}
    for epoch in (one for epochs in runs for one in epochs):
        if ratio := epoch.ogr.get(part):
            by_epoch.setdefault(epoch.epoch, []).append(ratio)
    return [(epoch, median(found)) for epoch, found in sorted(by_epoch.items())]
