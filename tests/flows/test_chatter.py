"""A clean run says nothing of its own libraries: no warning, no advice, nothing on standard error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, as somebody without any setting of ours starts it."""
    ours = ("PREFECT_", "HF_", "TRANSFORMERS_", "TOKENIZERS_", "PYTHONWARNINGS", "MMUDA_", "NO_ALBUMENTATIONS")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-c", "from flows.cli import main; main()", *arguments]
    return subprocess.run(command, env={**plain, "MMUDA_CACHE": str(cache)}, check=False, capture_output=True, text=True)


def assert_clean(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "warning" not in done.stdout.lower()


def test_looking_at_an_empty_cache_says_one_thing(tmp_path: Path):
    done = run("cache", "ls", cache=tmp_path / "cache")
    assert_clean(done)
    assert done.stdout.count("\n") == 1


@pytest.mark.slow
def test_augmenting_training_and_comparing_say_nothing_but_results(tmp_path: Path):
    cache, runs = tmp_path / "cache", str(tmp_path / "runs")
    assert_clean(run("augment", "demo", "--sample", "0.1", cache=cache))
    tiny = ("--models", "resnet,mmbt", "--optim.max_epochs", "1", "--text.max_tokens", "16")
    assert_clean(run("train", "demo", *tiny, "--runs", runs, cache=cache))
    assert_clean(run("report", runs, cache=cache))
    assert_clean(run("compare", runs, "--yardstick", cache=cache))
    assert_clean(run("evaluate", "mmbt-", "--runs", runs, "--cache", "demo", cache=cache))
    assert_clean(run("predict", "mmbt-", "--runs", runs, "--plot", "A storm.", cache=cache))
    assert_clean(run("cache", "verify", cache=cache))


@pytest.mark.slow
def test_a_quiet_training_prints_its_results_alone(tmp_path: Path):
    cache, runs = tmp_path / "cache", str(tmp_path / "runs")
    assert_clean(run("-q", "augment", "demo", "--sample", "0.1", "--text", "none", cache=cache))
    tiny = ("--models", "bert", "--uda", "off", "--optim.max_epochs", "1", "--text.max_tokens", "16")
    done = run("train", "demo", *tiny, "--runs", runs, "--quiet", cache=cache)
    assert_clean(done)
    assert done.stdout.lstrip().startswith("Test average precision")
