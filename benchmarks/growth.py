"""Whether time and memory a film stay the same as the films grow: 200 to 26,000 of them through every stage, nothing stubbed.

    python benchmarks/growth.py [--films 200 2000 26000] [--stages sample text] [--json FILE] [--work FOLDER] [--source FOLDER]

The films are made from real ones (an MM-IMDb folder; by default the one beside the checkout, else the bundled sample), see
`growth_films.py`. Each stage (`growth_stages.py`) runs in a process of its own: first with 60 films, which loads libraries and
models, then size by size. `CPU` is the time of all threads: on a machine that others use too it says more than wall
time. Memory is what the process holds for itself (anonymous memory: pages of memory-mapped files are the system's to take
back), sampled every 20 ms. `growth_curves.py` draws what `--json` writes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from growth_films import REAL, Real, real_films, write_source
from growth_stages import OF_THE_TENTH, STAGES

WARM_UP = 60


def run(stage: str, small: Path, *folders: Path) -> Iterator[dict[str, Any]]:
    """What one stage takes in each folder, in one process."""
    worker = Path(__file__).with_name("growth_stages.py")
    with subprocess.Popen([sys.executable, worker, stage, small, *folders], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        msg = f"{stage} failed; the lines above say why."
        raise SystemExit(msg)


def command(folder: Path) -> dict[str, Any]:
    """What `mmuda cache show` takes as a whole process."""
    entry = [sys.executable, "-c", "from flows.cli import main; main()", "cache", "show", "latest"]
    before, started = os.times(), time.perf_counter()
    subprocess.run(entry, env=os.environ | {"MMUDA_CACHE": str(folder / "cache")}, check=True, capture_output=True)
    seconds, after = time.perf_counter() - started, os.times()
    return {"seconds": seconds, "cpu": sum(after[2:4]) - sum(before[2:4])}


def measure(films: Sequence[Real], counts: Sequence[int], stages: Sequence[str], work: Path) -> Iterator[dict[str, Any]]:
    """Every stage of every size. Stages that are not asked for run where later ones need them."""
    folders = [work / str(count) for count in counts]
    for folder, count in zip([work / "small", *folders], [WARM_UP, *counts], strict=True):
        if not (folder / "source").is_dir():
            write_source(folder / "source", films, count)
    if not (work / "before").is_dir():
        list(run("all", work / "before", work / "small"))  # the warm-up of a stage begins with what those before it made
    for stage in list(STAGES)[: 1 + max(list(STAGES).index(stage) for stage in stages)]:
        for count, found in zip(counts, run(stage, work / "before" / stage, *folders), strict=True):
            if stage in stages:
                yield found | {"stage": stage, "films": count // 10 if stage in OF_THE_TENTH else count}
        if stage == "open" and "open" in stages:
            for count, folder in zip(counts, folders, strict=True):
                yield {"stage": "show", "films": count, "before": None, "peak": None, **command(folder)}


def show(found: dict[str, Any], first: dict[str, Any]) -> None:
    """One line: what it took, a film and beside the first size."""
    each, of_first = (1000 * one["cpu"] / one["films"] for one in (found, first))
    beside = f"{each / of_first:.0%}" if of_first else "-"
    line = f"{found['stage']:9}{found['films']:8}{found['seconds']:10.2f}{found['cpu']:10.2f}{each:10.3f}{beside:>11}"
    if found["peak"]:
        line += f"{found['peak']:10.0f}{found['peak'] / first['peak']:11.0%}{found['peak'] - found['before']:10.0f}"
    print(line, flush=True)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs="+", default=[200, 2_000, 26_000])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--source", type=Path, default=REAL)
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    parser.add_argument(
        "--work", type=Path, default=None, help="new folder for films and caches, kept; by default a temporary one"
    )
    given = parser.parse_args()
    films = real_films(given.source)
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    print(f"{'stage':9}{'films':>8}{'wall s':>10}{'CPU s':>10}{'ms/film':>10}{'of first':>11}", end="")
    print(f"{'peak MiB':>10}{'of first':>11}{'grown by':>10}")
    first: dict[str, dict[str, Any]] = {}
    everything: list[dict[str, Any]] = []
    with nullcontext(given.work) if given.work else tempfile.TemporaryDirectory() as work:
        for found in measure(films, given.films, given.stages, Path(work)):
            everything.append(found)
            show(found, first.setdefault(found["stage"], found))
            if given.json:
                given.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
