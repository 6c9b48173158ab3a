"""How the report's charts are drawn: inline SVG in the page's own colours. Matplotlib draws, CSS variables colour."""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from train.records import EpochMetrics

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
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
"""Strokes that tell lines of one colour apart."""


def style() -> Any:  # noqa: ANN401
    """A context in which matplotlib draws as the report does."""
    return mpl.rc_context(_STYLE)


def canvas(*, height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """An empty chart, sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    return figure, axes


def epoch_axis(axes: Axes) -> None:
    """Whole epochs along x."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))


def legend_above(axes: Axes) -> None:
    """The legend in one line over the chart, on the left."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.03, 1.0),
        ncols=4,
        fontsize=10,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.2,
    )


def mark_switch(axes: Axes, epochs: Sequence[EpochMetrics], *, named: bool) -> None:
    """A dotted line where the consistency term was switched off, if it was."""
    switch = next((one.epoch + 0.5 for one, two in zip(epochs, epochs[1:], strict=False) if one.phase != two.phase), None)
    if switch is None:
        return
    axes.axvline(switch, color=MUTED, lw=1.2, ls=":")
    if named:
        place, side = ((-5, 5), "right") if switch > epochs[-1].epoch / 2 else ((5, 5), "left")
        axes.annotate(
            "consistency off", (switch, 0), xycoords=("data", "axes fraction"), xytext=place,
            textcoords="offset points", ha=side, color=MUTED, fontsize=9.5,
        )  # fmt: skip


def svg(figure: Figure, *, name: str, described: str) -> Markup:
    """The chart as an element of the page.

    Args:
        figure: what was drawn.
        name: of its own among the charts of a page; its ids begin with it.
        described: what a screen reader says.
    """
    written = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = written.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawn, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    prefix = re.sub(r"\W+", "-", name).lower()  # several drawings share one page, ids must not
    drawn = re.sub(r'\bid="', f'id="{prefix}-', drawn)
    drawn = re.sub(r"url\(#", f"url(#{prefix}-", drawn)
    drawn = re.sub(r'href="#', f'href="#{prefix}-', drawn)
    drawn = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawn, count=1)
    label = Markup.escape(described)
    return Markup(drawn.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))  # noqa: S704
