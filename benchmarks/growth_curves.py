"""Draws what `growth.py --json` measured: CPU time a film and memory of each stage, beside the smallest size.

python benchmarks/growth_curves.py FIGURES.json [--to docs/images/guide/growth.svg]
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LEFT_OUT = ("version", "open", "show", "compare")
"""They do not work film by film: the page gives their whole time."""


def curves(axes: Axes, found: list[dict[str, Any]]) -> None:
    """CPU milliseconds a film of each stage, both axes logarithmic."""
    for number, (stage, points) in enumerate(_by_stage(found).items()):
        films = [one["films"] for one in points]
        axes.plot(
            films,
            [1000 * one["cpu"] / one["films"] for one in points],
            color=f"C{number}",
            marker="osD^v"[number % 5],
            label=stage,
        )
    axes.set(xscale="log", yscale="log", xlabel="films that the stage sees", ylabel="CPU ms a film", title="Time a film")


def memory(axes: Axes, found: list[dict[str, Any]]) -> None:
    """Peak of each stage's own memory, from zero."""
    for number, (stage, points) in enumerate(_by_stage(found).items()):
        axes.plot(
            [one["films"] for one in points],
            [one["peak"] for one in points],
            color=f"C{number}",
            marker="osD^v"[number % 5],
            label=stage,
        )
    axes.set(xscale="log", xlabel="films that the stage sees", ylabel="MiB", title="Peak of the process's own memory", ylim=0)


def _by_stage(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    stages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        if one["stage"] not in LEFT_OUT:
            stages[one["stage"]].append(one)
    return stages


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "docs/images/guide/growth.svg")
    given = parser.parse_args()
    found = json.loads(given.figures.read_text(encoding="utf-8"))
    mpl.rcParams |= {"svg.fonttype": "path", "svg.hashsalt": "growth", "font.size": 9}  # the same figures give the same file
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    curves(left, found)
    memory(right, found)
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.savefig(given.to, metadata={"Date": None} if given.to.suffix == ".svg" else {})


if __name__ == "__main__":
    main()
