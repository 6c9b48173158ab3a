"""Logistic regression on the frozen features of a comparison's encoders: what fine-tuning must beat to be worth its time.

Encoders are imported where they are read: scores that were kept are found without them.

Shape legend: B films of a batch, F films of a split, D width of the features, G genres.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from datasets_cache.files import write_text
from datasets_cache.fingerprint import fingerprint
from datasets_cache.frozen import Frozen
from datasets_cache.progress import Track, untracked
from datasets_cache.schema import SPLITS, Split
from datasets_cache.version import Version
from train.config import ImageEncoderConfig, Modality, RunConfig, TextEncoderConfig
from train.records import Inputs, Scores

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FORMAT = 1
"""Raised when unchanged settings would give other scores: old files are then not read."""
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse regularisation strengths C that are tried, on standardised features."""
_ITERATIONS = 1000

Features = dict[Split, NDArray[np.float32]]
Labels = dict[Split, NDArray[np.float32]]


class Yardstick(Frozen):
    """One logistic regression."""

    strength: float
    """C, the one of `STRENGTHS` with the highest validation AP-micro."""
    validation: Scores
    """Validation split, which chose C."""
    test: Scores
    """Test split, read once C was chosen."""


def yardsticks(
    version: Version,
    *,
    text: TextEncoderConfig | None,
    image: ImageEncoderConfig | None,
    device: "torch.device",
    track: Track = untracked,
) -> dict[str, Yardstick]:
    """Train and test the logistic regressions on ``text``, ``image`` and ``text + image``, as far as encoders are given.

    Text: the vector that `bert` classifies. Image: the mean of the image tokens. Both: one beside the other. Encoders are in
    evaluation mode, features standardised on the training split.

    Args:
        version: the films.
        text: text encoder; None leaves the text out.
        image: image encoder; None leaves the posters out.
        device: computes the features.
        track: shows the passes over the films, then the regressions.
    Raises:
        MissingWeights: pretrained weights are not on this machine.
        ValueError: an encoder that does not exist, or no encoder.
    """
    if not text and not image:
        msg = "no encoder; a logistic regression needs features of plots or posters."
        raise ValueError(msg)
    read: dict[str, Features] = {}
    labels: Labels = {}
    if text:
        read["text"], labels = features(version, "text", text=text, device=device, track=track)
    if image:
        read["image"], labels = features(version, "image", image=image, device=device, track=track)
    if text and image:
        read["text + image"] = {split: np.hstack([read["text"][split], read["image"][split]]) for split in SPLITS}
    return {name: regress(found, labels, genres=version.genres, name=name, track=track) for name, found in read.items()}


def features(
    version: Version,
    modality: Modality,
    *,
    text: TextEncoderConfig | None = None,
    image: ImageEncoderConfig | None = None,
    device: "torch.device",
    track: Track = untracked,
) -> tuple[Features, Labels]:
    """Features [F, D] and labels [F, G] of each split, films in the order of their ids.

    Raises:
        MissingWeights: pretrained weights are not on this machine.
        ValueError: an encoder that does not exist.
    """
    import torch

    from train.data import open_data
    from train.models import build

    config = RunConfig(
        version=version.id,
        model="bert" if modality == "text" else "resnet",
        text=text or TextEncoderConfig(),
        image=image or ImageEncoderConfig(),
    )
    data, model = open_data(version, config, track=track), build(config, genres=len(version.genres)).eval().to(device)
    found: Features = {}
    labels: Labels = {}
    for split in SPLITS:
        rows: list[tuple[str, torch.Tensor, torch.Tensor]] = []
        for batch in data.evaluation(split):
            with torch.inference_mode():
                vectors_BD = _encode(model, batch.to(device).original).float().cpu()
            rows += zip(batch.ids, vectors_BD, batch.labels_BG, strict=True)
        rows.sort(key=lambda row: row[0])  # the two modalities are paired by id
        found[split] = torch.stack([vector for _, vector, _ in rows]).numpy()
        labels[split] = torch.stack([row for _, _, row in rows]).numpy()
    return found, labels


def regress(
    found: Features, labels: Labels, *, genres: tuple[str, ...], name: str = "features", track: Track = untracked
) -> Yardstick:
    """One regression a genre on standardised features, with the C that is best on validation; the smaller of equals."""
    import torch
    from sklearn.preprocessing import StandardScaler

    from train.metrics import scores

    scaler = StandardScaler().fit(found["train"])
    scaled = {split: np.asarray(scaler.transform(values), dtype=np.float32) for split, values in found.items()}

    def scored(logits_FG: NDArray[np.float64], split: Split) -> Scores:
        return scores(torch.from_numpy(logits_FG), torch.from_numpy(labels[split]), genres=genres)

    best: tuple[float, Scores, list[Any]] | None = None
    each = [(strength, genre) for strength in STRENGTHS for genre in range(len(genres))]
    fitted: dict[float, list[Any]] = {strength: [] for strength in STRENGTHS}
    for strength, genre in track(each, total=len(each), title=f"Regressions on {name}", unit="fits"):
        fitted[strength].append(_fit(scaled["train"], labels["train"][:, genre], strength))
    for strength, models in fitted.items():
        validation = scored(_logits(models, scaled["validation"]), "validation")
        if best is None or validation.ap_micro > best[1].ap_micro:
            best = strength, validation, models
    assert best is not None
    strength, validation, models = best
    return Yardstick(strength=strength, validation=validation, test=scored(_logits(models, scaled["test"]), "test"))


def find(runs: Path, *, version: str, text: TextEncoderConfig | None, image: ImageEncoderConfig | None) -> dict[str, Yardstick]:
    """What `keep` left below `runs` for this version and these encoders; empty where there is nothing.

    Raises:
        ValueError: the file is damaged.
    """
    path = _path(runs, version, text, image)
    if not path.is_file():
        return {}
    try:
        return TypeAdapter(dict[str, Yardstick]).validate_json(path.read_bytes())
    except ValidationError as error:
        msg = f"{path}: not the scores of a yardstick ({error.error_count()} problems); remove it, it is computed again."
        raise ValueError(msg) from None


def keep(
    found: Mapping[str, Yardstick],
    runs: Path,
    *,
    version: str,
    text: TextEncoderConfig | None,
    image: ImageEncoderConfig | None,
) -> Path:
    """Write ``yardstick-<version>-<fingerprint>.json`` below `runs`."""
    path = _path(runs, version, text, image)
    written = {name: yardstick.model_dump(mode="json") for name, yardstick in found.items()}
    write_text(path, json.dumps(written, indent=2) + "\n")
    return path


def _path(runs: Path, version: str, text: TextEncoderConfig | None, image: ImageEncoderConfig | None) -> Path:
    encoders = {"text": text and text.model_dump(mode="json"), "image": image and image.model_dump(mode="json")}
    return runs / f"yardstick-{version}-{fingerprint({'format': FORMAT, 'strengths': STRENGTHS, **encoders})}.json"


def _encode(model: "torch.nn.Module", inputs: Inputs) -> "Tensor":
    """Frozen features [B, D] of what `model` reads."""
    from train.models.bert import Bert
    from train.models.resnet import Resnet
    from train.models.text_encoder import summarise

    match model:
        case Bert():
            assert inputs.tokens_BL is not None
            assert inputs.mask_BL is not None
            output = model.encoder(input_ids=inputs.tokens_BL, attention_mask=inputs.mask_BL)
            return summarise(output, inputs.mask_BL, pooling=model.pooling)
        case Resnet():
            assert inputs.image_BCHW is not None
            return model.image(inputs.image_BCHW).mean(dim=1)
        case _:
            msg = f"{type(model).__name__} has no frozen features"
            raise AssertionError(msg)


def _fit(scaled_FD: NDArray[np.float32], labels_F: NDArray[np.float32], strength: float) -> Any:  # noqa: ANN401
    """The regression of one genre, or its constant logit where training has it in no film or in all."""
    from sklearn.linear_model import LogisticRegression

    films, positive = len(labels_F), float(labels_F.sum())
    if 0 < positive < films:
        return LogisticRegression(C=strength, max_iter=_ITERATIONS).fit(scaled_FD, labels_F)
    share = np.clip(positive / films, 0.5 / films, 1 - 0.5 / films)
    return float(np.log(share / (1 - share)))


def _logits(models: list[Any], scaled_FD: NDArray[np.float32]) -> NDArray[np.float64]:
    columns = [
        np.full(len(scaled_FD), model) if isinstance(model, float) else model.decision_function(scaled_FD) for model in models
    ]
    return np.stack(columns, axis=1)
