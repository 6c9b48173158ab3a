"""Lines in a run's log, for work that is also called without a run."""

from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging import get_run_logger

from datasets_cache.fingerprint import ShelfId
from datasets_cache.manifest import Manifest
from datasets_cache.store import Cache
from flows.terminal import notice, span


def in_a_run() -> bool:
    """Whether a flow or a task is running here; without one nobody has a page to look at."""
    return bool(FlowRunContext.get() or TaskRunContext.get())


def note(message: str) -> None:
    """A line in the log of the run; nothing where there is none."""
    if in_a_run():
        get_run_logger().info("%s", message)


def warn(message: str) -> None:
    """A warning in the log of the run; nothing where there is none."""
    if in_a_run():
        get_run_logger().warning("%s", message)


def wait_note(message: str) -> None:
    """Whom the run waits for, in its log and on the terminal."""
    note(message)
    notice(message)


def from_threads(tell: Callable[[str], None]) -> Callable[[str], None]:
    """`tell` for threads, which know nothing of the run: it speaks for whoever called this."""
    context = copy_context()
    return lambda message: context.copy().run(tell, message)


def noted(shelf: ShelfId, *, since: datetime) -> ShelfId:
    """A line in the log about a shelf that a task comes back with; gives back the shelf.

    Args:
        shelf: published.
        since: when the task began, UTC: an older shelf was found.
    """
    if in_a_run() and (manifest := Cache().find(shelf)):
        note(said_of(manifest, since=since))
    return shelf


def said_of(manifest: Manifest, *, since: datetime) -> str:
    """``text-3f…: published: 138 plots, 2 sentences kept as they were, in 41 s``, or that it was found in the cache."""
    if manifest.created < since:
        return f"{manifest.id} found in the cache"
    unit = {"text": "plots", "image": "posters"}.get(manifest.kind, "films")
    parts = [f"{sum(manifest.rows.values()):,} {unit}"]
    kept = sum(count for what, count in manifest.counts.items() if what.startswith("kept"))
    if kept:
        of = "sentence" if "sentences" in manifest.counts else unit.removesuffix("s")
        parts.append(f"{kept:,} {of}{'s' if kept != 1 else ''} kept as they were")
    for what in ("repaired", "skipped"):
        if count := sum(number for reason, number in manifest.counts.items() if reason.startswith(what)):
            parts.append(f"{count:,} {what}")
    return f"{manifest.id} published: {', '.join(parts)}, in {span(manifest.seconds)}"
