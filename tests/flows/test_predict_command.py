"""`mmuda predict` and `mmuda evaluate` on exported models of tiny random encoders."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import BertConfig, BertModel, BertTokenizer

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import open_version, publish
from flows import run_commands, terminal
from flows.command_line import command_of, source_of
from flows.given import take_config
from train import export
from train.config import ImageEncoderConfig, RunConfig, TextEncoderConfig
from train.models import build
from train.predict import evaluate_run, predict

GENRES = ("drama", "comedy", "horror")
PLOT = "a storm, a ship - and a letter"


class Spec(Frozen):
    name: str = "tiny"


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a `bert` and two `mmbt` run directories that hold their exported models."""
    root = tmp_path_factory.mktemp("runs")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "and", "storm", "ship", "letter", ",", "-"]
    tiny = tmp_path_factory.mktemp("tiny-bert")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        BertModel(BertConfig(vocab_size=len(words), initializer_range=0.3, **shape)).save_pretrained(tiny)
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(tiny)
    for name, model in (("bert-seed1-abc", "bert"), ("mmbt-seed1-abc", "mmbt"), ("mmbt-seed2-abc", "mmbt")):
        config = RunConfig(
            version="v",
            model=model,
            text=TextEncoderConfig(name=str(tiny), max_tokens=16),
            image=ImageEncoderConfig(name="resnet18", weights="random"),
        )
        (root / name).mkdir()
        export.save(build(config, genres=3), config, genres=GENRES, folder=root / name / "model")
    return root


@pytest.fixture(scope="module")
def poster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("poster") / "a poster, with commas.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """The default cache, with a version that knows two of the genres and one more."""
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    cache, square = Cache(), io.BytesIO()
    Image.new("RGB", (256, 256), (200, 60, 90)).save(square, "JPEG")
    pictures = {"poster": square.getvalue(), "poster_256": square.getvalue()}
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            for number, genres in enumerate((["drama"], ["western"], ["drama", "comedy"])):
                texts = {"title": "A film", "plot": "a ship and a storm " * (1 + 2 * number), "given_plot": None}
                row = {"id": f"{split}{number}", **texts, **pictures, "genres": genres, "given_poster_256": None}
                stage.write(split, row)
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=("western", "drama", "comedy")).id
    publish(cache, name="tiny", sample=sample, text=None, image=None)
    return cache


def run(*arguments: str) -> None:
    """Run a command as the command line does; its errors come through."""
    rest, recipes = take_config(arguments)
    command_of(rest, source_of(recipes, only=rest[0]))()


@pytest.mark.parametrize(
    "plot",
    [
        "text - with, commas",
        "- begins with a dash",
        '"Quoted", she said; it\'s 100 %.',
        "[a, list]",
        '{"a": "mapping"}',
        "1,2",
        "a=b, --runs=elsewhere",
    ],
)
def test_a_plot_arrives_as_it_was_typed(plot: str, runs: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    monkeypatch.setattr(run_commands, "predict", lambda _run, *, plot, **_more: asked.append(plot))
    run("predict", "bert", "--runs", str(runs), "--plot", plot)
    run("predict", "bert", "--runs", str(runs), f"--plot={plot}")
    assert asked == [plot, plot]


def test_a_plot_of_several_lines_arrives_whole(runs: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    monkeypatch.setattr(run_commands, "predict", lambda _run, *, plot, **_more: asked.append(plot))
    run("predict", "bert", "--runs", str(runs), "--plot", "one\ntwo, three\n")
    assert asked == ["one\ntwo, three\n"]


def test_genres_are_printed_with_their_probabilities_the_most_probable_first(
    runs: Path, poster: Path, capsys: pytest.CaptureFixture[str]
):
    run("predict", "mmbt-seed1", "--runs", str(runs), "--plot", PLOT, "--poster", str(poster))
    found = predict(runs / "mmbt-seed1-abc", plot=PLOT, poster=poster)
    shown = re.findall(r"^(\w+) +(0\.\d+) +(█*)", capsys.readouterr().out, re.MULTILINE)
    # a bar of 24 signs would be certainty
    assert shown == [(genre, f"{share:.3f}", "█" * round(24 * share)) for genre, share in found]


def test_json_holds_what_the_model_said_to_the_last_digit(runs: Path, capsys: pytest.CaptureFixture[str]):
    run("predict", str(runs / "bert-seed1-abc"), "--plot", PLOT, "--json")
    found = json.loads(capsys.readouterr().out)
    assert [(row["genre"], row["probability"]) for row in found] == predict(runs / "bert-seed1-abc", plot=PLOT)


def test_a_cut_plot_is_said_beside_the_json(runs: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]):
    run("predict", "bert", "--runs", str(runs), "--plot", "a ship " * 20, "--json")
    assert "longer than the 16 tokens" in caplog.text
    assert len(json.loads(capsys.readouterr().out)) == 3


def test_scores_on_another_version_are_printed_with_the_genres_left_out(
    runs: Path, cache: Cache, capsys: pytest.CaptureFixture[str]
):
    run("evaluate", "bert", "--cache", "tiny", "--runs", str(runs), "--device", "cpu")
    output = capsys.readouterr().out
    scores = evaluate_run(runs / "bert-seed1-abc", open_version(cache, "tiny"), device="cpu").scores
    assert "3 films, test of tiny-" in output
    assert re.search(rf"AP micro +{scores.ap_micro:.1%}", output)
    assert re.search(rf"AP macro +{scores.ap_macro:.1%}", output)
    assert re.search(rf"F1 micro +{scores.f1_micro:.1%}", output)
    assert re.search(rf"loss +{scores.loss:.4f}", output)
    assert re.search(rf"comedy +{scores.ap_by_genre['comedy']:.1%} +█", output)
    assert "Known to the model alone, and left out: horror" in output
    assert "In the version alone, and left out: western" in output
    # 5, 15 and 25 words; 14 fit beside [CLS] and [SEP]
    assert "Plots that lost their end at the token limit: 2" in output


def test_scores_as_json_are_all_that_is_printed(
    runs: Path, cache: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(terminal, "SECONDS_BETWEEN_LINES", -1.0)
    run("evaluate", "bert", "--split", "validation", "--runs", str(runs), "--device", "cpu", "--json")
    expected = evaluate_run(runs / "bert-seed1-abc", open_version(cache, "tiny"), split="validation", device="cpu")
    assert json.loads(capsys.readouterr().out) == json.loads(expected.model_dump_json())


def test_a_run_is_named_by_its_path_its_name_or_the_beginning_of_it(runs: Path, monkeypatch: pytest.MonkeyPatch):
    assert run_commands.find_run("bert", runs) == runs / "bert-seed1-abc"
    assert run_commands.find_run("mmbt-seed2-abc", runs) == runs / "mmbt-seed2-abc"
    monkeypatch.chdir(runs.parent)
    assert run_commands.find_run(f"{runs.name}/bert-seed1-abc", Path("elsewhere")).resolve() == runs / "bert-seed1-abc"


def test_a_name_that_fits_no_run_or_several_lists_what_there_is(runs: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"several begin like that: \['mmbt-seed1-abc', 'mmbt-seed2-abc'\]"):
        run_commands.find_run("mmbt", runs)
    with pytest.raises(ValueError, match=r"resnet: no such folder.*there is \['bert-seed1-abc', 'mmbt-seed1-abc'"):
        run_commands.find_run("resnet", runs)
    with pytest.raises(ValueError, match="none yet; `mmuda train` makes them"):
        run_commands.find_run("bert", tmp_path / "nowhere")


def test_an_unknown_version_is_named(runs: Path, cache: Cache):
    assert cache.manifests("versions")
    with pytest.raises(ValueError, match="no single cache version 'nothing'"):
        run("evaluate", "bert", "--cache", "nothing", "--runs", str(runs))
