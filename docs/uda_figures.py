"""Train the runs behind docs/explanation/uda.md on the bundled sample and draw its figures.

    mmuda augment demo --sample 0.3 --evaluation-sample 1.0   # the version that is trained on: that of the tutorial
    python docs/uda_figures.py RUNS                           # finished runs below RUNS are not trained again

BERT (the embedded MiniLM), the demo's settings but for those named here, one thread; one seed, so a picture of how the term
works and no result about it.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from datasets_cache.store import Cache
from datasets_cache.version import resolve
from flows.recipes import demo
from train import history
from train.config import RunConfig, UdaConfig
from train.records import EpochMetrics
from train.run import run_cell

FOLDER = Path(__file__).parent / "images/guide"
WEIGHTS = (1.0, 0.0, 10.0, 0.1)
"""λ of the runs with the term on from the first epoch to the last, in the order in which they are trained."""
EPOCHS = 8
LONG, PATIENCE = 12, 2
"""Most epochs, and patience, of the pair that shows the two phases."""
GREY, BLUE, ORANGE = "#7f868d", "#3f7fbf", "#d0692c"
"""Seen on white and on dark slate alike."""
LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mmuda",
    "font.size": 11,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.titlecolor": GREY,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "text.color": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.labelcolor": GREY,
}

History = Sequence[EpochMetrics]


def cells(version: str) -> dict[str, RunConfig]:
    """Every run, by the name that the figures give it."""
    plan = demo().training
    (base,) = plan.model_copy(update={"models": ("bert",), "uda": "off"}).cells(version)
    fixed = base.optim.model_copy(update={"max_epochs": EPOCHS, "patience": EPOCHS})
    long = base.optim.model_copy(update={"max_epochs": LONG, "patience": PATIENCE})
    sweep = {
        weight_name(weight): base.model_copy(update={"uda": UdaConfig(weight=weight, switch="never"), "optim": fixed})
        for weight in WEIGHTS
    }
    return sweep | {
        "with UDA": base.model_copy(update={"uda": UdaConfig(), "optim": long}),
        "without UDA": base.model_copy(update={"optim": long}),
    }


def weight_name(weight: float) -> str:
    """Such as ``λ = 0.1``."""
    return f"λ = {weight:g}"


def train(runs: Path) -> dict[str, History]:
    """The epochs of every run; trains what is not finished, and prints its scores."""
    cache = Cache()
    found: dict[str, History] = {}
    for name, config in cells(resolve(cache, "demo")).items():

        def say(epoch: EpochMetrics, name: str = name) -> None:
            print(f"{name} · epoch {epoch.epoch} {epoch.phase}: validation {epoch.validation.ap_micro:.3f}", flush=True)

        result = run_cell(config, cache=cache, runs=runs, device="cpu", on_epoch=say)
        found[name] = history.read(result.path)
        gap = result.train.ap_micro - result.validation.ap_micro
        print(f"{name}: epoch {result.best_epoch}, test AP micro {result.test.ap_micro:.3f}, gap {gap:.3f}", flush=True)
    return found


def draw_weights(runs: Mapping[str, History]) -> Figure:
    """Training and validation by epoch, a panel for each λ."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = figure.subplots(1, len(WEIGHTS), sharey=True)
    for axes, weight in zip(panels, sorted(WEIGHTS), strict=True):
        curves(axes, runs[weight_name(weight)], colour=ORANGE if weight else BLUE)
        axes.set_title(weight_name(weight))
    panels[0].set_ylabel("AP micro")
    name_curves(figure)
    return figure


def draw_term(runs: Mapping[str, History]) -> Figure:
    """The unweighted term by epoch, and λ times it as a share of the supervised loss."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    term, share = figure.subplots(1, 2)
    for weight, line in zip(sorted(WEIGHTS), LINES, strict=True):
        epochs, look = runs[weight_name(weight)], {"color": ORANGE if weight else BLUE, "ls": line, "lw": 2}
        x = [epoch.epoch for epoch in epochs]
        term.plot(x, [epoch.consistency for epoch in epochs], label=weight_name(weight), **look)
        if weight:
            share.plot(x, [epoch.consistency_share for epoch in epochs], **look)
    term.set_title("consistency term, nats a film")
    share.set_title("λ · consistency / supervised")
    share.set_yscale("log")
    share.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    for axes in (term, share):
        epoch_axis(axes)
    figure.legend(loc="outside upper left", ncols=4, fontsize=10)
    return figure


def draw_phases(runs: Mapping[str, History]) -> Figure:
    """The two phases of a run with UDA, beside the run without."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, name, colour in zip(panels, ("without UDA", "with UDA"), (BLUE, ORANGE), strict=True):
        epochs = runs[name]
        curves(axes, epochs, colour=colour)
        axes.set_title(name)
        axes.set_xlim(0.5, LONG + 0.5)
        for before, after in zip(epochs, epochs[1:], strict=False):
            if before.phase != after.phase:
                axes.axvline(before.epoch + 0.5, color=GREY, ls=":")
                axes.annotate("term off", (before.epoch + 0.6, 0.02), xycoords=("data", "axes fraction"), fontsize=9.5)
    panels[0].set_ylabel("AP micro")
    name_curves(figure)
    return figure


def curves(axes: Axes, epochs: History, *, colour: str) -> None:
    """Training (dashed) and validation (solid), the gap shaded, a point at the tested epoch."""
    x = [epoch.epoch for epoch in epochs]
    training, validation = [epoch.train_ap_micro for epoch in epochs], [epoch.validation.ap_micro for epoch in epochs]
    axes.fill_between(x, validation, training, color=colour, alpha=0.15, lw=0)
    axes.plot(x, training, color=colour, lw=1.5, ls=LINES[1])
    axes.plot(x, validation, color=colour, lw=2.2)
    best = max((epoch for epoch in epochs if epoch.best), key=lambda epoch: epoch.epoch)
    axes.plot(best.epoch, best.validation.ap_micro, "o", ms=7, color=colour)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(0.2, 1.02)
    epoch_axis(axes)


def epoch_axis(axes: Axes) -> None:
    """Whole epochs."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def name_curves(figure: Figure) -> None:
    """The legend of `curves`."""
    figure.legend(
        [
            Line2D([], [], color=GREY, lw=1.5, ls=LINES[1]),
            Line2D([], [], color=GREY, lw=2.2),
            Line2D([], [], color=GREY, marker="o", ls="none"),
        ],
        ["training", "validation", "tested"],
        loc="outside upper left",
        ncols=3,
        fontsize=10,
    )


def save(figure: Figure, name: str) -> None:
    """Write the same file every time."""
    figure.savefig(FOLDER / f"{name}.svg", transparent=True, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    torch.set_num_threads(1)
    trained = train(Path(sys.argv[1]))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        save(draw_weights(trained), "uda-weights")
        save(draw_term(trained), "uda-term")
        save(draw_phases(trained), "uda-phases")
