"""What a `mmuda serve` says of itself beside Prefect's database, and the lock that decides whether it lives."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from datasets_cache.files import write_text
from datasets_cache.frozen import Frozen

STATE = "serve.json"
LOCK = "serve.lock"
LOOKING = 1.0
"""Seconds to wait for the lock: whoever only looks holds it for an instant."""


class ServeState(Frozen):
    """One `mmuda serve`. It informs only: the lock beside it decides whether that process lives."""

    pid: int = Field(default_factory=os.getpid)
    """The process to send SIGTERM to."""
    host: str = Field(default_factory=socket.gethostname)
    """The machine it runs on."""
    started: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    """When."""
    url: str | None = None
    """Address of Prefect's API; None while it starts or stops."""
    own: bool
    """The server is its own, with no other machine's runs."""

    def __str__(self) -> str:
        where = f"{self.url.removesuffix('/api')}" if self.url else "starting or stopping"
        return f"process {self.pid} on {self.host}, {where}, since {self.started:%Y-%m-%d %H:%M} UTC"


def write_state(home: Path, state: ServeState) -> None:
    """Say it, for whoever looks.

    Raises:
        ValueError: it cannot be written there.
    """
    write_text(home / STATE, state.model_dump_json() + "\n")


def read_state(home: Path) -> ServeState | None:
    """What the last `mmuda serve` said, which lives or not; None where it ended as it should, or there was none."""
    try:
        return ServeState.model_validate_json((home / STATE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError:  # of another release of ours; the lock still tells whether it lives
        return None


def is_serving(home: Path) -> bool:
    """Whether a `mmuda serve` on this home lives."""
    if not (home / LOCK).exists():
        return False
    lock = FileLock(home / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except PermissionError:  # who may not lock may not write the database either: somebody else's home
        return False
    lock.release()
    return False


def running(home: Path) -> ServeState | None:
    """What the `mmuda serve` on this home says, if it lives and answers."""
    state = read_state(home)
    return state if state and state.url and is_serving(home) else None


@contextmanager
def held(home: Path) -> Generator[None]:
    """Be the one `mmuda serve` of this home until the end.

    Raises:
        ValueError: another one lives, or the home cannot be written.
    """
    lock = FileLock(home / LOCK)
    try:
        lock.acquire(timeout=LOOKING)
    except Timeout:
        there = read_state(home)
        stop = f"`kill {there.pid}`" if there else "Ctrl-C where it was started"
        msg = (
            f"{home}: `mmuda serve` runs there already ({there or 'it is just starting'}). Use its page, stop it first"
            f" ({stop}), or give this one a home of its own with PREFECT_HOME."
        )
        raise ValueError(msg) from None
    except OSError as error:
        msg = f"{home}: cannot be written ({error.strerror}). Set MMUDA_CACHE (or PREFECT_HOME) to a folder you can write."
        raise ValueError(msg) from error
    try:
        yield
    finally:
        lock.release()
