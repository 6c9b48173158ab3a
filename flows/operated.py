"""What surrounds the work of a flow: a lock that shows who works, schedules that went by, and mistakes as sentences."""

import logging
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TypeVar, cast
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Failed

from datasets_cache.claims import claim, forget, owner
from datasets_cache.store import Cache
from flows import sweep
from flows.wording import for_the_form

P = ParamSpec("P")
R = TypeVar("R")


def operated(work: Callable[P, R]) -> Callable[P, R]:
    """A flow's function that may be left alone for months.

    While it works its run holds a lock, by which `flows.sweep` knows the living from the dead. A scheduled run that a later
    one has overtaken ends as Cancelled. A mistake (`ValueError`) ends the run as Failed with its message, no traceback.
    """

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        context = FlowRunContext.get()
        if context is None or context.flow_run is None:
            return work(*args, **kwargs)
        _log_mistakes_as_sentences()
        if newer := _overtaken_by(context.flow_run):
            return cast("R", Cancelled(message=sweep.missed_message(context.flow_run, newer)))
        try:
            with _at_work(context.flow_run.id, Cache()):
                return work(*args, **kwargs)
        except ValueError as error:
            return cast("R", Failed(message=for_the_form(str(error)), data=error))

    return run


@contextmanager
def _at_work(run: UUID, cache: Cache) -> Generator[None]:
    """Hold the run's lock until the end, whatever the end is, and leave no file behind.

    Raises:
        ValueError: the cache cannot be written.
    """
    root, name = cache.root, sweep.lock_of(run)
    with ExitStack() as stack:
        if not stack.enter_context(claim(root, name, wait=False)):
            get_run_logger().warning("Another process still works on this run (%s); waiting for it.", owner(root, name))
            stack.enter_context(claim(root, name, wait=True))
        stack.callback(forget, root, name)  # before the release: a file that nobody holds means death
        yield


def _overtaken_by(run: FlowRun) -> FlowRun | None:
    """The newest scheduled run of the deployment that was due after `run`; None if there is none, or a person started `run`."""
    if not run.auto_scheduled or run.deployment_id is None or run.run_count > 1:  # a second time is a person's wish
        return None
    try:
        with get_client(sync_client=True) as client:
            return sweep.newest_overdue(client, run.deployment_id, after=run, until=datetime.now(UTC))
    except (httpx.HTTPError, OSError) as error:
        get_run_logger().warning("Whether a later run does this one's work could not be asked (%s); it works.", error)
        return None


class _Sentence(logging.Filter):
    """A mistake is logged as its sentence; where in our code it was found helps nobody."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ValueError) and not os.environ.get("MMUDA_DEBUG"):
            record.msg, record.args, record.exc_info, record.exc_text = for_the_form(str(error)), (), None, None
        return True


_SENTENCE = _Sentence()


def _log_mistakes_as_sentences() -> None:
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_SENTENCE)  # the same filter counts once
