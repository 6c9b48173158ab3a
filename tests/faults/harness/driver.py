"""Augments and trains at a small size, each time in a process of its own, which can be told what breaks in it.

Reads one JSON request a line on standard input: a job, which is started in a forked process, or a process to wait for. The
libraries are loaded once and by this process, so that a start costs no seconds.
"""

import ctypes
import json
import os
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel  # noqa: F401  # loaded once

from augment.image import poster, rand_augment  # noqa: F401
from augment.image.spec import RandAugmentSpec
from augment.text import language, similarity
from augment.text import shelf as text_shelf
from augment.text.spec import BackTranslationSpec
from datasets_cache import division, plots, sampling, version
from datasets_cache.sources import MoviescopeSource
from datasets_cache.store import Cache
from train.config import OptimConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.run import run_cell

MODES = {"nothing": 0, "kill": 1, "fail": 2, "short": 3, "stop": 4, "clock": 5}
USER_MISTAKE, FAULT = 2, 3


def augment(films: str, cache: str, **_: Any) -> str:
    """A sample, both shelves in four shards, the version."""
    kept = Cache(Path(cache))
    sample = sampling.publish_sample(MoviescopeSource(root=Path(films)), share=1.0, cache=kept).id
    spec = BackTranslationSpec(engine="bergamot", pivot="pt")
    text = text_shelf.publish(spec, sample, cache=kept, threads=1)
    image = rand_augment.publish(RandAugmentSpec(), sample, cache=kept, workers=1)
    return version.publish(kept, name="tiny", sample=sample, text=text, image=image).id


def train(cache: str, runs: str, bert: str, **_: Any) -> str:
    """One cell with UDA, with a checkpoint after each step."""
    kept = Cache(Path(cache))
    config = RunConfig(
        version=version.resolve(kept, "latest"),
        model="bert",
        uda=UdaConfig(),
        text=TextEncoderConfig(name=bert, max_tokens=16),
        optim=OptimConfig(batch_size=6, learning_rate=1e-3, max_epochs=4, patience=9),
    )
    return run_cell(config, cache=kept, runs=Path(runs), device="cpu", checkpoint_seconds=0).run


def work(job: dict[str, Any]) -> int:
    """Do a job as `mmuda` does: a mistake or a broken disk is one sentence."""
    below = ctypes.CDLL(None)
    fault: dict[str, Any] = job.get("fault") or {}
    if job.get("obey"):
        assert below.fault_obey_permissions() == 0
    first, last = fault.get("at", 0), fault.get("until", 2**40)
    arguments = (ctypes.c_long(first), ctypes.c_long(last), ctypes.c_long(fault.get("value", 0)))
    below.fault_arm(job["below"].encode(), MODES[fault.get("mode", "nothing")], *arguments)
    try:
        print("done", {"augment": augment, "train": train}[job["what"]](**job), flush=True)
        status = 0
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        status = USER_MISTAKE
    except Exception:
        traceback.print_exc()
        status = FAULT
    Path(job["log"] + ".operations").write_text(str(below.fault_operations()))
    return status


def start(job: dict[str, Any]) -> int:
    """Start a job; gives the number of its process."""
    if process := os.fork():
        return process
    status = FAULT
    try:
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        status = work(job)
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def wait(process: int, seconds: float) -> int | str | None:
    """Exit status of a process, negative where a signal ended it; `stopped`, or None after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(process, os.WNOHANG | os.WUNTRACED)
        if found:
            return "stopped" if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(0.005)


def main() -> None:
    """Answer requests until there are no more."""
    torch.set_num_threads(1)
    division.FILMS_PER_SHARD = 8
    language.known()
    similarity.cosine(["A storm."], ["A gale."])
    plots.clean("A storm.")
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = wait(**request["wait"]) if "wait" in request else start(request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
