import io
import json
import math
import random

import pytest
import torch
from filelock import FileLock
from huggingface_hub import ModelCard
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import open_version, publish
from train import export, history, predictions, run
from train.compare import class_priors
from train.config import OptimConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.data import open_data
from train.evaluation import evaluate, predict_split
from train.finished import damaged, find_finished, find_results, run_folder
from train.hardware import accelerator
from train.run import run_cell

GENRES = ("drama", "comedy")
SIZES = {"train": 12, "validation": 8, "test": 8}


class Spec(Frozen):
    name: str = "tiny"


class InterruptionError(Exception):
    pass


POSTER = io.BytesIO()
Image.new("RGB", (256, 256), (200, 60, 90)).save(POSTER, "JPEG")
POSTER = POSTER.getvalue()


def plot(number, draw):
    return " ".join(f"w{draw.randrange(8) + 6 * (number % 3 == 0)}" for _ in range(6))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A published version of 28 films: plots of comedies begin with other words than those of dramas."""
    cache, draw = Cache(tmp_path_factory.mktemp("cache")), random.Random(0)
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, films in SIZES.items():
            for i in range(films):
                genres = ["drama"] if i % 3 else ["comedy"]
                row = {"id": f"{split}{i}", "title": f"Film {i}", "plot": plot(i, draw), "poster": POSTER, "poster_256": POSTER}
                stage.write(split, {**row, "genres": genres, "given_plot": None, "given_poster_256": None})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=GENRES).id
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for i in range(SIZES["train"]):
            stage.write("train", {"id": f"train{i}", "view": 0, "plot": plot(i, draw), "sentences": 1, "kept": []})
        text = stage.publish(shelf_id("text", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    publish(cache, name="tiny", sample=sample, text=text, image=None)
    return cache


@pytest.fixture
def config(cache, tiny_bert):
    optim = OptimConfig(batch_size=4, max_epochs=3, patience=2, learning_rate=1e-3)
    text = TextEncoderConfig(name=str(tiny_bert), max_tokens=16)
    return RunConfig(version=cache.manifests("versions")[0].id, model="bert", uda=UdaConfig(), text=text, optim=optim)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads only stand in each other's way on tensors of a few numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def cell(config, cache, runs, **more):
    return run_cell(config, cache=cache, runs=runs, device="cpu", **more)


def without_seconds(result):
    return result.model_dump(exclude={"seconds", "path"})


def test_a_cell_leaves_what_its_result_says_and_no_checkpoint(cache, config, tmp_path):
    result = cell(config, cache, tmp_path)
    folder = tmp_path / result.run
    assert result.path == folder
    assert result.run.startswith("bert+uda-seed1-")
    assert {path.name for path in folder.iterdir()} == {
        ".lock",
        "SHA256SUMS",
        "config.json",
        "epochs.jsonl",
        "model",
        "test-predictions.safetensors",
        "result.json",
    }
    assert RunConfig.model_validate_json((folder / "config.json").read_bytes()) == config
    epochs = history.read(folder)
    assert result.epochs == len(epochs)
    assert result.validation.ap_micro == max(epoch.validation.ap_micro for epoch in epochs)
    assert [epoch.epoch for epoch in epochs if epoch.best][-1] == result.best_epoch


def test_the_saved_weights_give_the_reported_test_scores(cache, config, tmp_path):
    optim = config.optim.model_copy(update={"learning_rate": 0.02, "max_epochs": 6, "patience": 3})
    config = config.model_copy(update={"optim": optim})
    result = cell(config, cache, tmp_path)
    assert result.best_epoch < result.epochs  # else the last weights would do as well
    assert result.validation.ap_micro == max(epoch.validation.ap_micro for epoch in history.read(result.path))
    model, exported, genres = export.load(result.path / "model")
    assert (exported, genres) == (config, GENRES)
    batches = open_data(open_version(cache, config.version), config).evaluation("test")
    with accelerator(device=torch.device("cpu")) as made:
        assert evaluate(model, batches, genres=GENRES, accelerator=made, where="test") == result.test


def test_the_saved_predictions_are_those_of_the_test_films(cache, config, tmp_path):
    saved = predictions.load(cell(config, cache, tmp_path).path / predictions.TEST)
    assert sorted(saved.ids) == sorted(f"test{i}" for i in range(SIZES["test"]))
    assert saved.genres == GENRES
    for film, labels in zip(saved.ids, saved.labels_BG.tolist(), strict=True):
        assert labels == ([1, 0] if int(film.removeprefix("test")) % 3 else [0, 1])


def test_a_finished_run_is_returned_without_training(cache, config, tmp_path):
    first = cell(config, cache, tmp_path)
    trained = []
    assert cell(config, cache, tmp_path, on_epoch=trained.append) == first
    assert trained == []
    assert find_finished(config, tmp_path) == first
    assert find_finished(config.model_copy(update={"seed": 2}), tmp_path) is None


def test_a_cell_does_not_depend_on_the_callers_random_numbers(cache, config, tmp_path):
    torch.manual_seed(1)
    one = cell(config, cache, tmp_path / "one")
    torch.manual_seed(2)
    other = cell(config, cache, tmp_path / "other")
    assert without_seconds(one) == without_seconds(other)
    assert without_seconds(cell(config.model_copy(update={"seed": 2}), cache, tmp_path / "one")) != without_seconds(one)


def test_a_moved_run_knows_where_it_lies(cache, config, tmp_path):
    first = cell(config, cache, tmp_path / "runs")
    (tmp_path / "runs").rename(tmp_path / "moved")
    assert [result.path for result in find_results(tmp_path / "moved")] == [tmp_path / "moved" / first.run]


def test_an_interrupted_cell_continues_to_the_very_same_result(cache, config, tmp_path):
    def stop(measured):
        if measured.epoch == 2:
            raise InterruptionError

    whole = cell(config, cache, tmp_path / "whole")
    with pytest.raises(InterruptionError):
        cell(config, cache, tmp_path / "parts", on_epoch=stop)
    torch.manual_seed(12345)
    trained = []
    parts = cell(config, cache, tmp_path / "parts", on_epoch=lambda measured: trained.append(measured.epoch))
    assert trained == [3]
    assert without_seconds(parts) == without_seconds(whole)
    for name in ("text/model.safetensors", "head.safetensors"):
        assert (parts.path / "model" / name).read_bytes() == (whole.path / "model" / name).read_bytes()


def test_a_run_stopped_while_testing_is_tested_without_training_again(cache, config, tmp_path, monkeypatch):
    def interrupted(*_args, where, **more):
        if where.startswith("test"):
            raise InterruptionError
        return predict_split(*_args, where=where, **more)

    with monkeypatch.context() as patched:
        patched.setattr(run, "predict_split", interrupted)
        with pytest.raises(InterruptionError):
            cell(config, cache, tmp_path)
    trained = []
    result = cell(config, cache, tmp_path, on_epoch=trained.append)
    assert trained == []
    assert result.epochs == 3


def test_an_interrupted_cell_can_start_afresh(cache, config, tmp_path):
    def stop(_measured):
        raise InterruptionError

    with pytest.raises(InterruptionError):
        cell(config, cache, tmp_path, on_epoch=stop)
    trained = []
    cell(config, cache, tmp_path, on_epoch=lambda measured: trained.append(measured.epoch), continue_interrupted=False)
    assert trained == [1, 2, 3]


def test_the_test_split_is_read_once_and_last(cache, config, tmp_path, monkeypatch):
    asked = []

    def recording(*args, where, **more):
        asked.append(where)
        return predict_split(*args, where=where, **more)

    monkeypatch.setattr(run, "predict_split", recording)
    monkeypatch.setattr("train.evaluation.predict_split", recording)
    cell(config, cache, tmp_path)
    assert asked[-1] == "test, best weights"
    assert sum(where.startswith("test") for where in asked) == 1


def test_a_cell_leaves_the_callers_random_numbers_alone(cache, config, tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    cell(config.model_copy(update={"uda": None}), cache, tmp_path)
    assert torch.equal(torch.rand(3), expected)


def test_another_process_on_the_same_run_is_refused(cache, config, tmp_path):
    folder = run_folder(config, tmp_path)
    folder.mkdir()
    with FileLock(folder / ".lock"), pytest.raises(ValueError, match="another process trains this run"):
        cell(config, cache, tmp_path)


def test_configurations_have_folders_of_their_own(config, tmp_path):
    variants = [
        config,
        config.model_copy(update={"uda": None}),
        config.model_copy(update={"uda": UdaConfig(weight=2)}),
        config.model_copy(update={"seed": 2}),
        config.model_copy(update={"version": "other-1"}),
    ]
    names = [run_folder(variant, tmp_path).name for variant in variants]
    assert len(set(names)) == 5
    assert names[1].startswith("bert-seed1-")


def test_results_are_found_by_version_and_a_damaged_one_is_named(cache, config, tmp_path):
    result = cell(config, cache, tmp_path)
    assert find_results(tmp_path) == find_results(tmp_path, version=config.version) == [result]
    assert find_results(tmp_path, version="other") == []
    assert find_results(tmp_path / "nowhere") == []
    path = result.path / "result.json"
    path.write_text(json.dumps({"run": 1}))
    with pytest.raises(ValueError, match=r"result\.json: not a result .*Remove"):
        find_results(tmp_path)


def test_a_flipped_bit_in_a_file_of_a_finished_run_is_noticed_and_named(cache, config, tmp_path):
    folder = cell(config, cache, tmp_path).path
    assert damaged(folder) == []
    for name in ("config.json", "epochs.jsonl", "test-predictions.safetensors", "model/text/model.safetensors"):
        content = bytearray((folder / name).read_bytes())
        content[-9] ^= 4
        (folder / name).write_bytes(content)
        assert damaged(folder) == [name]
        if "/" not in name:
            with pytest.raises(ValueError, match=rf"{name}: not what was written.*Remove"):
                find_finished(config, tmp_path)
        content[-9] ^= 4
        (folder / name).write_bytes(content)
    assert find_finished(config, tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error_with_a_cure(cache, config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="choose another folder"):
        cell(config, cache, tmp_path / "file")


def test_tensorboard_reads_every_number_of_every_epoch(cache, config, tmp_path):
    result = cell(config, cache, tmp_path, trackers=("tensorboard",))
    expected: dict[str, list[tuple[int, float]]] = {}
    for line in map(json.loads, (result.path / "epochs.jsonl").read_text().splitlines()):
        nested = {f"{part}/{name}": value for part in ("validation", "ogr") for name, value in line[part].items()}
        for tag, value in {**line, **nested}.items():
            if isinstance(value, float):
                expected.setdefault(tag, []).append((line["epoch"], value))
    events = EventAccumulator(str(result.path / "tensorboard" / "mmuda")).Reload()
    assert set(events.Tags()["scalars"]) == set(expected)
    assert {"validation/ap_micro", "consistency_weight", "gap", "ogr/model"} <= set(expected)
    for tag, values in expected.items():
        found = [(scalar.step, scalar.value) for scalar in events.Scalars(tag)]
        assert [step for step, _ in found] == [epoch for epoch, _ in values]
        assert [value for _, value in found] == pytest.approx([value for _, value in values], rel=1e-5, abs=1e-6)


def test_the_model_of_a_finished_run_has_a_card_with_its_scores_and_its_data(cache, config, tmp_path):
    result = cell(config, cache, tmp_path)
    card = ModelCard.load(result.path / "model" / "README.md")
    found = {one.metric_name: one.metric_value for one in card.data.eval_results}
    assert found["average precision, micro (test)"] == pytest.approx(result.test.ap_micro, abs=1e-4)
    version = open_version(cache, config.version)
    assert version.text
    assert all(f"`{name}`" in card.text for name in (version.id, version.sample.id, version.text.id))


def test_class_priors_rank_genres_by_their_training_frequency(cache, config):
    # train: 8 of 12 films are dramas, 4 comedies. test: 5 of 8 and 3. So all dramas rank first: precision 5/8 up to recall 5/8,
    # then 8/16 for the rest: 25/64 + 12/64 = 37/64. Per genre one tie: 5/8 and 3/8, mean 1/2.
    priors = class_priors(open_version(cache, config.version))
    assert priors.ap_micro == pytest.approx(37 / 64)
    assert priors.ap_by_genre == {"drama": pytest.approx(5 / 8), "comedy": pytest.approx(3 / 8)}
    # p = 2/3 and 1/3: dramas lose 5/8 ln 3/2 + 3/8 ln 3, comedies the same
    assert priors.loss == pytest.approx(5 / 8 * math.log(3 / 2) + 3 / 8 * math.log(3))
