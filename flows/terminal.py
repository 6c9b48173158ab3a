"""What a person sees while something runs: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 5.0


def console() -> Console:
    """The terminal, made anew so that a redirected standard output is honoured."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def say(message: str) -> None:
    """A line of its own."""
    console().print(message, markup=False)


def track(items: Iterable[T], /, *, total: int, title: str, unit: str = "films") -> Iterator[T]:
    """Pass `items` through while showing how many of `total` are done, the rate and the time left."""
    return _bar(items, total, title, unit) if console().is_terminal else _lines(items, total, title, unit)


def _bar(items: Iterable[T], total: int, title: str, unit: str) -> Iterator[T]:
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console()) as progress:
        bar = progress.add_task(title, total=total, rate="")
        started = time.monotonic()
        for done, item in enumerate(items, start=1):
            yield item
            progress.update(bar, completed=done, rate=_rate(done, started, unit))


def _lines(items: Iterable[T], total: int, title: str, unit: str) -> Iterator[T]:
    started = shown = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES and done < total:
            shown = now
            left = (now - started) / done * (total - done)
            console().print(f"{title}: {done}/{total} {unit}, {_rate(done, started, unit)}, {left:.0f} s left")
    if shown > started:
        console().print(f"{title}: {done}/{total} {unit} in {time.monotonic() - started:.0f} s")


def _rate(done: int, started: float, unit: str) -> str:
    rate = done / max(time.monotonic() - started, 1e-9)
    return f"{rate:.{0 if rate >= 10 else 1}f} {unit}/s"


@contextmanager
def step(title: str) -> Generator[None]:
    """Say what happens during a wait that has no countable parts; nothing where there is no terminal."""
    screen = console()
    if not screen.is_terminal:
        yield
        return
    with screen.status(title):
        yield
