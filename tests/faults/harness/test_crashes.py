"""Power that went while renames and contents reached the disk in another order than they were written, and clocks set back."""

import json
import os
import random
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from datasets_cache import version as versions
from flows.cache_commands import verify_cache
from tests.faults.harness.conftest import Bench, What, some

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
DAY = 86_400


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    """Of the right size, its blocks never written: what file systems leave of a file that was not flushed."""
    path.write_bytes(bytes(path.stat().st_size))


def halved(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


TORN = pytest.mark.parametrize("tear", [Path.unlink, emptied, zeroed, halved], ids=["missing", "empty", "zeros", "half"])


@TORN
@pytest.mark.parametrize("pattern", ["*.arrow", "*-of-*.json", "manifest.json"])
def test_a_shelf_whose_rename_came_before_its_files_is_noticed_and_mended(
    bench: Bench, tear: Callable[[Path], None], pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    held = bench.undisturbed.cache.root
    for number, path in enumerate(
        some([*sorted((held / "shelves").rglob(pattern)), *sorted((held / "versions").rglob(pattern))])
    ):
        with bench.trial(tmp_path, "augment", number) as place:
            shutil.copytree(held, place.cache.root)
            tear(place.cache.root / path.relative_to(held))
            if pattern == "*-of-*.json":  # a record is read again only when its shelf is mended
                (place.cache.root / path.relative_to(held)).with_suffix(".arrow").unlink()
            monkeypatch.setenv("MMUDA_CACHE", str(place.cache.root))
            verify_cache([], remove=True)
            bench.recovers(f"torn order: {pattern} of what is published", "augment", place)


@TORN
@pytest.mark.parametrize("name", ["model.safetensors", "state.pt", "checkpoint.json", "epochs.jsonl"])
def test_a_checkpoint_whose_rename_came_before_its_files_is_passed_over(
    bench: Bench, tear: Callable[[Path], None], name: str, tmp_path: Path
):
    with bench.interrupted(tmp_path, "train", name) as place:
        newest = sorted(place.runs.glob("*/checkpoints/epoch-*"))[-1]
        tear(newest / name if name != "epochs.jsonl" else newest.parent.parent / name)
        bench.recovers(f"torn order: {name} of a training", "train", place)


def test_a_checkpoint_of_new_weights_beside_an_old_position_is_passed_over(bench: Bench, tmp_path: Path):
    for name in ("model.safetensors", "state.pt", "checkpoint.json"):
        with bench.interrupted(tmp_path, "train", name) as place:
            before, newest = sorted(place.runs.glob("*/checkpoints/epoch-*"))[-2:]
            shutil.copy(before / name, newest / name)
            bench.recovers("torn order: parts of two checkpoints", "train", place)


@pytest.mark.parametrize("what", ["augment", "train"])
def test_a_clock_that_jumps_back_a_day_changes_nothing(bench: Bench, what: What, draw: random.Random, tmp_path: Path):
    for number in some(range(5)):
        call = draw.randrange(1, bench.operations[what])
        with bench.trial(tmp_path, what, number) as place:
            status, said = bench.run(what, place, fault={"mode": "clock", "at": call, "value": DAY})
            assert status == 0, said
            for folder in place.root.rglob("manifest.json"):
                assert json.loads(folder.read_bytes())["seconds"] >= 0
            bench.recovers(f"clock back by a day, {what}", what, place)


@pytest.mark.parametrize("what", ["augment", "train"])
def test_a_job_killed_before_the_clock_jumps_back_goes_on_with_files_of_tomorrow(bench: Bench, what: What, tmp_path: Path):
    with bench.interrupted(tmp_path, what, "tomorrow") as place:
        for path in place.root.rglob("*"):
            tomorrow = path.stat().st_mtime + DAY
            os.utime(path, (tomorrow, tomorrow))
        bench.recovers(f"clock back by a day between two starts, {what}", what, place)


def test_a_version_published_after_the_clock_was_set_back_is_the_newest(bench: Bench, tmp_path: Path):
    with bench.trial(tmp_path, "augment") as place:
        shutil.copytree(bench.undisturbed.cache.root, place.cache.root)
        [old] = place.cache.manifests("versions")
        since = {"name": "later", "sample": old.spec["sample"], "text": old.spec["text"], "image": None}
        set_back = datetime.fromtimestamp(old.created.timestamp() - DAY, tz=old.created.tzinfo)

        class Yesterday(datetime):
            @classmethod
            def now(cls, tz=None):  # noqa: ARG003
                return set_back

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(versions, "datetime", Yesterday)
            made = versions.publish(place.cache, **since)
        assert versions.resolve(place.cache, "latest") == made.id
