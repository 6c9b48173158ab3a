import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter

import cv2
import numpy as np
import pytest

from augment.image.poster import augment_poster, decode, encode
from augment.image.rand_augment import find, finish, make_shard, publish, start
from augment.image.spec import RandAugmentSpec
from datasets_cache import division
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache, check_files

SPEC = RandAugmentSpec()


class SampleSpec(Frozen):
    name: str = "made for a test"


def poster(seed):
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return encode(cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC))


def ranked(numbers):
    """The order of a sample: by the SHA-256 of the id."""
    return sorted(numbers, key=lambda number: hashlib.sha256(f"film{number}".encode()).digest())


def publish_sample(cache, films, broken=(), share=1.0):
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, first, count in (("train", 0, films), ("validation", 900, 2), ("test", 950, 2)):
            taken = ranked(range(first, first + count))
            for number in taken[: round(share * count)] if split == "train" else taken:
                row = {"id": f"film{number}", "title": "", "plot": "", "poster": b"", "genres": ["Drama"]}
                row["poster_256"] = b"not a picture" if number in broken else poster(number)
                stage.write(split, row | {"given_plot": None, "given_poster_256": None})
        name = f"sample-{films:016x}"
        stage.publish(name, spec=SampleSpec(), genres=["Drama"])
    return name


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path)


def rows(cache, shelf):
    return list(cache.open(shelf).split("train"))


def test_every_training_film_gets_its_views_in_order(cache):
    sample = publish_sample(cache, 40)
    shelf = publish(RandAugmentSpec(views=2), sample, cache=cache)
    expected = [(f"film{number}", view) for number in ranked(range(40)) for view in (0, 1)]
    assert [(row["id"], row["view"]) for row in rows(cache, shelf)] == expected


def test_each_view_is_made_of_its_own_films_poster(cache):
    sample = publish_sample(cache, 20)  # more than one task has
    of_film = {row["id"]: row["poster_256"] for row in cache.open(sample).split("train")}
    for row in rows(cache, publish(RandAugmentSpec(views=2), sample, cache=cache)):
        alone, _ = augment_poster(RandAugmentSpec(views=2), row["id"], row["view"], of_film[row["id"]])
        assert (row["poster_256"], tuple(row["ops"])) == (alone.poster_256, alone.ops)


def test_the_shelf_has_the_training_split_alone_and_the_columns_of_the_contract(cache):
    opened = cache.open(publish(SPEC, publish_sample(cache, 3), cache=cache))
    assert opened.manifest.rows == {"train": 3}
    found = {column.name: str(column.type) for column in opened.split("train").data.schema}
    assert found == {"id": "string", "view": "int32", "poster_256": "binary", "ops": "list<item: string>", "kept": "string"}


def test_augmented_posters_are_256_by_256_and_differ_from_view_to_view(cache):
    made = rows(cache, publish(RandAugmentSpec(views=3, cutout=32), publish_sample(cache, 4), cache=cache))
    assert {decode(row["poster_256"]).shape for row in made} == {(256, 256, 3)}
    assert len({row["poster_256"] for row in made}) == len(made)


def test_the_rows_do_not_depend_on_the_number_of_workers(tmp_path):
    promised = []
    for workers in (1, 2, 5):
        cache = Cache(tmp_path / str(workers))
        shelf = publish(SPEC, publish_sample(cache, 70), cache=cache, workers=workers)
        promised.append((shelf, cache.open(shelf).manifest.files, cache.open(shelf).manifest.quality))
    assert promised[0] == promised[1] == promised[2]


def test_another_process_makes_the_same_bytes(tmp_path):
    cache = Cache(tmp_path / "here")
    sample = publish_sample(cache, 20)
    here = cache.open(publish(SPEC, sample, cache=cache)).manifest.files
    there = Cache(tmp_path / "there")
    publish_sample(there, 20)
    script = (
        "from pathlib import Path; from augment.image.rand_augment import *; from datasets_cache.store import Cache\n"
        f"publish(RandAugmentSpec(), {sample!r}, cache=Cache(Path({str(there.root)!r})), workers=3)"
    )
    made = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert made.stderr == ""  # no look-up of newer releases, no warnings
    (folder,) = (there.root / "shelves").glob("image-*")
    assert cache.open(folder.name).manifest.files == here
    assert check_files(folder, there.find(folder.name), checksums=True) == []


def test_a_published_shelf_is_found_without_albumentations_and_torch(cache):
    sample = publish_sample(cache, 3)
    shelf = publish(SPEC, sample, cache=cache)
    script = (
        "import sys; from pathlib import Path\n"
        "from augment.image.rand_augment import *; from datasets_cache.store import Cache\n"
        f"print(publish(RandAugmentSpec(), {sample!r}, cache=Cache(Path({str(cache.root)!r}))))\n"
        "print(sorted({'albumentations', 'torchvision'} & set(sys.modules)))"
    )
    again = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert again.stdout.split("\n")[:2] == [shelf, "[]"]


def test_each_setting_names_another_shelf(cache):
    sample = publish_sample(cache, 2)
    changed = [{"magnitude": 3}, {"num_ops": 1}, {"cutout": 16}, {"probability": 0.5}, {"fill": (0, 0, 0)}, {"seed": 5}]
    shelves = {publish(RandAugmentSpec(**change), sample, cache=cache) for change in [{}, *changed]}
    assert len(shelves) == 7


def test_a_poster_that_cannot_be_decoded_is_kept_and_counted(cache):
    shelf = publish(SPEC, publish_sample(cache, 20, broken={4, 11}), cache=cache)
    kept = [row for row in rows(cache, shelf) if row["kept"]]
    assert [(row["id"], row["poster_256"], row["ops"]) for row in kept] == [
        (f"film{number}", b"not a picture", []) for number in ranked([4, 11])
    ]
    counts = cache.open(shelf).manifest.counts
    assert counts == {"films": 20, "posters": 20, "kept: poster could not be decoded": 2}


def test_the_manifest_counts_the_operations_and_measures_the_change(cache):
    sample = publish_sample(cache, 30)
    shelf = publish(SPEC, sample, cache=cache)
    made = rows(cache, shelf)
    quality = cache.open(shelf).manifest.quality
    assert quality["ops drawn"] == Counter(op.split()[0] for row in made for op in row["ops"])
    originals = [decode(row["poster_256"]).astype(int) for row in cache.open(sample).split("train")]
    change = np.mean([np.abs(decode(row["poster_256"]) - was).mean() for row, was in zip(made, originals, strict=True)])
    # the manifest measures before the JPEG compression of the augmented poster, which adds about 1 level
    assert quality["mean absolute change, grey levels"] == pytest.approx(change, abs=2.0)
    assert cache.open(shelf).manifest.parents == (sample,)


def test_progress_counts_posters(cache):
    heard = []

    def track(items, /, *, total, title, unit="films"):
        heard.append((total, title, unit))
        for item in items:
            heard.append(item[0].id)
            yield item

    publish(RandAugmentSpec(views=2), publish_sample(cache, 2), cache=cache, track=track)
    first, second = (f"film{number}" for number in ranked([0, 1]))
    assert heard == [(4, "Augmenting posters", "posters"), first, first, second, second]


def test_opencvs_own_threads_are_as_before_afterwards(cache):
    before = cv2.getNumThreads()
    publish(SPEC, publish_sample(cache, 2), cache=cache)
    assert cv2.getNumThreads() == before


def test_a_part_of_the_films_leaves_the_last_shards_empty_and_the_shelf_whole(cache, monkeypatch):
    # a sample takes the films of the lowest hashes, so 30 % of them lie in the first third of the shards
    monkeypatch.setattr(division, "FILMS_PER_SHARD", 4)
    sample = publish_sample(cache, 60, share=0.3)
    build = start(SPEC, sample, cache=cache)
    films = cache.open(sample).split("train")
    assert [len(division.rows_of(films, number, build.shards)) for number in range(build.shards)][-1] == 0
    made = rows(cache, publish(SPEC, sample, cache=cache, workers=1))
    assert [row["id"] for row in made] == films["id"][:]
    assert len(made) == 18  # 30 % of 60


def test_opencvs_threads_are_as_before_when_the_last_of_two_shards_at_once_is_made(cache, monkeypatch):
    monkeypatch.setattr(division, "FILMS_PER_SHARD", 8)
    sample = publish_sample(cache, 16)
    build, before = start(SPEC, sample, cache=cache), cv2.getNumThreads()
    first, second = (make_shard(build, SPEC, sample, number, workers=1) for number in (0, 1))
    next(first), next(second)
    list(first)
    assert cv2.getNumThreads() == 1
    list(second)
    assert cv2.getNumThreads() == before
    assert build.missing() == []


@pytest.fixture
def eights(monkeypatch):
    """Shards of eight films."""
    monkeypatch.setattr(division, "FILMS_PER_SHARD", 8)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


def inodes(folder):
    return {path.name: path.stat().st_ino for path in folder.glob("train-*.arrow")}


def undisturbed(root):
    """Folder and manifest of the shelf of 60 films that one process makes in peace."""
    cache = Cache(root)
    shelf = publish(SPEC, publish_sample(cache, 60), cache=cache)
    return cache.shelf_folder(shelf), cache.find(shelf)


CHILD = """
import os, signal, sys
from pathlib import Path
from augment.image.rand_augment import *
from datasets_cache import division
from datasets_cache.store import Cache
division.FILMS_PER_SHARD = 8
def track(items, /, *, total, title, unit="films"):
    for number, item in enumerate(items):
        if number == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item
publish(RandAugmentSpec(), sys.argv[2], cache=Cache(Path(sys.argv[1])), track=track)
"""


@pytest.mark.usefixtures("eights")
def test_a_killed_run_is_continued_where_it_was_and_gives_the_same_bytes(cache, tmp_path):
    sample = publish_sample(cache, 60)
    killed = subprocess.run([sys.executable, "-c", CHILD, str(cache.root), sample], check=False)
    assert killed.returncode == -signal.SIGKILL
    build = start(SPEC, sample, cache=cache)
    before = inodes(cache.building_folder(build.shelf))
    assert 1 <= len(before) < build.shards == 8  # 60 films in 8 shards, killed at the 21st poster
    assert find(SPEC, sample, cache=cache) is None
    heard = []

    def track(items, /, *, total, **_):
        heard.extend([total, *(made := list(items))])
        return made

    shelf = publish(SPEC, sample, cache=cache, track=track)
    there = sum(tally["posters"] for tally in build.tallies()[: len(before)])
    assert heard[0] == len(heard) - 1 == 60 - there
    folder, manifest = undisturbed(tmp_path / "undisturbed")
    assert {name: inodes(cache.shelf_folder(shelf))[name] for name in before} == before
    assert files(cache.shelf_folder(shelf)) == files(folder)
    assert cache.find(shelf).model_dump(exclude={"created", "seconds"}) == manifest.model_dump(exclude={"created", "seconds"})
    assert not cache.building_folder(shelf).exists()


@pytest.mark.usefixtures("eights")
def test_the_shelf_is_the_same_in_one_shard_and_in_many(cache, tmp_path, monkeypatch):
    sample = publish_sample(cache, 60)
    many = rows(cache, publish(SPEC, sample, cache=cache))
    monkeypatch.setattr(division, "FILMS_PER_SHARD", 64)
    other = Cache(tmp_path / "other")
    assert rows(other, publish(SPEC, publish_sample(other, 60), cache=other)) == many


@pytest.mark.usefixtures("eights")
def test_the_steps_of_a_distributed_run_make_the_shelf_of_a_local_one(cache, tmp_path):
    sample = publish_sample(cache, 60)
    build = start(SPEC, sample, cache=cache)
    for number in reversed(build.missing()):
        for claimed in start(SPEC, sample, cache=cache).claimed([number]):
            list(make_shard(build, SPEC, sample, claimed, workers=1))
    shelf = finish(build, SPEC, sample)
    folder, manifest = undisturbed(tmp_path / "undisturbed")
    assert files(cache.shelf_folder(shelf)) == files(folder)
    assert cache.find(shelf).quality == manifest.quality
    assert cache.find(shelf).counts == {"films": 60, "posters": 60}


@pytest.mark.usefixtures("eights")
def test_finishing_with_a_shard_missing_publishes_nothing(cache):
    sample = publish_sample(cache, 60)
    build = start(SPEC, sample, cache=cache)
    list(make_shard(build, SPEC, sample, 3))
    with pytest.raises(ValueError, match="7 of 8 shards are missing"):
        finish(build, SPEC, sample)
    assert find(SPEC, sample, cache=cache) is None


@pytest.mark.usefixtures("eights")
def test_a_shard_whose_reader_stops_halfway_is_not_there(cache):
    sample = publish_sample(cache, 60)
    build = start(SPEC, sample, cache=cache)
    posters = make_shard(build, SPEC, sample, 0)
    next(posters)
    posters.close()
    assert list(cache.building_folder(build.shelf).iterdir()) == []


@pytest.mark.usefixtures("eights")
def test_a_truncated_shard_of_a_published_shelf_is_made_again_alone(cache):
    sample = publish_sample(cache, 60)
    shelf = publish(SPEC, sample, cache=cache)
    folder = cache.shelf_folder(shelf)
    before, content = inodes(folder), files(folder)
    damaged = folder / "train-00005-of-00008.arrow"
    damaged.write_bytes(content[damaged.name][:-1])
    assert find(SPEC, sample, cache=cache) is None
    assert publish(SPEC, sample, cache=cache) == shelf
    assert files(folder) == content
    assert {name: node for name, node in inodes(folder).items() if node != before[name]}.keys() <= {damaged.name}
    assert find(SPEC, sample, cache=cache) == shelf


@pytest.mark.usefixtures("eights")
def test_runs_of_two_specifications_at_once_do_not_disturb_each_other(cache, tmp_path):
    sample = publish_sample(cache, 60)
    other = RandAugmentSpec(magnitude=9)
    heard = []

    def track(items, /, **_):
        for number, item in enumerate(items):
            if number == 20:
                heard.append(publish(other, sample, cache=cache))
            yield item

    shelf = publish(SPEC, sample, cache=cache, track=track)
    folder, _ = undisturbed(tmp_path / "undisturbed")
    assert files(cache.shelf_folder(shelf)) == files(folder)
    assert heard == [find(other, sample, cache=cache)]


@pytest.mark.usefixtures("eights")
def test_two_processes_at_once_publish_one_shelf(cache, tmp_path):
    sample = publish_sample(cache, 60)
    script = CHILD.replace("number == 20", "False")
    pair = [subprocess.Popen([sys.executable, "-c", script, str(cache.root), sample]) for _ in range(2)]
    assert [process.wait(timeout=200) for process in pair] == [0, 0]
    folder, _ = undisturbed(tmp_path / "undisturbed")
    assert files(cache.shelf_folder(find(SPEC, sample, cache=cache))) == files(folder)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MiB that can grow."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this machine allows no file system of our own (mount -t tmpfs)")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)  # a row may still be mapped


@pytest.mark.usefixtures("eights")
def test_on_a_full_disk_the_finished_shards_are_kept_and_the_run_is_continued_when_there_is_room(small_disk, tmp_path):
    cache = Cache(small_disk)
    sample = publish_sample(cache, 60)
    filler = small_disk / "filler"
    filler.touch()
    room_left = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
    a_poster = len(next(iter(cache.open(sample).split("train")))["poster_256"])
    filler.write_bytes(bytes(room_left - 30 * a_poster))  # room for about half of the 60
    with pytest.raises(ValueError, match="no room left to write.*kept.*set MMUDA_CACHE"):
        publish(SPEC, sample, cache=cache)
    assert find(SPEC, sample, cache=cache) is None
    assert not (small_disk / "shelves" / start(SPEC, sample, cache=cache).shelf).exists()
    before = inodes(cache.building_folder(start(SPEC, sample, cache=cache).shelf))
    assert before
    filler.unlink()
    shelf = publish(SPEC, sample, cache=cache)
    assert {name: inodes(cache.shelf_folder(shelf))[name] for name in before} == before
    folder, _ = undisturbed(tmp_path / "undisturbed")
    assert files(cache.shelf_folder(shelf)) == files(folder)


def test_no_workers_at_all_is_an_error(cache):
    with pytest.raises(ValueError, match="workers 0: expected at least 1"):
        publish(SPEC, publish_sample(cache, 2), cache=cache, workers=0)


def test_an_unknown_sample_is_an_error_that_names_it(cache):
    with pytest.raises(ValueError, match="sample-unknown"):
        publish(SPEC, "sample-unknown", cache=cache)
