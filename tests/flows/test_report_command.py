"""`mmuda report`: of one run, of several, of a folder, with and without its cache version; and whether its commands work."""

import html
import io
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datasets_cache import version as versions
from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from flows import cli, commands
from flows.recipes import RECIPES, AugmentationPlan, TrainingPlan
from train import predictions
from train.config import RunConfig, UdaConfig, WeightSchedule
from train.finished import RESULT
from train.metrics import scores
from train.predictions import Predictions
from train.records import RunResult

GENRES = ("drama", "comedy")
FILMS = 30
PLAN = RECIPES["demo"]().augmentation.model_copy(update={"name": "mine", "sample": 0.5})


class Spec(Frozen):
    """Settings of a made-up shelf."""

    number: int = 1


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A version of thirty films a split, that remembers its plan."""
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    file = io.BytesIO()
    Image.new("RGB", (64, 96)).save(file, "JPEG")
    cache = Cache()
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            for film in range(FILMS):
                row = {"id": f"{split}{film:02}", "title": "", "plot": "a plot", "poster": b"", "poster_256": file.getvalue()}
                row |= {"genres": list(GENRES[: 1 + film % 2]), "given_plot": None, "given_poster_256": None}
                stage.write(split, row)
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=GENRES).id
    plan = PLAN.model_dump(mode="json", exclude={"rebuild"})  # as the augmentation flow remembers it
    return versions.publish(cache, name="mine", sample=sample, text=None, image=None, plan=plan).id


def finished_run(folder: Path, config: RunConfig) -> RunResult:
    """A finished run with its predictions, without weights."""
    folder.mkdir(parents=True)
    labels_FG = torch.tensor([[1.0, film % 2] for film in range(FILMS)])
    logits_FG = torch.from_numpy(np.random.default_rng(config.seed).normal(size=(FILMS, 2))).float() + labels_FG
    ids = tuple(f"test{film:02}" for film in range(FILMS))
    predictions.save(folder / predictions.TEST, Predictions(ids, GENRES, logits_FG, labels_FG))
    found = scores(logits_FG, labels_FG, genres=GENRES)
    result = RunResult(
        run=folder.name, version=config.version, model=config.model, uda=config.uda is not None, seed=config.seed,
        config=config, genres=GENRES, best_epoch=1, epochs=2, train=found, validation=found, test=found, seconds=1.0,
        path=folder,
    )  # fmt: skip
    (folder / RESULT).write_text(result.model_dump_json())
    return result


@pytest.fixture
def runs(tmp_path: Path, version: str) -> Path:
    """A folder of three runs."""
    for seed in (1, 2, 3):
        finished_run(tmp_path / "runs" / f"bert-seed{seed}", RunConfig(version=version, model="bert", seed=seed))
    return tmp_path / "runs"


def report(*arguments: str | Path) -> None:
    """Run the command."""
    cli.main(["report", *map(str, arguments)])


def test_a_folders_report_lies_in_it(runs: Path, version: str, capsys: pytest.CaptureFixture[str]):
    report(runs)
    page = runs / f"report-{version}.html"
    assert "3 runs" in re.sub(r"<.*?>", "", page.read_text())
    assert str(page) in capsys.readouterr().out.replace("\n", "")


def test_the_report_of_some_runs_does_not_replace_that_of_the_folder(runs: Path, version: str):
    (runs / f"report-{version}.html").write_text("that of all")
    report(runs / "bert-seed2")
    report(runs / "bert-seed1", runs / "bert-seed3")
    assert (runs / f"report-{version}.html").read_text() == "that of all"
    assert "1 run, seed 2" in re.sub(r"<.*?>", "", (runs / "bert-seed2" / "report.html").read_text())
    assert "2 runs, seeds 1, 3" in re.sub(r"<.*?>", "", (runs / f"report-{version}-2-runs.html").read_text())


def test_without_the_cache_version_the_runs_are_reported_without_films(
    runs: Path, version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.rmtree(tmp_path / "cache")
    report(runs, "--version", version, "--output", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "The films are not shown." in page
    assert "<img" not in page
    assert 'id="curves"' in page
    assert capsys.readouterr().err.startswith("The report does without the films: no single cache version")


def test_a_damaged_shelf_leaves_a_report_that_says_so(runs: Path, tmp_path: Path):
    (shelf,) = (tmp_path / "cache" / "shelves").iterdir()
    (shelf / "test.arrow").unlink()
    report(runs, "--output", tmp_path / "page.html")
    assert "test.arrow" in html.unescape((tmp_path / "page.html").read_text())


def test_a_version_that_no_run_has_is_one_clear_error(runs: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        report(runs, "--version", "other")
    assert "no finished run" in (said := capsys.readouterr().err)
    assert "on other" in said


def test_the_commands_of_a_page_ask_for_its_version_and_its_runs(tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch):
    adaptive = UdaConfig(schedule=WeightSchedule(kind="adaptive", target_gap=0.2), modality="image")
    asked = TrainingPlan(version=version, models=("mmbt",), seeds=(1, 2), consistency=adaptive, encoders="embedded")
    cells = asked.cells(version)
    for number, config in enumerate(cells):
        finished_run(tmp_path / "runs" / f"run{number}", config)
    report(tmp_path / "runs", "--output", tmp_path / "page.html")

    plans: list[AugmentationPlan | TrainingPlan] = []
    monkeypatch.setattr(commands, "augment", plans.append)
    monkeypatch.setattr(commands, "train", plans.append)
    monkeypatch.chdir(tmp_path)
    shown = re.findall(r"<pre><code>(.*?)</code></pre>", (tmp_path / "page.html").read_text(), re.DOTALL)
    augment, train, again = map(html.unescape, shown)
    Path(f"{version}.toml").write_text(augment.partition("<<'TOML'\n")[2].partition("TOML\n")[0])
    for command in (augment.splitlines()[-1], train.replace("\\\n", " ")):
        cli.main(shlex.split(command)[1:])

    assert plans[0] == PLAN
    assert isinstance(plans[1], TrainingPlan)
    assert plans[1].cells(plans[1].version) == cells
    assert again == f"mmuda report --version {version}"
