"""What a server is told to offer: three deployments of the two flows, and the automation that trains after an augmentation."""

from importlib.metadata import version as installed
from typing import Any

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound, ParameterTypeError
from prefect.types.entrypoint import EntrypointType
from pydantic import ValidationError

from flows.augmentation import augmentation
from flows.form_schema import form_schema
from flows.terminal import say
from flows.training import training

NIGHTLY = "nightly"
OTHER_PIVOT = "other-pivot"
FROM_CACHE = "from-cache"
TRIGGER = "train after augmentation"

NIGHTLY_CRON = "0 3 * * *"
PUBLISHED = "mmuda.version.published"
"""The event of an augmentation that made a version. One that found it in the cache emits another, and trains nothing."""

_NIGHTLY = """\
Makes the newest cache version again from its source, every night once its **schedule** is switched on (on this page).
What has not changed is found in the cache, so a night without new films takes seconds. One run at a time.

It follows the newest version, also one through another pivot: to hold it to one, set *recipe*, *source* and *pivot* in the
parameters of this deployment (*Edit*). A schedule that is added on this page starts as `* * * * *`, which is every minute.
"""
_OTHER_PIVOT = """\
The newest cache version with its plots translated through **another language**: choose it when you start a run
(*Run* → *Custom run*). Portuguese with the embedded engine needs no download and no GPU. Posters come from the cache.
"""
_FROM_CACHE = f"""\
Trains every model with and without the consistency term on a **cache version** and compares them. `latest` is the newest.
Finished cells are reused, interrupted ones go on where they were. One run at a time, for a machine with one GPU.

To train after every augmentation, switch on *{TRIGGER}* on the **Automations** page.
"""


def deployments(cron: str | None = None, timezone: str = "UTC") -> list[RunnerDeployment]:
    """The deployments as they are to be registered with the configured server.

    What a person has set there is kept: schedules, pauses, parameters, and how many runs may go at once.

    Args:
        cron: When the nightly runs, for example ``0 3 * * *``. It replaces the schedules that there are and is switched on.
            None keeps them; a new deployment gets 3 o'clock, switched off.
        timezone: Of `cron`, for example ``Europe/Paris``.

    Raises:
        ValueError: `cron` is no cron expression, the time zone is unknown, or it is given without `cron`.
    """
    if cron is None and timezone != "UTC":
        msg = f'time zone {timezone!r} without a cron; give both, for example the cron "{NIGHTLY_CRON}".'
        raise ValueError(msg)
    asked = None if cron is None else [_schedule(cron, timezone, active=True)]
    nightly = [_schedule(NIGHTLY_CRON, "UTC", active=False)]
    other = {"recipe": "newest", "pivot": "pt", "engine": "bergamot"}
    with get_client(sync_client=True) as client:
        return [
            _deployment(client, augmentation, NIGHTLY, _NIGHTLY, {"recipe": "newest"}, schedules=nightly, asked=asked),
            _deployment(client, augmentation, OTHER_PIVOT, _OTHER_PIVOT, other),
            _deployment(client, training, FROM_CACHE, _FROM_CACHE, {"version": "latest"}),
        ]


def prepare(*, train_after: bool | None = None) -> None:
    """Make the automation that trains after an augmentation, or mend the one that is there. The deployments are registered.

    Args:
        train_after: Switch it on or off. None leaves the switch as a person set it; a new automation is off.
    """
    with get_client(sync_client=True) as client:
        target = client.read_deployment_by_name(f"{training.name}/{FROM_CACHE}")
        found = client.read_automations_by_name(TRIGGER)
        if not found:
            client.create_automation(_automation(target, enabled=bool(train_after)))
        for automation in found:
            _mend(client, automation, target)
            if train_after is True:
                client.resume_automation(automation.id)
            elif train_after is False:
                client.pause_automation(automation.id)


def _deployment(
    client: SyncPrefectClient,
    flow: Flow[..., Any],
    name: str,
    description: str,
    parameters: dict[str, Any],
    *,
    schedules: list[DeploymentScheduleCreate] | None = None,
    asked: list[DeploymentScheduleCreate] | None = None,
) -> RunnerDeployment:
    """A deployment that registers what is new and keeps what a person set; `asked` wins over the schedules that are there.

    Registering replaces schedules, takes a pause back and overwrites parameters and limits, so they are handed on.
    """
    there = _read(client, f"{flow.name}/{name}")
    kept = [_handed_on(schedule) for schedule in there.schedules] if there else schedules or []
    limit = there.global_concurrency_limit.limit if there and there.global_concurrency_limit else 1
    made = RunnerDeployment.from_flow(
        flow,
        name=name,
        description=description,
        tags=["mmuda"],
        version=installed("mmuda"),
        parameters=_fitting(flow, there, parameters) if there else parameters,
        paused=there.paused if there else False,
        schedules=asked or kept,
        concurrency_limit=ConcurrencyLimitConfig(limit=limit, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        entrypoint_type=EntrypointType.MODULE_PATH,  # a path would depend on the folder that the server is started in
    )
    made._parameter_openapi_schema = form_schema(flow)  # pyright: ignore[reportPrivateUsage]  # `from_flow` derives its own
    made.work_pool_name = None  # said, not left out: who serves it takes it over from a work pool
    return made


def _fitting(flow: Flow[..., Any], there: DeploymentResponse, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters that a person set where this release's flow takes them, else `parameters`; the server refuses others."""
    known = flow.parameters.properties
    unknown = [name for name in there.parameters if name not in known]
    try:
        flow.validate_parameters({name: value for name, value in there.parameters.items() if name in known})
    except ParameterTypeError:
        unknown = list(there.parameters)
    if not unknown:
        return there.parameters
    say(
        f"{flow.name}/{there.name}: its parameters ({', '.join(unknown)}) do not fit this release; they are {parameters} again."
    )
    return parameters


def _read(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _schedule(cron: str, timezone: str, *, active: bool) -> DeploymentScheduleCreate:
    try:
        return DeploymentScheduleCreate(schedule=CronSchedule(cron=cron, timezone=timezone), active=active)
    except ValidationError as error:
        problems = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
        msg = f'cron {cron!r} with time zone {timezone!r}: {problems}; write for example "{NIGHTLY_CRON}" and Europe/Paris.'
        raise ValueError(msg) from None


def _handed_on(schedule: Any) -> DeploymentScheduleCreate:
    """A schedule as the server has it, to be registered again."""
    given = {name: getattr(schedule, name) for name in ("schedule", "active", "parameters", "slug")}
    return DeploymentScheduleCreate(**given)


def _automation(target: DeploymentResponse, *, enabled: bool) -> AutomationCore:
    return AutomationCore.model_validate(
        {
            "name": TRIGGER,
            "description": "Trains on a cache version as soon as an augmentation has published it.",
            "enabled": enabled,
            "trigger": {
                "type": "event",
                "expect": {PUBLISHED},
                "match": {"prefect.resource.id": "mmuda.version.*"},
                "posture": "Reactive",
                "threshold": 1,
                "within": 0,
            },
            "actions": [
                {
                    "type": "run-deployment",
                    "source": "selected",
                    "deployment_id": target.id,
                    "parameters": {"version": "{{ event.payload.version }}"},
                }
            ],
        }
    )


def _mend(client: SyncPrefectClient, automation: Automation, target: DeploymentResponse) -> None:
    """Let the automation run `target` where the deployment that it ran is gone (one that is registered anew has a new id)."""
    gone = [action for action in automation.actions if isinstance(action, RunDeployment) and _is_gone(client, action)]
    if not gone:
        return
    renewed = {"deployment_id": target.id}
    actions = [action.model_copy(update=renewed) if action in gone else action for action in automation.actions]
    core = AutomationCore.model_validate(automation.model_dump(exclude={"id", "created", "updated", "owner_resource"}))
    client.update_automation(automation.id, core.model_copy(update={"actions": actions}))


def _is_gone(client: SyncPrefectClient, action: RunDeployment) -> bool:
    if action.deployment_id is None:
        return False
    try:
        client.read_deployment(action.deployment_id)
    except ObjectNotFound:
        return True
    return False
