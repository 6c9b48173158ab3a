"""The stages of `growth.py`, each run once in this process: on a small folder first, which loads libraries and models.

    python benchmarks/growth_stages.py STAGE SMALL_FOLDER FOLDER...   measure one stage in each folder
    python benchmarks/growth_stages.py all BEFORE FOLDER              run all, and keep what was there before each

A folder holds everything of one size: `source`, `cache`, `runs`, `report.html`, `export`. All films go through the stages up to
`export`; a tenth of them goes through back-translation and the model, which take most of a second a film.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from datasets_cache import version
from datasets_cache.fingerprint import ShelfId
from datasets_cache.sampling import publish_sample
from datasets_cache.schema import SPLITS
from datasets_cache.sources import MmimdbSource
from datasets_cache.store import Cache
from flows.environment import prepare_libraries

if TYPE_CHECKING:
    from train.config import ModelName, RunConfig, UdaConfig

ALL, TENTH = "all", "tenth"
"""Names of the two versions."""


class Memory:
    """Anonymous memory of this process in MiB (memory-mapped files are the system's to take back): the highest seen."""

    def __init__(self) -> None:
        self.peak = self.now()
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


def sample(folder: Path) -> None:
    """Read the source, compare its films, write them."""
    publish_sample(MmimdbSource(root=folder / "source"), share=1.0, cache=Cache(folder / "cache"))


def image(folder: Path) -> None:
    """Augment the training posters."""
    from augment.image import rand_augment
    from augment.image.spec import RandAugmentSpec

    rand_augment.publish(RandAugmentSpec(), _sample(folder, share=1.0), cache=Cache(folder / "cache"))


def publish(folder: Path) -> None:
    """Publish the version of all films and their posters."""
    image = ShelfId(next((folder / "cache" / "shelves").glob("image-*")).name)
    version.publish(Cache(folder / "cache"), name=ALL, sample=_sample(folder, share=1.0), text=None, image=image)


def opening(folder: Path) -> None:
    """Open the version and read the first film of each split and its first view."""
    opened = version.open_version(Cache(folder / "cache"), ALL)
    assert all(opened.films(split)[0]["id"] for split in SPLITS)
    views = opened.image_views()
    assert views
    assert views[0]["id"]


def batches(folder: Path) -> None:
    """One epoch of what MMBT reads of the training films, without a model: tokens and posters."""
    from train.data import open_data

    opened = version.open_version(Cache(folder / "cache"), ALL)
    data = open_data(opened, _config(opened.id, "mmbt", None))
    assert sum(len(batch.ids) for batch in data.train(1)) == data.sizes["train"]


def gallery(folder: Path) -> None:
    """What the report reads of all films: pairs before and after, shares of genres, genres that come together."""
    from train.compare import class_priors
    from train.report import content
    from train.report.together import together

    opened = version.open_version(Cache(folder / "cache"), ALL)
    assert content.gallery(opened)
    assert content.genre_shares(opened)
    class_priors(opened)
    together(opened.films("train")["genres"], opened.genres)


def export(folder: Path) -> None:
    """The version of all films as Parquet with a card."""
    from datasets_cache.export import dataset

    dataset.export(version.open_version(Cache(folder / "cache"), ALL), folder / "export")


def share(folder: Path) -> None:
    """A sample of a tenth, nested in the other: the source is read once more."""
    publish_sample(MmimdbSource(root=folder / "source"), share=0.1, cache=Cache(folder / "cache"))


def text(folder: Path) -> None:
    """Back-translate the plots of the tenth, and publish its version."""
    from augment.text import shelf
    from augment.text.spec import BackTranslationSpec

    cache, films = Cache(folder / "cache"), _sample(folder, share=0.1)
    plots = shelf.publish(BackTranslationSpec(engine="bergamot", pivot="pt"), films, cache=cache)
    version.publish(cache, name=TENTH, sample=films, text=plots, image=None)


def train(folder: Path) -> None:
    """One epoch of MiniLM without and one with UDA, each with its test."""
    from train.config import UdaConfig
    from train.run import run_cell

    cache = Cache(folder / "cache")
    for uda in (None, UdaConfig()):
        config = _config(version.resolve(cache, TENTH), "bert", uda)
        run_cell(config, cache=cache, runs=folder / "runs", device="cpu")


def evaluate(folder: Path) -> None:
    """Score a finished run on its test films once more."""
    from train.predict import evaluate_run

    run = next((folder / "runs").glob("bert-*"))
    evaluate_run(run, version.open_version(Cache(folder / "cache"), TENTH), split="test", device="cpu")


def compare(folder: Path) -> None:
    """What UDA changed: the paired bootstrap over the test films."""
    from train.effects import effects
    from train.finished import find_results

    effects(find_results(folder / "runs"))


def report(folder: Path) -> None:
    """The whole page of both runs, without the comparison above."""
    from train.finished import find_results
    from train.report import write_report

    write_report(find_results(folder / "runs"), cache=Cache(folder / "cache"), path=folder / "report.html", effects=())


STAGES: dict[str, Callable[[Path], None]] = {
    "sample": sample, "image": image, "version": publish, "open": opening, "batches": batches, "gallery": gallery,
    "export": export, "share": share, "text": text, "train": train, "evaluate": evaluate, "compare": compare, "report": report,
}  # fmt: skip
"""In the order in which each needs those before it."""
OF_THE_TENTH = ("text", "train", "evaluate", "compare", "report")
"""Stages that see a tenth of the films."""


def _sample(folder: Path, *, share: float) -> ShelfId:
    shelves = Cache(folder / "cache").manifests("shelves")
    [found] = [shelf.id for shelf in shelves if shelf.kind == "sample" and shelf.spec["share"] == share]
    return ShelfId(found)


def _config(version: str, model: "ModelName", uda: "UdaConfig | None") -> "RunConfig":
    from train.config import ImageEncoderConfig, OptimConfig, RunConfig, TextEncoderConfig

    optim = OptimConfig(batch_size=32, max_epochs=1, head_learning_rate=5e-3)
    text, image = TextEncoderConfig(name="embedded", max_tokens=24), ImageEncoderConfig(name="embedded")
    return RunConfig(version=version, model=model, uda=uda, text=text, image=image, optim=optim)


def cpu_seconds() -> float:
    """CPU time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def measure(stage: str, folder: Path) -> dict[str, float | str]:
    """What the stage takes in this folder."""
    before, cpu = Memory.now(), cpu_seconds()
    memory, started = Memory(), time.perf_counter()
    STAGES[stage](folder)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    return {"folder": folder.name, "seconds": seconds, "cpu": cpu, "before": before, "peak": memory.end()}


def main() -> None:
    """Run one stage in each folder and print what it took, a line of JSON each."""
    stage, small, folders = sys.argv[1], Path(sys.argv[2]), [Path(given) for given in sys.argv[3:]]
    prepare_libraries()
    if stage == "all":
        for name, work in STAGES.items():
            shutil.copytree(folders[0], small / name)
            work(folders[0])
        return
    with tempfile.TemporaryDirectory(dir=small.parent) as aside:
        STAGES[stage](Path(shutil.copytree(small, Path(aside) / "small")))
    for folder in folders:
        print(json.dumps(measure(stage, folder)), flush=True)


if __name__ == "__main__":
    main()
