"""What a run leaves in Prefect's database: bytes and rows of each kind of run, on a SQLite file of its own.

    python benchmarks/growth_prefect.py [--rounds 3] [--json FILE]

Both flows run in this process against Prefect's own server, with the log level that `mmuda serve` sets, so that lines of the
log are stored as they are there. Kinds: an augmentation and a training that find everything done, an augmentation that makes
other posters, and a training of two new cells (a tenth of the bundled films, one epoch). The first run of each kind is not
counted: it also brings what is kept once. Bytes are pages in use of the database with its indexes, after the events of the
run have arrived; a file of SQLite grows by whole pages, so few rounds are rough to some kilobytes.
"""

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

TABLES = ("events", "event_resources", "log", "artifact", "flow_run", "flow_run_state", "task_run", "task_run_state")
QUIET_SECONDS = 8.0
"""The server writes events every five seconds."""


def rows_and_bytes(database: Path) -> dict[str, int]:
    """Rows of each table, bytes of its pages with those of its indexes, and of all pages in use."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        found = {table: opened.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
        pages, free, size = (
            opened.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        found["bytes"] = (pages - free) * size
        by_table = "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY 1"
        sizes = dict(opened.execute(by_table).fetchall())
    found["bytes of events"] = sizes.get("events", 0) + sizes.get("event_resources", 0)
    return found


def settled(database: Path) -> dict[str, int]:
    """The same once nothing has been added for a while."""
    found, since = rows_and_bytes(database), time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        time.sleep(0.5)
        if (now := rows_and_bytes(database)) != found:
            found, since = now, time.monotonic()
    return found


def kinds(work: Path) -> dict[str, Callable[[int], object]]:
    """Each kind of run as a function of its round."""
    from augment.image.spec import RandAugmentSpec
    from augment.text.spec import BackTranslationSpec
    from datasets_cache.sources import BundledSource
    from flows.commands import run_augmentation, run_training
    from flows.recipes import AugmentationPlan, TrainingPlan
    from train.config import ImageEncoderConfig, OptimConfig, TextEncoderConfig

    films = AugmentationPlan(
        name="few",
        source=BundledSource(),
        sample=0.1,
        text=BackTranslationSpec(engine="bergamot", pivot="pt"),
        image=RandAugmentSpec(),
    )
    cells = TrainingPlan(
        version=run_augmentation(films), models=("bert",), text=TextEncoderConfig(name="embedded", max_tokens=24),
        image=ImageEncoderConfig(name="embedded"), optim=OptimConfig(max_epochs=1), runs=work / "runs",
    )  # fmt: skip
    run_training(cells)
    return {
        "augmentation, nothing to do": lambda _: run_augmentation(films),
        "augmentation, other posters": lambda number: run_augmentation(
            films.model_copy(update={"image": RandAugmentSpec(seed=100 + number)})
        ),
        "training, nothing to do": lambda _: run_training(cells),
        "training, two new cells": lambda number: run_training(cells.model_copy(update={"seeds": (100 + number,)})),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        os.environ |= {
            "MMUDA_CACHE": str(work / "cache"),
            "PREFECT_HOME": str(work / "prefect"),
            "PREFECT_LOGGING_LEVEL": "INFO",
        }
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
        from flows.environment import prepare_libraries, prepare_prefect

        prepare_libraries()
        prepare_prefect()
        everything: dict[str, Any] = {}
        print(f"{'kind':30}{'KiB':>8}{'events':>8}" + "".join(f"{table:>16}" for table in TABLES))
        for kind, work_of in kinds(work).items():
            work_of(0)
            before = settled(work / "prefect" / "prefect.db")
            for number in range(1, given.rounds + 1):
                work_of(number)
            after = settled(work / "prefect" / "prefect.db")
            each = {name: (after[name] - before[name]) / given.rounds for name in after}
            everything[kind] = each
            line = f"{kind:30}{each['bytes'] / 1024:8.0f}{each['bytes of events'] / 1024:8.0f}"
            print(line + "".join(f"{each[table]:16.1f}" for table in TABLES), flush=True)
        print(f"the file holds {after['bytes'] / 2**20:.1f} MiB now")
        if given.json:
            given.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
