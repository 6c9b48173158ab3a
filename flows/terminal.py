"""What a person sees while something runs: bars on a terminal, plain lines elsewhere, nothing where quiet is asked for.

Results go to standard output. What moves is drawn on standard error, and only where that is a terminal.
"""

import json
import os
import re
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Column
from rich.text import Text

from datasets_cache.progress import Track

T = TypeVar("T")

QUIET = "MMUDA_QUIET"
"""The variable that asks for results and errors alone."""
SECONDS_BETWEEN_LINES = 5.0
NARROW, BAR, WIDEST = 6, 24, 110
"""Columns that a bar has at least, that it has where there is room, and of its whole line."""
_RATE, _LEFT = len("1,234/s"), len("119 min left")
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_shown: list[Progress] = []
"""What moves on the screen, the outermost first; only the last is drawn."""


class _Screen(Console):
    """Shows text as it is: no control character, markup or emoji code that stands in it reaches the terminal as such.

    Plots, titles and names come from strangers, and an escape sequence can retitle a terminal, hide lines or write to the
    clipboard.
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **how: Any) -> Text:  # noqa: ANN401
        return super().render_str(harmless(text), **how)  # before its width is measured

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def harmless(text: str) -> str:
    """`text` with every control character but line ends and tabs written out by its number."""
    return text.translate(_CONTROLS)


def console() -> Console:
    """Where results go, made anew so that a redirected standard output is honoured; on a terminal, above what moves there."""
    if _shown and sys.stdout.isatty():
        return _shown[-1].console
    return _Screen(soft_wrap=not sys.stdout.isatty())


def quiet() -> bool:
    """Whether results and errors alone are asked for."""
    return os.environ.get(QUIET, "0") not in ("", "0")


@contextmanager
def quietly() -> Generator[None]:
    """Results and errors alone within the block, and in the processes that it starts."""
    before = os.environ.get(QUIET)
    os.environ[QUIET] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[QUIET]
        else:
            os.environ[QUIET] = before


def moves() -> bool:
    """Whether there is a terminal to draw on: standard error is one, can move its cursor, and nobody asked for quiet."""
    return not quiet() and sys.stderr.isatty() and not _screen().is_dumb_terminal


def say(message: str) -> None:
    """A line of a result."""
    console().print(message)


def complain(message: str) -> None:
    """What went wrong, on standard error; on a terminal its lines end between words."""
    if sys.stderr.isatty():
        _screen().print(message)
    else:
        sys.stderr.write(f"{harmless(message)}\n")


def print_json(value: Any) -> None:  # noqa: ANN401
    """A result as JSON, alone on standard output."""
    written = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write(
        re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", written) + "\n"
    )  # JSON leaves these as they are


def notice(message: str) -> None:
    """A line about what goes on; not where quiet is asked for."""
    if not quiet():
        say(message)


def track(
    items: Iterable[T], /, *, total: int, title: str, unit: str = "films", lines: bool = True, keep: bool = True
) -> Iterator[T]:
    """Pass `items` through while showing how many of `total` are done, the rate and the time left.

    Args:
        items: passed through.
        total: how many are expected.
        title: of the step.
        unit: what is counted.
        lines: whether there are plain lines on standard output where there is no terminal.
        keep: whether the full bar stays on the terminal.
    """
    if moves():
        return _bar(items, total, title, unit, keep=keep)
    return iter(items) if quiet() or not lines else _lines(items, total, title, unit)


def tracker(*, lines: bool, keep: bool = True) -> Track:
    """`track`, with or without plain lines on standard output, where JSON may have to be alone; with bars that stay or go."""
    return partial(track, lines=lines, keep=keep)


@contextmanager
def step(title: str) -> Generator[None]:
    """Say what happens during a wait that has no countable parts, and for how long; nothing where there is no terminal."""
    if not moves():
        yield
        return
    said = TextColumn(title, markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    with _drawn(SpinnerColumn(), said, TimeElapsedColumn(), transient=True) as progress:
        progress.add_task("", total=None)
        yield


def put_away() -> None:
    """Take everything that moves off the screen, as an interrupted command has to: the cursor comes back."""
    while _shown:
        _shown.pop().stop()


def span(seconds: float) -> str:
    """A duration as people say it: ``0.4 s``, ``41 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 119.5:
        return f"{seconds:.{0 if seconds >= 9.95 else 1}f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def pace(rate: float) -> str:
    """Things a second, in three figures or so: ``1,234/s``, ``35/s``, ``3.5/s``, ``0.35/s``."""
    return f"{rate:,.{0 if rate >= 9.95 else 1 if rate >= 0.995 else 2}f}/s"


def _screen() -> Console:
    return _Screen(stderr=True)


@contextmanager
def _drawn(*columns: ProgressColumn, transient: bool) -> Generator[Progress]:
    """Draw on the screen alone; what was drawn before comes back afterwards."""
    # a line printed meanwhile goes above the bar, unless it goes into a file
    progress = Progress(
        *columns, console=_screen(), transient=transient, refresh_per_second=5, redirect_stdout=sys.stdout.isatty()
    )
    outer = _shown[-1] if _shown else None
    if outer:
        outer.stop()
    _shown.append(progress)
    progress.start()
    try:
        yield progress
    finally:
        progress.stop()
        if progress in _shown:
            _shown.remove(progress)
            if outer and outer in _shown:
                outer.start()


def _bar(items: Iterable[T], total: int, title: str, unit: str, *, keep: bool) -> Iterator[T]:
    def said(done: int, spent: float) -> str:
        count = f"{f'{done:,}/{total:,}{counted}':>{2 * len(f'{total:,}') + len(counted) + 1}}"
        rate = pace(done / spent) if done else ""
        left = "" if not done else f"{_short((total - done) / done * spent)} left" if done < total else f"in {_short(spent)}"
        return f"{count} {rate:>{_RATE}} {left:<{_LEFT}}"  # of one width, so that nothing jumps

    line, counted = min(_screen().width, WIDEST) - 3, f" {unit}"  # a ^C finds room behind it
    if (room := line - len(title) - len(said(0, 1)) - 2) < NARROW:
        counted, room = "", room + len(counted)
    cut = Column(no_wrap=True, overflow="ellipsis", max_width=max(NARROW, line - len(said(0, 1)) - NARROW - 2))
    whole = Column(no_wrap=True)
    columns = (
        TextColumn(title, markup=False, table_column=cut),
        BarColumn(bar_width=min(BAR, max(NARROW, room))),
        TextColumn("{task.fields[said]}", markup=False, table_column=whole),
    )
    with _drawn(*columns, transient=not keep) as progress:
        bar, started = progress.add_task("", total=max(total, 1), said=said(0, 1)), time.monotonic()
        for done, item in enumerate(items, start=1):
            yield item
            progress.update(bar, completed=done, said=said(done, max(time.monotonic() - started, 1e-9)))


def _short(seconds: float) -> str:
    return span(seconds) if seconds < 119.5 * 60 else f"{seconds / 3600:,.{1 if seconds < 36e4 else 0}f} h"


def _lines(items: Iterable[T], total: int, title: str, unit: str) -> Iterator[T]:
    started = shown = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES and done < total:
            shown, rate = now, done / max(now - started, 1e-9)
            say(f"{title}: {done:,}/{total:,} {unit}, {pace(rate)}, {span((total - done) / rate)} left")
    if shown > started:
        say(f"{title}: {done:,}/{total:,} {unit} in {span(time.monotonic() - started)}")
