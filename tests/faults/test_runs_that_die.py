"""Both flows are stopped in the middle of their work, in every way: what is left, and what the next run makes of it."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from datasets_cache.claims import claim, owner
from flows.sweep import lock_of
from tests.faults.conftest import (
    ENDED,
    FROM_CACHE,
    NIGHTLY,
    Page,
    Server,
    Work,
    deploy,
    end,
    epochs_of,
    identity,
    processes_of,
    start_serving,
    start_worker,
    sweep_up,
    wait_until,
)
from train.run import RESULT

pytestmark = pytest.mark.timeout(600)

WAYS = ("worker terminated", "worker killed", "flows killed", "runs cancelled")


@dataclass
class Aftermath:
    """What was there before, after, and after the next run."""

    kind: str
    """What the augmentation makes."""
    runs: Path
    """Where the training leaves its cells."""
    before: dict[str, Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    """How the two runs ended."""
    problems: list[str] = field(default_factory=list)
    processes: list[Any] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    unwound: list[str] = field(default_factory=list)
    """The cancelled runs that gave their own locks back: they ended by themselves, and had not to be killed."""
    after: dict[str, Any] = field(default_factory=dict)
    last_states: dict[str, str] = field(default_factory=dict)
    """How the last runs ended: the next ones, or the same where they lived on."""


@pytest.fixture(scope="module", params=WAYS)
def aftermath(
    request: pytest.FixtureRequest, server: Server, work: Work, tmp_path_factory: pytest.TempPathFactory
) -> Aftermath:
    way: str = request.param
    kind = "posters" if way in ("worker killed", "flows killed") else "plots"
    found = Aftermath(kind, tmp_path_factory.mktemp("runs"))
    work.forget(kind)
    by_worker = way.startswith("worker")
    start = start_worker if by_worker else start_serving
    host = start(server, work.cache)
    if by_worker:
        deploy(server, work.cache)
    try:
        runs = press_run(server, work, found)
        STOP[way](server, work, found, runs, host)
        found.problems = work.problems()
        found.states = {flow: Page(server).state(run) for flow, run in runs.items()}
        found.processes = [process for run in runs.values() for process in processes_of(run)]
        found.locks = held_locks(work)
        if set(found.states.values()) != {"COMPLETED"}:  # else the next run is of no interest
            if host.poll() is not None:
                host = start(server, work.cache)
            runs = press_run(server, work, found)
        found.last_states = {flow: Page(server).ended(run) for flow, run in runs.items()}
        found.after = snapshot(work, found)
        found.problems += work.problems()
    finally:
        end(host)
    return found


def press_run(server: Server, work: Work, found: Aftermath) -> dict[str, str]:
    page = Page(server)
    return {
        "augmentation": page.run(NIGHTLY, **work.augmentation(found.kind)),
        "training": page.run(FROM_CACHE, **work.training(found.runs)),
    }


def snapshot(work: Work, found: Aftermath) -> dict[str, Any]:
    done, going = work.cells(found.runs)
    return {
        "shards": work.finished_shards(found.kind),
        "finished cell": {path.name: identity(path) for path in done.rglob("*") if path.is_file()},
        "epochs": epochs_of(going),
    }


def in_the_second_cell(work: Work, found: Aftermath) -> bool:
    done, going = work.cells(found.runs)
    return (done / RESULT).is_file() and len(epochs_of(going)) >= 2


def in_the_last_shard(work: Work, found: Aftermath) -> bool:
    shards = work.build(found.kind).shards
    assert shards > 1
    return len(work.finished_shards(found.kind)) == 2 * (shards - 1)  # each with its record


def stop_worker(number: signal.Signals) -> Any:
    def stop(server: Server, work: Work, found: Aftermath, runs: dict[str, str], host: Any) -> None:
        build = work.build(found.kind)
        with claim(work.cache.root, f"{build.shelf}/{build.shards - 1:05}", wait=False) as held:  # so that it cannot finish
            assert held
            wait_until(
                lambda: in_the_last_shard(work, found) and in_the_second_cell(work, found), "the middle of both", every=0.02
            )
            found.before = snapshot(work, found)
            host.send_signal(number)
            host.wait()
        wait_until(lambda: not any(map(processes_of, runs.values())), "the end of the flows' processes", every=0.5)
        sweep_up(server, work.cache)

    return stop


def kill_flows(server: Server, work: Work, found: Aftermath, runs: dict[str, str], _host: Any) -> None:
    folder = work.cache.building_folder(work.build(found.kind).shelf)
    wait_until(
        lambda: any(folder.glob("train-*.json")) and any(folder.glob(".train-*.arrow.*")), "a shard half written", every=0.005
    )
    kill(runs["augmentation"])
    wait_until(lambda: in_the_second_cell(work, found), "the second cell", every=0.02)
    kill(runs["training"])
    found.before = snapshot(work, found)
    for run in runs.values():
        Page(server).ended(run)
    sweep_up(server, work.cache)


def kill(run: str) -> None:
    for process in processes_of(run):
        os.kill(process.pid, signal.SIGKILL)


def cancel_runs(server: Server, work: Work, found: Aftermath, runs: dict[str, str], _host: Any) -> None:
    build, page = work.build(found.kind), Page(server)
    with ExitStack() as stack:
        assert stack.enter_context(claim(work.cache.root, f"{build.shelf}/{build.shards - 1:05}", wait=False))
        wait_until(lambda: in_the_last_shard(work, found) and in_the_second_cell(work, found), "the middle of both", every=0.02)
        for run in runs.values():
            page.set_state(run, "CANCELLING")
        for run in runs.values():
            page.ended(run)
        wait_until(lambda: not any(map(processes_of, runs.values())), "the end of the flows' processes", every=0.5)
        found.before = snapshot(work, found)
        found.unwound = [flow for flow, run in runs.items() if owner(work.cache.root, lock_of(run)) is None]
    sweep_up(server, work.cache)


STOP = {
    "worker terminated": stop_worker(signal.SIGTERM),
    "worker killed": stop_worker(signal.SIGKILL),
    "flows killed": kill_flows,
    "runs cancelled": cancel_runs,
}


def held_locks(work: Work) -> list[str]:
    """Names of the locks that somebody holds."""

    def names() -> Iterator[str]:
        for path in (work.cache.root / "locks").rglob("*.lock"):
            try:
                with FileLock(path, blocking=False):
                    pass
            except Timeout:
                yield str(path)

    return list(names())


def test_nothing_is_half_published(aftermath: Aftermath):
    assert aftermath.problems == []


def test_each_run_has_an_end(aftermath: Aftermath):
    assert set(aftermath.states.values()) <= set(ENDED), aftermath.states


def test_no_process_and_no_lock_is_left(aftermath: Aftermath):
    assert aftermath.processes == []
    assert aftermath.locks == []


@pytest.mark.parametrize("aftermath", ["runs cancelled"], indirect=True)
def test_a_cancelled_run_ends_by_itself(aftermath: Aftermath):
    assert aftermath.unwound == ["augmentation", "training"]


def test_finished_shards_and_cells_are_used_by_the_next_run_as_they_are(aftermath: Aftermath):
    assert aftermath.before["shards"].items() <= aftermath.after["shards"].items()
    assert aftermath.before["shards"], "no shard was finished"
    assert aftermath.before["finished cell"] == aftermath.after["finished cell"]


def test_a_cell_goes_on_from_its_last_checkpoint(aftermath: Aftermath):
    # an epoch's line comes before its checkpoint: of the last one there may be no checkpoint yet
    whole = aftermath.before["epochs"][:-1]
    assert whole
    assert aftermath.after["epochs"][: len(whole)] == whole


def test_the_next_run_ends_where_an_undisturbed_one_does(aftermath: Aftermath, work: Work):
    assert aftermath.last_states == {"augmentation": "COMPLETED", "training": "COMPLETED"}
    assert work.shelf_files(aftermath.kind) == work.shelf_files(aftermath.kind, work.undisturbed)
    assert work.cache.version_manifest(work.version_of(aftermath.kind)).spec["name"] == "moviescope"
    assert work.outcome(aftermath.runs) == work.outcome(work.undisturbed_runs)
