"""A process is killed with SIGKILL at random moments of its time, and at random calls that change the disk."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.faults.harness.conftest import Bench, What, some

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
TIMES, CALLS = 10, 15
"""Random moments of each job: 50 in all."""


@pytest.mark.parametrize("what", ["augment", "train"])
def test_a_job_killed_at_a_random_time_is_ended_by_the_next(bench: Bench, what: What, draw: random.Random, tmp_path: Path):
    for number in some(range(TIMES)):
        moment = draw.uniform(0.0, bench.seconds[what])
        with bench.trial(tmp_path, what, number) as place:
            process = bench.start(what, place)
            if bench.wait(process, moment) is None:
                os.kill(process, signal.SIGKILL)
                bench.wait(process)
            bench.recovers(f"SIGKILL at a random time, {what}", what, place)


@pytest.mark.parametrize("what", ["augment", "train"])
def test_a_job_killed_in_a_random_call_is_ended_by_the_next(bench: Bench, what: What, draw: random.Random, tmp_path: Path):
    for number in some(range(CALLS)):
        call = draw.randrange(1, bench.operations[what])
        with bench.trial(tmp_path, what, number) as place:
            status, said = bench.run(what, place, fault={"mode": "kill", "at": call})
            assert status == -signal.SIGKILL, said
            bench.recovers(f"SIGKILL within a call that changes the disk, {what}", what, place)
