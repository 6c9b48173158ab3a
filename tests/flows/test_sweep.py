"""Runs whose process is gone, and schedules that went by, on a real server with real processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect import Flow, flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterId
from prefect.client.schemas.objects import ConcurrencyOptions, FlowRun
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelling, Completed, Paused, Pending, Running, State

from datasets_cache.claims import claim
from datasets_cache.store import Cache
from flows import sweep as module
from flows.sweep import lock_of, sweep

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cache:
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "ENDING", 0.2)
    return Cache()


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is old enough to have taken its lock."""
    monkeypatch.setattr(module, "STARTING", timedelta(0))


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as opened:
        yield opened


@flow(name="training")
def training() -> None:
    """Stands in for ours: the sweep knows flows by their names."""


@flow(name="somebody-elses")
def foreign() -> None:
    """Not ours."""


def a_run(client: SyncPrefectClient, *states: State[None], of: Flow[..., None] = training) -> FlowRun:
    made = client.create_flow_run(of, state=Pending())
    for state in states:
        client.set_flow_run_state(made.id, state, force=True)
    return made


def leave_a_lock(cache: Cache, run: FlowRun) -> None:
    """What a process that died has left."""
    with claim(cache.root, lock_of(run.id), wait=False):
        pass


def state_of(client: SyncPrefectClient, run: FlowRun | UUID) -> str:
    return str(client.read_flow_run(run if isinstance(run, UUID) else run.id).state_name)


WORKER = """
import sys, time
from pathlib import Path
from prefect import flow, task
from flows.operated import operated

@task
def wait(until: str) -> None:
    while not Path(until).exists():
        time.sleep(0.1)

@flow(name="augmentation")
@operated
def augmentation(until: str) -> None:
    wait(until)

augmentation(sys.argv[1])
"""


def test_a_flow_that_a_dead_run_had_begun_is_crashed_with_it(cache: Cache, client: SyncPrefectClient, tmp_path: Path):
    marker, ids = tmp_path / "begun", tmp_path / "ids"
    code = f"""
import os, time
from pathlib import Path
from prefect import flow
from prefect.runtime import flow_run
from flows.operated import operated

@flow(name="cells")
def cells():
    Path({str(ids)!r}).write_text(flow_run.parent_flow_run_id + " " + flow_run.id)
    os.rename({str(ids)!r}, {str(marker)!r})
    time.sleep(300)

@flow(name="training")
@operated
def training():
    cells()

training()
"""
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        until = time.monotonic() + 120
        while not marker.exists():
            assert time.monotonic() < until, "the flow did not begin"
            time.sleep(0.1)
        process.kill()
    parent, below = map(UUID, marker.read_text().split())
    assert state_of(client, below) == "Running"
    sweep(cache, own_server=False)
    assert (state_of(client, parent), state_of(client, below)) == ("Crashed", "Crashed")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts a process whose flow works until a file of that name is there."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
        started.append(subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path / name)], env=environment))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def wait_for_locks(cache: Cache, count: int) -> None:
    deadline = time.monotonic() + 100
    while len(list((cache.root / "locks" / "flow-runs").glob("*.lock"))) < count:
        assert time.monotonic() < deadline, "the flows do not start"
        time.sleep(0.2)


def run_held_by(cache: Cache, process: subprocess.Popen[bytes]) -> UUID:
    locks = (cache.root / "locks" / "flow-runs").glob("*.lock")
    (held,) = [lock for lock in locks if f"process {process.pid} " in lock.read_text(encoding="utf-8")]
    return UUID(held.stem)


@pytest.mark.usefixtures("old")
def test_a_run_whose_process_was_killed_is_crashed_and_one_that_works_goes_on(
    cache: Cache, client: SyncPrefectClient, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
):
    killed, alive = start("never"), start("enough")
    wait_for_locks(cache, 2)
    dead, living = run_held_by(cache, killed), run_held_by(cache, alive)
    time.sleep(2)  # the server hears of tasks a little later
    killed.kill()
    killed.wait()

    said = sweep(cache, own_server=True)

    assert len(said) == 1
    assert (state_of(client, dead), state_of(client, living)) == ("Crashed", "Running")
    tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[dead])))
    assert [task.state_name for task in tasks] == ["Crashed"]
    (tmp_path / "enough").touch()
    assert alive.wait(60) == 0
    assert state_of(client, living) == "Completed"


def test_a_run_that_was_being_cancelled_when_its_process_died_is_cancelled(cache: Cache, client: SyncPrefectClient):
    run = a_run(client, Running(), Cancelling())
    leave_a_lock(cache, run)

    sweep(cache, own_server=False)

    assert state_of(client, run) == "Cancelled"


def test_the_lock_of_a_resolved_run_is_forgotten(cache: Cache, client: SyncPrefectClient):
    leave_a_lock(cache, a_run(client, Running()))

    sweep(cache, own_server=False)

    assert not list(cache.root.rglob("*.lock"))


def test_a_second_sweep_finds_nothing(cache: Cache, client: SyncPrefectClient):
    leave_a_lock(cache, a_run(client, Running()))
    sweep(cache, own_server=True)

    assert sweep(cache, own_server=True) == []


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("state", [Running(), Pending()], ids=["running", "pending"])
def test_an_old_run_without_a_lock_is_dead_where_the_server_is_this_machines_alone(
    cache: Cache, client: SyncPrefectClient, state: State[None]
):
    run = a_run(client, state)

    sweep(cache, own_server=True)

    assert state_of(client, run) == "Crashed"


@pytest.mark.usefixtures("old")
def test_a_run_without_a_lock_may_work_elsewhere_where_the_server_is_shared(cache: Cache, client: SyncPrefectClient):
    run = a_run(client, Running())

    assert sweep(cache, own_server=False) == []

    assert state_of(client, run) == "Running"
    client.set_flow_run_state(run.id, Completed(), force=True)


def test_a_run_that_just_began_is_left_to_take_its_lock(cache: Cache, client: SyncPrefectClient):
    run = a_run(client, Running())

    assert sweep(cache, own_server=True) == []

    assert state_of(client, run) == "Running"
    client.set_flow_run_state(run.id, Completed(), force=True)


@pytest.mark.usefixtures("old")
def test_a_paused_run_waits_for_a_person(cache: Cache, client: SyncPrefectClient):
    run = a_run(client, Running(), Paused())

    assert sweep(cache, own_server=True) == []

    assert state_of(client, run) == "Paused"
    client.set_flow_run_state(run.id, Completed(), force=True)


@pytest.mark.usefixtures("old")
def test_runs_of_other_flows_are_nobody_of_ours(cache: Cache, client: SyncPrefectClient):
    run = a_run(client, Running(), of=foreign)

    assert sweep(cache, own_server=True) == []

    assert state_of(client, run) == "Running"


@pytest.fixture
def deployment(client: SyncPrefectClient) -> Iterator[UUID]:
    """A deployment of one run at a time that is due each day at three."""
    at_three = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * *", timezone="UTC"), active=True)
    made = client.create_deployment(
        client.create_flow(training),
        name="daily",
        schedules=[at_three],
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions.model_validate({"collision_strategy": "ENQUEUE"}),
        enforce_parameter_schema=False,
    )
    yield made
    client.delete_deployment(made)


def sleep_through(client: SyncPrefectClient, deployment: UUID, days: int) -> None:
    """Let the server schedule what was due in the last days, as a machine that was asleep finds it."""
    now = datetime.now(UTC)
    span = {"start_time": (now - timedelta(days=days)).isoformat(), "end_time": now.isoformat(), "min_runs": days}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=span).raise_for_status()


def overdue(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    """What is due by now, oldest first."""
    wanted = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    runs = client.read_flow_runs(flow_run_filter=wanted, limit=200)
    due = [run for run in runs if run.expected_start_time and run.expected_start_time <= datetime.now(UTC)]
    return sorted(due, key=lambda run: str(run.expected_start_time))


def test_of_five_schedules_that_went_by_the_newest_stays(cache: Cache, client: SyncPrefectClient, deployment: UUID):
    sleep_through(client, deployment, days=5)

    said = sweep(cache, own_server=True)

    *missed, newest = overdue(client, deployment)
    assert [run.state_name for run in missed] == ["Cancelled"] * 4
    assert all(run.state and str(run.state.message).startswith("missed: due ") for run in missed)
    assert newest.state_name in ("Scheduled", "Late")
    assert len(said) == 4


def test_runs_that_a_person_asked_for_are_not_overtaken(cache: Cache, client: SyncPrefectClient, deployment: UUID):
    asked = [client.create_flow_run_from_deployment(deployment) for _ in range(2)]
    sleep_through(client, deployment, days=1)

    assert sweep(cache, own_server=True) == []

    assert {state_of(client, run) for run in asked} <= {"Scheduled", "Late"}


def begin(client: SyncPrefectClient, deployment: UUID) -> FlowRun:
    """A run that has taken the deployment's place."""
    run = client.create_flow_run_from_deployment(deployment)
    client.set_flow_run_state(run.id, Pending())
    client.set_flow_run_state(run.id, Running())
    return client.read_flow_run(run.id)


def places_taken(client: SyncPrefectClient, deployment: UUID) -> int:
    return client.read_global_concurrency_limit_by_name(f"deployment:{deployment}").active_slots


def test_a_dead_run_gives_its_place_back_at_once(cache: Cache, client: SyncPrefectClient, deployment: UUID):
    leave_a_lock(cache, begin(client, deployment))

    sweep(cache, own_server=False)

    assert state_of(client, begin(client, deployment)) == "Running"


def test_a_dead_run_whose_lease_had_ended_does_not_give_away_the_place_of_one_that_works(
    cache: Cache, client: SyncPrefectClient, deployment: UUID
):
    dead = begin(client, deployment)
    leave_a_lock(cache, dead)
    lease = dead.state and dead.state.state_details.deployment_concurrency_lease_id
    assert lease is not None
    client.release_concurrency_slots_with_lease(lease)  # as the server does after five minutes
    working = begin(client, deployment)
    with claim(cache.root, lock_of(working.id), wait=False):
        sweep(cache, own_server=False)

        assert (state_of(client, dead), state_of(client, working)) == ("Crashed", "Running")
        assert places_taken(client, deployment) == 1
