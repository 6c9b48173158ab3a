"""Disks that are full, fail, write less than asked or may not be written: one sentence, nothing lost, and the same end."""

import errno
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.harness.conftest import Bench, What, some

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
BOTH = pytest.mark.parametrize("what", ["augment", "train"])
ERRORS = 12
"""Calls that fail, of each job and error."""
USER_MISTAKE = 2


def said_in_a_sentence(status: object, said: str) -> bool:
    """Whether a job ended as `mmuda` ends with one clear message, without a traceback."""
    return status == USER_MISTAKE and "Traceback" not in said


@contextmanager
def disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    """A file system of its own."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", folder], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here ({made.stderr.decode().strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def mounted_again(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def written(place: Path) -> int:
    """KiB below a folder, in pages of 4 KiB, as a tmpfs counts them."""
    return sum(-(-path.stat().st_size // 4096) * 4 for path in place.rglob("*") if path.is_file())


@BOTH
def test_a_job_on_a_full_disk_says_so_and_goes_on_when_there_is_room(bench: Bench, what: What, tmp_path: Path):
    needed = written(bench.undisturbed.below(what))
    for eighths in some(range(1, 8)):
        with bench.trial(tmp_path, what, eighths) as place:
            room = needed * eighths // 8
            if place.below(what).exists():
                shutil.rmtree(place.below(what))
            with disk(place.below(what), room):
                status, said = bench.run(what, place)
                assert said_in_a_sentence(status, said), said
                assert "MiB free" in said or "No space left" in said, said
                mounted_again(place.below(what), f"size={needed * 8}k")
                bench.recovers(f"ENOSPC, a disk of 1/8 to 7/8 of the result, {what}", what, place)


@BOTH
@pytest.mark.parametrize("name", ["EIO", "ENOSPC"])
def test_a_call_that_fails_once_costs_no_more_than_the_job(
    bench: Bench, what: What, name: str, draw: random.Random, tmp_path: Path
):
    for number in some(range(ERRORS)):
        call = draw.randrange(1, bench.operations[what])
        with bench.trial(tmp_path, what, number) as place:
            fault = {"mode": "fail", "at": call, "until": call, "value": getattr(errno, name)}
            status, said = bench.run(what, place, fault=fault)
            assert status == 0 or said_in_a_sentence(status, said), (call, said)
            bench.recovers(f"{name} at one call, {what}", what, place)


@BOTH
def test_a_disk_that_fails_from_a_moment_on_loses_nothing_of_before(
    bench: Bench, what: What, draw: random.Random, tmp_path: Path
):
    for number in some(range(ERRORS)):
        call = draw.randrange(1, bench.operations[what])
        with bench.trial(tmp_path, what, number) as place:
            status, said = bench.run(what, place, fault={"mode": "fail", "at": call, "value": errno.EIO})
            assert said_in_a_sentence(status, said) or status == 0, (call, said)
            bench.recovers(f"EIO from one call on, {what}", what, place)


@BOTH
def test_writes_that_take_half_of_what_they_are_given_change_nothing(bench: Bench, what: What, tmp_path: Path):
    with bench.trial(tmp_path, what) as place:
        status, said = bench.run(what, place, fault={"mode": "short"})
        assert status == 0, said
        bench.recovers(f"short writes, {what}", what, place)


@BOTH
def test_a_cache_that_cannot_be_written_is_a_clear_error_and_is_read(bench: Bench, what: What, tmp_path: Path):
    with bench.trial(tmp_path, what) as place:
        held = bench.undisturbed.cache.root
        if place.cache.root.exists():
            shutil.rmtree(place.cache.root)
        with disk(place.cache.root, 64 * 1024):
            if what == "train":
                shutil.copytree(held, place.cache.root, dirs_exist_ok=True)
            mounted_again(place.cache.root, "ro")
            status, said = bench.run(what, place)
            if what == "train":  # reads it, and keeps its runs elsewhere
                assert status == 0, said
            else:
                assert said_in_a_sentence(status, said), said
                assert "cannot be written" in said
            mounted_again(place.cache.root, "rw")
            bench.recovers(f"read-only cache, {what}", what, place)


@BOTH
def test_a_permission_that_is_lost_on_the_way_is_a_clear_error(bench: Bench, what: What, draw: random.Random, tmp_path: Path):
    for number in some(range(6)):
        call = draw.randrange(1, bench.operations[what])
        with bench.trial(tmp_path, what, number) as place:
            process = bench.start(what, place, fault={"mode": "stop", "at": call}, obey=True)
            assert bench.wait(process) == "stopped"
            folders = [folder for folder in (place.below(what), *place.below(what).rglob("*")) if folder.is_dir()]
            for folder in folders:
                folder.chmod(0o555)
            os.kill(process, signal.SIGCONT)
            status, said = bench.wait(process), (place.root / "log").read_text()
            assert status == 0 or said_in_a_sentence(status, said), (call, said)
            for folder in folders:
                folder.chmod(0o755)
            bench.recovers(f"permission lost on the way, {what}", what, place)
