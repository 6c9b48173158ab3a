import subprocess
import sys
from collections import Counter

import cv2
import numpy as np
import pytest

from augment.image.poster import decode, encode
from augment.image.rand_augment import publish
from augment.image.spec import RandAugmentSpec
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES
from datasets_cache.store import Cache, check_files

SPEC = RandAugmentSpec()


class SampleSpec(Frozen):
    name: str = "made for a test"


def poster(seed):
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return encode(cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC))


def publish_sample(cache, films, broken=()):
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, first, count in (("train", 0, films), ("validation", 900, 2), ("test", 950, 2)):
            for number in range(first, first + count):
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
    expected = [(f"film{number}", view) for number in range(40) for view in (0, 1)]
    assert [(row["id"], row["view"]) for row in rows(cache, shelf)] == expected


def test_the_shelf_has_the_training_split_alone_and_the_columns_of_the_contract(cache):
    opened = cache.open(publish(SPEC, publish_sample(cache, 3), cache=cache))
    assert opened.manifest.rows == {"train": 3}
    assert opened.split("train").features == IMAGE_VIEW_FEATURES


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
        ("film4", b"not a picture", []),
        ("film11", b"not a picture", []),
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
    assert heard == [(4, "Augmenting posters", "posters"), "film0", "film0", "film1", "film1"]


def test_opencvs_own_threads_are_as_before_afterwards(cache):
    before = cv2.getNumThreads()
    publish(SPEC, publish_sample(cache, 2), cache=cache)
    assert cv2.getNumThreads() == before


def test_no_workers_at_all_is_an_error(cache):
    with pytest.raises(ValueError, match="workers 0: expected at least 1"):
        publish(SPEC, publish_sample(cache, 2), cache=cache, workers=0)


def test_an_unknown_sample_is_an_error_that_names_it(cache):
    with pytest.raises(ValueError, match="sample-unknown"):
        publish(SPEC, "sample-unknown", cache=cache)
