"""Prefect's server on PostgreSQL instead of SQLite: a cluster of its own, a real server, both flows, a cron schedule."""

import asyncio
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from datasets_cache.store import Cache
from datasets_cache.version import open_version
from train.finished import read_result

AUGMENT = ["augment", "demo", "--sample", "0.05", "--threads", "1"]  # seven films to augment


@pytest.fixture(scope="module")
def database() -> Iterator[Path]:
    """Folder of the Unix socket of a PostgreSQL of our own; its user and its database are called ``prefect``."""
    programs = find_programs()
    owner = unprivileged()
    with tempfile.TemporaryDirectory(prefix="pg-") as name:  # a socket's path is short, and the owner has to get there
        folder = Path(name)
        as_owner: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        options = ("-A", "trust", "-U", "prefect", "-E", "UTF8", "--no-locale", "--no-sync")
        make = [programs / "initdb", "-D", folder / "data", *options]
        subprocess.run(make, cwd=folder, check=True, capture_output=True, timeout=120, **as_owner)
        serve = [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        with running(serve, folder / "postgres.log", cwd=folder, **as_owner):
            until(lambda: asyncio.run(answers(folder)), "PostgreSQL")
            asyncio.run(query(folder, "create database prefect", database="postgres"))
            yield folder


@pytest.fixture(scope="module")
def api(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the API of a Prefect server on that database."""
    home = tmp_path_factory.mktemp("server")
    port = free_port()
    connection = f"postgresql+asyncpg://prefect@/prefect?host={database}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = clean_environment(PREFECT_HOME=home, PREFECT_API_DATABASE_CONNECTION_URL=connection)
    with running(command, home / "server.log", env=environment):
        url = f"http://127.0.0.1:{port}/api"
        until(lambda: healthy(url), "Prefect's server")
        yield url


@pytest.fixture(scope="module")
def on_postgresql(api: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which both commands have worked on that server; its runs are in ``runs``."""
    root = tmp_path_factory.mktemp("cache-postgresql")
    environment = clean_environment(MMUDA_CACHE=root, PREFECT_HOME=root / "prefect", PREFECT_API_URL=api)
    script = "import json, sys; from flows.cli import main; [main(words) for words in json.loads(sys.argv[1])]"
    command = [sys.executable, "-c", script, json.dumps([AUGMENT, train_into(root)])]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return root


def test_the_cron_of_the_nightly_makes_runs_at_its_hour_in_its_time_zone(api: str, database: Path):
    from flows.deployments import deployments

    zone = "Asia/Tokyo"  # no summer time
    with temporary_settings({PREFECT_API_URL: api}):
        for deployment in deployments(cron="30 4 * * *", timezone=zone):
            deployment.apply()
    rows = (
        "select r.expected_start_time from flow_run r join deployment d on d.id = r.deployment_id"
        " where d.name = 'nightly' and r.auto_scheduled and r.state_type = 'SCHEDULED'"
    )

    def starts() -> list[datetime]:
        return [row[0].astimezone(ZoneInfo(zone)) for row in asyncio.run(query(database, rows))]

    until(lambda: len(starts()) >= 3, "scheduled runs")
    assert {(start.hour, start.minute) for start in starts()} == {(4, 30)}


@pytest.mark.usefixtures("on_postgresql")
def test_runs_tasks_artifacts_and_events_of_both_flows_are_in_the_database(database: Path):
    by_hand = (
        "select f.name, r.name, r.state_type from flow_run r join flow f on f.id = r.flow_id where r.deployment_id is null"
    )
    runs = asyncio.run(query(database, by_hand))
    assert sorted(map(tuple, runs)) == [
        ("augmentation", "augment demo 5% en→pt→en M5", "COMPLETED"),
        ("training", "train bert · UDA on · seeds 1", "COMPLETED"),
    ]
    tasks = "select name from task_run where state_type = 'COMPLETED'"
    until(lambda: "train bert+uda seed 1" in names(database, tasks), "tasks")
    shown = {"version-summary", "gallery", "lineage", "quality", "results", "comparison", "curves"}
    assert shown <= names(database, "select key from artifact")
    told = {"prefect.flow-run.Completed", "mmuda.version.published", "mmuda.training.finished"}
    until(lambda: told <= names(database, "select event from events"), "events")


@pytest.mark.usefixtures("prefect_server")
def test_version_and_scores_on_postgresql_are_those_on_sqlite(
    on_postgresql: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from flows import cli

    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    cli.main(AUGMENT)
    cli.main(train_into(tmp_path))
    here, there = (open_version(Cache(root), "latest") for root in (tmp_path, on_postgresql))
    assert there.id == here.id
    assert [shelf and shelf.manifest.files for shelf in (there.sample, there.text, there.image)] == [
        shelf and shelf.manifest.files for shelf in (here.sample, here.text, here.image)
    ]  # names, sizes and checksums
    mine, theirs = (read_result(folder) for root in (tmp_path, on_postgresql) for folder in root.glob("runs/bert*"))
    apart = {"path", "seconds"}
    assert theirs.model_dump(exclude=apart) == mine.model_dump(exclude=apart)


def train_into(root: Path) -> list[str]:
    """The command that trains one tiny cell; its run is kept in ``runs`` below `root`."""
    tiny = ("--encoders", "embedded", "--text.max-tokens", "24", "--optim.max-epochs", "1")
    return ["train", "demo", "--models", "bert", "--uda", "on", *tiny, "--runs", str(root / "runs")]


@contextmanager
def running(command: Sequence[str | Path], log: Path, **options: Any) -> Generator[None]:
    """A process until the end; then it is asked to stop, and after a minute made to."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def find_programs() -> Path:
    """Folder of ``initdb`` and ``postgres``, which Debian keeps off the path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("PostgreSQL is not here: neither initdb on the path nor /usr/lib/postgresql (apt-get install postgresql)")
    return folders[-1]


def unprivileged() -> pwd.struct_passwd | None:
    """Whom to run PostgreSQL as: it refuses root. None: ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user `postgres` to run it as")


def clean_environment(**changes: str | Path) -> dict[str, str]:
    """This environment without what it says of Prefect, and `changes`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    return kept | quiet | {name: str(value) for name, value in changes.items()}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def until(true: Callable[[], bool], what: str, *, seconds: float = 120) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"{what}: not there after {seconds:.0f} s")
        time.sleep(0.5)


def healthy(url: str) -> bool:
    """Whether a server answers."""
    try:
        return httpx.get(f"{url}/health", timeout=10).is_success
    except httpx.TransportError:
        return False


async def query(folder: Path, sql: str, *, database: str = "prefect") -> list[asyncpg.Record]:
    """Rows of a query, past Prefect."""
    connection = await asyncpg.connect(user="prefect", database=database, host=str(folder))
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def answers(folder: Path) -> bool:
    """Whether the database takes connections."""
    try:
        await query(folder, "select 1", database="postgres")
    except (OSError, asyncpg.PostgresError):
        return False
    return True


def names(database: Path, sql: str) -> set[str]:
    """The first column of a query."""
    return {row[0] for row in asyncio.run(query(database, sql))}
