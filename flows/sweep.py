"""Runs that nobody works on any more, and schedules that went by while the machine slept: found and resolved."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Crashed

from datasets_cache.claims import claim, forget, owner
from datasets_cache.store import Cache

FLOWS = ["augmentation", "training"]
AT_WORK = [StateType.RUNNING, StateType.CANCELLING, StateType.PENDING]
OVERDUE = ["Scheduled", "Late"]
STARTING = timedelta(minutes=2)
"""A run that is this young may not have taken its lock yet."""
ENDING = 5.0
"""Seconds between the end of a run's work, when it gives its lock back, and the server's word of it."""
PAGE = 200

_OURS = FlowFilter(name=FlowFilterName(any_=FLOWS))
_TASKS_AT_WORK = TaskRunFilter(
    state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
)


def lock_of(run: UUID | str) -> str:
    """Name of the lock (`datasets_cache.claims`) that a flow run holds while it works."""
    return f"flow-runs/{run}"


def sweep(cache: Cache, *, own_server: bool) -> list[str]:
    """Resolve the runs of our two flows that nobody works on, and cancel those that a later one has overtaken.

    A run whose lock is held is never touched, nor one that waits to be started, to be retried or to go on.

    Args:
        cache: the cache that holds the runs' locks.
        own_server: nobody else's runs are on the server, so a run that has no lock after two minutes is dead as well.

    Returns:
        One sentence for each run that was resolved, and for each deployment whose places were miscounted.
    """
    with get_client(sync_client=True) as client:
        said = _resolve_the_dead(client, cache, own_server=own_server)
        if said or own_server:
            said += _count_places(client)
        return said + _cancel_the_overtaken(client)


def _resolve_the_dead(client: SyncPrefectClient, cache: Cache, *, own_server: bool) -> list[str]:
    suspects = [run for run in _read(client, _in_types(AT_WORK)) if _looks_dead(run, cache, own_server=own_server)]
    if not suspects:
        return []
    time.sleep(ENDING)
    again = FlowRunFilter(id=_these(suspects).id, state=_in_types(AT_WORK).state)
    return [_resolve(client, run, cache) for run in _read(client, again) if _looks_dead(run, cache, own_server=own_server)]


def _looks_dead(run: FlowRun, cache: Cache, *, own_server: bool) -> bool:
    if owner(cache.root, lock_of(run.id)) is not None:
        with claim(cache.root, lock_of(run.id), wait=False) as free:
            return free
    since = run.state.timestamp if run.state else run.created
    return own_server and since is not None and datetime.now(UTC) - since > STARTING


def _resolve(client: SyncPrefectClient, run: FlowRun, cache: Cache) -> str:
    gone = "its process is gone"
    state: State[None] = Crashed(message=f"Crashed: {gone}. Run it again: what it had finished is in the cache.")
    if run.state_type == StateType.CANCELLING:
        state = Cancelled(message=f"Cancelled; {gone}.")
    for task in client.read_task_runs(flow_run_filter=_these([run]), task_run_filter=_TASKS_AT_WORK):
        client.set_task_run_state(task.id, Crashed(message=f"Crashed: {gone}."), force=True)
    for below in _subflows(client, run):
        client.set_flow_run_state(below.id, state, force=True)
    client.set_flow_run_state(run.id, state, force=True)
    forget(cache.root, lock_of(run.id))
    return f"{run.name}: was {run.state_name}, but {gone}; {state.name} now."


def _subflows(client: SyncPrefectClient, run: FlowRun) -> list[FlowRun]:
    """Flows that a run has begun in its own process, on a Ray cluster, and that have not ended."""
    begun = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]), state=_in_types(AT_WORK).state)
    return client.read_flow_runs(flow_run_filter=begun)


def _count_places(client: SyncPrefectClient) -> list[str]:
    """Let each deployment's limit count the runs at work.

    The server takes one off the count when a run's lease ends (five minutes after its process) and another one when the run
    is resolved, so the place of a run that works would be given away; a server that was killed may count one too many.
    """
    said: list[str] = []
    for deployment in client.read_deployments(flow_filter=_OURS):
        if not (limit := deployment.global_concurrency_limit):
            continue
        at_work = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]), state=_in_types(AT_WORK).state)
        taken = len(_read(client, at_work))
        counted = client.read_global_concurrency_limit_by_name(limit.name).active_slots
        if counted != taken:
            client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=taken))
            said.append(f"{deployment.name}: {counted} of {limit.limit} places were counted as taken; {taken} are.")
    return said


def _cancel_the_overtaken(client: SyncPrefectClient) -> list[str]:
    waiting = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=OVERDUE)))
    now = datetime.now(UTC)
    overdue = [run for run in _read(client, waiting) if run.auto_scheduled and run.deployment_id and _due(run) <= now]
    overdue.sort(key=lambda run: (str(run.deployment_id), _due(run)))
    said: list[str] = []
    for _, runs in groupby(overdue, key=lambda run: run.deployment_id):
        *missed, newest = runs
        for run in missed:
            client.set_flow_run_state(run.id, Cancelled(message=missed_message(run, newest)), force=True)
            said.append(f"{run.name}: {missed_message(run, newest)}")
    return said


def missed_message(run: FlowRun, newer: FlowRun) -> str:
    """Why a scheduled run does not start any more."""
    return f"missed: due {_due(run):%Y-%m-%d %H:%M} UTC; the run due {_due(newer):%Y-%m-%d %H:%M} UTC does its work."


def newest_overdue(client: SyncPrefectClient, deployment: UUID, *, after: FlowRun, until: datetime) -> FlowRun | None:
    """The newest scheduled run of a deployment that was due after `after` and that waits, works or has worked; None without.

    One that was cancelled, failed or crashed does nobody's work.
    """
    between = {"after_": _due(after) + timedelta(microseconds=1), "before_": until}
    later = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate(between),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*AT_WORK, StateType.SCHEDULED, StateType.COMPLETED])),
    )
    runs = [run for run in _read(client, later) if run.auto_scheduled and run.id != after.id]
    return max(runs, key=_due, default=None)


def _due(run: FlowRun) -> datetime:
    assert run.expected_start_time is not None, run
    return run.expected_start_time.astimezone(UTC)


def _in_types(types: Sequence[StateType]) -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))))


def _these(runs: Sequence[FlowRun]) -> FlowRunFilter:
    return FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs]))


def _read(client: SyncPrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
    """The runs of our two flows, page by page; all are read before any is changed."""
    found: list[FlowRun] = []
    in_order = FlowRunSort.EXPECTED_START_TIME_ASC
    while page := client.read_flow_runs(
        flow_filter=_OURS, flow_run_filter=wanted, sort=in_order, limit=PAGE, offset=len(found)
    ):
        found += page
    return found
