"""The deployments and their automation on a real server, and prefect.yaml beside them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.events import DeploymentEventTrigger
from prefect.events.schemas.automations import Automation
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from flows.deployments import FROM_CACHE, NIGHTLY, OTHER_PIVOT, TRIGGER, deployments, prepare

pytestmark = pytest.mark.usefixtures("prefect_server")

NAMES = [f"augmentation/{NIGHTLY}", f"augmentation/{OTHER_PIVOT}", f"training/{FROM_CACHE}"]


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    """A server that has none of our deployments, and has none afterwards."""
    with get_client(sync_client=True) as opened:
        remove_ours(opened)
        yield opened
        remove_ours(opened)


def remove_ours(client: SyncPrefectClient) -> None:
    for name in NAMES:
        try:
            client.delete_deployment(client.read_deployment_by_name(name).id)
        except ObjectNotFound:
            continue
    for automation in client.read_automations_by_name(TRIGGER):
        client.delete_automation(automation.id)


def register(**settings: str) -> None:
    for deployment in deployments(**settings):
        deployment.apply()
    prepare()


def nightly(client: SyncPrefectClient) -> DeploymentResponse:
    return client.read_deployment_by_name(f"augmentation/{NIGHTLY}")


def crons(deployment: DeploymentResponse) -> list[tuple[str, str | None, bool]]:
    schedules = [(each.schedule, each.active) for each in deployment.schedules]
    return [(plan.cron, plan.timezone, active) for plan, active in schedules if isinstance(plan, CronSchedule)]


def the_automation(client: SyncPrefectClient) -> Automation:
    (found,) = client.read_automations_by_name(TRIGGER)
    return found


def test_a_new_server_gets_three_deployments_that_start_nothing_by_themselves(client: SyncPrefectClient):
    register()

    assert crons(nightly(client)) == [("0 3 * * *", "UTC", False)]
    others = [client.read_deployment_by_name(name) for name in NAMES[1:]]
    assert [deployment.schedules for deployment in others] == [[], []]
    assert not the_automation(client).enabled


def test_a_schedule_set_by_a_person_survives_registering_again(client: SyncPrefectClient):
    register()
    there = nightly(client)
    paris = CronSchedule(cron="5 4 * * 1-5", timezone="Europe/Paris")
    client.update_deployment_schedule(there.id, there.schedules[0].id, active=True, schedule=paris)

    register()

    assert crons(nightly(client)) == [("5 4 * * 1-5", "Europe/Paris", True)]


def test_a_schedule_taken_away_by_a_person_does_not_come_back(client: SyncPrefectClient):
    register()
    there = nightly(client)
    client.delete_deployment_schedule(there.id, there.schedules[0].id)

    register()

    assert nightly(client).schedules == []


def test_a_pause_parameters_and_a_limit_set_by_a_person_survive_registering_again(client: SyncPrefectClient):
    register()
    there = client.read_deployment_by_name(f"training/{FROM_CACHE}")
    changed = DeploymentUpdate(parameters={"version": "latest", "models": ["bert"]}, concurrency_limit=2)
    client.update_deployment(there.id, changed)
    client.pause_deployment(there.id)

    register()

    there = client.read_deployment_by_name(f"training/{FROM_CACHE}")
    assert there.paused
    assert there.parameters == {"version": "latest", "models": ["bert"]}
    assert there.global_concurrency_limit is not None
    assert there.global_concurrency_limit.limit == 2


@pytest.mark.parametrize("unfit", [{"recipe": "gone"}, {"recipe": "demo", "forgotten": 1}], ids=["value", "name"])
def test_parameters_of_another_release_give_way_to_this_ones(client: SyncPrefectClient, unfit: dict[str, Any]):
    register()
    before = DeploymentUpdate(parameters=unfit, enforce_parameter_schema=False)
    client.update_deployment(nightly(client).id, before)

    register()

    assert nightly(client).parameters == {"recipe": "newest"}


def test_a_cron_that_is_asked_for_replaces_the_schedule_and_switches_it_on(client: SyncPrefectClient):
    register()

    register(cron="30 2 * * *", timezone="Europe/Berlin")

    assert crons(nightly(client)) == [("30 2 * * *", "Europe/Berlin", True)]


def test_a_cron_with_too_few_fields_is_refused_by_name():
    with pytest.raises(ValueError, match=r"cron .0 3 \* \*.*0 3 \* \* \*"):
        deployments("0 3 * *")


def test_an_unknown_time_zone_is_refused_by_name():
    with pytest.raises(ValueError, match="Mars/Olympus"):
        deployments("0 3 * * *", "Mars/Olympus")


def test_a_time_zone_alone_is_refused():
    with pytest.raises(ValueError, match="without a cron"):
        deployments(timezone="Europe/Paris")


def test_the_switch_of_the_automation_survives_registering_again(client: SyncPrefectClient):
    register()
    client.resume_automation(the_automation(client).id)

    register()

    assert the_automation(client).enabled


@pytest.mark.parametrize("wanted", [True, False])
def test_the_switch_of_the_automation_can_be_asked_for(client: SyncPrefectClient, *, wanted: bool):
    register()
    prepare(train_after=not wanted)

    prepare(train_after=wanted)

    assert the_automation(client).enabled is wanted


def test_an_automation_whose_deployment_is_gone_runs_the_new_one(client: SyncPrefectClient):
    register()
    client.resume_automation(the_automation(client).id)
    client.delete_deployment(client.read_deployment_by_name(f"training/{FROM_CACHE}").id)

    register()

    (action,) = the_automation(client).actions
    assert getattr(action, "deployment_id", None) == client.read_deployment_by_name(f"training/{FROM_CACHE}").id
    assert the_automation(client).enabled


def test_a_run_of_a_deployment_starts_in_any_folder_and_says_a_mistake_without_a_traceback(
    client: SyncPrefectClient, tmp_path: Path
):
    register()
    made = client.create_flow_run_from_deployment(nightly(client).id, parameters={"recipe": "mmimdb", "source": "/no/films"})

    output = execute(made, folder=tmp_path)

    ended = client.read_flow_run(made.id)
    assert (ended.state_name, "/no/films" in str(ended.state and ended.state.message)) == ("Failed", True), output
    assert "Task run" in output
    assert "Traceback" not in output


def execute(run: FlowRun, *, folder: Path) -> str:
    """Execute a run as a runner does, in a process of its own; gives what it logged."""
    command = [sys.executable, "-m", "prefect", "flow-run", "execute", str(run.id)]
    chosen = {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "MMUDA_CACHE": str(folder / "cache")}
    plain = {"PREFECT_LOGGING_LEVEL": "INFO"}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **chosen, **plain}, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout + done.stderr


def in_file() -> dict[str, dict[str, Any]]:
    """The deployments of prefect.yaml by name."""
    text = (Path(__file__).parents[2] / "prefect.yaml").read_text(encoding="utf-8")
    return {deployment["name"]: deployment for deployment in yaml.safe_load(text)["deployments"]}


@pytest.mark.usefixtures("client")
def test_prefect_yaml_has_the_same_deployments():
    for ours in deployments():
        written = in_file()[ours.name]
        assert written["entrypoint"] == ours.entrypoint
        assert written["parameters"] == ours.parameters
        assert written["tags"] == ours.tags
        assert ours.concurrency_options is not None
        strategy = ours.concurrency_options.collision_strategy.value
        assert written["concurrency_limit"] == {"limit": ours.concurrency_limit, "collision_strategy": strategy}
        planned = [(each.schedule, each.active) for each in ours.schedules or []]
        schedules = [{"cron": plan.cron, "timezone": plan.timezone, "active": active} for plan, active in planned]  # pyright: ignore
        assert written.get("schedules", []) == schedules
    assert len(in_file()) == len(deployments())


def test_prefect_yaml_has_the_same_automation(client: SyncPrefectClient):
    register()
    ours = the_automation(client)
    (written,) = in_file()[FROM_CACHE]["triggers"]
    trigger = DeploymentEventTrigger.model_validate(written)

    assert (written["name"], written["description"], written["enabled"]) == (ours.name, ours.description, ours.enabled)
    assert written["parameters"] == getattr(ours.actions[0], "parameters", None)
    same = {"expect", "match", "posture", "threshold", "within"}
    assert trigger.model_dump(include=same) == ours.trigger.model_dump(include=same)
