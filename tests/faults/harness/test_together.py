"""Two processes at once on one cache, and on one run."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.faults.harness.conftest import Bench, some

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_two_augmentations_share_one_cache(bench: Bench, tmp_path: Path):
    for number in some(range(5)):
        with bench.trial(tmp_path, "augment", number) as place:
            both = [bench.start("augment", place, log=f"log{which}") for which in range(2)]
            assert [bench.wait(process) for process in both] == [0, 0]
            bench.recovers("two augmentations at once", "augment", place)


def test_of_two_augmentations_one_is_killed_and_the_other_makes_all(bench: Bench, draw: random.Random, tmp_path: Path):
    for number in some(range(5)):
        with bench.trial(tmp_path, "augment", number) as place:
            victim, other = (bench.start("augment", place, log=f"log{which}") for which in range(2))
            if bench.wait(victim, draw.uniform(0.0, bench.seconds["augment"])) is None:
                os.kill(victim, signal.SIGKILL)
                bench.wait(victim)
            assert bench.wait(other) == 0
            bench.recovers("two augmentations at once, one killed", "augment", place)


def test_of_two_trainings_of_one_run_one_trains_and_the_other_says_so(bench: Bench, tmp_path: Path):
    for number in some(range(5)):
        with bench.trial(tmp_path, "train", number) as place:
            both = [bench.start("train", place, log=f"log{which}") for which in range(2)]
            statuses = {bench.wait(process): (place.root / f"log{which}").read_text() for which, process in enumerate(both)}
            assert 0 in statuses
            assert "another process trains this run" in statuses.get(2, "another process trains this run")
            bench.recovers("two trainings of one run at once", "train", place)


def test_a_training_and_an_augmentation_at_once_do_not_disturb_each_other(bench: Bench, tmp_path: Path):
    with bench.trial(tmp_path, "train", "both") as place, bench.trial(tmp_path, "augment", "both") as other:
        both = [bench.start("train", place), bench.start("augment", other)]
        assert [bench.wait(process) for process in both] == [0, 0]
        bench.recovers("a training beside an augmentation", "train", place)
        bench.recovers("a training beside an augmentation", "augment", other)
