"""What every reader keeps to, whatever it is given: CPU seconds, memory, its own folder; and how inputs are counted."""

import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args

from hypothesis import HealthCheck, Phase, settings

from datasets_cache.schema import Reason, RowIssue

SECONDS = 10
"""CPU time of one input, of all threads: other processes of a busy machine do not count."""
MEMORY = 768 * 2**20
"""Bytes that the process may grow by, at its highest, while one input is worked on."""
REASONS = frozenset(get_args(Reason))

FIXED = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)  # fmt: skip
"""The same inputs in every run."""

TALLY: Counter[tuple[str, str]] = Counter()
"""Inputs by kind and outcome; printed at the end of the session."""
MOST: dict[str, list[float]] = {}
"""Longest CPU seconds and largest growth in MiB of one input, by kind."""

T = TypeVar("T")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class TooSlow(BaseException):
    """Over the time limit; no `except Exception` of the code under test may swallow it."""


def tried(kind: str, work: Callable[[], T]) -> T | ValueError:
    """Result of `work`, or the `ValueError` that it ended in; nothing else may come out, and nothing may exceed a bound."""
    with bounded(kind):
        try:
            return work()
        except UnicodeError:
            raise  # a kind of ValueError that is not meant for people
        except ValueError as error:
            return error


@contextmanager
def bounded(kind: str, *, seconds: float = SECONDS) -> Generator[None]:
    """Fail where the block takes too long or too much memory."""

    def stop(*_: Any) -> None:
        message = f"{kind}: more than {seconds} s of CPU time"
        raise TooSlow(message)

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    resident, began = _forget_peak(), time.process_time()
    try:
        yield
    except TooSlow as slow:
        raise AssertionError(str(slow)) from slow
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    took, grew = time.process_time() - began, _peak() - resident
    most = MOST.setdefault(kind, [0.0, 0.0])
    most[:] = max(most[0], took), max(most[1], grew / 2**20)
    assert grew <= MEMORY, f"{kind}: grew by {grew / 2**20:.0f} MiB"


@contextmanager
def surrounded() -> Generator[Path]:
    """A folder to read from and write to, with others around it; whoever writes beside it is caught.

    Files and folders are watched through Python's audit events wherever they lie, and by comparison in the folders around.
    """
    with tempfile.TemporaryDirectory() as outer:
        around = Path(outer)
        for name in ("etc/passwd", "evil.json", "source/../posters/x.jpg"):
            (around / name).parent.mkdir(parents=True, exist_ok=True)
            (around / name).write_text("untouched")
        inner = around / "deep" / "inner"
        inner.mkdir(parents=True)
        before = tree(around, inner)
        _watch(inner)
        try:
            yield inner
        finally:
            _watch(None)
        assert not _written, f"written outside: {_written}"
        assert tree(around, inner) == before


def count(kind: str, outcome: str) -> None:
    """Note one input."""
    TALLY[kind, outcome] += 1


def check_issues(issues: tuple[RowIssue, ...]) -> None:
    """Every issue has a reason of the schema, and says it in text that a terminal and a file can take."""
    for issue in issues:
        assert issue.reason in REASONS
        for text in (issue.id, issue.detail):
            assert text.isprintable(), text
            assert len(text) <= 600


def check_message(error: ValueError, *, names: Path) -> None:
    """One clear error: it names the file or speaks of the films, is not a flood, and can be printed."""
    message = str(error)
    assert str(names) in message or re.search(r"\b(no|no usable|training) films?\b|^every label", message), message
    assert len(message) <= 8000, f"{len(message)} characters"
    message.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", message), message


def outcome_of(issues: tuple[RowIssue, ...]) -> str:
    """For the table at the end."""
    actions = {issue.action for issue in issues}
    return "skipped" if "skipped" in actions else "repaired" if actions else "as it is"


def tree(folder: Path, *but: Path) -> dict[str, tuple[int, int, int]]:
    """Type, size and time of change of all files and folders below `folder`, but for those in `but`."""
    found = (path for path in sorted(folder.rglob("*")) if not any(path.is_relative_to(one) for one in but))
    stats = {str(path): path.lstat() for path in found if not any(one.is_relative_to(path) for one in but)}
    return {path: (stat.st_mode, stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


_written: list[str] = []
_allowed: list[Path] = []
_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.utime"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _watch(folder: Path | None) -> None:
    """Note what is written outside of `folder` from now on."""
    if not _hooked:
        sys.addaudithook(_noted)
        _hooked.append(True)
    _allowed[:] = [folder] if folder else []
    if folder:
        _written.clear()


_hooked: list[bool] = []


def _noted(event: str, args: tuple[Any, ...]) -> None:
    if not _allowed or not (event in _CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & _WRITES)):
        return
    paths = [os.fsdecode(path) for path in args[:2] if isinstance(path, str | bytes | os.PathLike)]
    if event == "open":
        paths = paths[:1]
    folder = args[-1] if event != "open" and isinstance(args[-1], int) and args[-1] >= 0 else None
    for path in paths:
        base = Path.cwd() if folder is None else os.readlink(f"/proc/self/fd/{folder}")  # noqa: PTH115
        whole = os.path.normpath(Path(base, path))  # links are not followed here
        if not whole.startswith((str(_allowed[0]), "/proc/self/", "/dev/")) and "__pycache__" not in whole:
            _written.append(f"{event} {whole}")


def _forget_peak() -> int:
    """Bytes resident now; the peak counts from here on (Linux)."""
    if not _CLEAR.exists():
        return 0
    _CLEAR.write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM") if _CLEAR.exists() else 0


def _status(field: str) -> int:
    found = re.search(rf"{field}:\s*(\d+) kB", _STATUS.read_text())
    return int(found[1]) * 1024 if found else 0
