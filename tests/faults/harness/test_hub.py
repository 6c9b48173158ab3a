"""A Hub that takes connections and never answers, and one that packets do not reach: one sentence in bounded time."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from datasets_cache.store import Cache
from tests.faults.conftest import ROOT
from tests.faults.harness.conftest import Bench, Tried

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BOUND = 240.0
"""Seconds after which whoever waits has reason to complain."""


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that accepts and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def mmuda(home: Path, endpoint: str, *arguments: str, cache: Cache) -> tuple[int, str, float]:
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "TORCH_HOME": str(home), "MMUDA_CACHE": str(cache.root)}
    own |= {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"}
    command = [str(Path(sys.executable).with_name("mmuda")), *arguments]
    began = time.monotonic()
    done = subprocess.run(command, env=os.environ | own, cwd=home, capture_output=True, text=True, timeout=BOUND, check=False)
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


@pytest.mark.parametrize("hub", ["silent", "unreachable"])
@pytest.mark.parametrize("command", ["fetch", "train"])
def test_a_hub_in_a_black_hole_ends_the_command_with_one_sentence(
    bench: Bench, tried: Tried, hub: str, command: str, silent: str, tmp_path: Path
):
    endpoint = silent if hub == "silent" else "http://10.255.255.1:81"
    arguments = ["fetch", "mmimdb"] if command == "fetch" else ["train", "mmimdb", "--version", "latest", "--models", "bert"]
    if command == "train":
        arguments += ["--runs", str(tmp_path / "runs"), "--uda", "off"]
    status, said, seconds = mmuda(tmp_path, endpoint, *arguments, cache=bench.undisturbed.cache)
    print(f"{command}, {hub}: {seconds:.0f} s\n{said}")
    tried(f"Hub {hub}, mmuda {command}", lost=status != 2 or "Traceback" in said)
    assert status == 2, said
    assert "Traceback" not in said
