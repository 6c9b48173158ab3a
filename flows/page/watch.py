"""How far a step is that other processes do, on the run's page."""

import contextvars
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from flows.page.artifacts import Gauge
from flows.page.progress import AFTER_SILENCE_SECONDS, EVERY_SECONDS
from flows.terminal import span


@contextmanager
def watched(
    step: str, count: Callable[[], int], *, total: int, title: str, unit: str, every: float = EVERY_SECONDS
) -> Generator[None]:
    """Look now and then at how much is done, and say it on the page, until the block ends.

    Args:
        step: what the artifact is named after, as with `Progress`.
        count: how much is done.
        total: how much there is to do at most.
        title: what is done.
        unit: of what is counted.
        every: seconds between two looks.
    """
    ended = threading.Event()
    here = contextvars.copy_context()  # the run belongs to the thread that works, and its page to both
    thread = threading.Thread(target=here.run, args=(_look, ended, Gauge(f"progress-{step}"), count, total, title, unit, every))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _look(
    ended: threading.Event, gauge: Gauge, count: Callable[[], int], total: int, title: str, unit: str, every: float
) -> None:
    began, before, pause = time.monotonic(), count(), every
    while not ended.wait(pause):
        done = count()
        said = f"{done:,} of {total:,} {unit}"
        if done > before:
            left = (time.monotonic() - began) / (done - before) * (total - done)
            said += f", at most {span(left)} left"
        taken = gauge.put(round(100 * min(1.0, done / total), 1), f"{said} · {title}")
        pause = every if taken else AFTER_SILENCE_SECONDS
