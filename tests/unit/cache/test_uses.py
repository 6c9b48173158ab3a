"""Which runs refer to a version: noted, found below folders, and forgotten when they are gone."""

import json
import logging
import shutil
from pathlib import Path

import pytest

from datasets_cache.store import Cache
from datasets_cache.uses import is_user, record_use, records, used_versions, users


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def run_in(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"version": version, "model": "bert"}))
    return folder


def test_a_recorded_run_is_a_user_of_its_version_alone(cache: Cache, tmp_path: Path):
    run = run_in(tmp_path / "runs" / "a", "demo-1")
    record_use(cache, "demo-1", run)
    assert users(cache, "demo-1") == [run]
    assert users(cache, "demo-2") == []


def test_recording_a_run_twice_leaves_one_record_and_nothing_beside_it(cache: Cache, tmp_path: Path):
    run = run_in(tmp_path / "a", "demo-1")
    record_use(cache, "demo-1", run)
    record_use(cache, "demo-1", run)
    (record,) = (cache.root / "uses" / "demo-1").iterdir()
    assert record.read_text() == f"{run}\n"
    assert records(cache) == {record: run}


def test_a_relative_run_folder_is_noted_by_its_absolute_path(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = run_in(tmp_path / "a", "demo-1")
    monkeypatch.chdir(tmp_path)
    record_use(cache, "demo-1", Path("a"))
    monkeypatch.chdir("/")
    assert users(cache, "demo-1") == [run]


def test_a_run_whose_folder_is_gone_no_longer_counts(cache: Cache, tmp_path: Path):
    run = run_in(tmp_path / "a", "demo-1")
    record_use(cache, "demo-1", run)
    shutil.rmtree(run)
    assert users(cache, "demo-1") == []


def test_a_run_that_now_names_another_version_no_longer_counts(cache: Cache, tmp_path: Path):
    run = run_in(tmp_path / "a", "demo-1")
    record_use(cache, "demo-1", run)
    (run / "config.json").write_text('{"version": "demo-2"}')
    assert users(cache, "demo-1") == []


def test_a_recorded_run_whose_configuration_cannot_be_read_counts(cache: Cache, tmp_path: Path):
    run = run_in(tmp_path / "a", "demo-1")
    record_use(cache, "demo-1", run)
    (run / "config.json").write_text('{"vers')
    assert is_user(run, "demo-1")
    assert users(cache, "demo-1") == [run]


def test_runs_that_were_never_noted_are_found_at_any_depth_and_counted_once(cache: Cache, tmp_path: Path):
    first, second = run_in(tmp_path / "runs" / "a", "demo-1"), run_in(tmp_path / "runs" / "deep" / "b", "demo-1")
    record_use(cache, "demo-1", first)
    assert users(cache, "demo-1", below=[tmp_path / "runs"]) == [first, second]
    assert users(cache, "demo-1", below=[second]) == [first, second]  # a run folder itself
    assert users(cache, "demo-1", below=[tmp_path / "nowhere"]) == [first]


def test_what_lies_inside_a_run_is_no_run(cache: Cache, tmp_path: Path):
    run = run_in(tmp_path / "runs" / "a", "demo-1")
    run_in(run / "model" / "text", "demo-1")
    assert used_versions(cache, below=[tmp_path / "runs"]) == {"demo-1": [run]}


def test_configurations_of_something_else_are_passed_over(cache: Cache, tmp_path: Path):
    for name, text in (("a", "[]"), ("b", "{}"), ("c", "no json"), ("d", '{"version": 3}')):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.json").write_text(text)
    assert used_versions(cache, below=[tmp_path / "runs"]) == {}


def test_a_cache_that_cannot_be_written_is_no_reason_not_to_train(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "file").write_text("")
    run = run_in(tmp_path / "a", "demo-1")
    with caplog.at_level(logging.WARNING):
        record_use(Cache(tmp_path / "file"), "demo-1", run)
    assert "mmuda cache gc --runs" in caplog.text
