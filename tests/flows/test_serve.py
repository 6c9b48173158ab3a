"""`mmuda serve` as a person or a service manager meets it: a real process, Prefect's server, real runs, signals.

The tests stand in the order of one story: what is served, a first stop that lets a run end, a second one that ends it.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.doctor import show
from flows.environment import prepare_prefect, served_environment
from flows.serve import LOG_BYTES, keep_short, serve
from flows.serve_check import examine, sweep_now
from flows.serve_children import Child, end
from flows.serve_state import STATE, ServeState, held, is_serving, read_state, running, write_state

PATIENCE = 180.0
MMUDA = str(Path(sys.executable).with_name("mmuda"))
SHORT = {"recipe": "demo", "sample": 0.06}  # 12 films: seconds
LONG = {"recipe": "demo", "sample": 1.0}  # 200 films: minutes


def wait_until(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, f"not in {patience:.0f} s: {what}"
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Place:
    """A cache with Prefect's home in it, and a port."""

    cache: Path
    port: int

    @property
    def home(self) -> Path:
        return self.cache / "prefect"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return inherited | {"MMUDA_CACHE": str(self.cache), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def start(self, *options: str) -> "Serving":
        """`mmuda serve` in a session of its own, as a service manager starts it."""
        self.home.mkdir(parents=True, exist_ok=True)
        output = self.cache / f"output-{time.monotonic_ns()}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [MMUDA, "serve", "--port", str(self.port), *options],
                env=self.environment, stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        return Serving(self, process, output)

    def mmuda(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Another command, to its end."""
        return subprocess.run(
            [MMUDA, *arguments],
            env=self.environment | more, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def states(self) -> dict[str, tuple[str, str]]:
        """State and message of each flow run, by id, as the database has them."""
        with closing(sqlite3.connect(self.home / "prefect.db")) as database:
            rows = database.execute(
                "SELECT run.id, state.type, state.message FROM flow_run run"
                " JOIN flow_run_state state ON state.id = run.state_id"
            ).fetchall()
        return {str(number).replace("-", ""): (kind, message or "") for number, kind, message in rows}

    def processes(self) -> list[str]:
        """Command lines of all processes that have this home."""
        mark = f"PREFECT_HOME={self.home}".encode()
        found: list[str] = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found


@dataclass
class Serving:
    """A `mmuda serve` and what it says."""

    place: Place
    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        return self.output.read_text()

    def wait(self) -> "Serving":
        wait_until(lambda: "Ctrl-C (or SIGTERM)" in self.said() or self.process.poll() is not None, "serving")
        assert self.process.poll() is None, self.said()
        return self

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        for _ in range(20):
            url = f"http://127.0.0.1:{self.place.port}/api{path}"
            answer = httpx.request(method, url, json=body, timeout=60, trust_env=False)
            if answer.status_code != 503:  # the database is busy: Prefect's own clients ask again as well
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json()

    def run(self, deployment: str, parameters: dict[str, Any]) -> str:
        """Start a run as the page does; gives back its id."""
        target = self.ask("GET", f"/deployments/name/{deployment}")["id"]
        return self.ask("POST", f"/deployments/{target}/create_flow_run", {"parameters": parameters})["id"]

    def state(self, run: str) -> tuple[str, str]:
        state = self.ask("GET", f"/flow_runs/{run}")["state"]
        return state["type"], state["message"] or ""

    def wait_for(self, run: str, *kinds: str) -> tuple[str, str]:
        wait_until(lambda: self.state(run)[0] in kinds, f"{run}: {kinds}")
        return self.state(run)

    def end(self) -> int:
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """Leave nothing behind, whatever failed."""
        if self.process.poll() is None:
            for _ in range(3):
                self.process.terminate()
                time.sleep(0.5)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "cache", free_port())


@pytest.fixture(scope="module")
def served_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("served"), free_port())


@pytest.fixture(scope="module")
def serving(served_place: Place) -> Iterator[Serving]:
    """Up and serving, until a test stops it."""
    serving = served_place.start()
    try:
        yield serving.wait()
    finally:
        serving.close()


# What is served.


def test_serve_says_where_the_page_is_and_what_is_served(serving: Serving):
    assert f"Page: http://127.0.0.1:{serving.place.port}\n" in serving.said()
    assert "Serving augmentation/nightly, augmentation/other-pivot, training/from-cache" in serving.said()


def test_nothing_that_serves_listens_but_to_this_machine(serving: Serving):
    started = psutil.Process(serving.process.pid)
    ours = [started, *started.children(recursive=True)]
    listening = {
        connection.laddr for one in ours for connection in one.net_connections("inet") if connection.status == "LISTEN"
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert serving.place.port in {address.port for address in listening}


def test_the_server_answers_and_has_the_three_deployments(serving: Serving):
    assert serving.ask("GET", "/health") is True
    flows = {flow["id"]: flow["name"] for flow in serving.ask("POST", "/flows/filter", {})}
    served = {(flows[each["flow_id"]], each["name"]) for each in serving.ask("POST", "/deployments/filter", {})}
    assert served == {("augmentation", "nightly"), ("augmentation", "other-pivot"), ("training", "from-cache")}


def test_a_run_of_a_version_that_is_not_there_fails_with_a_sentence_on_its_page(serving: Serving):
    run = serving.run("training/from-cache", {"version": "nowhere"})
    kind, message = serving.wait_for(run, "FAILED", "CRASHED", "COMPLETED")
    assert kind == "FAILED"
    assert "nowhere" in message
    assert "Traceback" not in message
    of_run = {"logs": {"flow_run_id": {"any_": [run]}}}
    wait_until(lambda: serving.ask("POST", "/logs/filter", of_run), "its log on the page")  # sent in batches


def test_a_second_serve_of_the_same_home_is_refused_and_names_the_first(serving: Serving):
    second = serving.place.mmuda("serve", "--port", str(free_port()))
    assert second.returncode == 2
    assert f"process {serving.process.pid} on" in second.stderr
    assert f"http://127.0.0.1:{serving.place.port}" in second.stderr
    assert serving.process.poll() is None


def test_a_command_in_a_terminal_uses_the_server_that_runs(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MMUDA_CACHE", str(serving.place.cache))
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    for name in ("PREFECT_API_URL", "PREFECT_LOGGING_LEVEL", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    prepare_prefect()
    assert os.environ["PREFECT_API_URL"] == f"http://127.0.0.1:{serving.place.port}/api"


def test_what_a_terminal_runs_logs_to_the_page_and_not_to_the_terminal(serving: Serving):
    ran = serving.place.mmuda("augment", "demo", "--sample", "0.05")
    assert (ran.returncode, ran.stderr) == (0, "")
    (run,) = [each["id"] for each in serving.ask("POST", "/flow_runs/filter", {}) if each["state_type"] == "COMPLETED"]
    of_run = {"logs": {"flow_run_id": {"any_": [run]}, "level": {"le_": 20}}}
    wait_until(lambda: serving.ask("POST", "/logs/filter", of_run), "its log on the page")


def test_a_server_that_the_user_configured_is_left_as_it_is(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MMUDA_CACHE", str(serving.place.cache))
    monkeypatch.setenv("PREFECT_HOME", str(serving.place.home))
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    prepare_prefect()
    assert os.environ["PREFECT_API_URL"] == "http://prefect.example/api"


def test_sweep_by_hand_finds_the_server_that_runs(serving: Serving):
    swept = serving.place.mmuda("sweep")
    assert (swept.returncode, swept.stderr) == (0, "")
    assert "Nothing to resolve" in swept.stdout


def test_a_server_and_a_runner_that_die_are_started_again(serving: Serving):
    folders = [Path("/proc") / str(pid) for pid in children(serving.process.pid)]
    commands = {(folder / "cmdline").read_bytes().split(b"\0")[3].decode(): int(folder.name) for folder in folders}
    assert set(commands) == {"server", "run"}
    os.kill(commands["server"], signal.SIGKILL)
    os.kill(commands["run"], signal.SIGKILL)
    wait_until(lambda: serving.said().count("Ctrl-C (or SIGTERM)") == 2, "serving again")
    assert "Prefect's server ended by itself (status -9" in serving.said()
    assert "The runner ended by itself (status -9" in serving.said()
    assert serving.ask("GET", "/health") is True


# A first signal lets the run end.


@dataclass(frozen=True)
class Stopped:
    run: str
    status: int
    said: str


@pytest.fixture(scope="module")
def drained(serving: Serving) -> Stopped:
    run = serving.run("augmentation/nightly", SHORT)
    serving.wait_for(run, "RUNNING")
    serving.process.send_signal(signal.SIGINT)
    return Stopped(run, serving.end(), serving.said())


def test_after_the_first_signal_the_run_that_goes_completes(drained: Stopped, served_place: Place):
    assert served_place.states()[drained.run.replace("-", "")][0] == "COMPLETED"


def test_a_stop_that_lost_nothing_is_a_success(drained: Stopped):
    assert drained.status == 0
    assert "Stopping: 1 run is finishing" in drained.said
    assert drained.said.endswith("Stopped.\n")


def test_after_a_stop_nothing_is_left_running(drained: Stopped, served_place: Place):
    assert drained.status == 0
    assert served_place.processes() == []
    assert not (served_place.home / STATE).exists()


# A second signal ends it.


@pytest.fixture(scope="module")
def ended(drained: Stopped, served_place: Place) -> Iterator[Stopped]:
    assert drained.status == 0
    serving = served_place.start()
    try:
        run = serving.wait().run("augmentation/nightly", LONG)
        serving.wait_for(run, "RUNNING")
        serving.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Stopping: 1 run is finishing" in serving.said(), "the first signal")
        serving.process.send_signal(signal.SIGTERM)
        yield Stopped(run, serving.end(), serving.said())
    finally:
        serving.close()


def test_the_next_serve_has_the_runs_of_the_last_one(ended: Stopped, drained: Stopped, served_place: Place):
    assert {run.replace("-", "") for run in (drained.run, ended.run)} <= set(served_place.states())


def test_a_second_signal_ends_the_run_and_says_so_on_its_page(ended: Stopped, served_place: Place):
    assert ended.status == 130
    assert served_place.states()[ended.run.replace("-", "")][0] == "CRASHED"


def test_after_a_second_signal_nothing_is_left_running(ended: Stopped, served_place: Place):
    assert ended.status == 130
    assert served_place.processes() == []


def test_a_child_ends_with_the_serve_that_started_it(place: Place):
    place.home.mkdir(parents=True)
    start = f"""
import os, time
from pathlib import Path
from flows.serve_children import start
start("the server", "server", ["--port={place.port}"], Path({str(place.home / "log")!r}), dict(os.environ))
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", start], env=place.environment | {"PREFECT_HOME": str(place.home)})
    wait_until(lambda: len(place.processes()) == 2, "the child")
    parent.kill()
    parent.wait()
    wait_until(lambda: place.processes() == [], "the end of the child")


# What keeps it from starting.


@pytest.fixture
def here(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place that this process works in, as the command line prepares it."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MMUDA_CACHE", str(place.cache))
    monkeypatch.setenv("PREFECT_HOME", str(place.home))
    place.home.mkdir(parents=True)
    return place


@pytest.fixture
def taken(here: Place) -> Iterator[int]:
    """The port of `here`, in somebody else's hands."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", here.port))
        yield here.port


def test_a_taken_port_is_named_with_the_cure(taken: int):
    with pytest.raises(ValueError, match=rf"port {taken} of 127.0.0.1 is taken by another program.*--port"):
        serve(port=taken, limit=1)


def test_what_a_killed_serve_left_is_said_and_cleaned(here: Place, taken: int, capfd: pytest.CaptureFixture[str]):
    write_state(here.home, ServeState(pid=4711, host="venus", url="http://127.0.0.1:4200/api", own=True))
    with pytest.raises(ValueError, match="is taken"):
        serve(port=taken, limit=1)
    assert "The last `mmuda serve` (process 4711 on venus, http://127.0.0.1:4200" in capfd.readouterr().out
    assert not (here.home / STATE).exists()


@pytest.mark.usefixtures("here")
def test_a_home_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ValueError, match=f"{tmp_path / 'file' / 'home'}: cannot be made"):
        serve(port=4200, limit=1)


def test_the_database_of_another_prefect_is_named_with_the_cure(here: Place):
    of_another_prefect(here.home)
    with pytest.raises(ValueError, match="written by another version of Prefect.*move the database aside") as refusal:
        serve(port=here.port, limit=1)
    assert str(here.home / "prefect.db") in str(refusal.value)
    assert here.processes() == []


def test_check_says_all_that_has_to_be_mended_and_fails(here: Place, taken: int):
    of_another_prefect(here.home)
    findings = examine(port=taken)
    mended = {finding.what: finding for finding in findings if finding.verdict == "problem"}
    assert set(mended) == {"Database", "Port"}
    assert f"{taken} of 127.0.0.1 is taken" in mended["Port"].found
    assert "another version of Prefect" in mended["Database"].found
    assert show(findings) == 1
    assert not (here.home / STATE).exists()


@pytest.mark.usefixtures("here")
def test_sweep_without_a_server_says_how_to_get_one():
    with pytest.raises(ValueError, match="start `mmuda serve`, or set PREFECT_API_URL"):
        sweep_now()


# The parts.


def test_the_lock_decides_whether_a_serve_lives_and_the_file_only_informs(tmp_path: Path):
    state = ServeState(url="http://127.0.0.1:4200/api", own=True)
    write_state(tmp_path, state)
    assert running(tmp_path) is None
    with held(tmp_path):
        assert running(tmp_path) == state
        with pytest.raises(ValueError, match=f"process {os.getpid()} on"), held(tmp_path):
            pass
    assert running(tmp_path) is None


def test_a_serve_that_starts_or_stops_is_used_by_nobody(tmp_path: Path):
    write_state(tmp_path, ServeState(own=True))
    with held(tmp_path):
        assert is_serving(tmp_path)
        assert running(tmp_path) is None


def test_a_state_of_another_release_is_no_state(tmp_path: Path):
    (tmp_path / STATE).write_text('{"process": 4711}')
    assert read_state(tmp_path) is None


def test_served_runs_log_to_the_page_unless_the_user_says_how_much(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "CRITICAL")  # what the commands of a terminal set
    monkeypatch.setenv("PREFECT_SERVER_LOGGING_LEVEL", "DEBUG")
    served = served_environment("http://127.0.0.1:4200/api", own=True)
    assert (served["PREFECT_LOGGING_LEVEL"], served["PREFECT_SERVER_LOGGING_LEVEL"]) == ("INFO", "DEBUG")


def test_the_end_of_a_child_is_the_end_of_its_group(tmp_path: Path):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {stubborn!r}])"
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=file, start_new_session=True)
    wait_until(lambda: "ready" in log.read_text(), "the grandchild")
    end(Child("a child", process, log, 0), grace=0.5)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_long_log_begins_anew_and_the_last_one_is_kept(tmp_path: Path):
    log = tmp_path / "server.log"
    with log.open("ab") as writer:
        writer.write(b"x" * (LOG_BYTES + 1))
        writer.flush()
        keep_short(log)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "server.log.1").stat().st_size == LOG_BYTES + 1


def children(pid: int) -> list[int]:
    tasks = Path("/proc") / str(pid) / "task"
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def of_another_prefect(home: Path) -> None:
    """A database whose schema has a revision that this Prefect does not know."""
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0123456789ab')")
        database.commit()
