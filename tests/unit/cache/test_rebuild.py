"""A shelf made again: aside, continued after a kill, exchanged under the eyes of its readers."""

import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets_cache import claims, division, exchange, rebuild
from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.shards import Build
from datasets_cache.store import Cache

FILMS = sorted((f"film{number}" for number in range(8)), key=lambda film: division.shard_of(film, 2**20))
SHARDS = 4


class Spec(Frozen):
    """Settings of a made-up shelf."""

    pivot: str = "fr"


class KilledError(Exception):
    """Stands for the end of the process."""


SAMPLE = shelf_id("sample", Spec())
TEXT = shelf_id("text", Spec(), (SAMPLE,))


def publish_sample(cache: Cache) -> None:
    empty = {"title": "", "poster": b"", "poster_256": b"", "genres": ["drama"], "given_plot": None, "given_poster_256": None}
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for name in FILMS:
            stage.write("train", empty | {"id": name, "plot": f"The plot of {name}."})
        stage.publish(SAMPLE, spec=Spec(), genres=("drama",))


def row(film: str, plot: str) -> dict[str, Any]:
    return {"id": film, "view": 0, "plot": plot, "sentences": 1, "kept": []}


def maker(made: list[int], *, die_at: int | None = None, word: str = "same") -> Callable[[Cache], ShelfId]:
    """Makes the text shelf as augmentations do; notes which shards it made, and may be killed before one."""

    def make(cache: Cache) -> ShelfId:
        films = cache.open(SAMPLE).split("train")
        build = Build(cache, TEXT, "text", TEXT_VIEW_FEATURES, SHARDS)
        for number in build.claimed():
            if number == die_at:
                raise KilledError
            own = films.select(division.rows_of(films, number, SHARDS))
            build.write(number, [row(film["id"], f"{film['plot']} {word}") for film in own], {})
            made.append(number)
        build.publish(spec=Spec(), parents=(SAMPLE,))
        return TEXT

    return make


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    found = Cache(tmp_path)
    publish_sample(found)
    maker([])(found)
    return found


def again(cache: Cache, make: Callable[[Cache], ShelfId]) -> ShelfId:
    return rebuild.make_again(TEXT, cache=cache, parents=[SAMPLE], make=make)


def files(cache: Cache) -> dict[str, tuple[int, bytes]]:
    folder = cache.shelf_folder(TEXT)
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in sorted(folder.glob("*.arrow"))}


def plots(cache: Cache) -> list[str]:
    return cache.open(TEXT).split("train")["plot"][:]


def test_the_same_settings_give_the_same_bytes_in_new_files(cache: Cache):
    before = files(cache)
    made: list[int] = []
    assert again(cache, maker(made)) == TEXT
    after = files(cache)
    assert sorted(made) == [0, 1, 2, 3]
    assert {name: content for name, (_, content) in after.items()} == {name: content for name, (_, content) in before.items()}
    assert {inode for inode, _ in after.values()}.isdisjoint(inode for inode, _ in before.values())


def test_a_reader_keeps_the_old_rows_and_the_next_one_gets_the_new(cache: Cache):
    held = cache.open(TEXT).split("train")
    again(cache, maker([], word="new"))
    assert held["plot"][:] == [f"The plot of {film}. same" for film in FILMS]
    assert plots(cache) == [f"The plot of {film}. new" for film in FILMS]


def test_the_old_shelf_can_be_opened_until_the_new_one_is_whole(cache: Cache):
    seen: list[list[str]] = []

    def make(inside: Cache) -> ShelfId:
        found = maker([], word="new")(inside)
        seen.append(plots(cache))
        return found

    again(cache, make)
    assert seen == [[f"The plot of {film}. same" for film in FILMS]]


def test_nothing_is_left_aside_and_the_sample_stays_what_it_was(cache: Cache):
    sample = cache.shelf_folder(SAMPLE).stat().st_ino
    again(cache, maker([]))
    assert list((cache.root / "rebuilding").iterdir()) == []
    assert list((cache.root / "staging").iterdir()) == []
    assert cache.shelf_folder(SAMPLE).stat().st_ino == sample
    assert len(cache.open(SAMPLE).split("train")) == len(FILMS)


def test_a_rebuild_that_is_killed_keeps_its_finished_shards_and_the_old_shelf(cache: Cache):
    first: list[int] = []
    with pytest.raises(KilledError):
        again(cache, maker(first, die_at=2, word="new"))
    assert first == [0, 1]
    assert plots(cache) == [f"The plot of {film}. same" for film in FILMS]
    second: list[int] = []
    again(cache, maker(second, word="new"))
    assert second == [2, 3]
    assert plots(cache) == [f"The plot of {film}. new" for film in FILMS]


def test_a_new_shelf_that_was_whole_when_the_process_died_is_only_exchanged(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "exchange", die)
        with pytest.raises(KilledError):
            again(cache, maker([], word="new"))
    made: list[int] = []
    again(cache, maker(made, word="another"))
    assert made == []
    assert plots(cache) == [f"The plot of {film}. new" for film in FILMS]


def die(*_: object, **__: object) -> None:
    raise KilledError


def killed_between_the_renames(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(exchange, "_move_in", die)
        with pytest.raises(KilledError):
            again(cache, maker([], word="new"))
    assert not cache.shelf_folder(TEXT).exists()


@pytest.mark.parametrize("look", ["open", "find", "published"])
def test_whoever_looks_first_mends_an_exchange_that_was_killed(cache: Cache, monkeypatch: pytest.MonkeyPatch, look: str):
    killed_between_the_renames(cache, monkeypatch)
    assert getattr(cache, look)(TEXT) is not None
    assert plots(cache) == [f"The plot of {film}. new" for film in FILMS]


def test_the_next_rebuild_mends_an_exchange_that_was_killed_and_makes_nothing(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    killed_between_the_renames(cache, monkeypatch)
    made: list[int] = []
    again(cache, maker(made))
    assert made == []
    assert plots(cache) == [f"The plot of {film}. new" for film in FILMS]
    assert list((cache.root / "rebuilding").iterdir()) == []


def test_the_rebuild_after_one_that_died_when_it_only_had_to_clean_up_is_a_new_one(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "discard", die)
        with pytest.raises(KilledError):
            again(cache, maker([], word="new"))
    assert plots(cache) == [f"The plot of {film}. new" for film in FILMS]
    again(cache, maker([], word="newer"))
    assert plots(cache) == [f"The plot of {film}. newer" for film in FILMS]
    assert list((cache.root / "rebuilding").iterdir()) == []


def test_a_shelf_that_is_not_there_is_missed_at_once_while_nothing_is_made_again(cache: Cache):
    with pytest.raises(ValueError, match="no shelf 'text-0000000000000000'"):
        cache.open("text-0000000000000000")
    assert cache.find(ShelfId("text-0000000000000000")) is None


def test_readers_of_a_version_never_miss_a_shelf_while_it_is_exchanged(cache: Cache):
    version = versions.publish(cache, name="demo", sample=SAMPLE, text=TEXT, image=None)
    stop, failures, opened = threading.Event(), list[Exception](), list[int]()

    def read() -> None:
        while not stop.is_set():
            try:
                found = versions.open_version(cache, version.id).text_views()
                assert found is not None
                opened.append(len(found))
            except Exception as error:  # noqa: BLE001  # a thread's failure is told by the test
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(50):
            inside = Cache(exchange.aside(cache.root, TEXT))
            inside.root.mkdir(parents=True)
            (inside.root / "shelves").mkdir()
            (inside.root / "shelves" / SAMPLE).symlink_to(cache.shelf_folder(SAMPLE))
            maker([], word=f"number {number}" * (number % 3))(inside)
            exchange.exchange(cache.root, TEXT)
            rebuild.discard(inside.root, root=cache.root)
    finally:
        stop.set()
        reader.join()
    assert failures == []
    assert set(opened) == {len(FILMS)}


def _rebuild_slowly(root: str, started: Any, go_on: Any) -> None:
    def make(inside: Cache) -> ShelfId:
        started.set()
        go_on.wait(60)
        return maker([], word="of the other process")(inside)

    again(Cache(Path(root)), make)


def test_of_two_rebuilds_at_once_one_works_and_the_other_waits_for_it(cache: Cache):
    context = multiprocessing.get_context("spawn")
    started, go_on = context.Event(), context.Event()
    other = context.Process(target=_rebuild_slowly, args=(str(cache.root), started, go_on))
    other.start()
    try:
        assert started.wait(60)
        made: list[int] = []
        said: list[str] = []

        def tell(message: str) -> None:
            said.append(message)
            go_on.set()

        rebuild.make_again(TEXT, cache=cache, parents=[SAMPLE], make=maker(made), on_wait=tell)
    finally:
        go_on.set()
        other.join(60)
    assert made == []
    assert said == [f"{TEXT}: waiting for process {other.pid} on {claims.this_process().split()[-1]}, which makes it again"]
    assert plots(cache) == [f"The plot of {film}. of the other process" for film in FILMS]
