"""What `mmuda serve` needs, looked at without starting anything; and the sweep by hand."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from datasets_cache.addresses import shown_url
from datasets_cache.store import Cache
from flows import doctor
from flows.doctor import Finding
from flows.environment import configured_home
from flows.serve_children import answers, is_free
from flows.serve_state import is_serving, read_state, running
from flows.terminal import print_json, say, step


def examine(*, port: int) -> list[Finding]:
    """The doctor's findings, and what serving needs on top: home, database, server, port."""
    home = configured_home()
    serving = is_serving(home)
    general = [finding for finding in doctor.examine(Cache()) if finding.what != "Prefect"]
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    server = [_configured(url)] if url and not serving else [_database(home), _port(port, serving=serving)]
    return [*general, _home(home), _last(home, serving=serving), *server]


def sweep_now(*, as_json: bool = False) -> None:
    """Resolve dead runs of the configured server, or of the `mmuda serve` that runs; say which.

    Args:
        as_json: print the sentences as a JSON list.

    Raises:
        ValueError: no server is known, or it does not answer.
    """
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not url:
        msg = "no Prefect server is known: start `mmuda serve`, or set PREFECT_API_URL to the API of the server that you run."
        raise ValueError(msg)
    state = running(configured_home())
    own = state is not None and state.own and state.url == url
    if not answers(url, own=own):
        msg = f"PREFECT_API_URL={shown_url(url)} does not answer; start that server first."
        raise ValueError(msg)
    with step("Looking for runs that nobody works on"):
        from flows.sweep import sweep

        resolved = sweep(Cache(), own_server=own)
    if as_json:
        print_json(resolved)
        return
    for sentence in resolved or ["Nothing to resolve: every run is worked on, waits, or has ended."]:
        say(sentence)


def _home(home: Path) -> Finding:
    existing = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return Finding("Prefect's home", "ok", str(home))
    return Finding("Prefect's home", "problem", f"{home} cannot be written", "set PREFECT_HOME to a folder you can write")


def _last(home: Path, *, serving: bool) -> Finding:
    state = read_state(home)
    if serving:
        return Finding("mmuda serve", "ok", f"runs already: {state or 'it is just starting'}")
    if state:
        return Finding("mmuda serve", "ok", f"the last one was killed ({state}); the next one looks after its runs")
    return Finding("mmuda serve", "ok", "does not run")


def _configured(url: str) -> Finding:
    if answers(url, own=False):
        return Finding("Server", "ok", f"{shown_url(url)} answers (PREFECT_API_URL)")
    cure = "start that server, or unset PREFECT_API_URL"
    return Finding("Server", "problem", f"{shown_url(url)} does not answer (PREFECT_API_URL)", cure)


def _port(port: int, *, serving: bool) -> Finding:
    if serving:
        return Finding("Port", "ok", "in use by the `mmuda serve` that runs")
    if is_free(port):
        return Finding("Port", "ok", f"{port} of 127.0.0.1 is free")
    return Finding("Port", "problem", f"{port} of 127.0.0.1 is taken by another program", f"choose one: --port {port + 1}")


def _database(home: Path) -> Finding:
    """Whether this Prefect knows the revision that the database says it has. Another kind of database is not looked into."""
    for name in ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL"):
        if name in os.environ:
            return Finding("Database", "ok", f"the one of {name} (not looked into)")
    path = home / "prefect.db"
    if not path.exists():
        return Finding("Database", "ok", f"{path} will be made")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError) as error:
        return Finding("Database", "problem", f"{path} cannot be read ({error})", "move it aside; it holds the runs' history")
    if _knows(str(revision)):
        return Finding("Database", "ok", f"{path}, {path.stat().st_size / 2**20:.0f} MiB")
    cure = "install that version, or move the file aside (with -wal and -shm)"
    return Finding("Database", "problem", f"{path} was written by another version of Prefect", cure)


def _knows(revision: str) -> bool:
    import prefect.server

    steps = Path(prefect.server.__file__).parent / "database" / "_migrations" / "versions" / "sqlite"
    return any(f'"{revision}"' in path.read_text(encoding="utf-8") for path in steps.glob("*.py"))
