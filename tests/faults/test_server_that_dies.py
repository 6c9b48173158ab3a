"""Prefect's server is killed, and its database locked, while both flows work."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets_cache.claims import claim
from tests.faults.conftest import (
    ENDED,
    FROM_CACHE,
    OTHER_PIVOT,
    Page,
    Server,
    Work,
    end,
    epochs_of,
    processes_of,
    start_serving,
    sweep_up,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LOCKED = 20.0
"""Seconds that the database cannot be written."""


@pytest.fixture(scope="module", autouse=True)
def _serving(mortal_server: Server, work: Work) -> Iterator[None]:
    host = start_serving(mortal_server, work.cache)
    yield
    end(host)


def start_both(server: Server, work: Work, runs: Path) -> dict[str, str]:
    work.forget("posters")
    return {
        "augmentation": Page(server).run(OTHER_PIVOT, **work.augmentation("posters")),
        "training": Page(server).run(FROM_CACHE, **work.training(runs)),
    }


def is_in_the_middle(work: Work, runs: Path) -> bool:
    """All shards but the last are there, and the first cell trains."""
    build = work.build("posters")
    return len(work.finished_shards("posters")) == 2 * (build.shards - 1) and len(epochs_of(work.cells(runs)[0])) > 1


def assert_undisturbed(work: Work, runs: Path) -> None:
    assert work.problems() == []
    assert work.shelf_files("posters") == work.shelf_files("posters", work.undisturbed)
    assert work.cache.version_folder(work.version_of("posters")).is_dir()
    assert work.outcome(runs) == work.outcome(work.undisturbed_runs)


def test_runs_end_well_though_the_database_is_locked_for_a_while(mortal_server: Server, work: Work, tmp_path: Path):
    runs = start_both(mortal_server, work, tmp_path)
    build = work.build("posters")
    with claim(work.cache.root, f"{build.shelf}/{build.shards - 1:05}", wait=False):
        wait_until(lambda: is_in_the_middle(work, tmp_path), "the middle of both")
        database = sqlite3.connect(mortal_server.database, isolation_level=None, timeout=60)
        database.execute("BEGIN EXCLUSIVE")
    time.sleep(LOCKED)  # the augmentation ends its work and has much to tell, the training goes on to its second cell
    database.execute("ROLLBACK")
    database.close()
    assert {flow: Page(mortal_server).ended(run) for flow, run in runs.items()} == dict.fromkeys(runs, "COMPLETED")
    assert_undisturbed(work, tmp_path)


def test_runs_outlive_a_server_that_is_killed_and_started_again(mortal_server: Server, work: Work, tmp_path: Path):
    runs = start_both(mortal_server, work, tmp_path)
    build, page = work.build("posters"), Page(mortal_server)
    with claim(work.cache.root, f"{build.shelf}/{build.shards - 1:05}", wait=False):
        wait_until(lambda: is_in_the_middle(work, tmp_path), "the middle of both")
        before = work.finished_shards("posters")
        mortal_server.kill()
    wait_until(lambda: len(work.finished_shards("posters")) > len(before), "the last shard, made without a server")
    mortal_server.start()
    wait_until(
        lambda: all(page.state(run) in ENDED or not processes_of(run) for run in runs.values()), "the end of both", every=0.5
    )
    sweep_up(mortal_server, work.cache)
    states = {flow: page.state(run) for flow, run in runs.items()}
    assert set(states.values()) <= set(ENDED), states
    assert before.items() <= work.finished_shards("posters").items()
    again = {
        "augmentation": lambda: page.run(OTHER_PIVOT, **work.augmentation("posters")),
        "training": lambda: page.run(FROM_CACHE, **work.training(tmp_path)),
    }
    lost = [again[flow]() for flow, state in states.items() if state != "COMPLETED"]
    assert [page.ended(run) for run in lost] == ["COMPLETED"] * len(lost)
    assert_undisturbed(work, tmp_path)
