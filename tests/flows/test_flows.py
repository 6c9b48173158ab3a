"""Both flows on a real Prefect server, real wheels, a few bundled films."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import FailedRun

from augment.image.spec import RandAugmentSpec
from augment.text.spec import BackTranslationSpec
from datasets_cache.sources import BundledSource
from datasets_cache.store import Cache
from datasets_cache.version import open_version, rows_by_id
from flows import cli
from flows.diff import compare
from flows.published import find_published
from flows.recipes import RECIPES, AugmentationPlan, TrainingPlan
from train.config import ImageEncoderConfig, OptimConfig, TextEncoderConfig
from train.finished import read_result

pytestmark = pytest.mark.usefixtures("prefect_server")

PLAN = AugmentationPlan(
    name="few",
    source=BundledSource(),
    sample=0.05,
    text=BackTranslationSpec(engine="bergamot", pivot="pt"),
    image=RandAugmentSpec(magnitude=9),
)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cache:
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    return Cache()


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture
def few_films(monkeypatch: pytest.MonkeyPatch, shared_cache: Path) -> str:
    """Id of the version of `PLAN`, made once for this module."""
    from flows.commands import run_augmentation

    monkeypatch.setenv("MMUDA_CACHE", str(shared_cache))
    return run_augmentation(PLAN)


def training_plan(version: str, runs: Path, **changes: object) -> TrainingPlan:
    plan = TrainingPlan(
        version=version,
        models=("bert",),
        text=TextEncoderConfig(name="embedded", max_tokens=24),
        image=ImageEncoderConfig(name="embedded"),
        optim=OptimConfig(max_epochs=1),
        runs=runs,
    )
    return plan.model_copy(update=changes)


async def newest_artifact(key: str) -> str:
    async with get_client() as client:
        found = await client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return str(max(found, key=lambda artifact: artifact.created).data)


async def artifact_rows(key: str) -> list[dict[str, object]]:
    return json.loads(await newest_artifact(key))


def test_augmentation_publishes_a_version_whose_views_belong_to_its_films(few_films: str):
    version = open_version(Cache(), few_films)
    films = version.films("train")["id"][:]
    text, image = version.text_views(), version.image_views()
    assert text is not None
    assert image is not None
    assert len(films) == 7  # 5 % of 140
    assert set(rows_by_id(text)) == set(rows_by_id(image)) == set(films)
    assert version.manifest.rows == {"train": 7, "validation": 1, "test": 2}


def test_a_second_run_publishes_nothing_and_is_known_to_be_done_beforehand(few_films: str):
    from flows.commands import run_augmentation

    cache = Cache()
    before = {manifest.id: manifest.created for manifest in cache.manifests("shelves")}
    assert find_published(PLAN, cache) == few_films
    assert run_augmentation(PLAN) == few_films
    assert {manifest.id: manifest.created for manifest in cache.manifests("shelves")} == before


def test_a_new_magnitude_makes_new_posters_and_translates_nothing(few_films: str):
    from flows.commands import run_augmentation

    first = open_version(Cache(), few_films)
    stronger = PLAN.model_copy(update={"image": RandAugmentSpec(magnitude=3)})
    assert find_published(stronger, Cache()) is None
    second = open_version(Cache(), run_augmentation(stronger))
    assert (first.sample.id, first.text and first.text.id) == (second.sample.id, second.text and second.text.id)
    assert first.image is not None
    assert second.image is not None
    assert first.image.id != second.image.id


def test_the_quality_of_the_plots_is_an_artifact_with_pairs_to_read(few_films: str):
    from flows.quality import as_markdown

    shown = asyncio.run(newest_artifact("quality"))
    assert shown == as_markdown(Cache(), few_films)
    version = open_version(Cache(), few_films)
    assert version.text
    quality = version.text.manifest.quality
    assert set(quality) >= {"sentences changed", "length ratio", "chrf", "bleu", "distinct-1", "distinct-2", "cosine"}
    worst = quality["pairs"]["worst"][0]
    assert worst["id"] in shown
    assert 0 < quality["cosine"] <= 1
    assert "### Worst pairs" in shown


def test_a_stored_script_in_a_plot_stays_text_on_the_page():
    from flows.page.markup import cell

    assert cell("<script>a|b</script> *x*") == "&lt;script&gt;a&#124;b&lt;/script&gt; &#42;x&#42;"


def test_the_difference_of_two_versions_names_settings_and_counts_plots_and_posters(few_films: str):
    from flows.commands import run_augmentation

    stronger = run_augmentation(PLAN.model_copy(update={"image": RandAugmentSpec(magnitude=3)}))
    found = compare(Cache(), few_films, stronger)
    assert found.settings == {"image.magnitude": (9.0, 3.0)}
    assert len(found.shared) == 2  # sample and text
    assert (found.films, found.plots, found.plots_differ, found.chrf) == (7, 7, 0, 100.0)
    assert found.posters == 7
    assert found.posters_differ > 0
    assert found.apart == ()


@pytest.mark.usefixtures("few_films")
def test_another_pivot_shares_sample_and_posters_and_leaves_the_first_version_alone(
    make_marian: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    first = open_version(Cache(), "latest")
    models = f"en-es={make_marian(1)},es-en={make_marian(2)}"
    chosen = ("--text.engine", "marian", "--text.pivot", "es", "--text.models", models, "--text.decoding", "greedy")
    cli.main(["augment", *chosen])  # options alone change the plan of the newest version
    second = open_version(Cache(), "latest")
    assert second.id != first.id
    assert (second.sample.id, second.image and second.image.id) == (first.sample.id, first.image and first.image.id)
    assert second.text
    assert second.text.manifest.spec["pivot"] == "es"
    assert open_version(Cache(), first.id).manifest == first.manifest
    capsys.readouterr()
    cli.main(["cache", "diff", first.id, second.id])
    said = capsys.readouterr().out
    assert re.search(r"text\.pivot\s+pt\s+es", said)
    assert first.sample.id in said


def test_a_damaged_shelf_is_found_discarded_and_made_again_byte_for_byte(few_films: str, capsys: pytest.CaptureFixture[str]):
    text = open_version(Cache(), few_films).text
    assert text
    path = next(text.folder.glob("*.arrow"))
    before = path.read_bytes()
    flipped = bytearray(before)
    flipped[len(flipped) // 2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(SystemExit):
        cli.main(["cache", "verify"])
    assert "--discard" in capsys.readouterr().err
    cli.main(["cache", "verify", "--discard"])
    assert find_published(PLAN, Cache()) is None
    from flows.commands import run_augmentation

    assert run_augmentation(PLAN) == few_films
    assert path.read_bytes() == before


def test_training_compares_the_cells_and_leaves_results_and_a_report(few_films: str, tmp_path: Path):
    from flows.commands import run_training

    *folders, page = run_training(training_plan(few_films, tmp_path))
    assert [(read_result(folder).model, read_result(folder).uda) for folder in folders] == [("bert", False), ("bert", True)]
    assert "BERT" in page.read_text()
    rows = json.loads((tmp_path / f"results-{few_films}.json").read_text())["rows"]
    assert len(rows) == 3  # two cells and the class priors
    assert asyncio.run(artifact_rows("results")) == rows


def test_a_failed_cell_does_not_lose_the_others_and_the_message_says_which_and_why(
    few_films: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from flows.commands import run_training

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no-weights"))
    image = ImageEncoderConfig(name="resnet18", weights="IMAGENET1K_V1")
    broken = training_plan(few_films, tmp_path, models=("bert", "resnet"), uda="off", image=image)
    with pytest.raises((ValueError, FailedRun), match=r"(?s)1 of 2 cells failed.*resnet18.*mmuda fetch"):
        run_training(broken)
    assert list(tmp_path.glob("bert-seed1-*/result.json"))


def test_text_that_needs_the_hub_names_repository_revision_and_the_three_ways_out(cache: Cache):
    from flows.commands import run_augmentation

    marian = PLAN.model_copy(update={"text": BackTranslationSpec(pivot="fr"), "image": None})
    expected = r"(?s)Helsinki-NLP/opus-mt-en-fr.*dd7f6540.*mmuda fetch.*--text\.models en-fr=PATH.*--text\.engine bergamot"
    with pytest.raises(ValueError, match=expected):
        run_augmentation(marian)
    assert cache.manifests("versions") == []


def test_embedded_encoders_replace_both_and_keep_every_other_setting():
    plan = RECIPES["mmimdb"]().training.model_copy(update={"encoders": "embedded"})
    cells = plan.cells("v")
    assert [(cell.model, cell.uda is not None) for cell in cells] == [
        ("bert", False), ("bert", True), ("resnet", False), ("resnet", True), ("mmbt", False), ("mmbt", True),
    ]  # fmt: skip
    assert {(cell.text.name, cell.image.name, cell.optim.head_learning_rate) for cell in cells} == {
        ("embedded", "embedded", 5e-3)
    }
    assert {(cell.text.max_tokens, cell.optim.learning_rate) for cell in cells} == {(512, 5e-5)}
    slower = plan.model_copy(update={"optim": OptimConfig(head_learning_rate=1e-3)})
    assert {cell.optim.head_learning_rate for cell in slower.cells("v")} == {1e-3}


def test_the_names_of_runs_say_what_runs():
    assert RECIPES["mmimdb"]().augmentation.summary() == "augment mmimdb 30% en→fr→en M5"
    assert RECIPES["demo"]().training.summary() == "train bert, resnet, mmbt · UDA both · seeds 1"
