"""How far a long step is, on the run's page and in its log, beside what the terminal shows."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from prefect.runtime import deployment

from flows import terminal
from flows.page.artifacts import Gauge
from flows.page.notes import in_a_run, note, span

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

    key: str
    """Of the artifact: lower-case letters, digits and ``-``."""
    parts: int = 1
    """How many parts of like size the step has at most, such as epochs."""
    done: int = 0
    """How many of them are behind it."""
    clock: Callable[[], float] = time.monotonic
    """Seconds."""
    _gauge: Gauge = field(init=False)
    _began: float | None = field(init=False, default=None)
    _begun_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """Nothing is shown before there is something to show."""
        self._gauge = Gauge(self.key)

    def __call__(self, items: Iterable[T], /, *, total: int, title: str, unit: str = "films") -> Iterator[T]:
        """Pass `items` through; ``412 of 1,840 films, 35 films/s, 41 s left`` is on the page meanwhile."""
        shown = terminal.track(items, total=total, title=title, unit=unit) if _terminal_too() else items
        return self._told(shown, total, title, unit) if in_a_run() else iter(shown)

    def _told(self, items: Iterable[T], total: int, title: str, unit: str) -> Iterator[T]:
        began = self.clock()
        if self._began is None:
            self._began, self._begun_at = began, self.done / self.parts
        next_put, lined_share, done = began + FIRST_SECONDS, 0.0, 0
        lined: float | None = None
        for done, item in enumerate(items, start=1):
            yield item
            now = self.clock()
            if done >= total or now < next_put:
                continue
            said = self._said(done, total, unit, began, now)
            taken = self._gauge.put(self._percent(done / total), f"{title}: {said}")
            next_put = self.clock() + (EVERY_SECONDS if taken else AFTER_SILENCE_SECONDS)
            if lined is None or (now - lined >= LINE_SECONDS and done / total - lined_share >= LINE_SHARE):
                note(f"{title}: {said}")
                lined, lined_share = now, done / total
        self.done += 1
        spent = f"{title}: {done:,} {unit} in {span(self.clock() - began)}"
        if lined is not None:  # what took no second needs no line
            note(spent)
        self._gauge.put(self._percent(0.0), spent)

    def _said(self, done: int, total: int, unit: str, began: float, now: float) -> str:
        rate = done / max(now - began, 1e-9)
        said = f"{done:,} of {total:,} {unit}, {rate:.{0 if rate >= 10 else 1}f} {unit}/s, {span((total - done) / rate)} left"
        if self.parts == 1:
            return said
        reached = (self.done + done / total) / self.parts
        assert self._began is not None
        left = (now - self._began) / max(reached - self._begun_at, 1e-9) * (1 - reached)
        return f"{said}; at most {span(left)} of the whole"

    def _percent(self, of_this_part: float) -> float:
        return round(100 * min(1.0, (self.done + of_this_part) / self.parts), 1)


def _terminal_too() -> bool:
    """A run of a deployment has nobody at its terminal, and its log has lines already."""
    return terminal.console().is_terminal or not (in_a_run() and deployment.id)
