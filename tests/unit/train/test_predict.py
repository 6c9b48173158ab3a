"""Asking a trained model: about one film, and about the films of a version."""

import io
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import average_precision_score

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version, publish
from train import export, posters
from train.config import ComputeConfig, ImageEncoderConfig, ModelName, OptimConfig, RunConfig, TextEncoderConfig
from train.models import build, image_encoder, text_encoder
from train.predict import evaluate_run, find_model, predict
from train.records import Inputs
from train.run import run_cell

GENRES = ("drama", "comedy", "horror")
PLOT = "w3 w4 w11 w29"
MAX_TOKENS = 16


class Spec(Frozen):
    name: str


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def configured(model: ModelName, tiny_bert: Path, version: str = "v") -> RunConfig:
    return RunConfig(
        version=version,
        model=model,
        text=TextEncoderConfig(name=str(tiny_bert), max_tokens=MAX_TOKENS),
        image=ImageEncoderConfig(name="resnet18", weights="random"),
        optim=OptimConfig(max_epochs=1, learning_rate=1e-3),
    )


@pytest.fixture(scope="module")
def models(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """An exported model of each kind."""
    folders: dict[str, Path] = {}
    for name in ("bert", "resnet", "mmbt"):
        config, folders[name] = configured(name, tiny_bert), tmp_path_factory.mktemp("models") / name
        export.save(build(config, genres=len(GENRES)), config, genres=GENRES, folder=folders[name])
    return folders


@pytest.fixture(scope="module")
def poster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("poster") / "poster.png"
    Image.linear_gradient("L").resize((300, 444)).convert("RGB").save(path)
    return path


def film(folder: Path, *, plot: str | None = None, poster: Path | None = None, special_tokens: bool = False) -> Inputs:
    """The inputs of one film, by the tokenizer and the reader of posters themselves."""
    tokens = mask = image = None
    if plot is not None:
        tokenizer = text_encoder.load_tokenizer(name=str(folder / "text"), revision=None)
        tokens = torch.tensor([tokenizer.encode(plot, add_special_tokens=special_tokens)])
        mask = torch.ones_like(tokens)
    if poster is not None:
        mean, std = image_encoder.IMAGENET_MEAN_STD
        image = posters.read_file(poster, mean=mean, std=std)
    return Inputs(tokens, mask, image)


def check(folder: Path, inputs: Inputs, found: Sequence[tuple[str, float]]) -> None:
    """`found` are the sigmoids of the model's logits for `inputs`, the most probable genre first."""
    model, _, _ = export.load(folder)
    with torch.inference_mode():
        logits = model(inputs)[0].tolist()
    expected = sorted(zip(GENRES, [1 / (1 + np.exp(-logit)) for logit in logits], strict=True), key=lambda pair: -pair[1])
    assert [genre for genre, _ in found] == [genre for genre, _ in expected]
    assert [share for _, share in found] == pytest.approx([share for _, share in expected])


def test_bert_reads_a_plot(models: Mapping[str, Path]):
    check(models["bert"], film(models["bert"], plot=PLOT, special_tokens=True), predict(models["bert"], plot=PLOT))


def test_resnet_reads_a_poster(models: Mapping[str, Path], poster: Path):
    check(models["resnet"], film(models["resnet"], poster=poster), predict(models["resnet"], poster=poster))


def test_mmbt_reads_both(models: Mapping[str, Path], poster: Path):
    folder = models["mmbt"]
    check(folder, film(folder, plot=PLOT, poster=poster), predict(folder, plot=PLOT, poster=poster))


def test_mmbt_reads_a_plot_alone(models: Mapping[str, Path]):
    check(models["mmbt"], film(models["mmbt"], plot=PLOT), predict(models["mmbt"], plot=PLOT))


def test_mmbt_reads_a_poster_alone(models: Mapping[str, Path], poster: Path):
    check(models["mmbt"], film(models["mmbt"], poster=poster), predict(models["mmbt"], poster=poster))


def test_a_long_plot_is_cut_with_a_warning(models: Mapping[str, Path], caplog: pytest.LogCaptureFixture):
    # 16 tokens of BERT are [CLS], 14 words and [SEP]
    words = [f"w{number}" for number in range(20)]
    found = predict(models["bert"], plot=" ".join(words))
    assert "The plot is longer than the 16 tokens that this model reads" in caplog.text
    assert found == predict(models["bert"], plot=" ".join(words[:14]))
    caplog.clear()
    predict(models["bert"], plot=" ".join(words[:14]))
    assert caplog.text == ""


def test_what_a_model_does_not_read_is_left_aside_with_a_warning(
    models: Mapping[str, Path], poster: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        assert predict(models["bert"], plot=PLOT, poster=poster) == predict(models["bert"], plot=PLOT)
        assert "bert does not read the poster" in caplog.text
        assert predict(models["resnet"], plot=PLOT, poster=poster) == predict(models["resnet"], poster=poster)
        assert "resnet does not read the plot" in caplog.text


@pytest.mark.parametrize(
    ("model", "plot", "said"),
    [
        ("bert", None, "bert needs a plot"),
        ("bert", " \n", "bert needs a plot"),
        ("resnet", PLOT, "resnet needs a poster"),
        ("mmbt", "", "mmbt needs a plot .* or a poster"),
    ],
)
def test_a_model_says_what_it_lacks(model: str, plot: str | None, said: str, models: Mapping[str, Path]):
    with pytest.raises(ValueError, match=said):
        predict(models[model], plot=plot)


def test_a_poster_that_is_not_there_or_no_picture_is_named(models: Mapping[str, Path], tmp_path: Path):
    (tmp_path / "poster.jpg").write_text("not a picture")
    for name in ("poster.jpg", "absent.jpg"):
        with pytest.raises(ValueError, match=rf"{name}: "):
            predict(models["resnet"], poster=tmp_path / name)


def test_a_folder_without_a_model_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match="no model here; expected the directory of a finished run"):
        find_model(tmp_path)
    with pytest.raises(ValueError, match="absent: no such folder"):
        predict(tmp_path / "absent", plot=PLOT)


def test_a_run_that_still_trains_is_no_model_yet(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="the run is not finished"):
        predict(tmp_path, plot=PLOT)


# a small cache: two versions whose genres differ in order, case and membership

POSTER = io.BytesIO()
Image.new("RGB", (256, 256), (200, 60, 90)).save(POSTER, "JPEG")


def write_version(cache: Cache, name: str, genres: Sequence[str], test: Mapping[str, tuple[str, list[str]]]) -> Version:
    """Publish films with one poster; each split but `test` has a film of each genre."""
    others = {f"{genre}-film": (f"w{number}", [genre]) for number, genre in enumerate(genres)}
    spec = Spec(name=name)
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, films in (("train", others), ("validation", others), ("test", test)):
            for film, (plot, found) in films.items():
                row = {"title": film, "plot": plot, "poster": POSTER.getvalue(), "poster_256": POSTER.getvalue()}
                given = {"given_plot": None, "given_poster_256": None}
                stage.write(split, {"id": f"{split}-{film}", **row, "genres": found, **given})
        sample = stage.publish(shelf_id("sample", spec), spec=spec, genres=genres).id
    return open_version(cache, publish(cache, name=name, sample=sample, text=None, image=None).id)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def own(cache: Cache) -> Version:
    draw = random.Random(2)
    films = {f"f{i}": (" ".join(f"w{draw.randrange(30)}" for _ in range(9)), [GENRES[i % 3]]) for i in range(7)}
    return write_version(cache, "own", GENRES, films)


@pytest.fixture(scope="module")
def other(cache: Cache) -> Version:
    draw = random.Random(3)
    found = (["Comedy"], ["Western"], ["Drama", "Western"], ["Drama"], ["Comedy", "Drama"])
    films = {f"f{i}": (" ".join(f"w{draw.randrange(30)}" for _ in range(9)), genres) for i, genres in enumerate(found)}
    return write_version(cache, "other", ("Comedy", "Western", "Drama"), films)


def test_a_finished_run_scores_on_its_own_version_as_its_result_says(
    cache: Cache, own: Version, tiny_bert: Path, tmp_path: Path
):
    result = run_cell(configured("mmbt", tiny_bert, own.id), cache=cache, runs=tmp_path, device="cpu")
    found = evaluate_run(result.path, own, device="cpu")
    assert found.scores == result.test
    assert (found.films, found.genres, found.genres_of_model, found.genres_of_version) == (7, GENRES, (), ())
    assert evaluate_run(result.path, own, split="validation", device="cpu").scores == result.validation
    assert find_model(result.path) == find_model(result.path / "model") == result.path / "model"


def test_another_version_is_scored_on_the_genres_that_both_know_by_name(models: Mapping[str, Path], other: Version):
    found = evaluate_run(models["bert"], other, device="cpu")
    assert (found.genres, found.genres_of_model, found.genres_of_version) == (("drama", "comedy"), ("horror",), ("Western",))
    rows = other.films("test")
    said = [dict(predict(models["bert"], plot=plot)) for plot in rows["plot"]]
    for genre in ("drama", "comedy"):
        labels = [genre.title() in genres for genres in rows["genres"]]
        expected = average_precision_score(labels, [film[genre] for film in said])
        assert found.scores.ap_by_genre[genre] == pytest.approx(expected)
    pairs = [
        (genre.title() in genres, film[genre])
        for genres, film in zip(rows["genres"], said, strict=True)
        for genre in found.genres
    ]
    assert found.scores.ap_micro == pytest.approx(average_precision_score(*zip(*pairs, strict=True)))
    assert found.films == 5


def test_a_version_with_none_of_the_genres_is_refused_with_both_lists(cache: Cache, models: Mapping[str, Path]):
    war = write_version(cache, "war", ("War", "Sport"), {"f": ("w1", ["War"])})
    with pytest.raises(ValueError, match=r"no genre in common: the model knows \['drama', .*has \['War', 'Sport'\]"):
        evaluate_run(models["bert"], war, device="cpu")


def test_plots_that_lose_their_end_are_counted(cache: Cache, models: Mapping[str, Path]):
    films = {"short": ("w1 w2", ["drama"]), "long": (" ".join(["w3"] * 15), ["comedy"])}  # 14 words fit
    version = write_version(cache, "long", GENRES, films)
    assert evaluate_run(models["bert"], version, device="cpu").truncated == 1
    assert evaluate_run(models["resnet"], version, device="cpu").truncated == 0


def test_the_tokenizer_of_the_export_is_used(tiny_bert: Path, own: Version, tmp_path: Path):
    config = configured("bert", tiny_bert)
    model = build(config, genres=3)
    export.save(model, config, genres=GENRES, folder=tmp_path / "model")
    about = export.read_about(tmp_path / "model")
    gone = config.model_copy(update={"text": config.text.model_copy(update={"name": str(tmp_path / "gone")})})
    (tmp_path / "model" / "model.json").write_text(about.model_copy(update={"config": gone}).model_dump_json())
    assert evaluate_run(tmp_path, own, device="cpu").films == 7


def test_a_run_trained_in_half_precision_is_scored_on_a_cpu(tiny_bert: Path, own: Version, tmp_path: Path):
    config = configured("bert", tiny_bert)
    half = config.model_copy(update={"compute": ComputeConfig(precision="fp16")})
    model = build(config, genres=3)
    for name, used in (("full", config), ("half", half)):
        export.save(model, used, genres=GENRES, folder=tmp_path / name)
    full, half = (evaluate_run(tmp_path / name, own, device="cpu") for name in ("full", "half"))
    assert full.scores == half.scores
