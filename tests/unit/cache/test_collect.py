"""What a cache can do without, and that its removal never harms what stays."""

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datasets_cache import claims, collect
from datasets_cache import manifest as manifests
from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.readings import Reading, remember
from datasets_cache.schema import SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.uses import record_use

DAY = 86400


class Spec(Frozen):
    """Settings of a made-up shelf."""

    name: str


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def publish_sample(cache: Cache, name: str) -> ShelfId:
    spec = Spec(name=name)
    shelf = shelf_id("sample", spec)
    film = {
        "id": "a", "title": "A", "plot": "A plot.", "poster": b"p", "poster_256": b"p", "genres": ["drama"],
        "given_plot": None, "given_poster_256": None,
    }  # fmt: skip
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        stage.write("train", film)
        stage.publish(shelf, spec=spec, genres=("drama",))
    return shelf


def publish_text(cache: Cache, sample: ShelfId, name: str) -> ShelfId:
    spec = Spec(name=name)
    shelf = shelf_id("text", spec, (sample,))
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        stage.write("train", {"id": "a", "view": 0, "plot": "x", "sentences": 1, "kept": []})
        stage.publish(shelf, spec=spec, parents=(sample,))
    return shelf


def publish_versions(cache: Cache, count: int, *, recipe: str = "demo") -> tuple[ShelfId, list[str], list[ShelfId]]:
    """Versions of one sample with a text shelf each, a day after one another; oldest first."""
    sample = publish_sample(cache, "sample")
    texts = [publish_text(cache, sample, f"{recipe} {number}") for number in range(count)]
    made = [versions.publish(cache, name=recipe, sample=sample, text=text, image=None).id for text in texts]
    for number, version in enumerate(made):
        path = cache.version_folder(version) / "manifest.json"
        created = datetime.now(UTC) - timedelta(days=count - number)
        manifests.write(path.parent, manifests.read(path.parent).model_copy(update={"created": created}))
    return sample, made, texts


def run_on(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"version": version}))
    return folder


def age(path: Path, seconds: float) -> None:
    when = time.time() - seconds
    for found in (path, *path.rglob("*")):
        os.utime(found, (when, when))


def write(path: Path, content: bytes = b"1234") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def going(cache: Cache, **settings: Any) -> list[str]:
    plan = collect.plan(cache, **{"keep": 3, "used": ()} | settings)
    return [thing.path.relative_to(cache.root).as_posix() for thing in plan.going]


def collected(cache: Cache, **settings: Any) -> list[str]:
    plan = collect.plan(cache, **{"keep": 3, "used": ()} | settings)
    return [thing.path.name for thing in collect.remove(cache, plan.going)]


def _hold(root: str, name: str, held: Any, let_go: Any) -> None:
    with claims.claim(Path(root), name, wait=True):
        held.set()
        let_go.wait(60)


@contextmanager
def held_by_another_process(cache: Cache, name: str) -> Iterator[int]:
    context = multiprocessing.get_context("spawn")
    held, let_go = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(cache.root), name, held, let_go))
    other.start()
    try:
        assert held.wait(60)
        assert other.pid is not None
        yield other.pid
    finally:
        let_go.set()
        other.join(60)


# versions and shelves


def test_the_newest_three_of_five_stay_and_only_the_shelves_that_they_name(cache: Cache):
    sample, made, texts = publish_versions(cache, 5)
    assert set(collected(cache)) == {*made[:2], *texts[:2]}
    assert [manifest.id for manifest in cache.manifests("versions")] == made[2:]
    assert {manifest.id for manifest in cache.manifests("shelves")} == {sample, *texts[2:]}


def test_each_recipe_name_keeps_its_own_newest(cache: Cache):
    _, demo, _ = publish_versions(cache, 2)
    _, other, _ = publish_versions(cache, 2, recipe="other")
    collected(cache, keep=1)
    assert {manifest.id for manifest in cache.manifests("versions")} == {demo[1], other[1]}


def test_what_a_run_refers_to_stays_beside_the_newest(cache: Cache):
    _, made, texts = publish_versions(cache, 5)
    collected(cache, keep=1, used={made[1]})
    assert [manifest.id for manifest in cache.manifests("versions")] == [made[1], made[4]]
    assert versions.open_version(cache, made[1]).text is not None
    assert not cache.shelf_folder(texts[0]).exists()


def test_a_version_goes_before_its_shelves_and_a_shelf_before_the_one_that_it_was_made_from(cache: Cache):
    sample, made, texts = publish_versions(cache, 1, recipe="old")
    kept = publish_sample(cache, "another sample")
    versions.publish(cache, name="old", sample=kept, text=None, image=None)
    assert going(cache, keep=1) == [f"versions/{made[0]}", f"shelves/{texts[0]}", f"shelves/{sample}"]


def test_a_plan_removes_nothing_and_knows_the_sizes(cache: Cache):
    publish_versions(cache, 2)
    before = sorted(cache.root.rglob("*"))
    version, shelf = collect.plan(cache, keep=1, used=()).going
    assert version.size == (version.path / "manifest.json").stat().st_size
    assert shelf.size == sum(path.stat().st_size for path in shelf.path.iterdir())
    assert sorted(cache.root.rglob("*")) == before


def test_shelves_that_no_version_names_wait_for_a_week_and_are_said_to_wait(cache: Cache):
    shelf = publish_sample(cache, "of a run that died")
    age(cache.shelf_folder(shelf), 6.9 * DAY)
    assert [thing.path.name for thing in collect.plan(cache, keep=3, used=()).waiting] == [shelf]
    assert going(cache) == []
    age(cache.shelf_folder(shelf), 7.1 * DAY)
    assert going(cache) == [f"shelves/{shelf}"]
    assert collect.plan(cache, keep=3, used=()).waiting == ()


def test_unfinished_work_goes_at_once_where_that_is_asked_for(cache: Cache):
    shelf = publish_sample(cache, "of a run that died")
    write(cache.building_folder("text-1") / "train-00000-of-00002.arrow")
    assert collected(cache, unfinished_days=0) == [shelf, "text-1"]


def test_a_damaged_version_ends_the_collection_because_its_shelves_are_not_known(cache: Cache):
    _, made, _ = publish_versions(cache, 2)
    (cache.version_folder(made[0]) / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="not a manifest"):
        collect.plan(cache, keep=1, used=())


# what dead runs leave


def test_half_made_shelves_go_a_week_after_their_last_change(cache: Cache):
    building, again = cache.building_folder("text-1"), cache.root / "rebuilding" / "text-2"
    for path in (building / "train-00000-of-00002.arrow", again / "building" / "text-2" / "train-00000-of-00002.arrow"):
        write(path)
    for folder in (building, again):
        age(folder, 8 * DAY)
    assert going(cache) == ["building/text-1", "rebuilding/text-2"]
    write(building / "train-00001-of-00002.arrow")
    assert going(cache) == ["rebuilding/text-2"]


def test_staged_and_half_written_files_go_after_an_hour(cache: Cache):
    paths = [
        write(cache.root / "staging" / "tmpx" / "train.arrow").parent,
        write(cache.root / "tokens" / ".1.npz.uuid"),
        write(cache.root / "sources" / ".tmpy"),
        write(cache.root / "uses" / "demo-1" / ".2.uuid"),
    ]
    assert going(cache) == []
    for path in paths:
        age(path, 3700)
    assert sorted(going(cache)) == sorted(path.relative_to(cache.root).as_posix() for path in paths)


def test_token_ids_go_when_nobody_has_read_them_for_thirty_days(cache: Cache):
    for name, days_since_read in (("old.npz", 31), ("read.npz", 29)):
        path = write(cache.root / "tokens" / name)
        os.utime(path, (time.time() - days_since_read * DAY, time.time() - 100 * DAY))
    assert going(cache) == ["tokens/old.npz"]


def test_readings_go_with_the_sample_that_they_give(cache: Cache):
    stays, goes = publish_sample(cache, "stays"), publish_sample(cache, "goes")
    for sample in (stays, goes):
        remember(cache, {"of": sample}, "", Reading(sample=sample, issues=()))
    versions.publish(cache, name="demo", sample=stays, text=None, image=None)
    collected(cache, unfinished_days=0)
    (left,) = (cache.root / "sources").iterdir()
    assert Reading.model_validate_json(left.read_bytes()).sample == stays


def test_a_use_is_forgotten_when_its_run_is_gone(cache: Cache, tmp_path: Path):
    _, made, _ = publish_versions(cache, 1)
    there, gone = run_on(tmp_path / "there", made[0]), run_on(tmp_path / "gone", made[0])
    record_use(cache, made[0], there)
    record_use(cache, made[0], gone)
    (gone / "config.json").unlink()
    collected(cache)
    (left,) = (cache.root / "uses" / made[0]).iterdir()
    assert left.read_text().strip() == str(there)


def test_the_folder_of_the_uses_of_a_removed_version_goes_with_the_last(cache: Cache, tmp_path: Path):
    record_use(cache, "demo-removed", tmp_path / "gone")
    collected(cache)
    assert list((cache.root / "uses").iterdir()) == []


def test_lock_files_that_nobody_holds_go_and_those_of_dead_runs_only_after_a_day(cache: Cache):
    for name in ("text-1/00000", "ctranslate2-x", "flow-runs/young", "flow-runs/old"):
        with claims.claim(cache.root, name, wait=False):
            pass
        age(cache.root / "locks" / f"{name}.lock", 25 * 3600 if name == "flow-runs/old" else 2 * 3600)
    collected(cache)
    assert sorted(path.as_posix() for path in (cache.root / "locks").rglob("*")) == [
        f"{cache.root}/locks/flow-runs",
        f"{cache.root}/locks/flow-runs/young.lock",
    ]
    assert claims.owner(cache.root, "flow-runs/young") == claims.this_process()


def test_models_and_what_is_not_known_stay(cache: Cache):
    paths = [write(cache.root / name) for name in ("models/ctranslate2/x/model.bin", "prefect/prefect.db", "mine.txt")]
    for path in paths:
        age(path, 400 * DAY)
    assert going(cache) == []


def test_an_exchange_that_was_killed_is_finished_before_anything_is_judged(cache: Cache):
    _, made, (text,) = publish_versions(cache, 1)
    again = cache.root / "rebuilding" / text
    (again / "shelves").mkdir(parents=True)
    cache.shelf_folder(text).rename(again / "shelves" / text)
    write(again / "replaced" / "train.arrow")
    collect.mend(cache)
    age(again, 2 * 3600)
    assert collected(cache) == [text]  # the old one, below rebuilding/
    assert not again.exists()
    assert versions.open_version(cache, made[0]).text is not None


# others at work


@pytest.mark.parametrize("name", ["flow-runs/0b1c", "text-1/00003", "ctranslate2-opus-int8-4.5"])
def test_who_works_is_named(cache: Cache, name: str):
    assert collect.at_work(cache) == []
    with held_by_another_process(cache, name) as pid:
        (said,) = collect.at_work(cache)
        assert said == f"process {pid} on {os.uname().nodename} ({name})"
    assert collect.at_work(cache) == []


def test_looking_for_workers_leaves_the_word_of_a_dead_one(cache: Cache):
    path = write(cache.root / "locks" / "flow-runs" / "dead.lock", b"process 4711 on venus\n")
    assert collect.at_work(cache) == []
    assert path.read_bytes() == b"process 4711 on venus\n"


def test_removal_stops_where_somebody_begins_to_work(cache: Cache):
    _, made, _ = publish_versions(cache, 5)
    things = collect.plan(cache, keep=3, used=()).going
    removing = collect.remove(cache, things)
    assert next(removing).path.name == made[0]
    with held_by_another_process(cache, "flow-runs/0b1c"):
        assert list(removing) == []
    assert [manifest.id for manifest in cache.manifests("versions")] == made[1:]


def test_removal_stops_before_a_version_that_a_run_has_begun_to_use_meanwhile(cache: Cache, tmp_path: Path):
    _, made, texts = publish_versions(cache, 4)
    things = collect.plan(cache, keep=3, used=()).going
    record_use(cache, made[0], run_on(tmp_path / "run", made[0]))
    assert list(collect.remove(cache, things)) == []
    assert versions.open_version(cache, made[0]).text is not None
    assert cache.shelf_folder(texts[0]).exists()


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("steps", range(8))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_leaves_every_remaining_version_whole(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, steps: int, when: str
):
    # demo 0 goes and shares its text shelf with the newest of `second`, which stays
    sample, made, texts = publish_versions(cache, 4)
    other = publish_sample(cache, "other")
    versions.publish(cache, name="second", sample=other, text=publish_text(cache, other, "second"), image=None)
    versions.publish(cache, name="second", sample=sample, text=texts[0], image=None)
    discard, done = collect.discard, 0

    def killed(folder: Path, *, root: Path) -> None:
        nonlocal done
        if done == steps and when == "before":
            raise KilledError
        discard(folder, root=root)
        done += 1
        if done > steps:
            raise KilledError

    monkeypatch.setattr(collect, "discard", killed)
    with suppress(KilledError):
        list(collect.remove(cache, collect.plan(cache, keep=1, used=()).going))
    for manifest in cache.manifests("versions"):
        opened = versions.open_version(cache, manifest.id)
        assert opened.text_views() is not None
    monkeypatch.setattr(collect, "discard", discard)
    list(collect.remove(cache, collect.plan(cache, keep=1, used=(), unfinished_days=0).going))
    assert {manifest.id for manifest in cache.manifests("shelves")} == {sample, texts[0], texts[3]}
    assert [manifest.spec["name"] for manifest in cache.manifests("versions")] == ["demo", "second"]
    assert versions.resolve(cache, "demo") == made[3]
