"""The report's charts of runs, genres and films."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from statistics import fmean
from typing import NamedTuple

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from train.records import EpochMetrics, RunResult
from train.report.drawing import BASE, INK, LINES, MUTED, PAPER, UDA, canvas, epoch_axis, mark_switch, style, svg

TRAINING = (0, (4, 2))
"""Stroke of what was measured in training; validation is a solid line."""


class Panel(NamedTuple):
    """One half of a figure of curves."""

    epochs: Sequence[Sequence[EpochMetrics]]
    """Of each seed."""
    uda: bool


def curves(panels: Sequence[Panel], *, title: str, bottom: float, last_epoch: int) -> Markup:
    """AP-micro in training (dashed) and validation (solid) by epoch, the gap between them shaded: without UDA, and with it.

    Args:
        panels: one or two, side by side on the same axes; a pair of lines a seed, a point at the tested epoch.
        title: of the model.
        bottom: lowest AP shown, a fraction; the same for charts that are read side by side.
        last_epoch: end of the epoch axis, likewise.
    """
    with style():
        figure, only = canvas(height=3.2)
        only.remove()
        for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
            axes.patch.set_alpha(0)
            for number, epochs in enumerate(panel.epochs):
                _curves_of_seed(axes, epochs, color=UDA if panel.uda else BASE, shade=0.16 / len(panel.epochs))
                mark_switch(axes, epochs, named=not number)
            axes.set(xlim=(0.5, last_epoch + 0.5), ylim=(bottom, 1.02))
            gap = fmean(_tested(epochs).gap for epochs in panel.epochs)
            axes.set_title(f"{'with' if panel.uda else 'without'} UDA · gap {100 * gap:.1f}", fontsize=11)
            epoch_axis(axes)
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        lines = [Line2D([], [], color=MUTED, lw=1.5, ls=TRAINING), Line2D([], [], color=MUTED, lw=2.4)]
        point = Line2D([], [], color=MUTED, marker="o", ms=7, ls="none")
        figure.legend(
            [*lines, point], ["training", "validation", "tested"], loc="outside upper left", ncols=3, fontsize=10,
            handlelength=1.8, columnspacing=1.2, borderaxespad=0,
        )  # fmt: skip
        return svg(figure, name=f"curves-{title}", described=f"{title}: training and validation AP micro by epoch")


def _curves_of_seed(axes: Axes, epochs: Sequence[EpochMetrics], *, color: str, shade: float) -> None:
    x = [epoch.epoch for epoch in epochs]
    training, validation = [epoch.train_ap_micro for epoch in epochs], [epoch.validation.ap_micro for epoch in epochs]
    alone = "." if len(x) == 1 else None
    axes.fill_between(x, validation, training, color=color, alpha=shade, lw=0)
    axes.plot(x, training, color=color, lw=1.5, ls=TRAINING, marker=alone)
    axes.plot(x, validation, color=color, lw=2.4)
    best = _tested(epochs)
    axes.plot(best.epoch, best.validation.ap_micro, "o", ms=8, mfc=color, mec=PAPER, mew=2)


def _tested(epochs: Sequence[EpochMetrics]) -> EpochMetrics:
    """The epoch whose weights were tested: the last that was the best so far."""
    return max((epoch for epoch in epochs if epoch.best), key=lambda epoch: epoch.epoch)


def shares(runs: Mapping[str, Sequence[Sequence[EpochMetrics]]]) -> Markup:
    """λ · consistency / supervised by epoch, one line a seed, for each variant with UDA; only the epochs with the term."""
    with style():
        figure, axes = canvas(height=3.1 + (0.2 * len(runs) if len(runs) > 3 else 0))
        for line, (title, seeds) in zip(cycle(LINES), runs.items(), strict=False):
            for number, epochs in enumerate(seeds):
                points = [(epoch.epoch, epoch.consistency_share) for epoch in epochs if epoch.consistency_share is not None]
                axes.plot(
                    *zip(*points, strict=True),
                    color=UDA,
                    ls=line,
                    lw=2,
                    marker="o",
                    ms=3.5,
                    label=title if not number else None,
                )
        axes.set(ylim=(0, None))
        epoch_axis(axes)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        figure.legend(loc="outside upper left", fontsize=10, ncols=1 if len(runs) > 3 else len(runs))
        return svg(figure, name="shares", described="Consistency term as a share of the supervised loss, by epoch")


def genre_bars(
    genres: Sequence[str],
    *,
    base: Mapping[str, float | None] | None,
    uda: Mapping[str, float | None] | None,
    priors: Mapping[str, float | None],
    title: str,
) -> Markup:
    """Test AP of each genre, base above UDA, with the class prior as a tick where there are priors."""
    with style():
        figure, axes = canvas(height=0.95 + 0.3 * len(genres), width=4.4)
        for values, offset, colour, label in ((base, -0.19, BASE, "base"), (uda, 0.19, UDA, "UDA")):
            if values:
                y = [row + (offset if base and uda else 0) for row in range(len(genres))]
                axes.barh(y, [values[genre] or 0 for genre in genres], height=0.34, color=colour, label=label)
        if known := [(priors[genre] or 0, row) for row, genre in enumerate(genres) if genre in priors]:
            axes.plot(*zip(*known, strict=True), "|", color=INK, ms=13, mew=1.8, ls="none", label="class prior")
        axes.set_yticks(range(len(genres)), genres)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.invert_yaxis()
        axes.set(xlim=(0, 1))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        handles, labels = axes.get_legend_handles_labels()
        last = labels[:1] == ["class prior"]  # lines come before bars
        axes.legend(
            [*handles[last:], *handles[:last]], [*labels[last:], *labels[:last]],
            loc="lower left", bbox_to_anchor=(-0.03, 1.0), ncols=3, fontsize=10,
            borderaxespad=0, handlelength=1, columnspacing=1.2,
        )  # fmt: skip
        return svg(figure, name=f"genres-{title}", described=f"{title}: test average precision of each genre")


def distribution(shares: Mapping[str, Sequence[float]]) -> Markup:
    """Share of films that have each genre: training as bars, validation and test as marks."""
    with style():
        figure, axes = canvas(height=0.8 + 0.27 * len(shares))
        rows = range(len(shares))
        axes.barh(rows, [share[0] for share in shares.values()], height=0.62, color=BASE, alpha=0.85, label="training")
        axes.plot([share[1] for share in shares.values()], rows, "D", mfc="none", mec=INK, ms=5, ls="none", label="validation")
        axes.plot([share[2] for share in shares.values()], rows, "|", color=INK, ms=11, mew=2, ls="none", label="test")
        axes.set_yticks(rows, list(shares))
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            [handles[-1], *handles[:-1]], [labels[-1], *labels[:-1]], loc="lower left", bbox_to_anchor=(-0.03, 1.0), ncols=3,
            fontsize=10, borderaxespad=0.2, columnspacing=1.2,
        )  # fmt: skip
        return svg(figure, name="distribution", described="Share of films that have each genre, by split")


def axis_limits(runs: Sequence[Sequence[EpochMetrics]]) -> tuple[float, int]:
    """Lowest AP (rounded down to a tenth) and last epoch over all `runs`: the axes of charts read side by side."""
    values = [value for epochs in runs for epoch in epochs for value in (epoch.train_ap_micro, epoch.validation.ap_micro)]
    return max(0.0, int(min(values, default=0.0) * 10) / 10), max((len(epochs) for epochs in runs), default=1)


def mean_by_genre(results: Sequence[RunResult]) -> dict[str, float | None]:
    """Test AP of each genre, mean over seeds."""
    by_genre = [result.test.ap_by_genre for result in results]
    means: dict[str, float | None] = {}
    for genre in by_genre[0]:
        values = [value for found in by_genre if (value := found.get(genre)) is not None]
        means[genre] = sum(values) / len(values) if values else None
    return means
