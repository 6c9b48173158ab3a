"""A real process that trains is killed with SIGKILL in the middle of an epoch, and the next one ends where none was killed."""

import io
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close
from transformers import BertConfig, BertModel, BertTokenizer

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import publish
from train import export, history
from train.config import ImageEncoderConfig, OptimConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.finished import RESULT, run_folder
from train.launch import run_in_processes
from train.run import run_cell

SIZES = {"train": 10, "validation": 6, "test": 6}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(30))]

CHILD = """
import os, signal, sys
from pathlib import Path
import torch
from datasets_cache.store import Cache
from train.config import RunConfig
from train.run import run_cell

config, cache, runs, phase = sys.argv[1:]
torch.set_num_threads(1)

def track(batches, /, *, total, title, unit="films"):
    for number, batch in enumerate(batches):
        if title.endswith(phase) and number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch

run_cell(RunConfig.model_validate_json(Path(config).read_bytes()), cache=Cache(Path(cache)), runs=Path(runs), device="cpu",
         track=track, checkpoint_seconds=0)
"""


class Spec(Frozen):
    name: str = "tiny"


def poster(draw):
    file = io.BytesIO()
    Image.new("RGB", (256, 256), tuple(draw.randrange(256) for _ in range(3))).save(file, "JPEG")
    return file.getvalue()


def plot(draw):
    return " ".join(f"w{draw.randrange(30)}" for _ in range(draw.randrange(3, 9)))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A published version of 22 films with views of both kinds."""
    cache, draw = Cache(tmp_path_factory.mktemp("cache")), random.Random(0)
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, films in SIZES.items():
            for i in range(films):
                jpeg = poster(draw)
                row = {"id": f"{split}{i}", "title": f"Film {i}", "plot": plot(draw), "poster": jpeg, "poster_256": jpeg}
                genres = [["drama"], ["comedy"], ["drama", "comedy"]][draw.randrange(3)]
                stage.write(split, {**row, "genres": genres, "given_plot": None, "given_poster_256": None})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=("drama", "comedy")).id
    views = {}
    for kind, features in (("text", TEXT_VIEW_FEATURES), ("image", IMAGE_VIEW_FEATURES)):
        with cache.stage(kind, features) as stage:
            for i in range(SIZES["train"]):
                own = {"plot": plot(draw), "sentences": 1, "kept": []} if kind == "text" else {"poster_256": poster(draw)}
                stage.write("train", {"id": f"train{i}", "view": 0, **own})
            views[kind] = stage.publish(shelf_id(kind, Spec(), [sample]), spec=Spec(), parents=[sample]).id
    publish(cache, name="tiny", sample=sample, **views)
    return cache


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return make_bert(tmp_path_factory.mktemp("bert"), dropout=0.1)


def make_bert(folder, *, dropout):
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    off = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    with torch.random.fork_rng():
        torch.manual_seed(3)  # whether and when the phases change depends on the first weights
        BertModel(BertConfig(vocab_size=len(WORDS), **size, **off)).save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)}).save_pretrained(folder)
    return folder


def train(config, cache, runs, *, killed_in="nothing"):
    """Exit status of a process that trains, or kills itself with the fourth batch of a phase in hand."""
    file = runs / "given.json"
    runs.mkdir(exist_ok=True)
    file.write_text(config.model_dump_json())
    command = [sys.executable, "-c", CHILD, file, cache.root, runs, killed_in]
    # the root of the project on the path, as an installed package is
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(list(map(str, command)), env=environment, check=False, timeout=200).returncode


@pytest.mark.parametrize("model", ["bert", *(pytest.param(one, marks=pytest.mark.slow) for one in ("resnet", "mmbt"))])
def test_a_process_killed_within_an_epoch_of_each_phase_ends_where_an_undisturbed_one_does(cache, bert, tmp_path, model):
    optim = OptimConfig(batch_size=2, accumulation=2, learning_rate=1e-3, max_epochs=4, patience=1, warmup_epochs=1.5)
    config = RunConfig(
        version=cache.manifests("versions")[0].id,
        model=model,
        uda=UdaConfig(weight=200.0),  # no gain after the first epochs, so that the phases change
        text=TextEncoderConfig(name=str(bert), max_tokens=16),
        image=ImageEncoderConfig(name="resnet18", weights="random"),
        optim=optim,
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(config, cache, whole) == 0
    assert {epoch.phase for epoch in history.read(run_folder(config, whole))} == {"uda", "plain"}
    for phase in ("uda", "plain"):
        assert train(config, cache, parts, killed_in=phase) == -signal.SIGKILL
        checkpoints = sorted(path.name for path in (run_folder(config, parts) / "checkpoints").iterdir())
        assert checkpoints[-1].endswith("+000002")  # killed with the fourth batch in hand, after one step of two batches
    assert train(config, cache, parts) == 0

    def outcome(runs):
        folder = run_folder(config, runs)
        epochs = [epoch.model_dump(exclude={"seconds", "waiting"}) for epoch in history.read(folder)]
        result = json.loads((folder / RESULT).read_text())
        weights = {path.name: path.read_bytes() for path in sorted((folder / "model").rglob("*.safetensors"))}
        return epochs, {**result, "seconds": None, "path": None}, weights

    assert outcome(whole) == outcome(parts)


@pytest.mark.parametrize("batch_size", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_two_processes_train_the_model_that_one_does(cache, tmp_path, batch_size):
    # every batch is shared out and gradients are averaged, weighted by films: the same steps but for rounding. Of 10 films in
    # batches of 3 the last has 1, which one process alone has; in batches of 2 each process has one film of each
    bert = make_bert(tmp_path / "bert", dropout=0.0)
    config = RunConfig(
        version=cache.manifests("versions")[0].id,
        model="bert",
        uda=UdaConfig(),
        text=TextEncoderConfig(name=str(bert), max_tokens=16),
        optim=OptimConfig(batch_size=batch_size, max_epochs=2, learning_rate=1e-3, dropout=0.0),
    )
    alone = run_cell(config, cache=cache, runs=tmp_path / "one", device="cpu")
    shared = run_in_processes(config, processes=2, cache=cache, runs=tmp_path / "two", device="cpu")
    for one, other in zip(history.read(alone.path), history.read(shared.path), strict=True):
        assert other.supervised == pytest.approx(one.supervised, abs=0.05)
    weights = [export.load(result.path / "model")[0].state_dict() for result in (alone, shared)]
    assert_close(*weights, atol=1e-4, rtol=0)
