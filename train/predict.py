"""Ask a trained model: the genres of one film, or its scores on the films of a cache version.

Shape legend: B films, G genres.
"""

import logging
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from datasets_cache.frozen import Frozen
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import Split
from datasets_cache.version import Version
from train import export, hardware, posters, texts
from train.config import READS, Precision, RunConfig
from train.data import EVALUATION_BATCH, open_data
from train.evaluation import predict_split, scores_of
from train.finished import CONFIG, MODEL, RESULT
from train.models import text_encoder
from train.predictions import Predictions
from train.records import Batch, Inputs, Scores

_log = logging.getLogger(__name__)


def find_model(folder: Path) -> Path:
    """Folder of the exported model of a run.

    Args:
        folder: a run directory, or an exported model itself.

    Raises:
        ValueError: there is none, or the run is not finished.
    """
    for place in (folder / MODEL, folder):
        if (place / export.ABOUT).is_file():
            return place
    if (folder / CONFIG).is_file() and not (folder / RESULT).is_file():
        msg = f"{folder}: the run is not finished. The command that started it goes on with it; ask again afterwards."
    elif folder.is_dir():
        msg = f"{folder}: no model here; expected the directory of a finished run, with {MODEL}/{export.ABOUT} in it."
    else:
        msg = f"{folder}: no such folder; expected the directory of a finished run, or its {MODEL} folder."
    raise ValueError(msg)


def predict(folder: Path, *, plot: str | None = None, poster: Path | None = None) -> list[tuple[str, float]]:
    """Genres of one film with their probabilities, the most probable first.

    A plot that is longer than the model reads loses its end, and what the model does not read is left aside; both are logged as
    warnings.

    Args:
        folder: a run directory, or an exported model.
        plot: what `bert` needs; may be None for `mmbt`.
        poster: file of what `resnet` needs; may be None for `mmbt`.

    Raises:
        MissingWeights: the image encoder needs timm, which is not installed.
        ValueError: no finished run; the model needs what is missing; the poster is not a picture.
    """
    found = find_model(folder)
    inputs = _read_film(found, plot=plot, poster=poster)
    model, _, genres = export.load(found)
    with torch.inference_mode():
        probability_G = model(inputs)[0].sigmoid()
    return sorted(zip(genres, probability_G.tolist(), strict=True), key=lambda pair: -pair[1])


class Evaluation(Frozen):
    """A trained model on one split of a cache version."""

    model: Path
    """The exported model."""
    version: str
    """Cache version."""
    split: Split
    """Which films."""
    films: int
    """How many."""
    truncated: int
    """Plots that lost their end."""
    genres: tuple[str, ...]
    """Genres that model and version share, in the model's order: those that are scored."""
    genres_of_model: tuple[str, ...]
    """Genres that the model knows and the version does not; left out."""
    genres_of_version: tuple[str, ...]
    """Genres that the version has and the model does not know; left out."""
    scores: Scores
    """Over the shared genres. A film that has none of them counts as one without any genre."""


def evaluate_run(
    folder: Path, version: Version, *, split: Split = "test", device: str = "auto", track: Track = untracked
) -> Evaluation:
    """Score a finished run on a cache version, which need not be the one that it was trained on.

    Genres are matched by name, whatever their case and order.

    Args:
        folder: a run directory, or an exported model.
        version: where the films are taken from; they are read as they are, never augmented.
        split: which films.
        device: ``auto`` (CUDA where there is a device, else CPU), or a name that torch knows.
        track: shows progress.

    Raises:
        MissingWeights: the image encoder needs timm, which is not installed.
        ValueError: no finished run; no genre in common, or none of those occurs in the films; no such device.
    """
    found = find_model(folder)
    about = export.read_about(found)
    columns = _shared_columns(about.genres, version)
    chosen = hardware.choose_device(device)
    where = f"{split} of {version.id}"
    data = open_data(version, _reading(about.config, found))
    batches = _relabelled(data.evaluation(split), columns, genres=len(about.genres))
    shown = track(batches, total=-(-data.sizes[split] // EVALUATION_BATCH), title=where, unit="batches")
    model = export.load(found)[0].to(chosen)
    with hardware.accelerator(device=chosen, precision=_precision(about.config.compute.precision, chosen)) as accelerator:
        predicted = predict_split(model, shown, genres=about.genres, accelerator=accelerator, where=where)
    shared = _only(predicted, sorted(columns))
    return Evaluation(
        model=found,
        version=version.id,
        split=split,
        films=len(shared.ids),
        truncated=data.truncated.get(split, 0),
        genres=shared.genres,
        genres_of_model=tuple(genre for number, genre in enumerate(about.genres) if number not in columns),
        genres_of_version=tuple(genre for number, genre in enumerate(version.genres) if number not in columns.values()),
        scores=scores_of(shared, where=where),
    )


def _read_film(folder: Path, *, plot: str | None, poster: Path | None) -> Inputs:
    about = export.read_about(folder)
    model = about.config.model
    given = {"text": (plot or "").strip() != "", "image": poster is not None}
    if not any(given[modality] for modality in READS[model]):
        asked = {"text": "a plot (`--plot TEXT`)", "image": "a poster (`--poster FILE`)"}
        msg = f"{model} needs {' or '.join(asked[modality] for modality in READS[model])}; none came."
        raise ValueError(msg)
    for modality, what in (("text", "plot"), ("image", "poster")):
        if given[modality] and modality not in READS[model]:
            _log.warning("%s does not read the %s; it is left aside.", model, what)
    inputs = _read_plot(folder, about, plot) if plot and given["text"] and about.text else Inputs()
    if poster and about.image:
        image_BCHW = posters.read_file(poster, mean=about.image.mean, std=about.image.std)
        inputs = replace(inputs, image_BCHW=image_BCHW)
    return inputs


def _read_plot(folder: Path, about: export.About, plot: str) -> Inputs:
    assert about.text
    tokenizer = text_encoder.load_tokenizer(name=str((folder / export.TEXT).absolute()), revision=None)
    limit, special_tokens = about.text.max_tokens, about.config.model == "bert"
    encoded = texts.encode([plot], tokenizer, max_tokens=limit, special_tokens=special_tokens)
    if encoded.truncated:
        _log.warning("The plot is longer than the %d tokens that this model reads; its end is left out.", limit)
    tokens_BL, mask_BL = texts.pad(encoded.tokens, pad_id=0)
    return Inputs(tokens_BL=tokens_BL, mask_BL=mask_BL)


def _shared_columns(genres: Sequence[str], version: Version) -> dict[int, int]:
    """Columns of the model's genres that the version has too, and the version's column of each."""
    there = {genre.casefold(): column for column, genre in enumerate(version.genres)}
    shared = {column: there[genre.casefold()] for column, genre in enumerate(genres) if genre.casefold() in there}
    if not shared:
        msg = f"no genre in common: the model knows {list(genres)}, {version.id} has {list(version.genres)}."
        raise ValueError(msg)
    return shared


def _reading(config: RunConfig, folder: Path) -> RunConfig:
    """How the run read films, with the tokenizer that was exported and nothing augmented."""
    text = config.text.model_copy(update={"name": str((folder / export.TEXT).absolute()), "revision": None})
    return config.model_copy(update={"text": text, "uda": None})


def _precision(wanted: Precision, device: torch.device) -> Precision:
    """The precision of the run where `device` has it."""
    return "auto" if wanted == "fp16" and device.type != "cuda" else wanted


def _relabelled(batches: Iterable[Batch], columns: dict[int, int], *, genres: int) -> Generator[Batch]:
    """The same batches with the labels in the model's columns; 0 where the version has no such genre."""
    for batch in batches:
        labels_BG = batch.labels_BG.new_zeros(len(batch.ids), genres)
        labels_BG[:, list(columns)] = batch.labels_BG[:, list(columns.values())]
        yield replace(batch, labels_BG=labels_BG)


def _only(predicted: Predictions, columns: list[int]) -> Predictions:
    genres = tuple(predicted.genres[column] for column in columns)
    return Predictions(predicted.ids, genres, predicted.logits_BG[:, columns], predicted.labels_BG[:, columns])
