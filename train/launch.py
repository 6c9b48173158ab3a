"""One cell trained by several processes, such as one a GPU: started by torch's launcher, each running this module."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import TypeAdapter

from datasets_cache.store import Cache
from train.config import RunConfig, Tracker
from train.records import RunResult
from train.run import find_finished, run_cell, run_folder


def run_in_processes(
    config: RunConfig, *, processes: int, cache: Cache, runs: Path, device: str = "auto", trackers: tuple[Tracker, ...] = ()
) -> RunResult:
    """Train one cell by several processes of this machine; each batch is shared out among them.

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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_text(config.model_dump_json(), encoding="utf-8")
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m", "train.launch"]
        options = [
            "--config",
            file,
            "--cache",
            cache.root,
            "--runs",
            runs,
            "--device",
            device,
            "--trackers",
            ",".join(trackers),
        ]
        done = subprocess.run([sys.executable, *launcher, *map(str, options)], check=False)
    finished = find_finished(config, runs)
    if finished is None:
        msg = f"{run_folder(config, runs)}: one of {processes} processes failed ({done.returncode}); what it said is above."
        raise ValueError(msg)
    return finished


def main() -> None:
    """What each process does."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("config", "cache", "runs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--trackers", default="")
    given = parser.parse_args()
    config = RunConfig.model_validate_json(given.config.read_bytes())
    trackers = TypeAdapter(tuple[Tracker, ...]).validate_python([name for name in given.trackers.split(",") if name])
    run_cell(config, cache=Cache(given.cache), runs=given.runs, device=given.device, trackers=trackers)


if __name__ == "__main__":
    main()
