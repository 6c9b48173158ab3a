"""Which failures of a task are worth another try."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task


async def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """A user's mistake stays one however often it is tried; anything else may pass."""
    return not isinstance(await state.aresult(raise_on_failure=False), ValueError)
