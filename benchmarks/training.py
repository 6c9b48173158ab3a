"""Training beside a plain loop and beside transformers' Trainer: steps a second, memory, and where the time goes.

    python benchmarks/training.py                                both sizes, three models, all tables
    python benchmarks/training.py --sizes embedded --rounds 1    a first look, some minutes
    python benchmarks/training.py --films FOLDER                 plots and posters of MM-IMDb or Moviescope
    python benchmarks/training.py --parity                       only whether both loops have the same losses

The plain loop (reference_loop.py) is the demonstrated one: 512 tokens always, a third pass for the teacher, full-size posters
resized at each step, AdamW as it comes. Ours is the trainer's own epoch on a cache version. Both take one epoch of the same
films at batch 4 with UDA; the films are spaced evenly by the length of their plots, so that few steps have the lengths of all.
Each measurement is a process of its own; plain and ours take turns, and the medians of the rounds count.

Full size is BERT-base and ResNet-152 with seeded random weights, which take the time of trained ones; nothing is downloaded.
Embedded size is MiniLM and EfficientNet-Lite0 (extra `embedded`, whose tokenizer the full size borrows too).

MB: largest resident set of the process. Wait: share of the time that steps waited for data. Others: share of the machine that
other programs took meanwhile; above BUSY no target counts as measured.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import training_films
from training_worker import GROUPS, Job, Result, Size, Who, write_bert

from datasets_cache.posters import prepare
from datasets_cache.store import Cache
from train.config import MODELS, BatchNormMode, ModelName

BUSY = 0.1
TARGETS: dict[ModelName, float] = {"bert": 6.0, "resnet": 1.4, "mmbt": 6.0}
"""Times the plain loop's steps a second, at full size."""
TRAINER_TARGET = 1.0
TOLERANCE = 1e-4
SIZES: dict[Size, dict[ModelName, str]] = {
    "full": {"bert": "BERT-base", "resnet": "ResNet-152", "mmbt": "MMBT"},
    "embedded": {"bert": "MiniLM", "resnet": "EfficientNet-Lite0", "mmbt": "MMBT of both"},
}


def measure(job: Job) -> tuple[Result, float]:
    """A job's result, from a process of its own, and the share of the machine that others took."""
    print(f"  {job.size} {job.model}: {job.who}", file=sys.stderr, flush=True)
    given = json.dumps(asdict(job) | {"folder": str(job.folder)})
    aside = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, str(Path(__file__).with_name("training_worker.py")), given]
    before = busy_seconds()
    done = subprocess.run(command, env=os.environ | aside, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{job.size} {job.model}, {job.who}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return Result(**json.loads(done.stdout.splitlines()[-1])), share_of_others(before, busy_seconds())


def busy_seconds() -> tuple[float, float, float]:
    """Of all processors, of the processes that this one has waited for, and the clock; where /proc is not there, of none."""
    stat = Path("/proc/stat")
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = mine.ru_utime + mine.ru_stime
    if not stat.is_file():
        return ours, ours, time.perf_counter()
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK"), ours, time.perf_counter()


def share_of_others(before: tuple[float, float, float], after: tuple[float, float, float]) -> float:
    """Share of the machine's processor time between two readings that was not ours."""
    everyone, mine, clock = (late - early for late, early in zip(after, before, strict=True))
    return max(0.0, everyone - mine) / (clock * (os.cpu_count() or 1))


class Runs:
    """The rounds of one side."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.others = 0.0

    def add(self, job: Job) -> None:
        """One more round."""
        result, others = measure(job)
        self.results.append(result)
        self.others = max(self.others, others)

    @property
    def seconds_a_step(self) -> float:
        """Median of the rounds."""
        return statistics.median(result.seconds / result.steps for result in self.results)

    @property
    def peak_mb(self) -> float:
        """Largest of the rounds."""
        return max(result.peak_mb for result in self.results)

    @property
    def wait(self) -> float:
        """Median share."""
        return statistics.median(result.waiting / result.seconds for result in self.results)


def side_by_side(job: Job, sides: Sequence[Who], rounds: int) -> dict[Who, Runs]:
    """Measure the sides in turn; every other round begins with the last one."""
    runs: dict[Who, Runs] = {who: Runs() for who in sides}
    for number in range(rounds):
        for who in sides if number % 2 == 0 else reversed(sides):
            runs[who].add(replace(job, who=who))
    return runs


def verdict(ratio: float, target: float | None, others: float) -> str:
    """What a ratio says of its target."""
    if target is None:
        return ""
    if others > BUSY:
        return f"at least {target}x: not measured, others took {others:.0%}"
    return f"at least {target}x: {'met' if ratio >= target else 'MISSED'}"


def table(title: str, rows: dict[str, tuple[dict[Who, Runs], float | None]], *, rival: Who) -> None:
    """Print both sides of every row and their ratio."""
    heads = [f"{rival} step/s", "ours", "ratio", f"{rival} MB", "ours MB", f"{rival} wait", "ours wait", "others"]
    print(f"\n{title}\n{'':20}" + "".join(f"{head:>15}" for head in heads))
    for name, (runs, target) in rows.items():
        other, ours = runs[rival], runs["ours"]
        ratio, busy = other.seconds_a_step / ours.seconds_a_step, max(other.others, ours.others)
        cells = [
            f"{1 / other.seconds_a_step:.3f}", f"{1 / ours.seconds_a_step:.3f}", f"{ratio:.2f}x", f"{other.peak_mb:.0f}",
            f"{ours.peak_mb:.0f}", f"{other.wait:.1%}", f"{ours.wait:.1%}", f"{busy:.0%}",
        ]  # fmt: skip
        print(f"{name:20}" + "".join(f"{cell:>15}" for cell in cells) + f"   {verdict(ratio, target, busy)}", flush=True)


def time_goes(job: Job, models: Sequence[ModelName]) -> None:
    """Print the shares of our operator time, and the arithmetic of a step beside that of a large matrix product."""
    best = measure(replace(job, who="peak"))[0].gflop
    assert best
    print(f"\nwhere our time goes, {job.size} size (a matrix product of 4096 x 4096: {best:.0f} GFLOP/s)")
    print(f"{'':20}" + "".join(f"{group:>17}" for group in (*GROUPS, "the rest", "GFLOP a step", "GFLOP/s", "of the peak")))
    for model in models:
        found, _ = measure(replace(job, who="profile", model=model))
        cells = [f"{share:.1%}" for share in found.shares.values()]
        if found.gflop is not None:
            rate = found.gflop / found.seconds
            cells += [f"{found.gflop / found.steps:.0f}", f"{rate:.0f}", f"{rate / best:.0%}"]
        print(f"{SIZES[job.size][model]:20}" + "".join(f"{cell:>17}" for cell in cells), flush=True)


def parity(job: Job, models: Sequence[ModelName]) -> bool:
    """Print the largest difference of the losses of the first steps; whether all are within the tolerance."""
    print(f"\nlargest difference of the losses of {job.steps} steps, {job.size} size, posters of 256x256, without dropout")
    modes: tuple[BatchNormMode, ...] = ("train", "frozen")
    cells = [(model, uda, mode) for model in models for uda in (False, True) for mode in modes[: 1 if model == "bert" else 2]]
    met = True
    for model, uda, mode in cells:
        found, _ = measure(replace(job, who="parity", model=model, uda=uda, batch_norm=mode))
        met = met and found.difference <= TOLERANCE
        name = f"{SIZES[job.size][model]}{' + UDA' if uda else ''}{'' if model == 'bert' else f', BatchNorm {mode}'}"
        print(f"{name:44}{found.difference:.1e}   {'agrees' if found.difference <= TOLERANCE else 'DIFFERS'}", flush=True)
    return met


def write_films(given: argparse.Namespace, scratch: Path) -> tuple[str, str]:
    """Write the films twice, as they are and, for parity, with 256x256 posters.

    Returns:
        Ids of the two versions.
    """
    source = training_films.source_in(given.films)
    films, genres = training_films.choose(
        source, count=given.films_per_epoch, cache=Cache(scratch / "source"), share=given.share
    )
    words = sorted(len(film.plot.split()) for film in films)
    where = given.films or "the bundled sample"
    print(f"{len(films)} films of {where}, plots of {words[0]} to {words[-1]} words, median {statistics.median(words):g}")
    small = [
        replace(film, poster=prepare(film.poster).square, augmented_poster=prepare(film.augmented_poster).square)
        for film in films
    ]
    return training_films.write(scratch / "films", films, genres), training_films.write(scratch / "squares", small, genres)


def machine() -> str:
    """Processor, versions, load."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    versions = ", ".join(f"{package} {version(package)}" for package in ("torch", "torchvision", "transformers", "accelerate"))
    load = os.getloadavg()[0]
    return f"{processor}, {os.cpu_count()} CPUs, load {load:.1f}\nPython {platform.python_version()}, {versions}"


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--tables", nargs="+", choices=("plain", "trainer", "profile"), default=["plain", "trainer", "profile"])
    parser.add_argument("--parity", action="store_true", help="only compare losses, at embedded size unless --sizes says full")
    parser.add_argument("--films", type=Path, help="folder of MM-IMDb or Moviescope; by default the bundled sample")
    parser.add_argument("--share", type=float, default=1.0, help="of the source that is looked at")
    parser.add_argument("--films-per-epoch", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20, help="of --parity")
    parser.add_argument("--threads", type=int, help="of both sides; by default torch's own choice")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours; the plain loop's is fp32")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = options()
    began = time.perf_counter()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        usual, squares = write_films(given, scratch)
        sizes: list[Size] = given.sizes
        if given.parity and len(sizes) > 1:
            sizes = ["embedded"]
        if "full" in sizes:
            write_bert(scratch / "bert")
            for name in ("films", "squares"):
                (scratch / name / "bert").symlink_to(scratch / "bert")
        job = Job(
            "ours", scratch / "films", usual, batch=given.batch, threads=given.threads, precision=given.precision,
            steps=given.steps,
        )  # fmt: skip
        agrees = True
        for size in sizes:
            if given.parity:
                on_squares = replace(job, size=size, folder=scratch / "squares", version=squares, precision="fp32")
                agrees = parity(on_squares, given.models) and agrees
            else:
                speed(replace(job, size=size), given)
    print(f"\n{(time.perf_counter() - began) / 60:.0f} minutes; load {os.getloadavg()[0]:.1f} at the end")
    sys.exit(0 if agrees else 1)


def speed(job: Job, given: argparse.Namespace) -> None:
    """All tables of one size that were asked for."""
    targets = TARGETS if job.size == "full" and job.precision == "fp32" else {}
    if "plain" in given.tables:
        rows = {
            SIZES[job.size][model]: (
                side_by_side(replace(job, model=model), ("plain", "ours"), given.rounds),
                targets.get(model),
            )
            for model in given.models
        }
        table(f"{job.size} size, batch {job.batch}, UDA, ours in {job.precision}", rows, rival="plain")
    if "trainer" in given.tables and "bert" in given.models:
        labels = replace(job, model="bert", uda=False, warm_up=0)
        runs = side_by_side(labels, ("trainer", "ours"), given.rounds)
        rows = {SIZES[job.size]["bert"]: (runs, TRAINER_TARGET if targets else None)}
        table("labels alone, both with dynamic padding and films grouped by length", rows, rival="trainer")
    if "profile" in given.tables:
        time_goes(job, given.models)


if __name__ == "__main__":
    main()
