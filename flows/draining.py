"""A runner of Prefect's that lets its runs end before it stops, and that outlasts a server which is away for a while."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Self
from uuid import UUID

import httpx
from prefect.logging import get_logger
from prefect.runner import Runner

LOOK_EVERY = 0.2


class DrainingRunner(Runner):
    """Starts the runs of the registered deployments, each in a process of its own, until SIGTERM; then lets them end.

    Deviation: Prefect's runner (3.8.8) does not await its own ``stop`` in the handler of SIGTERM: it exits at once, and its
    runs stay RUNNING without a process. It also gives up, with its runs, after three polls that did not reach the server.
    """

    def __init__(self, *, limit: int, query_seconds: float, on_draining: Callable[[int], None]) -> None:
        """`limit` runs go at a time; `on_draining` is told how many are to end."""
        super().__init__(limit=limit, query_seconds=query_seconds, pause_on_shutdown=False)
        self._on_draining = on_draining
        self._draining: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        poller = self._scheduled_run_poller
        poll = poller._get_and_submit_flow_runs  # pyright: ignore[reportPrivateUsage]

        async def poll_patiently() -> None:
            try:
                await poll()
            except httpx.TransportError as error:
                get_logger("runner").warning("The server does not answer (%r); asking it again.", error)
            except httpx.HTTPStatusError as error:
                if error.response.status_code < 500:
                    raise
                get_logger("runner").warning("The server is in trouble (%s); asking it again.", error)

        poller._get_and_submit_flow_runs = poll_patiently  # pyright: ignore[reportPrivateUsage,reportAttributeAccessIssue]
        return self

    def watch(self, deployment: UUID, name: str) -> None:
        """Run what is asked of a deployment that is registered already, without loading its flow here."""
        self._deployment_registry.register_deployment(deployment, name)

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        """Start no more runs, let those that go end, then stop."""
        if not self.started:
            sys.exit(0)
        if self._draining is None:
            asyncio.get_running_loop().call_soon_threadsafe(self._begin_draining)

    def _begin_draining(self) -> None:
        self._draining = self._draining or asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        self._scheduled_run_poller.stopping = True
        assert self._limiter, "a runner with a limit"
        self._on_draining(self._limiter.borrowed_tokens)
        while self._limiter.borrowed_tokens:
            await asyncio.sleep(LOOK_EVERY)
        await self.astop()
