"""Two runs on one piece of work, and schedules that a sleeping machine has missed."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
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

pytestmark = pytest.mark.timeout(400)


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
