"""Two runs on one piece of work, and schedules that a sleeping machine has missed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
import pytest

from augment.image import rand_augment
from augment.image.spec import RandAugmentSpec
from augment.text import shelf as text_shelf
from datasets_cache.claims import claim
from datasets_cache.exchange import aside
from datasets_cache.version import open_version
from tests.faults.conftest import (
    ENDED,
    FROM_CACHE,
    NIGHTLY,
    OTHER_PIVOT,
    PIVOT,
    SMALL,
    Page,
    Server,
    Work,
    end,
    epochs_of,
    identity,
    start_serving,
    sweep_up,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def host(server: Server, work: Work) -> Iterator[Popen[bytes]]:
    started = start_serving(server, work.cache)
    yield started
    end(started)


@pytest.mark.usefixtures("host")
def test_two_augmentations_at_once_make_each_shard_once_and_one_version(server: Server, work: Work):
    work.forget("posters")
    page, build = Page(server), work.build("posters")
    with ExitStack() as stack:
        for number in range(build.shards):  # nobody begins before both are there
            stack.enter_context(claim(work.cache.root, f"{build.shelf}/{number:05}", wait=False))
        runs = [page.run(deployment, **work.augmentation("posters")) for deployment in (NIGHTLY, OTHER_PIVOT)]
        wait_until(lambda: all(page.says(run, "waiting for") for run in runs), "both to wait", every=0.5)
    made: dict[str, set[tuple[int, int]]] = {}

    def note() -> bool:
        for name, file in work.finished_shards("posters").items():
            made.setdefault(name, set()).add(file)
        return len(made) == 2 * build.shards and all(page.state(run) in ENDED for run in runs)

    wait_until(note, "the end of both", every=0.02)
    note()
    assert {name: len(files) for name, files in made.items()} == dict.fromkeys(made, 1)
    assert [page.state(run) for run in runs] == ["COMPLETED", "COMPLETED"]
    assert work.shelf_files("posters") == work.shelf_files("posters", work.undisturbed)
    named = [found.id for found in work.cache.manifests("versions") if found.spec["image"] == build.shelf]
    assert named == [work.version_of("posters")]
    assert work.problems() == []


def small_again(work: Work) -> dict[str, Any]:
    """Parameters of a run that makes the views of the training's version again."""
    overrides = ['name = "small"', "threads = 1", "evaluation_sample = 1.0", "[image]", "views = 1"]
    form = {
        "recipe": "moviescope",
        "source": str(work.sources["posters"]),
        "sample": SMALL,
        "pivot": "pt",
        "engine": "bergamot",
    }
    return form | {"rebuild": True, "overrides": "\n".join(overrides)}


@pytest.mark.usefixtures("host")
def test_training_goes_on_while_the_views_that_it_reads_are_made_again(server: Server, work: Work, tmp_path: Path):
    page, root = Page(server), work.cache.root
    opened = open_version(work.cache, work.version)
    assert opened.text
    assert opened.image
    text = text_shelf.start(PIVOT, opened.sample.id, cache=work.cache).shelf
    image = rand_augment.start(RandAugmentSpec(), opened.sample.id, cache=work.cache).shelf
    assert [text, image] == [opened.text.id, opened.image.id]
    files = {path: path.read_bytes() for shelf in (text, image) for path in work.cache.shelf_folder(shelf).glob("*.arrow")}
    before = {path: identity(path) for path in files}
    with claim(aside(root, text), f"{text}/00000", wait=False):
        rebuilding = page.run(NIGHTLY, **small_again(work))
        begun = aside(root, text) / "shelves"
        wait_until(lambda: begun.is_dir() or page.state(rebuilding) in ENDED, "the rebuild", every=0.5)
        assert page.state(rebuilding) == "RUNNING", page.message(rebuilding)
        training = page.run(FROM_CACHE, **work.training(tmp_path))
        wait_until(lambda: len(epochs_of(work.cells(tmp_path)[0])) > 1, "the first cell", every=0.1)
    # text and image are exchanged below the first cell; the second opens the new ones
    assert page.ended(rebuilding) == "COMPLETED", page.message(rebuilding)
    assert page.ended(training) == "COMPLETED", page.message(training)
    assert all(identity(path) != before[path] for path in files)
    assert {path: path.read_bytes() for path in files} == files
    assert work.problems() == []
    assert work.outcome(tmp_path) == work.outcome(work.undisturbed_runs)


@pytest.fixture
def asleep(host: Popen[bytes]) -> Iterator[Callable[[], None]]:
    """The serving processes sleep; the function that is given wakes them."""
    sleepers = [psutil.Process(host.pid), *psutil.Process(host.pid).children(recursive=True)]
    for process in sleepers:
        process.suspend()

    def wake() -> None:
        for process in sleepers:
            with suppress(psutil.NoSuchProcess):  # one that was woken before may have ended
                process.resume()

    yield wake
    wake()


def five_nights_missed(page: Page, work: Work, *, until: int) -> list[str]:
    """Runs of the nightly as its schedule makes them, for five nights up to so many days ago; gives their ids, oldest first.

    The schedule makes a run for each night once, whatever became of it.
    """
    nightly, now = page.deployment(NIGHTLY), datetime.now(UTC)
    (schedule,) = page.ask("GET", f"/deployments/{nightly}/schedules")
    path = f"/deployments/{nightly}/schedules/{schedule['id']}"
    page.ask("PATCH", path, active=True, parameters=work.augmentation("posters"))
    nights = {
        "start_time": (now - timedelta(days=until + 5)).isoformat(),
        "end_time": (now - timedelta(days=until)).isoformat(),
    }
    page.ask("POST", f"/deployments/{nightly}/schedule", **nights, min_runs=5, max_runs=5)
    page.ask("PATCH", path, active=False)  # removes the nights to come
    missed = page.ask(
        "POST",
        "/flow_runs/filter",
        deployments={"id": {"any_": [nightly]}},
        flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}},
        sort="EXPECTED_START_TIME_ASC",
    )
    assert len(missed) == 5
    assert all(run["auto_scheduled"] for run in missed)
    return [run["id"] for run in missed]


@pytest.mark.usefixtures("asleep")
def test_the_sweep_leaves_one_of_five_missed_nights(server: Server, work: Work):
    page = Page(server)
    missed = five_nights_missed(page, work, until=10)
    assert len(sweep_up(server, work.cache)) == 4
    assert [page.state(run) for run in missed] == [*["CANCELLED"] * 4, "SCHEDULED"]
    page.set_state(missed[-1], "CANCELLED")


@pytest.mark.slow  # the server lets the five in half a minute apart
def test_a_machine_that_wakes_makes_one_of_five_missed_nights(server: Server, work: Work, asleep: Callable[[], None]):
    page = Page(server)
    missed = five_nights_missed(page, work, until=1)
    asleep()
    assert [page.ended(run) for run in missed] == [*["CANCELLED"] * 4, "COMPLETED"]
    assert [page.message(run)[:7] for run in missed[:4]] == ["missed:"] * 4
    assert work.problems() == []
