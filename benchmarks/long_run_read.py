"""Read the samples of `long_run.py`: which measures stayed flat, as a table in Markdown, and a figure.

    python benchmarks/long_run_read.py long-run/samples.csv [--figure long-run.svg]

A line has the medians of the first and the last quarter, the most, and the slope an hour with its 95 % interval: Theil and
Sen's, the median of the slopes between all pairs of samples, which peaks of single runs do not move. The slope of the second
half tells what goes on growing from what was filled once.
"""

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import theilslopes

Samples = Mapping[str, NDArray[np.float64]]
PARTS = {"server": "Prefect's server", "runner": "runner", "serve": "`mmuda serve`"}
STAYS = {
    **{
        f"{part}_{measure}": f"{title}: {unit}"
        for part, title in PARTS.items()
        for measure, unit in {"rss": "RSS, MiB", "uss": "USS, MiB", "handles": "open handles", "threads": "threads"}.items()
    },
    "work_processes": "processes of runs",
    "zombies": "zombies",
    "orphans": "orphans",
    "tmp_files": "temporary files",
    "cache_building_files": "unfinished shelves, files",
    "cache_staging_files": "unpublished samples, files",
    "cache_rebuilding_files": "shelves made again, files",
}
"""What must not grow by itself."""
BOUND = {
    "versions": "versions",
    "cache_locks_files": "files of locks (`gc` leaves them for an hour)",
    "cache_shelves_mib": "shelves, MiB",
    "cache_uses_files": "notes of uses, files",
    "cache_tokens_files": "token ids, files (`gc` leaves them for 30 days)",
    "cache_sources_files": "what is known of sources, files",
    "cache_mib": "whole cache, MiB",
    "cache_files": "whole cache, files",
    "runs_mib": "runs, MiB",
}
"""What runs make and an operator removes."""
GROWS = {
    "completed": "completed runs",
    "database_mib": "database, MiB",
    "logs_mib": "logs of the service, MiB",
    "home_rest_files": "other files of Prefect's home",
}
"""What must grow: it is the history."""
GREY, BLUE, ORANGE, GREEN = "#7f868d", "#3f7fbf", "#d0692c", "#4f9a5b"
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "mmuda", "font.size": 11, "axes.edgecolor": GREY, "axes.labelcolor": GREY,
    "axes.titlecolor": GREY, "axes.titlesize": 11, "axes.titlelocation": "left", "text.color": GREY, "xtick.color": GREY,
    "ytick.color": GREY, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GREY,
    "grid.alpha": 0.25, "legend.frameon": False, "legend.labelcolor": GREY,
}  # fmt: skip
"""Seen on white and on dark slate alike."""
PANELS = (
    ("Resident memory, MiB", {"server_rss": "Prefect's server", "runner_rss": "runner", "serve_rss": "mmuda serve"}),
    ("Open handles", {"server_handles": "Prefect's server", "runner_handles": "runner", "serve_handles": "mmuda serve"}),
    ("Disk, MiB", {"cache_mib": "cache", "database_mib": "database"}),
    ("Completed runs", {"completed": "both flows"}),
    ("Processes", {"work_processes": "at work on runs", "zombies": "zombies", "orphans": "orphans"}),
)


def read(path: Path) -> Samples:
    """The columns of a file of samples; ``hours`` since the first."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    return {**columns, "hours": columns["seconds"] / 3600}


def line(title: str, values: NDArray[np.float64], hours: NDArray[np.float64]) -> str:
    """A measure's row of the table."""
    quarter, half = len(values) // 4, len(values) // 2
    slope, _, low, high = theilslopes(values, hours)
    later = theilslopes(values[half:], hours[half:])[0]
    first, last, most = np.median(values[:quarter]), np.median(values[-quarter:]), values.max()
    return f"| {title} | {first:.4g} | {last:.4g} | {most:.4g} | {slope:+.2g} [{low:+.2g}, {high:+.2g}] | {later:+.2g} |"


def table(title: str, measures: Mapping[str, str], samples: Samples) -> str:
    """Some measures as Markdown."""
    head = f"| {title} | first quarter | last quarter | most | slope an hour | of the second half |\n|---|---|---|---|---|---|"
    return "\n".join([head, *(line(named, samples[name], samples["hours"]) for name, named in measures.items())])


def draw(samples: Samples, path: Path) -> None:
    """The measures over time."""
    with mpl.rc_context(STYLE):  # pyright: ignore[reportArgumentType]
        figure = Figure(figsize=(9, 10), layout="constrained")
        for axes, (title, lines) in zip(figure.subplots(len(PANELS), sharex=True), PANELS, strict=True):
            for (name, label), colour in zip(lines.items(), (BLUE, ORANGE, GREEN), strict=False):
                axes.plot(60 * samples["hours"], samples[name], color=colour, label=label, linewidth=1.3)
            axes.set(title=title, ylim=(0, None))
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        figure.axes[-1].set_xlabel("minutes")
        figure.patch.set_alpha(0)
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    """Print the tables and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    samples = read(given.samples)
    last = {name: int(values[-1]) for name, values in samples.items()}
    ended = ", ".join(f"{last[state]} {state}" for state in ("completed", "failed", "crashed", "cancelled"))
    hours = samples["hours"][-1]
    print(f"{60 * hours:.0f} minutes, {len(samples['hours'])} samples. Runs: {ended}; {last['asked']} by hand.")
    print(f"Garbage was collected {last['collected']} times, {last['refused']} failed.\n")
    for title, measures in (("must stay", STAYS), ("an operator keeps", BOUND), ("grows", GROWS)):
        print(table(title, measures, samples), end="\n\n")
    runs = np.ptp(samples["completed"])
    if runs:
        print(f"The database grew by {1024 * np.ptp(samples['database_mib']) / runs:.0f} KiB a completed run.")
    if given.figure:
        draw(samples, given.figure)


if __name__ == "__main__":
    main()
