"""What a service and all its processes hold, out of /proc, and what folders take on the disk: for `long_run.py`."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROLES = ("serve", "server", "runner", "work")
"""`mmuda serve` itself, Prefect's server, the runner that waits for runs, and the processes of the runs."""
MEASURES = ("rss", "pss", "uss", "handles", "threads", "processes")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """What /proc says of a process."""

    pid: int
    parent: int
    state: str
    threads: int
    age: float
    """Seconds since its start."""
    command: str
    ours: bool
    """It has the environment of the service."""


def processes(mark: str) -> dict[int, Process]:
    """All processes of the machine; `mark` is a variable of the environment that only the service has."""
    found: dict[int, Process] = {}
    up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            ours = mark.encode() in (folder / "environ").read_bytes().split(b"\0") if command else False
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended meanwhile, or is somebody else's
        pid = int(folder.name)
        found[pid] = Process(pid, int(stat[1]), stat[0], int(stat[17]), up - int(stat[19]) / TICK, command, ours)
    return found


def roles(mark: str, root: int) -> Iterator[tuple[str, Process]]:
    """The processes of the service, and the part that each plays."""
    known = processes(mark)

    def role(process: Process) -> str | None:
        if process.pid == root:
            return "serve"
        parent = known.get(process.parent)
        above = role(parent) if parent else None
        if above is None and not process.ours:
            return None
        if "cache gc" in process.command:
            return "operator"
        match above:
            case "serve":
                return "server" if "flows.serving server" in process.command else "runner"
            case "server":
                return "server"
            case _:
                return "work"

    for process in known.values():
        if found := role(process):
            yield found, process


def measured(process: Process) -> dict[str, float]:
    """MiB, open handles and threads of a living process."""
    folder = Path("/proc") / str(process.pid)
    lines = (folder / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kib = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    return {
        "rss": kib["Rss"] / 1024,
        "pss": kib["Pss"] / 1024,
        "uss": (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024,
        "handles": len(list((folder / "fd").iterdir())),
        "threads": process.threads,
        "processes": 1,
    }


def of_processes(mark: str, root: int) -> dict[str, float]:
    """What the parts of the service hold, each with all its processes; the age of the oldest process of a run; zombies."""
    row: Counter[str] = Counter({f"{role}_{what}": 0 for role in ROLES for what in MEASURES})
    oldest = zombies = orphans = 0.0
    for role, process in roles(mark, root):
        if process.state == "Z":
            zombies += 1
            continue
        orphans += role == "work" and process.parent == 1
        if role in ROLES:
            try:
                row.update({f"{role}_{what}": value for what, value in measured(process).items()})
            except (FileNotFoundError, ProcessLookupError, KeyError):
                continue  # it has ended meanwhile
        if role == "work":
            oldest = max(oldest, process.age)
    return {**row, "work_oldest": oldest, "zombies": zombies, "orphans": orphans}


def size(*paths: Path) -> tuple[float, int]:
    """MiB on the disk and number of files of files and folders."""
    taken = count = 0
    for path in paths:
        inside = [(Path(folder), files) for folder, _, files in os.walk(path)]  # passes over what has gone meanwhile
        folders = [folder for folder, _ in inside] or [path]
        for each in (*folders, *(folder / file for folder, files in inside for file in files)):
            with suppress(FileNotFoundError):
                taken += each.lstat().st_blocks * 512
                count += not each.is_dir()
    return taken / 2**20, count
