"""One bit of each file flips: it is noticed, and after the cure the same command gives the same bytes."""

import random
import shutil
from pathlib import Path

import pytest

from flows.cache_commands import verify_cache
from flows.cli import FOUND_PROBLEMS
from tests.faults.harness.conftest import Bench, some
from train import finished

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def flip(path: Path, draw: random.Random) -> int:
    """Flip one bit of a file; gives its number."""
    content = bytearray(path.read_bytes())
    bit = draw.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    return bit


def test_a_flipped_bit_in_each_file_of_a_version_is_noticed_and_mended(
    bench: Bench, draw: random.Random, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    held = bench.undisturbed.cache.root
    files = [path for part in ("shelves", "versions") for path in sorted((held / part).rglob("*")) if path.is_file()]
    for number, path in enumerate(some(files)):
        with bench.trial(tmp_path, "augment", number) as place:
            shutil.copytree(held, place.cache.root)
            bit = flip(place.cache.root / path.relative_to(held), draw)
            monkeypatch.setenv("MMUDA_CACHE", str(place.cache.root))
            if path.suffix == ".json" and path.name != "manifest.json":
                # a shard's record is read again only when its shelf is mended, and is checked then
                (place.cache.root / path.relative_to(held)).with_name(path.stem + ".arrow").unlink()
            else:
                assert verify_cache([], remove=False) == FOUND_PROBLEMS, (path, bit)
            verify_cache([], remove=True)
            bench.recovers(f"a flipped bit in {kind_of(path)}", "augment", place)


def kind_of(path: Path) -> str:
    if path.parent.parent.name == "versions":
        return "a version's manifest"
    shelf = path.parent.name.partition("-")[0]
    if path.name == "manifest.json":
        return "a shelf's manifest"
    return f"a shard's record ({shelf})" if path.suffix == ".json" else f"rows of a shelf ({shelf})"


def test_a_flipped_bit_in_what_is_kept_beside_a_version_changes_nothing(bench: Bench, draw: random.Random, tmp_path: Path):
    held = bench.undisturbed.cache.root
    beside = [path for part in ("sources", "tokens", "uses") for path in sorted((held / part).rglob("*")) if path.is_file()]
    for number, path in enumerate(some(beside)):
        for what in ("augment", "train"):
            with bench.trial(tmp_path, what, number) as place:
                shutil.copytree(held, place.cache.root, dirs_exist_ok=True)
                flip(place.cache.root / path.relative_to(held), draw)
                bench.recovers("a flipped bit in kept readings, token ids and uses", what, place)


def test_a_flipped_bit_in_each_file_of_a_training_is_noticed(bench: Bench, draw: random.Random, tmp_path: Path):
    with bench.interrupted(tmp_path, "train", "files") as place:
        names = [str(path.relative_to(place.runs)) for path in sorted(place.runs.rglob("*")) if path.stat().st_size]
        kept = tmp_path / "kept"
        shutil.copytree(place.runs, kept)
        for name in some(name for name in names if (place.runs / name).is_file()):
            shutil.rmtree(place.runs)
            shutil.copytree(kept, place.runs)
            flip(place.runs / name, draw)
            part = "epochs.jsonl, config.json" if "checkpoints" not in name else f"a checkpoint's {Path(name).name}"
            bench.recovers(f"a flipped bit in {part} of a training", "train", place)


def test_a_flipped_bit_in_each_file_of_a_finished_run_is_noticed(bench: Bench, draw: random.Random, tmp_path: Path):
    held = bench.undisturbed.runs
    for number, path in enumerate(some(path for path in sorted(held.rglob("*")) if path.is_file() and path.stat().st_size)):
        with bench.trial(tmp_path, "train", number) as place:
            shutil.copytree(held, place.runs)
            [run] = place.runs.iterdir()
            bit = flip(place.runs / path.relative_to(held), draw)
            assert finished.damaged(run), (path, bit)
            if (
                path.parent == held / run.name and path.name != finished.SUMS
            ):  # the model's files are compared by `sha256sum` alone
                status, said = bench.run("train", place)
                assert status == 2, (path, bit, said)
                assert "Remove" in said
            shutil.rmtree(run)
            bench.recovers("a flipped bit in a file of a finished run", "train", place)
