"""Logistic regression on frozen features: what it reads, how it chooses, what is kept."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModel, AutoTokenizer

from datasets_cache import version as versions
from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from train.config import ImageEncoderConfig, RunConfig, TextEncoderConfig
from train.data import open_data
from train.models import build
from train.yardstick import STRENGTHS, features, find, keep, regress, yardsticks

CPU = torch.device("cpu")
IMAGE = ImageEncoderConfig(name="resnet18", weights="random", tokens=2)


class Spec(Frozen):
    """Settings of a made-up shelf."""


def grey(level):
    encoded = BytesIO()
    Image.new("RGB", (256, 256), (level, level, level)).save(encoded, "JPEG", quality=95)
    return encoded.getvalue()


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """Ten films, written longest plot last; film n is grey 20 n, and every second one a comedy."""
    cache = Cache(tmp_path_factory.mktemp("cache"))
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, numbers in (("train", range(6)), ("validation", range(6, 8)), ("test", range(8, 10))):
            for number in numbers:
                row = {"id": f"film-{number}", "title": "", "plot": " ".join([f"w{number}"] * (number + 1)), "poster": b""}
                row |= {"poster_256": grey(20 * number), "genres": ["drama", "comedy"] if number % 2 else ["drama"]}
                stage.write(split, row | {"given_plot": None, "given_poster_256": None})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=("drama", "comedy")).id
    made = versions.publish(cache, name="made", sample=sample, text=None, image=None)
    return versions.open_version(cache, made.id)


@pytest.fixture(scope="module")
def text(tiny_bert):
    return TextEncoderConfig(name=str(tiny_bert), max_tokens=32)


def drawn(*, films=60, genres=3, width=8, seed=0):
    """Features of three splits that tell something of the labels."""
    draw = np.random.default_rng(seed)
    plane = draw.normal(size=(width, genres))
    found = {split: draw.normal(size=(films, width)).astype(np.float32) for split in ("train", "validation", "test")}
    labels = {
        split: (values @ plane + draw.normal(size=(films, genres)) > 1).astype(np.float32) for split, values in found.items()
    }
    return found, labels


def test_text_features_are_the_encoders_own_pooled_output_film_by_film(version, text, tiny_bert):
    found, labels = features(version, "text", text=text, device=CPU)
    tokenizer, encoder = AutoTokenizer.from_pretrained(tiny_bert), AutoModel.from_pretrained(tiny_bert).eval()
    with torch.no_grad():  # one film at a time: no padding
        plots = [" ".join([f"w{number}"] * (number + 1)) for number in range(6)]
        expected = torch.cat([encoder(**tokenizer(plot, return_tensors="pt")).pooler_output for plot in plots])
    assert found["train"] == pytest.approx(expected.numpy(), abs=1e-5)
    assert labels["train"].tolist() == [[1, number % 2] for number in range(6)]


def test_image_features_are_the_mean_of_the_image_tokens(version):
    found, _ = features(version, "image", image=IMAGE, device=CPU)
    config = RunConfig(version=version.id, model="resnet", image=IMAGE)
    [batch] = open_data(version, config).evaluation("test")
    with torch.no_grad():
        tokens = build(config, genres=2).eval().image(batch.original.image_BCHW)
    assert tokens.shape == (2, 2, 512)
    by_id = dict(zip(batch.ids, tokens.numpy(), strict=True))
    expected = [(by_id[film][0] + by_id[film][1]) / 2 for film in ("film-8", "film-9")]
    assert found["test"] == pytest.approx(np.stack(expected), abs=1e-4)


def test_both_modalities_give_three_yardsticks_and_one_gives_one(version, text):
    assert list(yardsticks(version, text=text, image=IMAGE, device=CPU)) == ["text", "image", "text + image"]
    assert list(yardsticks(version, text=text, image=None, device=CPU)) == ["text"]
    with pytest.raises(ValueError, match="no encoder"):
        yardsticks(version, text=None, image=None, device=CPU)


def test_the_scores_are_those_of_scikit_learns_one_versus_rest():
    found, labels = drawn()
    validated, tested = {}, {}
    for strength in STRENGTHS:
        model = OneVsRestClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000)))
        model.fit(found["train"], labels["train"])
        for split, kept in (("validation", validated), ("test", tested)):
            kept[strength] = average_precision_score(labels[split].ravel(), model.decision_function(found[split]).ravel())
    best = max(validated, key=validated.get)
    yardstick = regress(found, labels, genres=("a", "b", "c"))
    assert yardstick.strength == best
    assert (yardstick.validation.ap_micro, yardstick.test.ap_micro) == pytest.approx((validated[best], tested[best]), abs=1e-6)


def test_the_test_split_has_no_say_in_the_choice():
    found, labels = drawn()
    other = {**labels, "test": 1 - labels["test"]}
    one, two = regress(found, labels, genres=("a", "b", "c")), regress(found, other, genres=("a", "b", "c"))
    assert (one.strength, one.validation) == (two.strength, two.validation)
    assert one.test != two.test


@pytest.mark.parametrize("constant", [0, 1])
def test_a_genre_that_no_or_every_training_film_has_is_a_constant(constant):
    found, labels = drawn()
    labels["train"][:, 2] = constant
    yardstick = regress(found, labels, genres=("a", "b", "c"))
    # all films share one score: precision at the only threshold is the share of films with the genre
    assert yardstick.test.ap_by_genre["c"] == pytest.approx(labels["test"][:, 2].mean())


def test_what_is_kept_is_found_for_the_same_version_and_encoders_alone(tmp_path, text):
    made = {"text": regress(*drawn(), genres=("a", "b", "c"))}
    keep(made, tmp_path, version="v-1", text=text, image=None)
    assert find(tmp_path, version="v-1", text=text, image=None) == made
    assert find(tmp_path, version="v-2", text=text, image=None) == {}
    assert find(tmp_path, version="v-1", text=text, image=IMAGE) == {}


def test_a_damaged_file_is_an_error_with_a_cure(tmp_path, text):
    path = keep({}, tmp_path, version="v-1", text=text, image=None)
    path.write_text('{"text": 1}')
    with pytest.raises(ValueError, match="remove it"):
        find(tmp_path, version="v-1", text=text, image=None)
