"""`mmuda serve`: Prefect's server and the runner of the deployments, looked after by one small process.

The two are children in sessions of their own, so a terminal's Ctrl-C reaches this process alone. It holds the lock of its home
(`flows.serve_state`); if it is killed, its children end by themselves (`flows.serving.end_with_parent`).
"""

import os
import shutil
import signal
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from datasets_cache.addresses import shown_url
from flows.environment import make_prefect_home, served_environment
from flows.serve_children import Child, answers, database, end, is_free, start
from flows.serve_state import STATE, ServeState, held, read_state, write_state
from flows.serving import NOT_STARTED, USER_MISTAKE, tell

INTERRUPTED = 130
STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY = 0.2
STARTING = 180.0
"""Seconds that Prefect's server may need until it answers, with a database to migrate on a slow disk."""
DEATHS, WITHIN = 5, 300.0
"""More restarts than this, in this many seconds, are hopeless."""
LOG_BYTES = 10 * 2**20


def serve(*, port: int, limit: int, cron: str | None = None, timezone: str = "UTC", train_after: bool | None = None) -> int:
    """Serve the deployments until SIGINT or SIGTERM; gives back the exit status: 0, or 130 where runs were ended.

    Args:
        port: of the server on 127.0.0.1; unused where ``PREFECT_API_URL`` names another server.
        limit: how many runs may go at a time.
        cron: When the nightly augmentation runs; None keeps what the page says.
        timezone: Of `cron`.
        train_after: Switch the training after an augmentation on or off; None leaves the switch.

    Raises:
        ValueError: another `mmuda serve` runs, the port is taken, the home cannot be written, or the server does not start.
    """
    home = make_prefect_home()
    with held(home), signals_counted() as signals:
        if last := read_state(home):
            tell(f"The last `mmuda serve` ({last}) was killed; the runs that it left behind are looked after now.")
        configured = os.environ.get("PREFECT_API_URL", "").rstrip("/")
        url = configured or f"http://127.0.0.1:{port}/api"
        once = [f"--timezone={timezone}", *([f"--cron={cron}"] if cron else [])]
        if train_after is not None:
            once.append("--train-after" if train_after else "--no-train-after")
        return Supervisor(home, url, None if configured else port, [f"--limit={limit}"], once, signals).run()


@contextmanager
def signals_counted() -> Generator[list[int]]:
    """The signals to stop that have come so far; they do nothing by themselves."""
    came: list[int] = []

    def count(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, count) for number in STOPPED_BY}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Supervisor:
    """The two children and what became of them."""

    home: Path
    url: str
    """Of Prefect's API."""
    port: int | None
    """Of our own server; None where the server is somebody else's."""
    options: list[str]
    """Of the runner."""
    once: list[str]
    """Options of the runner's first start: what they set can be changed on the page, and that stays."""
    signals: list[int]
    server: Child | None = None
    runner: Child | None = None
    deaths: deque[float] = field(default_factory=deque[float])

    def run(self) -> int:
        """Start both, look after them, stop them; nothing of theirs is left in the end, whatever happens."""
        state = ServeState(own=self.port is not None)
        write_state(self.home, state)
        try:
            self._start()
            if not self.signals:
                write_state(self.home, state.model_copy(update={"url": shown_url(self.url)}))
                tell(f"Logs: {self.home / 'serving.log'}" + (f", {self.home / 'server.log'}" if self.server else ""))
            while not self.signals:
                self._look_after()
                time.sleep(LOOK_EVERY)
            write_state(self.home, state)
            return self._stop()
        finally:
            for child in (self.runner, self.server):
                if child:
                    end(child, grace=0)
            (self.home / STATE).unlink(missing_ok=True)

    def _start(self) -> None:
        if self.port is None:
            tell(f"Using the Prefect server at {shown_url(self.url)} (PREFECT_API_URL).")
        else:
            self._check_port(self.port)
            tell("Starting Prefect's server; the first time takes half a minute.")
            self._start_server(self.port)
        if not self._wait_for_server() and not self.signals:
            raise ValueError(self._why_no_server())
        if not self.signals:
            self._start_runner(self.once)

    def _check_port(self, port: int) -> None:
        if is_free(port):
            return
        who = "a Prefect server that this home knows nothing of" if answers(self.url, own=True) else "another program"
        msg = f"port {port} of 127.0.0.1 is taken by {who}. Choose another one, for example --port {port + 1}" + (
            f"; or set PREFECT_API_URL={self.url} to serve there." if "Prefect" in who else "."
        )
        raise ValueError(msg)

    def _start_server(self, port: int) -> None:
        environment = served_environment(self.url, own=True)
        self.server = start("Prefect's server", "server", [f"--port={port}"], self.home / "server.log", environment)

    def _start_runner(self, once: list[str]) -> None:
        self.runner = self._ours("The runner", "register", [*self.options, *once])

    def _ours(self, name: str, part: str, options: list[str]) -> Child:
        own = self.port is not None
        options = [*options, "--own"] if own else options
        return start(name, part, options, self.home / "serving.log", served_environment(self.url, own=own), heard=True)

    def _wait_for_server(self) -> bool:
        """Wait until the server answers; False if it died, did not answer in time, or somebody wants to stop."""
        started = time.monotonic()
        while not self.signals:
            if self.server and not self.server.lives:
                return False
            if answers(self.url, own=self.port is not None):
                return True
            if time.monotonic() - started > STARTING:
                return False
            time.sleep(LOOK_EVERY)
        return False

    def _why_no_server(self) -> str:
        if self.server is None:
            return (
                f"PREFECT_API_URL={shown_url(self.url)} does not answer ({STARTING:.0f} s). Start that server, or unset"
                " PREFECT_API_URL: then `mmuda serve` brings up its own."
            )
        said = self.server.said()
        if "Can't locate revision" in said:
            return (
                f"{database(self.home)} was written by another version of Prefect, which this one cannot read. Install that"
                " version, or move the database aside (with its -wal and -shm files) to begin a new one: the history of the"
                " runs is in it, the cache and the trained runs are not."
            )
        what = "did not answer" if self.server.lives else "ended"
        last = "\n".join(said.splitlines()[-12:])
        return f"Prefect's server {what} at its start. The end of {self.server.log}:\n{last}"

    def _look_after(self) -> None:
        """Start again what died."""
        for child in (self.server, self.runner):
            if child:
                keep_short(child.log)
        if self.server and self.port is not None and not self.server.lives:
            self._count(self.server)
            self._start_server(self.port)
            self._wait_for_server()
        elif self.runner and not self.runner.lives:
            self._count(self.runner)
            end(self.runner)
            if self._wait_for_server():
                self._start_runner([])

    def _count(self, dead: Child) -> None:
        """Say that a child died.

        Raises:
            ValueError: it never started, or they die again and again.
        """
        status = dead.process.returncode
        last = f"The end of {dead.log}:\n" + "\n".join(dead.said().splitlines()[-12:])
        if status == USER_MISTAKE and dead is self.runner:
            raise SystemExit(USER_MISTAKE)  # it has said why
        if status == NOT_STARTED and not self.deaths:
            msg = f"the deployments could not be registered with {shown_url(self.url)}. {last}"
            raise ValueError(msg)
        now = time.monotonic()
        self.deaths.append(now)
        while now - self.deaths[0] > WITHIN:
            self.deaths.popleft()
        if len(self.deaths) > DEATHS:
            msg = f"{dead.name} died for the {len(self.deaths)}th time in {WITHIN / 60:.0f} minutes (status {status}). {last}"
            raise ValueError(msg)
        tell(f"{dead.name} ended by itself (status {status}; {dead.log} says more). Starting it again.")

    def _stop(self) -> int:
        """Let the runs end; a second signal ends them now, a third one everything."""
        forced = False
        if self.runner:
            self.runner.process.send_signal(signal.SIGTERM)
            while self.runner.lives and len(self.signals) < 2:
                if self.server and self.port is not None and not self.server.lives:
                    self._start_server(self.port)  # the runs that finish report to it
                time.sleep(LOOK_EVERY)
            forced = self.runner.lives
            if forced:
                tell("Ending the runs.")
            end(self.runner)
        if forced and len(self.signals) < 3:
            self._sweep()
        if self.server:
            end(self.server)
        tell("Stopped.")
        return INTERRUPTED if forced else 0

    def _sweep(self) -> None:
        """No run that was ended stays RUNNING on the server."""
        sweeping = self._ours("The sweep", "sweep", [])
        while sweeping.lives and len(self.signals) < 3:
            time.sleep(LOOK_EVERY)
        end(sweeping)


def keep_short(log: Path) -> None:
    """Begin a log anew once it is long, and keep the last one beside it; its writers append."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)
