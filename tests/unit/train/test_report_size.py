"""The weight of the report of a full matrix, with everything on it as heavy as it comes."""

import io

import numpy as np
import torch
from PIL import Image

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import publish
from train import history, predictions
from train.config import RunConfig, UdaConfig
from train.effects import effects
from train.metrics import scores
from train.predictions import Predictions
from train.records import EpochMetrics, ModalityLoss, RunResult
from train.report import write_report

GENRES = tuple(f"genre-{number:02}" for number in range(23))
FILMS, EPOCHS, WORDS = 30, 50, 700
MEGABYTES = 5


class Spec(Frozen):
    name: str = "tiny"


def noise(seed):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def plot(seed):
    """Words of eight letters, none the same as in another plot."""
    letters = np.random.default_rng(seed).integers(97, 123, (WORDS, 8), dtype=np.uint8)
    return " ".join(bytes(word).decode() for word in letters)


def half_changed(seed):
    """Every second word of the plot replaced: as many marks as can be."""
    return " ".join(
        two if number % 2 else one
        for number, (one, two) in enumerate(zip(plot(seed).split(), plot(-seed - 1 + 10**6).split(), strict=True))
    )


def make_version(cache):
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            for film in range(FILMS):
                row = {
                    "id": f"{split}{film}",
                    "title": f"Film {film}",
                    "plot": plot(film),
                    "poster": b"",
                    "poster_256": noise(film),
                }
                stage.write(split, row | {"genres": list(GENRES), "given_plot": None, "given_poster_256": None})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=GENRES).id
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for film in range(FILMS):
            kinds = {"kept": ["repetition"] * (film % 3), "numbers_lost": film % 2, "names_lost": film % 4, "chrf": 40.0 + film}
            row = {"id": f"train{film}", "view": 0, "plot": half_changed(film), "sentences": 60, "retried": 0}
            stage.write("train", row | kinds)
        text = stage.publish(shelf_id("text", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    with cache.stage("image", IMAGE_VIEW_FEATURES) as stage:
        for film in range(FILMS):
            row = {"id": f"train{film}", "view": 0, "poster_256": noise(100 + film), "ops": ["Rotate -9.0"], "kept": None}
            stage.write("train", row)
        image = stage.publish(shelf_id("image", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    return publish(cache, name="tiny", sample=sample, text=text, image=image).id


def predicted(*, uda):
    """What all runs of a kind said of the test films, and the scores of it."""
    labels = torch.ones(FILMS, len(GENRES)) * (torch.arange(FILMS)[:, None] % 2)
    logits = torch.from_numpy(np.random.default_rng(uda).normal(size=labels.shape)).float() + labels
    said = Predictions(tuple(f"test{film}" for film in range(FILMS)), GENRES, logits, labels)
    return said, scores(logits, labels, genres=GENRES)


def trained(runs, version, said, found, *, model, uda, seed):
    """A run whose curves have a corner at every epoch."""
    config = RunConfig(version=version, model=model, uda=UdaConfig() if uda else None, seed=seed)
    folder = runs / f"{model}-{uda}-{seed}"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    predictions.save(folder / predictions.TEST, said)
    alone = ("text", "image") if model == "mmbt" else ()
    for epoch, (one, two, gap) in enumerate(rng.random((EPOCHS, 3)), start=1):
        on = uda and epoch < EPOCHS - 5
        metrics = EpochMetrics(
            epoch=epoch, phase="uda" if on else "plain", learning_rate=1e-4, supervised=0.3, consistency=0.03 if on else None,
            consistency_weight=one if on else None, consistency_share=two if on else None, train_loss=0.3, train_ap_micro=one,
            train_ap_macro=two, gap=gap, smoothed_gap=None,
            modality_losses={part: ModalityLoss(train=0.3, validation=0.4) for part in alone},
            ogr=dict.fromkeys(("model", *alone), one + 0.1), validation=found.model_copy(update={"ap_micro": two}),
            best=epoch < EPOCHS - 5, seconds=1.0, waiting=0.1,
        )  # fmt: skip
        history.append(folder, metrics)
    return RunResult(
        run=folder.name, version=version, model=model, uda=uda, seed=seed, config=config, genres=GENRES, best_epoch=45,
        epochs=EPOCHS, train=found, validation=found, test=found, seconds=1.0, path=folder,
    )  # fmt: skip


def test_a_full_matrix_on_23_genres_stays_under_five_megabytes(tmp_path):
    cache = Cache(tmp_path / "cache")
    version = make_version(cache)
    results = [
        trained(tmp_path / "runs", version, said, found, model=model, uda=uda, seed=seed)
        for uda in (False, True)
        for said, found in [predicted(uda=uda)]
        for model in ("bert", "resnet", "mmbt")
        for seed in (1, 2, 3)
    ]
    page = write_report(results, cache=cache, path=tmp_path / "page.html", effects=effects(results, resamples=100))
    text = page.read_text()
    assert text.count("<svg") == 3 + 3 + 1 + 3 + 6 + 3 + 1  # differences, curves, share, λ, over-fitting, genres, distribution
    assert text.count("<img") == 2 * 12 + 2 * 6
    assert text.count('class="name"') == 2 * 6 + 3 * 4  # surest and least sure films, four back-translations of each kind
    assert page.stat().st_size < MEGABYTES * 1_000_000
