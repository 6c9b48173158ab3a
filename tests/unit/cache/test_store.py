"""Shelves: published whole or not at all, checked when they are opened."""

import multiprocessing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from datasets_cache import manifest as manifests
from datasets_cache import version as versions
from datasets_cache.files import check_files
from datasets_cache.fingerprint import ShelfId, canonical_json, fingerprint, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.repair import discard_damaged, discard_unreadable, unreadable
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache


class Spec(Frozen):
    """Settings of a made-up shelf."""

    pivot: str = "fr"


def film(name: str) -> dict[str, object]:
    return {
        "id": name,
        "title": name.upper(),
        "plot": f"The plot of {name}.",
        "poster": b"poster",
        "poster_256": b"small",
        "genres": ["drama"],
        "given_plot": None,
        "given_poster_256": None,
    }


def publish_sample(cache: Cache, films: tuple[str, ...] = ("a", "b")) -> ShelfId:
    shelf = shelf_id("sample", Spec(), content=",".join(films))
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for name in films:
            stage.write("train", film(name))
        stage.write("test", film("z"))
        stage.publish(shelf, spec=Spec(), genres=("drama",))
    return shelf


def publish_pool(cache: Cache, sample: ShelfId) -> ShelfId:
    shelf = shelf_id("pool", Spec(), (sample,))
    with cache.stage("pool", SAMPLE_FEATURES) as stage:
        for name in ("p", "q", "r"):
            stage.write("train", film(name) | {"genres": []})
        stage.publish(shelf, spec=Spec(), parents=(sample,))
    return shelf


def publish_views(cache: Cache, sample: ShelfId, kind: str = "text", pivot: str = "fr") -> ShelfId:
    spec = Spec(pivot=pivot)
    shelf = shelf_id(kind, spec, (sample,))
    with cache.stage(kind, TEXT_VIEW_FEATURES if kind == "text" else IMAGE_VIEW_FEATURES) as stage:
        for name in ("b", "a"):
            row = {"id": name, "view": 0}
            stage.write(
                "train",
                row
                | (
                    {"plot": "x", "sentences": 1, "kept": []}
                    if kind == "text"
                    else {"poster_256": b"x", "ops": [], "kept": None}
                ),
            )
        stage.publish(shelf, spec=spec, parents=(sample,))
    return shelf


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_a_published_shelf_gives_back_its_rows(cache: Cache):
    shelf = cache.open(publish_sample(cache))
    assert shelf.split("train")["id"][:] == ["a", "b"]
    assert shelf.split("train")[1] == film("b")
    assert shelf.manifest.rows == {"train": 2, "test": 1}


def stop_after_one_row(cache: Cache) -> None:
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        stage.write("train", film("a"))
        message = "power cut"
        raise RuntimeError(message)


def test_a_failure_before_publishing_leaves_nothing_behind(cache: Cache):
    with pytest.raises(RuntimeError, match="power cut"):
        stop_after_one_row(cache)
    assert [path for path in cache.root.rglob("*") if path.is_file()] == []


def test_an_empty_shelf_is_refused(cache: Cache):
    with cache.stage("sample", SAMPLE_FEATURES) as stage, pytest.raises(ValueError, match="no row to publish"):
        stage.publish(ShelfId("sample-0"), spec=Spec())
    assert cache.find(ShelfId("sample-0")) is None


def test_of_two_publishers_the_first_wins_and_both_see_one_manifest(cache: Cache):
    shelf = publish_sample(cache)
    first = cache.find(shelf)
    publish_sample(cache)
    assert cache.find(shelf) == first


def test_the_same_rows_give_the_same_bytes(tmp_path: Path):
    folders = [Cache(tmp_path / name).shelf_folder(publish_sample(Cache(tmp_path / name))) for name in ("one", "two")]
    assert (folders[0] / "train.arrow").read_bytes() == (folders[1] / "train.arrow").read_bytes()


def test_a_truncated_file_is_noticed_on_opening_and_the_message_names_it(cache: Cache):
    shelf = publish_sample(cache)
    path = cache.shelf_folder(shelf) / "train.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"train\.arrow: \d+ bytes, the manifest promises \d+.*mmuda cache verify.*--discard"):
        cache.open(shelf)


def test_a_flipped_bit_is_noticed_by_the_checksums(cache: Cache):
    shelf = publish_sample(cache)
    path = cache.shelf_folder(shelf) / "train.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    manifest = cache.open(shelf).manifest
    assert check_files(path.parent, manifest, checksums=False) == []
    assert check_files(path.parent, manifest, checksums=True) == [
        f"{path}: the content differs from what was published (SHA-256)"
    ]


def test_a_truncated_shelf_is_not_published_and_is_replaced_when_it_is_published_again(cache: Cache):
    shelf = publish_sample(cache)
    path = cache.shelf_folder(shelf) / "train.arrow"
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    assert cache.find(shelf)
    assert cache.published(shelf) is None
    publish_sample(cache)
    assert cache.published(shelf)
    assert path.read_bytes() == content
    assert list((cache.root / "staging").iterdir()) == []


def test_discarding_what_is_damaged_removes_a_shelf_of_whole_files_and_no_other(cache: Cache):
    damaged, whole = publish_sample(cache), publish_sample(cache, ("c", "d"))
    path = cache.shelf_folder(damaged) / "test.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert discard_damaged(cache, whole) == []
    assert discard_damaged(cache, damaged) == [f"{path}: the content differs from what was published (SHA-256)"]
    assert [manifest.id for manifest in cache.manifests("shelves")] == [whole]


def test_a_removed_shelf_is_gone(cache: Cache):
    shelf = publish_sample(cache)
    cache.remove(cache.shelf_folder(shelf))
    assert cache.find(shelf) is None
    assert [path for path in cache.root.rglob("*") if path.is_file()] == []


def test_a_missing_file_is_noticed_on_opening(cache: Cache):
    shelf = publish_sample(cache)
    (cache.shelf_folder(shelf) / "test.arrow").unlink()
    with pytest.raises(ValueError, match=r"test\.arrow: missing"):
        cache.open(shelf)


def test_a_broken_manifest_names_the_file_and_the_cure(cache: Cache):
    shelf = publish_sample(cache)
    (cache.shelf_folder(shelf) / "manifest.json").write_text('{"id": 3')
    with pytest.raises(ValueError, match=r"manifest\.json: not a manifest.*Remove"):
        cache.open(shelf)


def test_what_has_a_damaged_manifest_is_listed_and_removed_and_nothing_else(cache: Cache):
    sample = publish_sample(cache)
    other = publish_views(cache, sample)
    version = versions.publish(cache, name="demo", sample=sample, text=None, image=None).id
    folders = [cache.shelf_folder(sample), cache.version_folder(version)]
    for folder in folders:
        path = folder / "manifest.json"
        path.write_text(path.read_text().replace("drama", "drame"))  # a manifest still, but not the one that was written
    assert [str(folder / "manifest.json") in problem for folder, problem in unreadable(cache).items()] == [True, True]
    assert list(unreadable(cache)) == folders
    for folder in folders:
        discard_unreadable(cache, folder)
    assert unreadable(cache) == {}
    assert [manifest.id for of in ("shelves", "versions") for manifest in cache.manifests(of)] == [other]


def test_an_unknown_shelf_and_an_unwritable_root_are_clear_errors(cache: Cache, tmp_path: Path):
    with pytest.raises(ValueError, match="no shelf 'text-0'"):
        cache.open("text-0")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ValueError, match="cannot be written"), Cache(file).stage("sample", SAMPLE_FEATURES):
        pass


def test_a_new_pivot_makes_a_new_text_shelf_and_leaves_the_images_alone():
    sample = shelf_id("sample", Spec())
    assert shelf_id("text", Spec(pivot="fr"), (sample,)) != shelf_id("text", Spec(pivot="pt"), (sample,))
    assert shelf_id("image", Spec(), (sample,)) == shelf_id("image", Spec(), (sample,))
    assert shelf_id("image", Spec(), (sample,)) != shelf_id("image", Spec(), (ShelfId("sample-other"),))


def test_canonical_json_ignores_the_order_of_keys():
    assert canonical_json({"b": 1, "a": [1.5, None]}) == '{"a":[1.5,null],"b":1}'


def test_a_version_joins_a_sample_with_its_views_and_pairs_by_id(cache: Cache):
    sample = publish_sample(cache)
    text = publish_views(cache, sample)
    manifest = versions.publish(cache, name="demo", sample=sample, text=text, image=None)
    version = versions.open_version(cache, manifest.id)
    views = version.text_views()
    assert views is not None
    assert version.image_views() is None
    assert versions.rows_by_id(views) == {"b": [0], "a": [1]}
    assert version.genres == ("drama",)


def test_a_view_of_another_sample_is_refused(cache: Cache):
    text = publish_views(cache, publish_sample(cache))
    other = publish_sample(cache, ("c", "d"))
    with pytest.raises(ValueError, match="choose views of one sample"):
        versions.publish(cache, name="demo", sample=other, text=text, image=None)


def test_a_version_with_a_pool_gives_its_films_and_their_views(cache: Cache):
    sample = publish_sample(cache)
    pool = publish_pool(cache, sample)
    views = {"pool_text": publish_views(cache, pool), "pool_image": publish_views(cache, pool, "image")}
    manifest = versions.publish(cache, name="demo", sample=sample, text=None, image=None, pool=pool, **views)
    version = versions.open_version(cache, manifest.id)
    films, text, image = version.unlabelled(), version.unlabelled_text_views(), version.unlabelled_image_views()
    assert films is not None
    assert text is not None
    assert image is not None
    assert (films["id"][:], films["genres"][:]) == (["p", "q", "r"], [[], [], []])
    assert (text["plot"][:], image["poster_256"][:]) == (["x", "x"], [b"x", b"x"])
    assert (version.text_views(), version.image_views()) == (None, None)
    assert manifest.parents == (sample, pool, views["pool_text"], views["pool_image"])
    assert manifest.rows == {"train": 2, "test": 1, "unlabelled": 3}


def test_a_version_without_a_pool_has_the_name_and_the_manifest_that_it_always_had(cache: Cache):
    sample = publish_sample(cache)
    manifest = versions.publish(cache, name="demo", sample=sample, text=None, image=None)
    assert manifest.id == f"demo-{fingerprint([sample, None, None])[:8]}"
    assert set(manifest.spec) == {"name", "sample", "text", "image", "plan"}
    version = versions.open_version(cache, manifest.id)
    assert (version.unlabelled(), version.unlabelled_text_views(), version.unlabelled_image_views()) == (None, None, None)


def test_a_pool_and_its_views_decide_the_name_of_a_version():
    sample, pool, views = ShelfId("sample-1"), ShelfId("pool-1"), ShelfId("text-1")
    beside = [
        {},
        {"pool": pool},
        {"pool": ShelfId("pool-2")},
        {"pool": pool, "pool_text": views},
        {"pool": pool, "pool_image": views},
    ]
    assert len({versions.version_id("demo", sample, None, None, **more) for more in beside}) == 5


def test_a_pool_of_another_sample_and_views_of_no_pool_are_refused(cache: Cache):
    sample, other = publish_sample(cache), publish_sample(cache, ("c", "d"))
    pool = publish_pool(cache, other)
    with pytest.raises(ValueError, match=f"{pool} was made from .*{other}.*, not from {sample}"):
        versions.publish(cache, name="demo", sample=sample, text=None, image=None, pool=pool)
    views = publish_views(cache, sample)
    with pytest.raises(ValueError, match=f"{views} was made from .*{sample}.*, not from {pool}"):
        versions.publish(cache, name="demo", sample=other, text=None, image=None, pool=pool, pool_text=views)
    with pytest.raises(ValueError, match="the version has no pool; name the pool"):
        versions.publish(cache, name="demo", sample=sample, text=None, image=None, pool_text=views)


def test_a_version_is_found_by_its_id_its_recipe_a_unique_beginning_and_as_latest(cache: Cache):
    sample = publish_sample(cache)
    plain = versions.publish(cache, name="plain", sample=sample, text=None, image=None)
    first = versions.publish(cache, name="demo", sample=sample, text=None, image=None)
    second = versions.publish(cache, name="demo", sample=sample, text=publish_views(cache, sample), image=None)
    assert versions.resolve(cache, "latest") == second.id
    assert versions.resolve(cache, "demo") == second.id
    assert versions.resolve(cache, first.id) == first.id
    assert versions.resolve(cache, plain.id[:-2]) == plain.id


def test_a_version_published_after_the_clock_was_set_back_is_the_newest(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    sample = publish_sample(cache)
    first = versions.publish(cache, name="demo", sample=sample, text=None, image=None)
    before = first.created - timedelta(days=1)
    monkeypatch.setattr(versions, "datetime", SimpleNamespace(now=lambda _: before))
    second = versions.publish(cache, name="demo", sample=sample, text=publish_views(cache, sample), image=None)
    assert versions.resolve(cache, "latest") == versions.resolve(cache, "demo") == second.id


def test_an_unknown_or_ambiguous_version_is_an_error_that_lists_what_there_is(cache: Cache):
    with pytest.raises(ValueError, match="none yet; run `mmuda augment` first"):
        versions.resolve(cache, "latest")
    sample = publish_sample(cache)
    versions.publish(cache, name="demo", sample=sample, text=None, image=None)
    versions.publish(cache, name="demo", sample=sample, text=publish_views(cache, sample), image=None)
    with pytest.raises(ValueError, match="no single cache version 'nothing'.*demo-"):
        versions.resolve(cache, "nothing")
    with pytest.raises(ValueError, match="2 versions begin like that"):
        versions.resolve(cache, "de")


def test_publishing_a_version_again_changes_nothing(cache: Cache):
    sample = publish_sample(cache)
    first = versions.publish(cache, name="demo", sample=sample, text=None, image=None)
    assert versions.publish(cache, name="demo", sample=sample, text=None, image=None) == first


def test_a_damaged_shelf_stops_the_version_from_opening(cache: Cache):
    sample = publish_sample(cache)
    manifest = versions.publish(cache, name="demo", sample=sample, text=None, image=None)
    (cache.shelf_folder(sample) / "train.arrow").write_bytes(b"")
    with pytest.raises(ValueError, match=r"train\.arrow: 0 bytes"):
        versions.open_version(cache, manifest.id)


def test_rows_that_the_manifest_does_not_promise_are_noticed(cache: Cache):
    shelf = publish_sample(cache)
    folder = cache.shelf_folder(shelf)
    rows = manifests.read(folder).rows | {"train": 3}
    manifests.write(folder, manifests.read(folder).model_copy(update={"rows": rows}))
    with pytest.raises(ValueError, match="2 rows, the manifest promises 3"):
        cache.open(shelf).split("train")


def _publish_and_count(root: Path) -> int:
    publish_sample(Cache(root))
    return len(Cache(root).manifests("shelves"))


def test_processes_that_publish_one_shelf_at_once_do_not_disturb_each_other(tmp_path: Path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_publish_and_count, [tmp_path] * 6) == [1] * 6
    assert list((tmp_path / "staging").iterdir()) == []
