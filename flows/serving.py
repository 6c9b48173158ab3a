"""The processes that `mmuda serve` starts: Prefect's server, the runner of the deployments, and the sweep.

Each ends with whoever started it: it watches a pipe on its standard input.
"""

import argparse
import asyncio
import logging
import os
import runpy
import signal
import sys
import threading
import time
import traceback
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from datasets_cache.addresses import shown_url
from datasets_cache.store import Cache

if TYPE_CHECKING:
    from flows.draining import DrainingRunner

USER_MISTAKE = 2
NOT_STARTED = 3
"""The runner could not be started; its log says why."""
GRACE = 10.0
"""Seconds that the processes of a group have to end before they are killed."""
POLL_EVERY = 5.0
SWEEP_EVERY = 600.0


def end_with_parent() -> None:
    """End this process and its group when standard input ends: nobody looks after it any more."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.killpg(0, signal.SIGTERM)
        time.sleep(GRACE)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def tell(sentence: str) -> None:
    """A line for who started `mmuda serve`."""
    with suppress(OSError):  # a terminal that was closed ends no run
        print(sentence, file=sys.__stdout__, flush=True)  # noqa: T201


def run_server(*, port: int) -> None:
    """Run Prefect's server on this machine's own address until SIGTERM."""
    sys.argv = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


def run_sweep(*, own: bool) -> None:
    """Resolve the runs that nobody works on any more, and say which."""
    from flows.sweep import sweep

    for sentence in sweep(Cache(), own_server=own):
        tell(sentence)


def register(given: argparse.Namespace) -> int:
    """Sweep and register the deployments, then become the process that runs them; gives back why it could not.

    The flows need a gigabyte of libraries to be read for their forms; the process that waits for runs needs none of them.
    """
    import httpx
    from prefect.exceptions import PrefectException

    from flows.deployments import deployments, prepare

    try:
        run_sweep(own=given.own)
        offered = deployments(given.cron, given.timezone)
        watched = [f"{deployment.apply()}={deployment.flow_name}/{deployment.name}" for deployment in offered]
        prepare(train_after=given.train_after)
    except ValueError as error:
        tell(f"mmuda: {error}")
        return USER_MISTAKE
    except (httpx.HTTPError, PrefectException):  # trying again would not help: the parent says where this is written, and ends
        traceback.print_exc()
        return NOT_STARTED
    options = [f"--limit={given.limit}", *(["--own"] if given.own else []), *watched]
    os.execv(sys.executable, [sys.executable, "-m", "flows.serving", "run", *options])


def run_deployments(given: argparse.Namespace) -> None:
    """Run what is asked of the registered deployments until SIGTERM."""
    from flows.draining import DrainingRunner

    runner = DrainingRunner(limit=given.limit, query_seconds=POLL_EVERY, on_draining=_say_what_ends)
    names: list[str] = []
    for watched in given.deployments:
        identifier, _, name = watched.partition("=")
        runner.watch(UUID(identifier), name.rpartition("/")[2])
        names.append(name)
    tell(f"Serving {', '.join(names)}: {given.limit} run{'s' * (given.limit > 1)} at a time.")
    tell(f"Page: {shown_url(os.environ['PREFECT_API_URL']).removesuffix('/api')}")
    tell("Ctrl-C (or SIGTERM) lets the runs that are going end, then stops; a second one ends them at once.")
    with redirect_stdout(sys.stderr):  # what the runs print belongs into the log
        asyncio.run(_run(runner, own=given.own))


async def _run(runner: "DrainingRunner", *, own: bool) -> None:
    sweeping = asyncio.create_task(_sweep_regularly(own=own))
    try:
        await runner.start()
    finally:
        sweeping.cancel()


async def _sweep_regularly(*, own: bool) -> None:
    import httpx

    while True:
        await asyncio.sleep(SWEEP_EVERY)
        try:
            await asyncio.to_thread(run_sweep, own=own)
        except httpx.HTTPError:
            logging.getLogger("prefect.runner").warning("The sweep did not reach the server; trying later.", exc_info=True)


def _say_what_ends(runs: int) -> None:
    if not runs:
        tell("Stopping.")
    elif runs == 1:
        tell("Stopping: 1 run is finishing; Ctrl-C again ends it now, it goes on from where it is next time.")
    else:
        tell(f"Stopping: {runs} runs are finishing; Ctrl-C again ends them now, they go on from where they are next time.")


def read_options() -> argparse.Namespace:
    """What the parent asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    server, registering, running, sweeping = (parts.add_parser(name) for name in ("server", "register", "run", "sweep"))
    server.add_argument("--port", type=int, required=True)
    registering.add_argument("--cron")
    registering.add_argument("--timezone", default="UTC")
    registering.add_argument("--train-after", action=argparse.BooleanOptionalAction)
    running.add_argument("deployments", nargs="+", help="id=name")
    for part in (registering, running):
        part.add_argument("--limit", type=int, required=True)
    for part in (registering, running, sweeping):
        part.add_argument("--own", action="store_true", help="nobody else's runs are on the server")
    return parser.parse_args()


def main() -> int:
    """What each process does."""
    given = read_options()
    end_with_parent()
    match given.part:
        case "server":
            run_server(port=given.port)
        case "register":
            return register(given)
        case "run":
            run_deployments(given)
        case _:
            run_sweep(own=given.own)
    return 0


if __name__ == "__main__":
    sys.exit(main())
