"""Shelves in shards: fixed content, resumable, shared by processes, mended one by one."""

import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_cache import division, shards
from datasets_cache.files import room
from datasets_cache.fingerprint import ShelfId
from datasets_cache.frozen import Frozen
from datasets_cache.repair import discard_damaged, discard_unreadable
from datasets_cache.schema import TEXT_VIEW_FEATURES
from datasets_cache.shards import Build
from datasets_cache.store import Cache

FILMS = [f"film{number}" for number in range(40)]
SHARDS = 4


class Spec(Frozen):
    """Settings of a made-up shelf."""

    pivot: str = "fr"


def hash_bits(film: str) -> str:
    """The 256 bits of a film's SHA-256, an oracle that shares nothing with the code."""
    return bin(int(hashlib.sha256(film.encode()).hexdigest(), 16))[2:].zfill(256)


RANKED = sorted(FILMS, key=hash_bits)
EXPECTED = [[film for film in RANKED if int(hash_bits(film)[:2], 2) == number] for number in range(SHARDS)]


def row(film: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"string": "", "int32": 0, "float32": 0.0, "float64": 0.0, "bool": False}
    columns = {name: empty[kind] if isinstance(kind, str) else [] for name, kind in TEXT_VIEW_FEATURES.items()}
    return columns | {"id": film, "plot": f"The plot of {film}."}


def rows(films: list[str]) -> list[dict[str, Any]]:
    return [row(film) for film in films]


def build_in(cache: Cache, shelf: str = "text-0123456789abcdef") -> Build:
    return Build(cache, ShelfId(shelf), "text", TEXT_VIEW_FEATURES, SHARDS)


def make(build: Build, number: int) -> None:
    build.write(number, rows(EXPECTED[number]), {"films": len(EXPECTED[number]), "kept": {"short": number}})


def finished(build: Build) -> Build:
    for number in build.claimed():
        make(build, number)
    return build


def published(cache: Cache) -> Build:
    build = finished(build_in(cache))
    build.publish(spec=Spec())
    return build


def building(build: Build, name: str) -> Path:
    return build.cache.building_folder(build.shelf) / name


def shelved(build: Build, name: str) -> Path:
    return build.cache.shelf_folder(build.shelf) / name


def name_of(number: int) -> str:
    return f"train-{number:05}-of-{SHARDS:05}.arrow"


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.glob("*.arrow")}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


# what belongs where


@given(st.integers(0, 10**8))
def test_the_number_of_shards_is_the_least_power_of_two_that_is_enough(films: int):
    found = division.count(films)
    assert found in [2**power for power in range(13)]
    assert films <= found * 256 or found == 4096
    assert found == 1 or films > found // 2 * 256


@pytest.mark.parametrize(("films", "expected"), [(0, 1), (256, 1), (257, 2), (4666, 32), (15552, 64), (10**8, 4096)])
def test_numbers_of_shards_worked_by_hand(films: int, expected: int):
    # 4666 / 256 = 18.2 → 32; 15552 / 256 = 60.75 → 64; 10^8 / 256 = 390,625, more than there may be
    assert division.count(films) == expected


def rank_of(film: str) -> bytes:
    return hashlib.sha256(film.encode()).digest()


IN_RANK_ORDER = sorted((f"film {number}" for number in range(15_552)), key=rank_of)


def largest(films: list[str], of: int) -> int:
    """Films of the fullest shard, counted by the first bits of their hashes."""
    bits = of.bit_length() - 1
    return max(Counter(hash_bits(film)[:bits] for film in films).values())


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (1.0, 64),  # 15,552 / 256 = 60.75
        (0.3, 64),  # 4,666 films ask for 32; three tenths of these would have 486 each, of 64 they have 243
        (0.1, 64),  # 1,555 films ask for 8, and would all lie in the first
        (0.01, 1),  # 156 films
    ],
)
def test_the_shards_of_a_nested_sample_that_have_films_have_about_256(share: float, expected: int):
    films = IN_RANK_ORDER[: round(share * len(IN_RANK_ORDER))]
    found = division.count_of(Dataset.from_dict({"id": films}))
    assert found == expected
    assert largest(films, found) < 352  # 256 + 6 * 16


def test_a_pool_above_the_sample_has_shards_of_about_256_too():
    films = IN_RANK_ORDER[4_666:]
    found = division.count_of(Dataset.from_dict({"id": films}))
    assert found == 64
    assert largest(films, found) < 352


def test_a_tiny_share_has_at_most_eight_times_the_shards_that_its_films_ask_for():
    films = sorted((f"film {number}" for number in range(40_000)), key=rank_of)[:400]  # 400 ask for 2
    assert division.count_of(Dataset.from_dict({"id": films})) == 16


@given(st.text(), st.integers(0, 12))
def test_a_films_shard_is_the_leading_bits_of_its_hash(film: str, bits: int):
    assert division.shard_of(film, 2**bits) == int("0" + hash_bits(film)[:bits], 2)


@settings(max_examples=30)
@given(st.sets(st.text(max_size=5), max_size=30), st.integers(0, 5))
def test_the_rows_of_a_shard_are_those_that_a_loop_over_all_films_finds(names: set[str], bits: int):
    films = sorted(names, key=hash_bits)
    dataset = Dataset.from_dict({"id": films, "plot": films})
    for number in range(2**bits):
        naive = [at for at, film in enumerate(films) if int("0" + hash_bits(film)[:bits], 2) == number]
        assert list(division.rows_of(dataset, number, 2**bits)) == naive


def test_tallies_are_summed_name_by_name_to_any_depth():
    tallies = [{"films": 2, "kept": {"short": 1}}, {"films": 3, "kept": {"long": 4, "short": 1}, "change": 0.5}]
    assert shards.add(tallies) == {"films": 5, "kept": {"short": 2, "long": 4}, "change": 0.5}
    assert shards.add([]) == {}


# writing and publishing


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_a_published_shelf_has_the_films_in_rank_order_whatever_order_its_shards_were_made_in(cache: Cache, order: list[int]):
    build = build_in(cache)
    for number in order:
        make(build, number)
    manifest = build.publish(spec=Spec(), parents=("sample-1",), counts={"films": 40})
    opened = cache.open(build.shelf)
    assert opened.split("train")["id"][:] == RANKED
    assert opened.split("train")[5] == row(RANKED[5])
    assert opened.manifest == manifest
    assert (manifest.rows, manifest.parents, manifest.counts) == ({"train": 40}, ("sample-1",), {"films": 40})
    assert sorted(manifest.files) == [name_of(number) for number in range(SHARDS)]
    assert not cache.building_folder(build.shelf).exists()


def test_the_same_shard_has_the_same_bytes_and_the_same_record_whoever_makes_it(tmp_path: Path):
    folders = [published(Cache(tmp_path / name)).cache.shelf_folder("text-0123456789abcdef") for name in ("one", "two")]
    for name in (name_of(number) for number in range(SHARDS)):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
        record = Path(name).with_suffix(".json")
        assert (folders[0] / record).read_text() == (folders[1] / record).read_text()


def test_a_shard_without_films_is_a_file_without_rows(cache: Cache):
    build = Build(cache, ShelfId("text-0"), "text", TEXT_VIEW_FEATURES, 64)  # 40 films leave some of 64 shards empty
    for number in build.claimed():
        build.write(number, rows([film for film in RANKED if int(hash_bits(film)[:6], 2) == number]), {})
    build.publish(spec=Spec())
    assert cache.open(build.shelf).split("train")["id"][:] == RANKED


def test_a_shelf_with_a_missing_shard_or_without_any_row_is_not_published(cache: Cache):
    build = build_in(cache)
    make(build, 0)
    with pytest.raises(ValueError, match="3 of 4 shards are missing, the first is number 1. Run the augmentation again"):
        build.publish(spec=Spec())
    empty = build_in(cache, "text-1")
    for number in range(SHARDS):
        empty.write(number, [], {})
    with pytest.raises(ValueError, match="no row to publish"):
        empty.publish(spec=Spec())
    assert not (cache.root / "shelves").exists()


def test_a_film_of_another_shard_is_our_own_mistake(cache: Cache):
    build = build_in(cache)
    with pytest.raises(AssertionError):
        build.write(0, rows(EXPECTED[1]), {})
    assert build.missing() == [0, 1, 2, 3]


def test_the_tally_is_asked_after_the_last_row(cache: Cache):
    build, counted = build_in(cache), {"films": 0}

    def counting() -> Iterator[dict[str, Any]]:
        for film in EXPECTED[2]:
            counted["films"] += 1
            yield row(film)

    build.write(2, counting(), lambda: counted)
    assert build.tallies() == [{"films": len(EXPECTED[2])}]


def test_tallies_and_rows_are_the_same_before_and_after_publishing(cache: Cache):
    build = finished(build_in(cache))
    tallies, ids = build.tallies(), build.rows()["id"][:]
    build.publish(spec=Spec())
    assert build.tallies() == tallies
    assert shards.add(tallies) == {"films": 40, "kept": {"short": 0 + 1 + 2 + 3}}
    assert build.rows()["id"][:] == ids == RANKED


def fail_after_one_row(build: Build, number: int) -> None:
    def failing() -> Iterator[dict[str, Any]]:
        yield row(EXPECTED[number][0])
        message = "power cut"
        raise RuntimeError(message)

    build.write(number, failing(), {})


def test_a_failure_leaves_nothing_of_its_shard_and_all_of_the_others(cache: Cache):
    build = build_in(cache)
    make(build, 0)
    with pytest.raises(RuntimeError, match="power cut"):
        fail_after_one_row(build, 1)
    assert {path.name for path in cache.building_folder(build.shelf).iterdir()} == {name_of(0), "train-00000-of-00004.json"}
    assert build.missing() == [1, 2, 3]


def test_publishing_again_gives_the_first_manifest_and_clears_what_was_begun_once_more(cache: Cache):
    first = finished(build_in(cache)).publish(spec=Spec())
    again = build_in(cache)
    make(again, 1)
    assert again.publish(spec=Spec()) == first
    assert not cache.building_folder(again.shelf).exists()


def test_what_is_no_shard_of_the_shelf_is_swept_away_when_it_is_published(cache: Cache):
    build = finished(build_in(cache))
    for name in (".train-00001-of-00004.arrow.0123", "train-00000-of-00002.arrow", "manifest.json"):
        building(build, name).write_text("left over")
    build.publish(spec=Spec())
    expected = {f"train-0000{number}-of-00004.{kind}" for number in range(4) for kind in ("arrow", "json")}
    assert {path.name for path in cache.shelf_folder(build.shelf).iterdir()} == expected | {"manifest.json"}


# damage


def remove(path: Path) -> None:
    path.unlink()


def spoil_the_record(path: Path) -> None:
    path.with_suffix(".json").write_text('{"rows": 3')


def lose_the_record(path: Path) -> None:
    path.with_suffix(".json").unlink()


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, remove, spoil_the_record, lose_the_record])
def test_a_damaged_shard_of_an_unfinished_shelf_is_made_again_alone(cache: Cache, damage: Any):
    build = finished(build_in(cache))
    before, promised = inodes(cache.building_folder(build.shelf)), building(build, name_of(2)).read_bytes()
    damage(building(build, name_of(2)))
    assert build.missing() == [2]
    assert not building(build, name_of(2)).exists()
    assert list(build.claimed()) == [2]  # nobody made it, so it is given again
    finished(build)
    assert building(build, name_of(2)).read_bytes() == promised
    after = inodes(cache.building_folder(build.shelf))
    assert {name for name in after if after[name] == before[name]} >= {name_of(0), name_of(1), name_of(3)}


@pytest.mark.parametrize("damage", [truncate, remove])
def test_a_damaged_shard_of_a_published_shelf_is_made_again_alone(cache: Cache, damage: Any):
    build = published(cache)
    manifest, before = cache.find(build.shelf), inodes(cache.shelf_folder(build.shelf))
    damage(shelved(build, name_of(1)))
    assert cache.published(build.shelf) is None
    with pytest.raises(ValueError, match=rf"{name_of(1)}: .*Run the augmentation again: it makes the damaged shard anew"):
        cache.open(build.shelf)
    assert build.missing() == [1]
    assert cache.find(build.shelf) is None
    finished(build).publish(spec=Spec())
    after, mended = inodes(cache.shelf_folder(build.shelf)), cache.find(build.shelf)
    assert manifest
    assert mended
    assert mended.files == manifest.files
    assert {name for name in after if after[name] == before[name]} >= {name_of(0), name_of(2), name_of(3)}
    assert cache.open(build.shelf).split("train")["id"][:] == RANKED


def test_a_flipped_bit_of_a_published_shelf_is_found_by_its_checksum_and_only_that_shard_is_discarded(cache: Cache):
    build = published(cache)
    flip_a_bit(shelved(build, name_of(3)))
    assert build.missing() == []  # sizes alone do not show it
    problem = f"{shelved(build, name_of(3))}: the content differs from what was published (SHA-256)"
    assert discard_damaged(cache, build.shelf) == [problem]
    assert cache.find(build.shelf) is None
    assert build.missing() == [3]
    finished(build).publish(spec=Spec())
    assert discard_damaged(cache, build.shelf) == []


def test_a_record_whose_numbers_changed_is_no_record_and_its_shard_is_made_again(cache: Cache):
    build = finished(build_in(cache))
    path = cache.building_folder(build.shelf) / "train-00002-of-00004.json"
    content = path.read_bytes()
    flipped = content.replace(b'"rows": ', b'"rows": 1')  # a record still, but not the one that was written
    assert flipped != content
    path.write_bytes(flipped)
    assert build.missing() == [2]


def test_a_shelf_in_shards_with_a_damaged_manifest_keeps_its_shards(cache: Cache):
    build = published(cache)
    before = inodes(cache.shelf_folder(build.shelf))
    folder = cache.shelf_folder(build.shelf)
    (folder / "manifest.json").write_text("{}")
    discard_unreadable(cache, folder)
    assert build.missing() == []
    build.publish(spec=Spec())
    after = inodes(folder)
    assert all(after[name] == before[name] for name in map(name_of, range(SHARDS)))


def test_a_whole_shelf_is_left_as_it_is(cache: Cache):
    build = published(cache)
    before = inodes(cache.shelf_folder(build.shelf))
    assert discard_damaged(cache, build.shelf) == []
    assert build.missing() == []
    assert list(build.claimed()) == []
    assert inodes(cache.shelf_folder(build.shelf)) == before


def test_discarding_from_an_unknown_shelf_is_an_error(cache: Cache):
    with pytest.raises(ValueError, match="not a published shelf"):
        discard_damaged(cache, ShelfId("text-0"))


# several at once

_HELPERS = "import importlib.util, os, signal, sys, time; from pathlib import Path\n" + (
    f"spec = importlib.util.spec_from_file_location('helpers', {__file__!r})\n"
    "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)\n"
    "build = t.build_in(t.Cache(Path(sys.argv[1])))\n"
)


def child(script: str, root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _HELPERS + script, str(root), *arguments], stdout=subprocess.PIPE, text=True)


def test_a_process_that_is_killed_leaves_its_finished_shards_and_its_claim_to_the_next(cache: Cache, tmp_path: Path):
    script = (
        "for number in build.claimed():\n"
        "    if number < 2: t.make(build, number); continue\n"
        "    with build.writer(number, {}) as write:\n"
        "        write(t.row(t.EXPECTED[number][0])); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = child(script, cache.root)
    assert killed.wait() == -signal.SIGKILL
    build = build_in(cache)
    leftovers = [path.name for path in cache.building_folder(build.shelf).glob(".*")]
    assert len(leftovers) == 1
    before = inodes(cache.building_folder(build.shelf))
    made: list[int] = []
    for number in build.claimed():
        make(build, number)
        made.append(number)
    assert made == [2, 3]
    assert list(cache.building_folder(build.shelf).glob(".*")) == []
    after = inodes(cache.building_folder(build.shelf))
    assert [after[name_of(number)] for number in (0, 1)] == [before[name_of(number)] for number in (0, 1)]
    undisturbed = published(Cache(tmp_path / "undisturbed")).cache.find(build.shelf)
    assert undisturbed
    assert build.publish(spec=Spec()).files == undisturbed.files


def test_a_held_shard_comes_last_its_owner_is_named_and_is_no_obstacle_once_it_is_dead(cache: Cache):
    holder = child("held = build.claimed(); next(held); print('held', flush=True); time.sleep(600)", cache.root)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    told: list[str] = []

    def kill(message: str) -> None:
        told.append(message)
        holder.kill()
        holder.wait()

    build, made = build_in(cache), list[int]()
    for number in build.claimed(on_wait=kill):
        make(build, number)
        made.append(number)
    assert made == [1, 2, 3, 0]
    assert len(told) == 1
    assert f"waiting for shard 0 of 4, which process {holder.pid} on {os.uname().nodename} is making" in told[0]


def test_no_word_is_lost_on_waiting_for_another_thread_of_this_process(cache: Cache):
    told: list[str] = []
    first, build = build_in(cache), build_in(cache)
    held = first.claimed([0])
    assert next(held) == 0
    released = threading.Timer(0.5, held.close)
    released.start()
    assert list(build.claimed([0], on_wait=told.append)) == [0]
    released.join()
    assert told == []


def test_two_processes_share_the_shards_make_each_once_and_publish_one_shelf(cache: Cache):
    # each waits with its first shard until the other has one too
    script = (
        "me, other = (Path(name) for name in sys.argv[2:])\n"
        "for number in build.claimed():\n"
        "    me.touch()\n"
        "    while not other.exists(): time.sleep(0.01)\n"
        "    t.make(build, number); print(number)\n"
        "print(build.publish(spec=t.Spec()).created)\n"
    )
    marks = [str(cache.root / name) for name in ("a", "b")]
    pair = [child(script, cache.root, *marks), child(script, cache.root, *reversed(marks))]
    said = [process.communicate(timeout=120)[0].splitlines() for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    numbers = [[int(line) for line in lines[:-1]] for lines in said]
    assert all(numbers)
    assert sorted(numbers[0] + numbers[1]) == [0, 1, 2, 3]
    assert said[0][-1] == said[1][-1]
    assert cache.open("text-0123456789abcdef").split("train")["id"][:] == RANKED


def test_threads_share_the_shards_and_make_each_once(cache: Cache):
    both_have_one = threading.Barrier(2, timeout=60)

    def work() -> list[int]:
        made: list[int] = []
        for number in build_in(cache).claimed():
            if not made:
                both_have_one.wait()
            make(build_in(cache), number)
            made.append(number)
        return made

    with ThreadPoolExecutor(2) as pool:
        first, second = [future.result() for future in [pool.submit(work), pool.submit(work)]]
    assert sorted(first + second) == [0, 1, 2, 3]
    assert first
    assert second


def test_a_claim_ends_with_the_loop_that_held_it(cache: Cache):
    build = build_in(cache)
    for number in build.claimed():
        assert number == 0
        break
    assert next(build_in(cache).claimed()) == 0


def _publish(root: Path) -> str:
    return published(Cache(root)).publish(spec=Spec()).model_dump_json()


def test_many_that_publish_one_shelf_at_once_all_get_the_same_manifest(cache: Cache):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert len(set(pool.map(_publish, [cache.root] * 6))) == 1
    assert not cache.building_folder("text-0123456789abcdef").exists()


def test_two_shelves_at_once_do_not_disturb_each_other(cache: Cache):
    one, two = build_in(cache, "text-1"), build_in(cache, "text-2")
    for first, second in zip(one.claimed(), two.claimed(), strict=True):
        make(one, first)
        make(two, second)
    one.publish(spec=Spec())
    assert cache.find(two.shelf) is None
    assert two.missing() == []
    two.publish(spec=Spec(pivot="pt"))
    assert cache.open(one.shelf).split("train")["id"][:] == cache.open(two.shelf).split("train")["id"][:]


# a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if not mount or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no file system of our own (mount -t tmpfs)")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # a row may still be mapped


def test_a_full_disk_is_named_with_its_cure_and_what_is_finished_is_kept(small_disk: Path):
    build = build_in(Cache(small_disk))
    make(build, 0)
    (small_disk / "other").write_bytes(bytes(150_000))
    large = (row(film) | {"plot": film * 10_000} for film in EXPECTED[1])  # over 500,000 bytes
    with pytest.raises(ValueError, match=r"disk: no room left to write \(No space left on device; .* MiB free\).*kept.*Free"):
        build.write(1, large, {})
    assert build.missing() == [1, 2, 3]
    (small_disk / "other").unlink()
    finished(build).publish(spec=Spec())
    assert build.cache.open(build.shelf).split("train")["id"][:] == RANKED


def stage_a_large_row(cache: Cache) -> None:
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for film in FILMS:
            stage.write("train", row(film) | {"plot": film * 10_000})
        stage.publish(ShelfId("text-0"), spec=Spec())


def test_a_full_disk_leaves_nothing_of_a_shelf_that_is_written_at_once(small_disk: Path):
    with pytest.raises(ValueError, match="no room left to write"):
        stage_a_large_row(Cache(small_disk))
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


def test_no_room_for_a_lock_or_a_record_is_a_full_disk_too(small_disk: Path):
    build = build_in(Cache(small_disk))
    with pytest.raises(OSError, match="No space"):
        (small_disk / "rest").write_bytes(bytes(300_000))
    with pytest.raises(ValueError, match="no room left to write"):
        finished(build)
    (small_disk / "rest").unlink()
    assert build.missing() == [0, 1, 2, 3]
    assert next(build.claimed()) == 0  # no lock stays behind


def test_writing_to_a_full_device_says_so_and_other_errors_stay_what_they_are(tmp_path: Path):
    with pytest.raises(ValueError, match="no room left to write"), room(tmp_path), Path("/dev/full").open("w") as file:
        file.write("x")
    with pytest.raises(FileNotFoundError), room(tmp_path):
        (tmp_path / "nothing").read_text()
