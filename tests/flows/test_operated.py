"""What surrounds a flow's work: its lock, runs that a later one has overtaken, and mistakes as sentences."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.schedules import CronSchedule
from prefect.flow_engine import run_flow
from prefect.runtime import flow_run
from prefect.states import AwaitingRetry, Cancelled

from datasets_cache.claims import claim
from datasets_cache.store import Cache
from flows.augmentation import augmentation
from flows.operated import operated
from flows.sweep import lock_of

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cache:
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    return Cache()


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as opened:
        yield opened


def locks(cache: Cache) -> list[Path]:
    return list(cache.root.rglob("*.lock"))


def test_a_run_holds_its_lock_while_it_works_and_forgets_it(cache: Cache):
    @flow
    @operated
    def work() -> bool:
        with claim(cache.root, lock_of(flow_run.id), wait=False) as free:
            return free

    assert work() is False
    assert locks(cache) == []


@pytest.mark.parametrize("end", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit(3)], ids=["error", "ctrl-c", "exit"])
def test_a_run_that_ends_badly_forgets_its_lock(cache: Cache, end: BaseException):
    @flow
    @operated
    def work() -> None:
        assert len(locks(cache)) == 1
        raise end

    with pytest.raises(type(end)):
        work()

    assert locks(cache) == []


def test_without_a_run_the_function_alone_is_left(cache: Cache):
    @operated
    def work(number: int) -> int:
        assert locks(cache) == []
        if number < 0:
            raise ValueError("below 0")  # noqa: EM101
        return number + 1

    assert work(1) == 2
    with pytest.raises(ValueError, match="below 0"):
        work(-1)


def test_a_mistake_ends_the_run_as_failed_with_its_sentence(cache: Cache):
    state: State[str] = augmentation(recipe="newest", return_state=True)  # of an empty cache

    assert state.name == "Failed"
    assert str(cache.root) in str(state.message)
    assert "demo" in str(state.message)


def test_a_mistake_in_a_flow_that_is_called_is_raised_as_itself(cache: Cache):
    with pytest.raises(ValueError, match=re.escape(str(cache.root))):
        augmentation(recipe="newest")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("error", "traceback"), [(ValueError("sample is 3; give 0 to 1."), False), (RuntimeError("our own bug"), True)]
)
def test_only_a_mistake_in_a_task_is_logged_without_its_traceback(
    caplog: pytest.LogCaptureFixture, *, error: Exception, traceback: bool
):
    @task
    def fail() -> None:
        raise error

    @flow
    @operated
    def work() -> None:
        fail()

    logger = logging.getLogger("prefect.task_runs")
    caplog.set_level(logging.ERROR, logger=logger.name)
    logger.addHandler(caplog.handler)
    with pytest.raises(type(error)):
        work()
    logger.removeHandler(caplog.handler)

    assert str(error) in caplog.text
    assert ("Traceback" in caplog.text) is traceback


def test_a_cache_that_cannot_be_written_is_a_mistake_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "file" / "cache"))

    @flow
    @operated
    def work() -> None: ...

    state: State[None] = work(return_state=True)

    assert (state.name, str(tmp_path / "file") in str(state.message)) == ("Failed", True)


# Runs that a later one has overtaken

done: list[str] = []


@flow(name="augmentation")
@operated
def nightly() -> None:
    """Writes down that it worked."""
    done.append(flow_run.id)


@pytest.fixture
def nights(client: SyncPrefectClient) -> Iterator[list[FlowRun]]:
    """Two runs of a daily schedule that are both due: the night before the last one, and the last one."""
    at_three = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * *", timezone="UTC"), active=True)
    deployment = client.create_deployment(client.create_flow(nightly), name="daily", schedules=[at_three])
    now = datetime.now(UTC)
    span = {"start_time": (now - timedelta(days=2)).isoformat(), "end_time": now.isoformat(), "min_runs": 2}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=span).raise_for_status()
    done.clear()
    yield due(client, deployment)
    client.delete_deployment(deployment)


def due(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    wanted = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    runs = client.read_flow_runs(flow_run_filter=wanted, limit=200)
    overdue = [run for run in runs if run.expected_start_time and run.expected_start_time <= datetime.now(UTC)]
    assert len(overdue) == 2
    return sorted(overdue, key=lambda run: str(run.expected_start_time))


def start(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    """Let this process do a run, and read what became of it."""
    run_flow(nightly, flow_run=run, return_type="state")
    return client.read_flow_run(run.id)


@pytest.mark.usefixtures("cache")
def test_a_scheduled_run_that_a_later_one_has_overtaken_does_no_work(client: SyncPrefectClient, nights: list[FlowRun]):
    older, newer = nights

    ended = start(client, older)

    assert (ended.state_name, done) == ("Cancelled", [])
    assert str(ended.state and ended.state.message).startswith("missed: due ")
    assert start(client, newer).state_name == "Completed"
    assert done == [str(newer.id)]


@pytest.mark.usefixtures("cache")
def test_a_scheduled_run_works_where_the_later_one_was_cancelled(client: SyncPrefectClient, nights: list[FlowRun]):
    older, newer = nights
    client.set_flow_run_state(newer.id, Cancelled(), force=True)

    assert start(client, older).state_name == "Completed"


@pytest.mark.usefixtures("cache")
def test_an_overtaken_run_that_a_person_starts_once_more_works(client: SyncPrefectClient, nights: list[FlowRun]):
    older, _ = nights
    start(client, older)
    client.set_flow_run_state(older.id, AwaitingRetry(), force=True)

    assert start(client, client.read_flow_run(older.id)).state_name == "Completed"


@pytest.mark.usefixtures("cache")
def test_a_run_that_cannot_ask_for_later_ones_works(
    client: SyncPrefectClient, nights: list[FlowRun], monkeypatch: pytest.MonkeyPatch
):
    from flows import operated as module

    def unreachable(**_: object) -> SyncPrefectClient:
        return SyncPrefectClient("http://127.0.0.1:9/api")  # the discard port: nobody listens

    monkeypatch.setattr(module, "get_client", unreachable)

    assert start(client, nights[0]).state_name == "Completed"
