"""An hour of augmentations and trainings on a real `mmuda serve`: do memory, handles, disk and zombies stay flat?

    python benchmarks/long_run.py [--minutes 60] [--every 45] [--out long-run]
    python benchmarks/long_run_read.py long-run/samples.csv [--figure long-run.svg]

`mmuda serve` is started as a person starts it, with home, cache, runs and temporary folder of its own. Meanwhile

- the nightly goes by cron every minute and finds everything in the cache;
- every `--every` seconds a run is asked for by hand: in turn an augmentation of a small share of the bundled sample, with ever
  other settings and some of them rebuilds, and a training on the newest version (the embedded BERT, 16 tokens, one epoch);
- every five minutes an operator pauses the nightly, removes old runs and calls `mmuda cache gc --keep 3`.

Every 15 seconds a row goes to ``samples.csv``: of the processes, what /proc says (PSS shares a page among those that map it,
USS is what a process has alone); of the folders, what they take on the disk. A process is of the service if it descends from
it or has its environment, so that an orphan is seen. Needs Linux and the extra `embedded`.
"""

import argparse
import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from long_run_processes import of_processes, roles, size

MMUDA = Path(sys.executable).with_name("mmuda")
SAMPLE_EVERY, OPERATE_EVERY = 15.0, 300.0
WAITING = 2
"""No more runs are asked for by hand while so many have not begun: the machine may be slow."""
KEPT_RUNS = 12
"""Newest files and folders of `runs` that the operator keeps."""
STATES = ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLING", "CANCELLED", "PAUSED")
CACHE_PARTS = ("shelves", "versions", "sources", "uses", "tokens", "locks", "building", "staging", "rebuilding")


@dataclass
class Service:
    """A running `mmuda serve` and its folders."""

    folder: Path
    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    asked: int = 0
    collected: int = 0
    """How often the garbage collection found nobody at work."""
    refused: int = 0
    """How often it failed."""
    busy: int = 0
    """How often the API answered that its database was busy."""
    deployments: dict[str, str] = field(default_factory=dict[str, str])

    def ask(self, path: str, **body: Any) -> Any:
        """The API's answer to a POST; where its database is busy (status 503), it is asked again for a minute."""
        until = time.monotonic() + 60
        while True:
            answer = httpx.post(f"{self.url}/api/{path}", json=body, timeout=120)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > until:
                break
            self.busy += 1
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def count(self, *states: str, by_hand: bool = False) -> int:
        """Runs in these states; `by_hand`: those of the deployments that have no schedule."""
        filters: dict[str, Any] = {"state": {"type": {"any_": list(states)}}}
        if by_hand:
            filters["deployment_id"] = {"any_": [self.deployments["other-pivot"], self.deployments["from-cache"]]}
        return self.ask("flow_runs/count", flow_runs=filters)

    def row(self) -> dict[str, float]:
        """A sample of everything."""
        home, cache = self.folder / "home", self.folder / "cache"
        row = of_processes(f"MMUDA_CACHE={cache}", self.process.pid)
        database = [path for path in home.glob("prefect.db*")]
        logs = [path for path in home.glob("*.log*")]
        parts = {
            "database": database, "logs": logs,
            "home_rest": [path for path in home.glob("*") if path not in (*database, *logs)],
            **{f"cache_{part}": [cache / part] for part in CACHE_PARTS}, "cache": [cache], "runs": [self.folder / "runs"],
            "tmp": [self.folder / "tmp"],
        }  # fmt: skip
        for name, paths in parts.items():
            row[f"{name}_mib"], row[f"{name}_files"] = size(*paths)
        row |= {state.lower(): self.count(state) for state in STATES}
        return row | {
            "asked": self.asked,
            "collected": self.collected,
            "refused": self.refused,
            "busy": self.busy,
            "versions": len(list((cache / "versions").glob("*"))),
        }

    def ask_for_a_run(self) -> None:
        """The next run by hand, if the machine has kept up with those before."""
        if self.count("SCHEDULED", "PENDING", "RUNNING", by_hand=True) >= WAITING:
            return
        self.asked += 1
        number = (self.asked + 1) // 2
        if self.asked % 2:
            name, parameters = "other-pivot", augmentation(number)
        else:
            name, parameters = "from-cache", training(number, self.folder / "runs")
        self.ask(f"deployments/{self.deployments[name]}/create_flow_run", parameters=parameters)

    def operate(self) -> None:
        """Pause the nightly, wait until nobody works, remove old runs, collect the garbage, let the nightly go on."""
        nightly = f"deployments/{self.deployments['nightly']}"
        self.ask(f"{nightly}/pause_deployment")
        try:
            while not self.tidied():
                time.sleep(1)
        finally:
            self.ask(f"{nightly}/resume_deployment")

    def tidied(self) -> bool:
        """Whether nobody worked, so that old runs and garbage are gone."""
        if self.count("PENDING", "RUNNING"):
            return False
        for old in sorted((self.folder / "runs").glob("*"), key=lambda path: path.stat().st_mtime)[:-KEPT_RUNS]:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        command = [MMUDA, "cache", "gc", "--keep", "3", "--json"]
        done = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            self.refused += 1
            print(f"mmuda cache gc: {done.returncode}\n{done.stderr}", flush=True)
            return True
        if json.loads(done.stdout)["at_work"]:
            return False
        self.collected += 1
        return True


def augmentation(number: int) -> dict[str, Any]:
    """The `number`-th augmentation by hand, from 1: another sample, magnitude and seed each; each fourth is made again."""
    settings = f"evaluation_sample = 0.1\nimage.seed = {number}\nthreads = 1"
    share, magnitude = 0.1 + 0.02 * (number % 3), 1 + number % 9
    return {"recipe": "demo", "sample": share, "magnitude": magnitude, "rebuild": number % 4 == 0, "overrides": settings}


def training(number: int, runs: Path) -> dict[str, Any]:
    """The `number`-th training."""
    settings = f'runs = "{runs}"\ntext.max_tokens = 16'
    return {"models": ["bert"], "uda": "on", "seeds": [number], "epochs": 1, "encoders": "embedded", "overrides": settings}


def start(folder: Path) -> Service:
    """Start `mmuda serve` with the nightly at every minute, and wait for its page."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MMUDA_"))}
    for part in ("home", "cache", "runs", "tmp"):
        (folder / part).mkdir()
    own = {"PREFECT_HOME": folder / "home", "MMUDA_CACHE": folder / "cache", "TMPDIR": folder / "tmp"}
    environment = ours | {name: str(path) for name, path in own.items()}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    first = [MMUDA, "augment", "demo", "--sample", "0.1", "--evaluation-sample", "0.1", "--threads", "1"]
    subprocess.run(first, env=environment, cwd=folder, check=True)  # the nightly makes again what is newest
    command = [MMUDA, "serve", "--port", str(port), "--cron", "* * * * *"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    service = Service(folder, f"http://127.0.0.1:{port}", environment, process)
    while "Page: " not in (said := (folder / "serve.log").read_text(encoding="utf-8")):
        if process.poll() is not None:
            raise SystemExit(said)
        time.sleep(0.5)
    service.deployments |= {each["name"]: each["id"] for each in service.ask("deployments/filter")}
    return service


def work(service: Service, *, seconds: float, every: float, out: Path) -> None:
    """Ask for runs, operate and sample until the time is over."""
    began = time.monotonic()
    due = {"run": 0.0, "operate": OPERATE_EVERY / 2, "sample": 0.0}
    busy: Future[None] | None = None
    with ThreadPoolExecutor(1) as aside, out.open("w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] | None = None
        while (now := time.monotonic() - began) < seconds:
            if busy and busy.done():
                busy = busy.result()
            if now >= due["sample"]:
                due["sample"] += SAMPLE_EVERY
                row = {"seconds": round(now, 1), **{name: round(value, 2) for name, value in service.row().items()}}
                if writer is None:
                    writer = csv.DictWriter(file, list(row))
                    writer.writeheader()
                writer.writerow(row)
                file.flush()
            elif busy is None and now >= due["operate"]:
                due["operate"] = now + OPERATE_EVERY
                busy = aside.submit(service.operate)
            elif busy is None and now >= due["run"]:
                due["run"] = now + every
                service.ask_for_a_run()
            time.sleep(0.2)


def main() -> None:
    """Serve, work, sample, stop; say what is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=45, help="seconds between two runs that are asked for by hand")
    parser.add_argument("--out", type=Path, default=Path("long-run"), help="folder for the samples")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="mmuda-long-run-"))
    print(f"Everything lies in {folder} and stays there; the samples are in {given.out}.", flush=True)
    service = start(folder)
    try:
        work(service, seconds=60 * given.minutes, every=given.every, out=given.out / "samples.csv")
        service.process.send_signal(signal.SIGTERM)
        print(f"`mmuda serve` ended with status {service.process.wait(600)}.")
    finally:
        if service.process.poll() is None:
            service.process.terminate()
            service.process.wait()
        left = [
            f"{process.pid} {process.command}" for _, process in roles(f"MMUDA_CACHE={folder / 'cache'}", service.process.pid)
        ]
        print("Processes that are left:", left or "none")


if __name__ == "__main__":
    main()
