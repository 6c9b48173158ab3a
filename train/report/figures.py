"""The report's charts as inline SVG in the page's own colours: matplotlib draws, CSS variables colour."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from train.records import EpochMetrics, RunResult

INK, MUTED, GRID, BASE, UDA, PAPER = "#010203", "#010204", "#010205", "#010206", "#010207", "#010208"
_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "rule", BASE: "base", UDA: "uda", PAPER: "card"}
"""Colours that stand for the page's variables until the SVG is written: one drawing serves light and dark."""

_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 11,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.labelcolor": MUTED,
}
WIDTH = 5.4
"""Inches, 72 pixels each: about a phone's width, so that letters stay readable there."""


def curves(runs: Sequence[Sequence[EpochMetrics]], *, title: str, uda: bool, bottom: float, last_epoch: int) -> Markup:
    """Training and validation AP-micro by epoch, one pair of lines a seed, with the switch of phase and the best epoch.

    Args:
        runs: epochs of each seed.
        title: above the chart.
        uda: colour of the lines.
        bottom: lowest AP shown, a fraction; the same for charts that are read side by side.
        last_epoch: end of the epoch axis, likewise.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(height=3.3)
        colour = UDA if uda else BASE
        for number, epochs in enumerate(runs):
            x = [epoch.epoch for epoch in epochs]
            label = number == 0
            axes.plot(x, [epoch.train_ap_micro for epoch in epochs], color=colour, lw=1.4, ls=(0, (4, 2)), alpha=0.8,
                      marker="." if len(x) == 1 else None, label="training" if label else None)  # fmt: skip
            axes.plot(
                x, [epoch.validation.ap_micro for epoch in epochs], color=colour, lw=2.4, label="validation" if label else None
            )
            best = max((epoch for epoch in epochs if epoch.best), key=lambda epoch: epoch.epoch)
            axes.plot(
                best.epoch, best.validation.ap_micro, "o", ms=8, mfc=colour, mec=PAPER, mew=2, label="tested" if label else None
            )
            _mark_switch(axes, epochs, named=label)
        axes.set(xlim=(0.5, last_epoch + 0.5), ylim=(bottom, 1.02), xlabel="epoch")
        axes.set_title(title, weight="bold", pad=10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1.0), ncols=3, fontsize=10, handlelength=1.6, columnspacing=1.2)
        return _svg(figure, name=f"curves-{title}", described=f"{title}: training and validation AP micro by epoch")


def shares(runs: Mapping[str, Sequence[Sequence[EpochMetrics]]]) -> Markup:
    """λ · consistency / supervised by epoch, one line a seed, for each model with UDA; only the epochs with the term."""
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(height=3.1)
        for style, (model, seeds) in zip(("-", (0, (5, 2)), (0, (1, 1.5))), runs.items(), strict=False):
            for number, epochs in enumerate(seeds):
                points = [(epoch.epoch, epoch.consistency_share) for epoch in epochs if epoch.consistency_share is not None]
                axes.plot(
                    *zip(*points, strict=True),
                    color=UDA,
                    ls=style,
                    lw=2,
                    marker="o",
                    ms=3.5,
                    label=model if not number else None,
                )
        axes.set(xlabel="epoch", ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="best", fontsize=10)
        return _svg(figure, name="shares", described="Consistency term as a share of the supervised loss, by epoch")


def genre_bars(
    genres: Sequence[str],
    *,
    base: Mapping[str, float | None] | None,
    uda: Mapping[str, float | None] | None,
    priors: Mapping[str, float | None],
    title: str,
) -> Markup:
    """Test AP of each genre, base above UDA, with the class prior as a tick."""
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(height=0.95 + 0.3 * len(genres), width=4.4)
        for values, offset, colour, label in ((base, -0.19, BASE, "base"), (uda, 0.19, UDA, "UDA")):
            if values:
                y = [row + (offset if base and uda else 0) for row in range(len(genres))]
                axes.barh(y, [values[genre] or 0 for genre in genres], height=0.34, color=colour, label=label)
        known = [(priors[genre] or 0, row) for row, genre in enumerate(genres)]
        axes.plot(*zip(*known, strict=True), "|", color=INK, ms=13, mew=1.8, ls="none", label="class prior")
        axes.set_yticks(range(len(genres)), genres)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.invert_yaxis()
        axes.set(xlim=(0, 1))
        axes.set_title(title, weight="bold", pad=24)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            [*handles[1:], handles[0]], [*labels[1:], labels[0]], loc="lower left", bbox_to_anchor=(-0.03, 1.0), ncols=3,
            fontsize=10, borderaxespad=0, handlelength=1, columnspacing=1.2,
        )  # fmt: skip
        return _svg(figure, name=f"genres-{title}", described=f"{title}: test average precision of each genre")


def distribution(shares: Mapping[str, Sequence[float]]) -> Markup:
    """Share of films that have each genre: training as bars, validation and test as marks."""
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(height=0.8 + 0.27 * len(shares))
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
        axes.legend([handles[-1], *handles[:-1]], [labels[-1], *labels[:-1]], loc="lower right", fontsize=10)
        return _svg(figure, name="distribution", described="Share of films that have each genre, by split")


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


def _canvas(*, height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    return figure, axes


def _mark_switch(axes: Axes, epochs: Sequence[EpochMetrics], *, named: bool) -> None:
    switch = next((one.epoch + 0.5 for one, two in zip(epochs, epochs[1:], strict=False) if one.phase != two.phase), None)
    if switch is None:
        return
    axes.axvline(switch, color=MUTED, lw=1.2, ls=":")
    if named:
        place, side = ((-5, 5), "right") if switch > epochs[-1].epoch / 2 else ((5, 5), "left")
        axes.annotate(
            "consistency off from here", (switch, 0), xycoords=("data", "axes fraction"), xytext=place,
            textcoords="offset points", ha=side, color=MUTED, fontsize=9.5,
        )  # fmt: skip


def _svg(figure: Figure, *, name: str, described: str) -> Markup:
    written = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    prefix = re.sub(r"\W+", "-", name).lower()  # several drawings share one page, ids must not
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    label = Markup.escape(described)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))  # noqa: S704
