"""A process of `mmuda serve` in a session of its own, started, read and ended; and the addresses that they use."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from flows.serving import GRACE

LOOK_EVERY = 0.05
ANSWER_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """A process that leads a group of its own, and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    begins: int
    """Byte of the log at which its words begin."""

    @property
    def lives(self) -> bool:
        """Whether the process itself goes; its group may hold others."""
        return self.process.poll() is None

    def said(self) -> str:
        """What it wrote to its log."""
        with self.log.open("rb") as file:
            file.seek(min(self.begins, self.log.stat().st_size))
            return file.read().decode(errors="replace")


def start(
    name: str, part: str, options: Sequence[str], log: Path, environment: Mapping[str, str], *, heard: bool = False
) -> Child:
    """Start a part of `flows.serving`.

    Args:
        name: how to speak of it.
        part: ``server``, ``register`` (which becomes ``run``) or ``sweep``.
        options: of that part.
        log: file that its words are appended to.
        environment: all of it.
        heard: its standard output is ours, and only its standard error goes to the log.
    """
    command = [sys.executable, "-m", "flows.serving", part, *options]
    with log.open("ab") as file:
        begins = file.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # never written to; it closes with us
            stdout=None if heard else file,
            stderr=file,
            env=dict(environment),
            start_new_session=True,
        )
    return Child(name, process, log, begins)


def end(child: Child, *, grace: float = GRACE) -> None:
    """End a child and everything in its group: SIGTERM, and SIGKILL after `grace` seconds."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, GRACE)):
        until = time.monotonic() + seconds
        with suppress(ProcessLookupError):  # nobody is left
            os.killpg(child.process.pid, number)
            while time.monotonic() < until:
                child.process.poll()  # reaps it, or its group never empties
                os.killpg(child.process.pid, 0)
                time.sleep(LOOK_EVERY)
    if child.process.stdin:
        child.process.stdin.close()
    child.process.wait()


def is_free(port: int) -> bool:
    """Whether a server can listen on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(url: str, *, own: bool) -> bool:
    """Whether a Prefect API answers at `url`. One that asks who we are (`own` is false) answers as well."""
    opener = build_opener(ProxyHandler({})) if own else build_opener()
    try:
        with opener.open(f"{url}/health", timeout=ANSWER_WITHIN) as reply:
            return reply.read(16).strip() == b"true" or not own
    except HTTPError as error:
        return not own and error.code < 500
    except OSError:
        return False


def database(home: Path) -> str:
    """How to speak of the database of our own server."""
    for name in ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL"):
        if name in os.environ:
            return f"The database of {name}"
    return str(home / "prefect.db")
