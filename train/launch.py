"""One cell trained by several processes, such as one a GPU: started by torch's launcher, each running this module."""

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from datasets_cache.store import Cache
from train.config import RunConfig, Tracker
from train.finished import find_finished, run_folder
from train.records import RunResult

GRACE = 10.0
"""Seconds that the launcher has to end its processes before it is killed."""
ORPHANED = 3
"""Exit status of a process whose parent is gone."""


def run_in_processes(
    config: RunConfig, *, processes: int, cache: Cache, runs: Path, device: str = "auto", trackers: tuple[Tracker, ...] = ()
) -> RunResult:
    """Train one cell by several processes of this machine; each batch is shared out among them.

    They end with this process, however it ends: by an exception, or killed. What it had finished stays, a second call goes on.

    Args:
        config: everything that decides the result.
        processes: how many; with CUDA, one a GPU.
        cache: holds the version.
        runs: folder of all run directories.
        device: `auto` or `cpu`.
        trackers: whom metrics are reported to.
    Raises:
        ValueError: a batch has fewer films than there are processes, a single device is named, or a process failed; what it
            said is on the terminal.
    """
    if finished := find_finished(config, runs):
        return finished
    if config.optim.batch_size < processes:
        msg = f"a batch of {config.optim.batch_size} films cannot be shared by {processes} processes; raise --optim.batch_size."
        raise ValueError(msg)
    if device not in ("auto", "cpu"):
        msg = f"{processes} processes cannot share the device {device!r}; choose auto (one GPU each) or cpu."
        raise ValueError(msg)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m", "train.launch"]
    options = [
        "--config",
        config.model_dump_json(),
        "--cache",
        cache.root,
        "--runs",
        runs,
        "--device",
        device,
        "--trackers",
        ",".join(trackers),
        "--with-parent",
    ]
    status = _run_to_the_end([sys.executable, *launcher, *map(str, options)])
    finished = find_finished(config, runs)
    if finished is None:
        msg = f"{run_folder(config, runs)}: one of {processes} processes failed ({status}); what it said is above."
        raise ValueError(msg)
    return finished


def _run_to_the_end(command: Sequence[str]) -> int:
    """Run the launcher; gives back its exit status.

    Its processes hold the reading end of a pipe whose writing end is ours alone, and end when it closes: at the latest when
    this process is gone. They are in sessions of their own, where no signal to a process group would reach them.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as launcher:  # a Ctrl-C is ours to handle
        try:
            return launcher.wait()
        finally:
            _end(launcher)


def _end(launcher: subprocess.Popen[bytes]) -> None:
    assert launcher.stdin, "it was started with a pipe"
    try:
        if launcher.poll() is None:
            launcher.terminate()
            launcher.wait(GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        launcher.stdin.close()
        launcher.kill()


def end_with_parent() -> None:
    """End this process when standard input ends: whoever started it is gone, and nobody waits for what it does."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def main() -> None:
    """What each process does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="a RunConfig as JSON")
    for name in ("cache", "runs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--trackers", default="")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    given = parser.parse_args()
    if given.with_parent:
        end_with_parent()
    from train.run import run_cell  # only now: whoever starts the processes does without torch

    config = RunConfig.model_validate_json(given.config)
    trackers = TypeAdapter(tuple[Tracker, ...]).validate_python([name for name in given.trackers.split(",") if name])
    run_cell(config, cache=Cache(given.cache), runs=given.runs, device=given.device, trackers=trackers)


if __name__ == "__main__":
    main()
