"""How long it takes to open a version, from 200 to 26,000 films, and `mmuda cache show` as a whole process.

    python benchmarks/growth_open.py [--films 200 2000 26000] [--rounds 5] [--work FOLDER]

Shelves are written and published as always, in as many shards; but their films are the bundled ones over and over under other
ids, and their views are the films as they are: what it takes to open them does not depend on what was done to them. `open` is
`open_version`, then the first film of each split and its first views, with the libraries imported before. The smallest of the
rounds counts for wall time, the median for CPU time.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from augment.image.spec import RandAugmentSpec
from augment.text.spec import BackTranslationSpec
from datasets_cache import division, shards, version
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.rank import rank
from datasets_cache.sampling import SampleSpec, publish_sample
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, SPLITS, TEXT_VIEW_FEATURES, Split
from datasets_cache.sources import BundledSource
from datasets_cache.store import Cache
from flows.environment import prepare_libraries

PARTS: dict[Split, float] = {"train": 0.6, "validation": 0.1, "test": 0.3}


def build(cache: Cache, count: int, films: list[dict[str, Any]]) -> str:
    """Publish a version of `count` films with both views; gives its id."""
    spec = SampleSpec(source={"films": count}, share=1.0)
    sample = shelf_id("sample", spec)
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in SPLITS:
            ids = sorted((f"{split} {number}" for number in range(round(PARTS[split] * count))), key=rank)
            for number, film in enumerate(ids):
                stage.write(split, films[number % len(films)] | {"id": film})
        genres = sorted({genre for film in films for genre in film["genres"]})
        stage.publish(sample, spec=spec, genres=genres)
    train = cache.open(sample).split("train")
    shelves: dict[str, ShelfId] = {}
    for kind, settings, columns in (
        ("text", BackTranslationSpec(), TEXT_VIEW_FEATURES),
        ("image", RandAugmentSpec(), IMAGE_VIEW_FEATURES),
    ):
        shelves[kind] = shelf_id(kind, settings, (sample,))
        made = shards.Build(cache, shelves[kind], kind, columns, division.count_of(train))
        for number in range(made.shards):
            mine = division.rows_of(train, number, made.shards)
            rows = (dict.fromkeys(columns) | _view(train[row], columns) for row in mine)
            made.write(number, rows, {"films": len(mine)})
        made.publish(spec=settings, parents=(sample,), counts={"films": len(train)})
    return version.publish(cache, name="opened", sample=sample, text=shelves["text"], image=shelves["image"]).id


def _view(film: dict[str, Any], columns: Any) -> dict[str, Any]:
    empty = {"kept": []} if isinstance(columns["kept"], tuple) else {"ops": []}
    return {name: film[name] for name in columns if name in film} | {"view": 0} | empty


def opened(cache: Cache) -> None:
    """Open the version and read the first film of each split, and the first view of each kind."""
    found = version.open_version(cache, "latest")
    assert all(found.films(split)[0]["id"] for split in SPLITS)
    assert all(views and views[0]["id"] for views in (found.text_views(), found.image_views()))


def shown(cache: Cache) -> None:
    """`mmuda cache show latest`, a process of its own."""
    entry = [sys.executable, "-c", "from flows.cli import main; main()", "cache", "show", "latest"]
    subprocess.run(entry, env=os.environ | {"MMUDA_CACHE": str(cache.root)}, check=True, capture_output=True)


def timed(work: Callable[[Cache], None], cache: Cache, rounds: int) -> tuple[float, float]:
    """Least wall and median CPU seconds of `work`, its processes included."""
    found = list(_rounds(work, cache, rounds))
    return min(wall for wall, _ in found), statistics.median(cpu for _, cpu in found)


def _rounds(work: Callable[[Cache], None], cache: Cache, rounds: int) -> Iterator[tuple[float, float]]:
    for _ in range(rounds):
        cpu, started = sum(os.times()[:4]), time.perf_counter()
        work(cache)
        yield time.perf_counter() - started, sum(os.times()[:4]) - cpu


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs="+", default=[200, 2_000, 26_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=None, help="folder for the caches; by default a temporary one")
    given = parser.parse_args()
    prepare_libraries()
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        bundled = Cache(Path(work) / "bundled")
        publish_sample(BundledSource(), share=0.1, cache=bundled)
        shelf = bundled.open(bundled.manifests("shelves")[0].id)
        films = [dict(film) for film in shelf.split("train")]
        print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
        print(f"{'films':>8}{'MiB':>8}{'shards':>8}{'open: wall s':>14}{'CPU s':>8}{'show: wall s':>14}{'CPU s':>8}")
        for count in given.films:
            cache = Cache(Path(work) / str(count))
            made = version.open_version(cache, build(cache, count, films))
            size = sum(path.stat().st_size for path in cache.root.rglob("*.arrow")) / 2**20
            pieces = len(made.image.manifest.files) if made.image else 0
            figures = (*timed(opened, cache, given.rounds), *timed(shown, cache, given.rounds))
            print(
                f"{count:8}{size:8.0f}{pieces:8}{figures[0]:14.3f}{figures[1]:8.3f}{figures[2]:14.2f}{figures[3]:8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
