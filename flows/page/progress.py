"""How far a long step is, on the run's page and in its log, beside what the terminal shows."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from prefect.context import FlowRunContext

from flows import terminal
from flows.page.artifacts import Gauge
from flows.page.notes import in_a_run, note
from flows.terminal import span

FIRST_SECONDS, EVERY_SECONDS = 1.0, 5.0
"""When the page is told first, and how often after that."""
AFTER_SILENCE_SECONDS = 60.0
"""How long a server that did not answer is left alone."""
LINE_SHARE, LINE_SECONDS = 0.1, 60.0
"""A line of the log stands for at least this share of the work, and for at least so long."""
T = TypeVar("T")


@dataclass
class Progress:
    """A `datasets_cache.progress.Track` for one step; it may be called several times, for the parts of the step in turn."""

    step: str
    """What the artifact is named after: lower-case letters, digits and ``-``."""
    parts: int = 1
    """How many parts of like size the step has at most, such as epochs."""
    done: int = 0
    """How many of them are behind it."""
    clock: Callable[[], float] = time.monotonic
    """Seconds."""
    _gauge: Gauge = field(init=False)
    _began: float = field(init=False)
    _before: int = field(init=False)
    _next_put: float = field(init=False)
    _lined: tuple[float, float] | None = field(init=False, default=None)
    """When the last line was logged, and which share of the step was done then."""

    def __post_init__(self) -> None:
        """The clock runs from now on; nothing is shown before there is something to show."""
        self._gauge = Gauge(f"progress-{self.step}")
        self._began, self._before = self.clock(), self.done
        self._next_put = self._began + FIRST_SECONDS

    def __call__(self, items: Iterable[T], /, *, total: int, title: str, unit: str = "films") -> Iterator[T]:
        """Pass `items` through; ``412 of 1,840 films, 35 films/s, 41 s left`` is on the page meanwhile."""
        shown = terminal.track(items, total=total, title=title, unit=unit) if _terminal_too() else items
        return self._told(shown, total, title, unit) if in_a_run() else iter(shown)

    def finished(self, said: str) -> None:
        """Say that the whole step is done, be it before all its parts are."""
        self._gauge.put(100.0, said)

    def _told(self, items: Iterable[T], total: int, title: str, unit: str) -> Iterator[T]:
        began, done = self.clock(), 0
        for done, item in enumerate(items, start=1):
            yield item
            now = self.clock()
            if now >= self._next_put and done < total:
                share = (self.done + done / total) / self.parts
                self._put(share, title, self._said(done, total, unit, began, now, share), now)
        self.done += 1
        if self.parts == 1:
            spent = f"{done:,} {unit} in {span(self.clock() - began)}"
            self.finished(f"{spent} · {title}")
            if self._lined:  # what took no second needs no line
                note(f"{title}: {spent}")

    def _put(self, share: float, title: str, said: str, now: float) -> None:
        taken = self._gauge.put(round(100 * min(1.0, share), 1), f"{said} · {title}")  # a card shows the beginning
        self._next_put = self.clock() + (EVERY_SECONDS if taken else AFTER_SILENCE_SECONDS)
        when, before = self._lined or (-math.inf, -math.inf)
        if now - when >= LINE_SECONDS and share - before >= LINE_SHARE - 1e-9:
            note(f"{title}: {said}")
            self._lined = now, share

    def _said(self, done: int, total: int, unit: str, began: float, now: float, share: float) -> str:
        rate = done / max(now - began, 1e-9)
        said = f"{done:,} of {total:,} {unit}, {rate:.{0 if rate >= 10 else 1}f} {unit}/s, {span((total - done) / rate)} left"
        if self.parts == 1:
            return said
        left = (now - self._began) / (share - self._before / self.parts) * (1 - share)
        return f"{said} of it, at most {span(left)} of all"


def _terminal_too() -> bool:
    """A run of a deployment has nobody at its terminal, and its log has lines already."""
    context = FlowRunContext.get()
    of_a_deployment = context and context.flow_run and context.flow_run.deployment_id
    return terminal.moves() or not of_a_deployment
