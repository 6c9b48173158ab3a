"""Whether time and memory a film stay the same as the films grow: 200, 2,000 and 20,000 of them through every stage.

    python benchmarks/growth.py [--films 200 2000 20000] [--stages sample text image] [--source FOLDER] [--work FOLDER]

The films are made from real ones (an MM-IMDb folder; by default the one beside the checkout, else the bundled sample) by
perturbation: a plot is one sentence of a real one and one with numbers, posters are shifted in colour. Each
stage of each size runs in a process of its own, after a small run that loads libraries and models. Time is wall time. Memory is
what the process holds for itself (anonymous memory: pages of memory-mapped files are the system's to take back), sampled every
20 ms; `grown by` is the peak less what was held after the small run.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from augment.image import rand_augment
from augment.image.spec import RandAugmentSpec
from augment.text import shelf as text_shelf
from augment.text.sentences import split
from augment.text.spec import BackTranslationSpec
from datasets_cache.sampling import find_sample, publish_sample
from datasets_cache.sources import MmimdbSource
from datasets_cache.store import Cache
from flows.environment import prepare_libraries

REAL = Path(__file__).parents[1] / "../shared/data/mmimdb-mini"
STAGES = ("sample", "text", "image")
WARM_UP = 20
EVALUATION = 20
SENTENCES = 2
"""Sentences of a plot: few, so that 20,000 films take minutes."""


def real_films(folder: Path) -> list[tuple[str, list[str], bytes]]:
    """Plot, genres and poster of the films of an MM-IMDb folder, else of the bundled sample."""
    found: list[tuple[str, list[str], bytes]] = []
    if folder.is_dir():
        for path in sorted((folder / "dataset").glob("*.json")):
            film = json.loads(path.read_text(encoding="utf-8"))
            plot = film["plot"][0] if isinstance(film["plot"], list) else film["plot"]
            found.append((plot, film["genres"], path.with_suffix(".jpeg").read_bytes()))
        print(f"made from {len(found)} films of {folder.name}")
        return found
    bundled = Path(__file__).parents[1] / "datasets_cache" / "bundled"
    for line in (bundled / "films.jsonl").read_text(encoding="utf-8").splitlines():
        film = json.loads(line)
        found.append((film["synopsis"], film["genres"], (bundled / "posters" / f"{film['id']}.jpg").read_bytes()))
    print(f"made from the {len(found)} bundled films")
    return found


def perturbed(films: list[tuple[str, list[str], bytes]], number: int) -> tuple[str, list[str], bytes]:
    """Another film like one of `films`."""
    plot, genres, poster = films[number % len(films)]
    rng = random.Random(number)
    sentences = [sentence for sentence, _ in split(plot)] or [plot]
    rng.shuffle(sentences)
    del sentences[SENTENCES - 1 :]
    sentences.insert(rng.randrange(len(sentences) + 1), f"It is the year {1900 + number % 120}, day {number}.")
    image = cv2.imdecode(np.frombuffer(poster, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return " ".join(sentences), genres, poster
    small = cv2.resize(image, (256, 380), interpolation=cv2.INTER_AREA)
    shifted = cv2.add(small, np.array([rng.randrange(40) for _ in range(3)] + [0], np.float64))
    return " ".join(sentences), genres, cv2.imencode(".jpg", shifted)[1].tobytes()


def write_source(folder: Path, films: list[tuple[str, list[str], bytes]], train: int) -> None:
    """An MM-IMDb folder with `train` training films, and a few more for evaluation."""
    (folder / "dataset").mkdir(parents=True)
    ids = [f"{number:07}" for number in range(train + 2 * EVALUATION)]
    for number, film in enumerate(ids):
        plot, genres, poster = perturbed(films, number)
        metadata = {"title": f"Film {film}", "plot": [plot], "genres": genres}
        (folder / "dataset" / f"{film}.json").write_text(json.dumps(metadata), encoding="utf-8")
        (folder / "dataset" / f"{film}.jpeg").write_bytes(poster)
    splits = {"train": ids[:train], "dev": ids[train : train + EVALUATION], "test": ids[train + EVALUATION :]}
    (folder / "split.json").write_text(json.dumps(splits), encoding="utf-8")


class Memory:
    """Anonymous memory of this process in MiB: the highest that was seen."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @staticmethod
    def now() -> float:
        """What it is."""
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, self.now())

    def end(self) -> float:
        """Stop watching; gives the peak."""
        self._stop.set()
        self._watcher.join()
        return self.peak


def run_stage(stage: str, source: Path, cache: Cache) -> None:
    """One stage of one source; the stages before it are there."""
    given = MmimdbSource(root=source)
    if stage == "sample":
        publish_sample(given, share=1.0, cache=cache)
        return
    sample = find_sample(given, share=1.0, cache=cache) or publish_sample(given, share=1.0, cache=cache)
    if stage == "text":
        text_shelf.publish(BackTranslationSpec(engine="bergamot", pivot="pt"), sample.id, cache=cache)
    else:
        rand_augment.publish(RandAugmentSpec(), sample.id, cache=cache)


def child(stage: str, small: Path, source: Path, cache: Path) -> None:
    """Run one stage in this process and print what it took."""
    prepare_libraries()
    with tempfile.TemporaryDirectory(dir=cache.parent) as aside:
        run_stage(stage, small, Cache(Path(aside)))
    before = Memory.now()
    memory, started = Memory(), time.perf_counter()
    run_stage(stage, source, Cache(cache))
    print(json.dumps({"seconds": time.perf_counter() - started, "before": before, "peak": memory.end()}))


def measure(
    films: list[tuple[str, list[str], bytes]], counts: list[int], stages: list[str], work: Path
) -> Iterator[dict[str, Any]]:
    """Every stage of every size, each in a process of its own."""
    write_source(work / "small", films, WARM_UP)
    for count in counts:
        write_source(work / str(count), films, count)
        for stage in STAGES:
            if stage not in stages and stage != "sample":
                continue
            arguments = ["--child", stage, str(work / "small"), str(work / str(count)), str(work / f"cache-{count}")]
            done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
            yield {"stage": stage, "films": count, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs="+", default=[200, 2_000, 20_000])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--source", type=Path, default=REAL)
    parser.add_argument("--work", type=Path, default=None, help="folder for films and caches; by default a temporary one")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], *map(Path, given.child[1:]))
        return
    films = real_films(given.source)
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    print(f"{'stage':8}{'films':>8}{'seconds':>10}{'ms a film':>11}{'of the first':>14}", end="")
    print(f"{'peak MiB':>10}{'of the first':>14}{'grown by':>10}")
    first: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        for found in measure(films, given.films, given.stages, Path(work)):
            each = 1000 * found["seconds"] / found["films"]
            time_of_first, peak_of_first = first.setdefault(found["stage"], (each, found["peak"]))
            print(
                f"{found['stage']:8}{found['films']:8}{found['seconds']:10.1f}{each:11.2f}{each / time_of_first:13.0%} "
                f"{found['peak']:9.0f} {found['peak'] / peak_of_first:13.0%}{found['peak'] - found['before']:9.0f} ",
                flush=True,
            )


if __name__ == "__main__":
    main()
