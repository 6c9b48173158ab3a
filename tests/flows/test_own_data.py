"""Films of one's own from the command line: a folder with a table becomes a version, and its labels those of the models."""

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from datasets_cache.store import Cache
from datasets_cache.version import open_version
from flows import cli
from flows.page import summary
from train.config import OptimConfig, RunConfig, TextEncoderConfig
from train.run import run_cell

LABELS = ("cosy", "loud", "cosy|loud")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve films as a spreadsheet saves them where commas are decimal, with the images in a sub-folder."""
    root = tmp_path_factory.mktemp("own") / "my-films"
    (root / "images").mkdir(parents=True)
    with (root / "films.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Title", "Plot", "Labels", "Image"])
        for number in range(12):
            name = f"{number:02d}.JPG"
            Image.new("RGB", (40, 60), (20 * number, 90, 200)).save(root / "images" / name)
            missing = "nowhere.jpg" if number == 5 else name
            table.writerow([f"Film {number}", f"In film {number} a storm comes.", LABELS[number % 3], missing])
    return root


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Path:  # noqa: ARG001
    """Cache with the version of the folder, made by the command, without translation."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMUDA_CACHE", str(cache))
        cli.main(["augment", "own", "--source.root", str(folder), "--text", "none"])
    return cache


@pytest.fixture
def version(made: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MMUDA_CACHE", str(made))
    return Cache().manifests("versions")[-1].id


def test_the_labels_of_the_films_are_the_genres_of_the_version(version: str):
    opened = open_version(Cache(), version)
    assert version.startswith("own-")
    assert opened.genres == ("cosy", "loud")
    assert sum(opened.manifest.rows.values()) == 11  # one image is missing
    views = opened.image_views()
    assert views is not None
    assert set(views["id"]) == set(opened.films("train")["id"])


def test_what_was_understood_and_what_was_skipped_is_said(version: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    cli.main(["augment", "own", "--source.root", str(folder), "--text", "none"])
    said = capsys.readouterr().out
    assert f"Already in the cache, nothing to do: {version}" in said
    assert "films.csv: 12 rows, UTF-8, cells separated by semicolons" in said
    assert "no column of ids: images' names are the ids" in said
    assert "2 labels, found in the films; training films of each:" in said
    assert "- nowhere: poster missing: no image 'nowhere.jpg'" in said


def test_a_run_knows_the_films_own_labels(version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = TextEncoderConfig(name="embedded", max_tokens=16)
    config = RunConfig(version=version, model="bert", text=text, optim=OptimConfig(max_epochs=1, batch_size=8))
    result = run_cell(config, cache=Cache(), runs=tmp_path, device="cpu")
    assert set(result.test.ap_by_genre) == {"cosy", "loud"}
    cli.main(["predict", str(result.path), "--plot", "A storm comes.", "--json"])
    assert {one["genre"] for one in json.loads(capsys.readouterr().out)} == {"cosy", "loud"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], r"needs a root: give the folder with a table of films \(such as `films\.csv`\) and its images as `--source\.root"),
        (
            ["--source.root", "{folder}", "--source.plot-field", "story"],
            r"no column is named 'story' \(option `--source\.plot_fi",
        ),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_starts(
    options: list[str],
    expected: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    def started(_plan: object) -> None:
        raise AssertionError

    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    monkeypatch.setattr("flows.commands.run_augmentation", started)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["augment", "own", *(option.format(folder=folder) for option in options)])
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(expected, error)


def test_the_runs_page_says_how_the_table_was_read(version: str):
    shown = summary.as_markdown(open_version(Cache(), version), since=datetime.now(UTC), seconds=1)
    assert "### How the source was read\n\n- films.csv: 12 rows, UTF-8, cells separated by semicolons" in shown
    assert "### The first rows that were skipped\n\n- - nowhere: poster missing" in shown
