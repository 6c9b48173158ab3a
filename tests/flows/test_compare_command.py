"""`mmuda compare`: which runs, what is printed, what is written."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets_cache import version as versions
from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from flows.compare_cli import CompareCommand, compare
from train import predictions
from train.config import RunConfig, TextEncoderConfig, UdaConfig
from train.metrics import scores
from train.predictions import Predictions
from train.records import RunResult

GENRES = ("drama", "comedy")
FILMS = 30


class Spec(Frozen):
    """Settings of a made-up shelf."""

    number: int = 1


def labels():
    return torch.tensor([[1.0, number % 2] for number in range(FILMS)])


@pytest.fixture
def make_version(tmp_path, monkeypatch):
    """Publishes a version of thirty test films, and as many to train and validate."""
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    cache = Cache()

    def make(name="made", number=1):
        with cache.stage("sample", SAMPLE_FEATURES) as stage:
            for split in ("train", "validation", "test"):
                for film in range(FILMS):
                    row = {"id": f"{split}{film:02}", "title": "", "plot": f"w{film} " * 3, "poster": b"", "poster_256": b""}
                    row |= {"genres": ["drama", "comedy"] if film % 2 else ["drama"]}
                    stage.write(split, row | {"given_plot": None, "given_poster_256": None})
            spec = Spec(number=number)
            sample = stage.publish(shelf_id("sample", spec), spec=spec, genres=GENRES).id
        return versions.publish(cache, name=name, sample=sample, text=None, image=None).id

    return make


def finished_run(runs: Path, version, *, uda=None, skill=1.0, seed=1, text=None):
    config = RunConfig(version=version, model="bert", uda=uda, seed=seed, text=text or TextEncoderConfig())
    folder = runs / f"bert{'+uda' if uda else ''}-seed{seed}-{version}"
    folder.mkdir(parents=True)
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(FILMS, 2))).float() + skill * labels()
    ids = tuple(f"test{film:02}" for film in range(FILMS))
    predictions.save(folder / predictions.TEST, Predictions(ids, GENRES, logits, labels()))
    found = scores(logits, labels(), genres=GENRES)
    result = RunResult(
        run=folder.name, version=version, model="bert", uda=uda is not None, seed=seed, config=config, genres=GENRES,
        best_epoch=1, epochs=2, train=found, validation=found, test=found, seconds=1.0, path=folder,
    )  # fmt: skip
    (folder / "result.json").write_text(result.model_dump_json())
    return result


@pytest.fixture
def pair(tmp_path, make_version):
    """Folder of a base and a better one with UDA."""
    version, runs = make_version(), tmp_path / "runs"
    finished_run(runs, version)
    finished_run(runs, version, uda=UdaConfig(), skill=3.0)
    return runs


def run(runs, **options):
    return compare(CompareCommand(runs=[runs], resamples=100, **options))


def test_tables_and_the_plain_sentence_are_printed(pair, capsys):
    outcome = run(pair)
    printed = capsys.readouterr().out
    assert "Test average precision, %" in printed
    assert "UDA − base on the test split, points" in printed
    assert outcome.effects[0].sentence in printed
    assert "the seed: of one seed" in printed


def test_json_is_alone_on_standard_output_and_holds_rows_effects_and_runs(pair, capsys):
    run(pair, json=True)
    found = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in found["rows"]] == ["BERT", "BERT + UDA", "class priors"]
    assert found["effects"][0]["ap_micro"]["interval"]["p"] <= 1
    assert len(found["runs"]) == 2


def test_the_ending_of_the_output_says_what_is_written(pair, tmp_path):
    outcome = run(pair, output=tmp_path / "pages" / "table.md")
    written = (tmp_path / "pages" / "table.md").read_text()
    assert written.startswith("| model | AP macro |")
    assert f"- {outcome.effects[0].sentence}\n" in written
    run(pair, output=tmp_path / "table.json")
    assert json.loads((tmp_path / "table.json").read_text()) == outcome.as_json()
    with pytest.raises(ValueError, match="ending"):
        run(pair, output=tmp_path / "table.html")


def test_the_newest_runs_version_is_compared_unless_another_is_named(pair, make_version):
    first = json.loads((next(pair.glob("*/result.json"))).read_text())["version"]
    other = make_version(name="other", number=2)
    finished_run(pair, other)
    assert run(pair).comparison.version == other
    assert run(pair, version="made").comparison.version == first


def test_a_run_of_an_earlier_format_is_named_and_left_out(pair, capsys):
    old = pair / "bert-seed2-old"
    old.mkdir()
    kept = json.loads(next(pair.glob("*/result.json")).read_text())
    (old / "result.json").write_text(json.dumps({key: value for key, value in kept.items() if key != "config"}))
    assert len(run(pair).results) == 2
    assert "Left out" in (said := capsys.readouterr().err)
    assert "bert-seed2-old" in said


def test_nothing_to_compare_is_an_error_with_a_cure(tmp_path):
    with pytest.raises(ValueError, match="mmuda train"):
        run(tmp_path)


def test_a_yardstick_is_computed_once_and_found_from_then_on(tmp_path, make_version, tiny_text):
    version, runs = make_version(), tmp_path / "runs"
    finished_run(runs, version, text=tiny_text)
    assert [row.kind for row in run(runs).comparison.rows] == ["model", "priors"]
    with_it = run(runs, yardstick=True)
    assert [row.kind for row in with_it.comparison.rows] == ["model", "yardstick", "priors"]
    [kept] = runs.glob(f"yardstick-{version}-*.json")
    before = kept.stat().st_mtime_ns
    assert run(runs, yardstick=True).as_json() == run(runs).as_json() == with_it.as_json()
    assert kept.stat().st_mtime_ns == before


@pytest.fixture(scope="module")
def tiny_text(tmp_path_factory):
    """A one-layer BERT of width 16 with random weights."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(FILMS))]
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}, do_lower_case=True).save_pretrained(folder)
    return TextEncoderConfig(name=str(folder), max_tokens=32)
