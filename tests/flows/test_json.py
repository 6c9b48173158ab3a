"""`--json` on every command that lists something: JSON, alone on standard output."""

import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import BertConfig, BertModel, BertTokenizer

from datasets_cache import version as versions
from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from flows import cli, serve_check
from flows.arguments import all_parsers, commands_of
from flows.command_line import source_of
from flows.recipes import RECIPES
from train import export, predictions
from train.config import RunConfig, TextEncoderConfig
from train.metrics import scores
from train.models import build
from train.predictions import Predictions
from train.records import RunResult

GENRES = ("drama", "comedy")
COMMANDS = {
    "cache ls": [],
    "cache show": [],
    "cache diff": ["first", "second"],
    "cache verify": [],
    "cache gc": ["--dry-run"],
    "cache export": ["first", "--to", "exported"],
    "config recipes": [],
    "compare": ["runs"],
    "predict": ["bert", "--runs", "runs", "--plot", "a storm"],
    "evaluate": ["bert", "--runs", "runs", "--cache", "first", "--device", "cpu"],
    "doctor": ["--offline"],
    "serve": ["--check"],
    "sweep": [],
}
"""What each command is given besides `--json`."""


class Spec(Frozen):
    """Settings of a made-up sample."""

    name: str


def publish(cache: Cache, name: str, plot: str) -> str:
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), "red").save(picture, "JPEG")
    images = {"poster": picture.getvalue(), "poster_256": picture.getvalue(), "given_poster_256": None}
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            for film, genres in enumerate((["drama"], ["drama", "comedy"])):
                row = {"id": f"{split}{film}", "title": "A film", "plot": plot, "given_plot": None, "genres": genres}
                stage.write(split, row | images)
        sample = stage.publish(shelf_id("sample", Spec(name=name)), spec=Spec(name=name), genres=GENRES).id
    return versions.publish(cache, name=name, sample=sample, text=None, image=None).id


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cache of two versions, and a finished run of a tiny BERT on the first."""
    root = tmp_path_factory.mktemp("json")
    version = publish(Cache(root / "cache"), "first", "a storm")
    publish(Cache(root / "cache"), "second", "a ship")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "storm", "ship"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        BertModel(BertConfig(vocab_size=len(words), **shape)).save_pretrained(root / "tiny")
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(root / "tiny")
    config = RunConfig(version=version, model="bert", text=TextEncoderConfig(name=str(root / "tiny"), max_tokens=16))
    folder = root / "runs" / "bert-seed1-abc"
    folder.mkdir(parents=True)
    export.save(build(config, genres=2), config, genres=GENRES, folder=folder / "model")
    logits, labels = torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    predictions.save(folder / predictions.TEST, Predictions(("test0", "test1"), GENRES, logits, labels))
    found = scores(logits, labels, genres=GENRES)
    result = RunResult(
        run=folder.name, version=version, model="bert", uda=False, seed=1, config=config, genres=GENRES, best_epoch=1,
        epochs=1, train=found, validation=found, test=found, seconds=1.0, path=folder,
    )  # fmt: skip
    (folder / "result.json").write_text(result.model_dump_json())
    return root


def test_every_command_that_knows_json_is_tried_here():
    parser = source_of({"demo": RECIPES["demo"]()}).root_parser
    leaves = [one for one in all_parsers(parser) if not commands_of(one) and "--json" in one.format_help()]
    assert {one.prog.removeprefix("mmuda ") for one in leaves} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_alone_on_standard_output(
    command: str, place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(place)
    monkeypatch.setenv("MMUDA_CACHE", "cache")
    monkeypatch.setenv("PREFECT_HOME", str(place / "prefect"))
    if command == "sweep":
        monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
        monkeypatch.setattr(serve_check, "answers", lambda _url, own: True)  # noqa: ARG005
        monkeypatch.setattr("flows.sweep.sweep", lambda _cache, own_server: ["A run is dead."])  # noqa: ARG005
    try:
        cli.main([*command.split(), *COMMANDS[command], "--json"])
    except SystemExit as ended:
        assert ended.code in (0, cli.FOUND_PROBLEMS)  # noqa: PT017
    said = json.loads(capfd.readouterr().out)
    assert said


def test_serving_itself_has_no_json(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", "--json"])
    assert ended.value.code == cli.USER_MISTAKE
    assert "--check" in capsys.readouterr().err


def test_a_damaged_file_is_in_the_json_and_the_exit_status(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MMUDA_CACHE", str(place / "cache"))
    folder = next(Cache().root.glob("shelves/sample-*"))
    before = (folder / "test.arrow").read_bytes()
    (folder / "test.arrow").write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main(["cache", "verify", "--json"])
    finally:
        (folder / "test.arrow").write_bytes(before)
    assert ended.value.code == cli.FOUND_PROBLEMS
    problems = {shelf["id"]: shelf["problems"] for shelf in json.loads(capsys.readouterr().out)["shelves"]}
    assert "test.arrow" in problems[folder.name][0]
    assert [shelf for shelf, found in problems.items() if found] == [folder.name]
