"""Both flows are stopped in the middle of their work, in every way: what is left, and what the next run makes of it."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
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
from train.finished import RESULT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WAYS = ("worker terminated", "worker killed", "flows killed", "runs cancelled")
Stop = Callable[[Server, Work, "Aftermath", Popen[bytes]], dict[str, str]]
"""Starts the two runs, stops them in a way, sweeps up; gives their ids."""


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
    kind = "plots" if way == "runs cancelled" else "posters"
    found = Aftermath(kind, tmp_path_factory.mktemp("runs"))
    work.forget(kind)
    by_worker = way.startswith("worker")
    start = start_worker if by_worker else start_serving
    host = start(server, work.cache)
    if by_worker:
        deploy(server, work.cache)
    try:
        runs = STOP[way](server, work, found, host)
        found.problems = work.problems()
        found.states = {flow: Page(server).state(run) for flow, run in runs.items()}
        found.processes = [process for run in runs.values() for process in processes_of(run)]
        found.locks = held_locks(work)
        if set(found.states.values()) != {"COMPLETED"}:  # else the next run is of no interest
            if host.poll() is not None:
                host = start(server, work.cache)
            runs = {"augmentation": augment(server, work, found), "training": train(server, work, found)}
        found.last_states = {flow: Page(server).ended(run) for flow, run in runs.items()}
        found.after = snapshot(work, found)
        found.problems += work.problems()
    finally:
        end(host)
    return found


def augment(server: Server, work: Work, found: Aftermath) -> str:
    return Page(server).run(NIGHTLY, **work.augmentation(found.kind))


def train(server: Server, work: Work, found: Aftermath) -> str:
    return Page(server).run(FROM_CACHE, **work.training(found.runs))


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


@contextmanager
def both_in_the_middle(server: Server, work: Work, found: Aftermath) -> Generator[dict[str, str]]:
    """The two runs, of which one waits for its last shard while the other trains its second cell."""
    build = work.build(found.kind)
    with claim(work.cache.root, f"{build.shelf}/{build.shards - 1:05}", wait=False) as held:
        assert held
        runs = {"augmentation": augment(server, work, found)}
        wait_until(lambda: in_the_last_shard(work, found), "the last shard", every=0.1)
        runs["training"] = train(server, work, found)
        wait_until(lambda: in_the_second_cell(work, found), "the second cell", every=0.02)
        yield runs


def stop_worker(number: signal.Signals) -> Stop:
    def stop(server: Server, work: Work, found: Aftermath, worker: Popen[bytes]) -> dict[str, str]:
        with both_in_the_middle(server, work, found) as runs:
            found.before = snapshot(work, found)
            worker.send_signal(number)
            worker.wait()
        wait_until_gone(runs)  # flows that live on come to their end
        sweep_up(server, work.cache)
        return runs

    return stop


def cancel_runs(server: Server, work: Work, found: Aftermath, _host: Popen[bytes]) -> dict[str, str]:
    page = Page(server)
    with both_in_the_middle(server, work, found) as runs:
        for run in reversed(runs.values()):
            page.set_state(run, "CANCELLING")
        assert {flow: page.ended(run) for flow, run in runs.items()} == dict.fromkeys(runs, "CANCELLED")
        wait_until_gone(runs)
        found.before = snapshot(work, found)
        found.unwound = [flow for flow, run in runs.items() if owner(work.cache.root, lock_of(run)) is None]
    sweep_up(server, work.cache)
    return runs


def kill_flows(server: Server, work: Work, found: Aftermath, _host: Popen[bytes]) -> dict[str, str]:
    folder = work.cache.building_folder(work.build(found.kind).shelf)
    runs = {"augmentation": augment(server, work, found), "training": train(server, work, found)}
    wait_until(lambda: any(folder.glob("train-*.json")) and any(folder.glob(".train-*.arrow.*")), "half a shard", every=0.005)
    kill(runs["augmentation"])
    wait_until(lambda: in_the_second_cell(work, found), "the second cell", every=0.02)
    kill(runs["training"])
    found.before = snapshot(work, found)
    assert {flow: Page(server).ended(run) for flow, run in runs.items()} == dict.fromkeys(runs, "CRASHED")
    wait_until_gone(runs)
    sweep_up(server, work.cache)
    return runs


def kill(run: str) -> None:
    for process in processes_of(run):
        os.kill(process.pid, signal.SIGKILL)


def wait_until_gone(runs: dict[str, str]) -> None:
    wait_until(lambda: not any(map(processes_of, runs.values())), "the end of the flows' processes", every=0.5)


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
