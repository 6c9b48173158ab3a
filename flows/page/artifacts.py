"""Artifacts on a run's page. A server that is gone for a moment costs a warning, never the work."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.utilities.context import get_task_and_flow_run_ids

from flows.page.notes import in_a_run, warn

TRIES, PAUSE_SECONDS = 3, 1.0
ANSWER_SECONDS = 10.0
"""How long the server may take to answer."""
T = TypeVar("T")

_clients: dict[str | None, SyncPrefectClient] = {}
"""By the server's address; kept, since making one takes as long as two messages."""
_warned: set[UUID | None] = set()
"""Runs whose log says already that their progress is not shown."""
_SILENCE = "Prefect's server does not answer; the work goes on, and the page stays {}."


def markdown(key: str, text: str, *, description: str) -> ArtifactCreate:
    """A page of Markdown."""
    return ArtifactCreate(key=key, type="markdown", data=text, description=description)


def table(key: str, rows: Sequence[Mapping[str, Any]], *, description: str) -> ArtifactCreate:
    """Rows that can be searched and paged through."""
    return ArtifactCreate(key=key, type="table", data=json.dumps(rows), description=description)


def show(*artifacts: ArtifactCreate) -> None:
    """Put artifacts on the page of the run that this is called in; without a run, nothing.

    What the server does not take within a few tries is missing there, and the log says so.
    """
    if not in_a_run():
        return
    for number, artifact in enumerate(artifacts):
        if tell(lambda client, one=artifact: client.create_artifact(_of_this_run(one)), tries=TRIES) is None:
            lacking = ", ".join(str(one.key) for one in artifacts[number:])
            warn(_SILENCE.format(f"without {lacking}"))
            return


class Gauge:
    """A progress artifact of the run that this is called in: made by the first `put`, changed by the next ones."""

    def __init__(self, key: str) -> None:
        """Nothing is on the page yet."""
        self._key = key
        self._id: UUID | None = None

    def put(self, percent: float, description: str, *, tries: int = 1) -> bool:
        """Say how far it is; gives back whether the server took it. Without a run, nothing."""
        if not in_a_run():
            return True
        answer = tell(lambda client: self._put(client, percent, description), tries=tries)
        if answer is None:
            self._warn_once()
            return False
        self._id = answer
        return True

    def _warn_once(self) -> None:
        _, run = get_task_and_flow_run_ids()
        if run not in _warned:
            _warned.add(run)
            warn(_SILENCE.format("behind with its progress"))

    def _put(self, client: SyncPrefectClient, percent: float, description: str) -> UUID:
        if self._id:
            try:
                client.update_artifact(self._id, ArtifactUpdate(data=percent, description=description))
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 404:
                    raise
            else:
                return self._id
        fresh = ArtifactCreate(key=self._key, type="progress", data=percent, description=description)
        return client.create_artifact(_of_this_run(fresh)).id


def tell(message: Callable[[SyncPrefectClient], T], *, tries: int) -> T | None:
    """Send `message` to the server; None where it cannot be reached or cannot answer."""
    url = PREFECT_API_URL.value()
    for attempt in range(1, tries + 1):
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):  # its own tries would hold the work up for minutes
                return message(_client(url))
        except httpx.TransportError:
            _clients.pop(url, None)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in (408, 429) and error.response.status_code < 500:
                raise  # what we sent is wrong
        if attempt < tries:
            time.sleep(PAUSE_SECONDS * attempt)
    return None


def _client(url: str | None) -> SyncPrefectClient:
    if url not in _clients:
        _clients[url] = get_client(sync_client=True, httpx_settings={"timeout": ANSWER_SECONDS})
    return _clients[url]


def _of_this_run(artifact: ArtifactCreate) -> ArtifactCreate:
    task_run, flow_run = get_task_and_flow_run_ids()
    own: dict[str, Any] = {"task_run_id": task_run, "flow_run_id": flow_run}
    return artifact.model_copy(update={name: value for name, value in own.items() if value})
