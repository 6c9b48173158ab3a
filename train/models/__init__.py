"""The three models and their builder."""

from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from train.config import ModelName, RunConfig, TextEncoderConfig
from train.models import image_encoder, mmbt, text_encoder
from train.models.bert import Bert
from train.models.mmbt import Mmbt
from train.models.resnet import Resnet
from train.models.weights import MissingWeights, sha256

__all__ = ["MissingWeights", "build", "checksums", "fetch"]


def build(config: RunConfig, *, genres: int) -> nn.Module:
    """The model of a run on the CPU in training mode: maps `train.records.Inputs` to logits [B, `genres`].

    New weights are drawn from `config.seed`; torch's own generator is left as it was.

    Raises:
        MissingWeights: pretrained weights are not on this machine.
        ValueError: an encoder that does not exist or does not fit.

    Examples:
        >>> from train.config import ImageEncoderConfig
        >>> from train.records import Inputs
        >>> image = ImageEncoderConfig(name="resnet18", weights="random")
        >>> model = build(RunConfig(version="demo-3a684bbb", model="resnet", image=image), genres=13)
        >>> model(Inputs(image_BCHW=torch.zeros(2, 3, 256, 256))).shape
        torch.Size([2, 13])
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return _build(config, genres=genres).train()


def fetch(config: RunConfig) -> list[Path]:
    """Download what `build` needs into the Hub's and torch's caches, or find it there.

    Returns:
        Folder and file of the weights; nothing for a part that needs none or has it elsewhere.

    Raises:
        MissingWeights: not here and not to be had; the exception's notes say why.
    """
    found: list[Path | None] = []
    if _reads_text(config.model):
        found.append(text_encoder.locate(name=config.text.name, revision=config.text.revision, download=True))
    if _reads_images(config.model):
        found.append(image_encoder.locate(name=config.image.name, weights=config.image.weights, download=True))
    return [path for path in found if path]


def checksums(config: RunConfig) -> dict[str, str]:
    """SHA-256 of the pretrained weights that `build` reads, by part and file name; empty where it reads none."""
    found: dict[str, Path] = {}
    try:
        if _reads_text(config.model):
            folder = text_encoder.locate(name=config.text.name, revision=config.text.revision)
            found |= {f"text/{path.name}": path for path in sorted(folder.glob("model*.safetensors"))}
        if _reads_images(config.model) and (
            path := image_encoder.file_of(name=config.image.name, weights=config.image.weights)
        ):
            found[f"image/{path.name}"] = path
    except ValueError:  # a model that was given its weights otherwise, or whose weights have gone since
        return {}
    return {name: sha256(path) for name, path in found.items()}


def _build(config: RunConfig, *, genres: int) -> nn.Module:
    dropout = config.optim.dropout
    match config.model:
        case "bert":
            encoder, pooling = _text(config.text)
            return Bert(encoder=encoder, pooling=pooling, genres=genres, dropout=dropout)
        case "resnet":
            return Resnet(image=_image(config), genres=genres, dropout=dropout)
        case "mmbt":
            mmbt.text_budget(max_tokens=config.text.max_tokens, image_tokens=config.image.tokens)
            encoder, pooling = _text(config.text)
            tokenizer = text_encoder.load_tokenizer(name=config.text.name, revision=config.text.revision)
            cls_id, sep_id = text_encoder.special_ids(tokenizer)
            return Mmbt(
                encoder=encoder,
                pooling=pooling,
                image=_image(config),
                cls_id=cls_id,
                sep_id=sep_id,
                genres=genres,
                dropout=dropout,
            )


def _text(config: TextEncoderConfig) -> tuple[PreTrainedModel, text_encoder.Pooling]:
    encoder, pooling = text_encoder.load_encoder(name=config.name, revision=config.revision, pooling=config.pooling)
    limit = getattr(encoder.config, "max_position_embeddings", None)
    if limit is not None and 0 < limit < config.max_tokens:
        msg = f"{config.name} reads at most {limit} tokens, --text.max_tokens is {config.max_tokens}; lower it to {limit}."
        raise ValueError(msg)
    return encoder, pooling


def _image(config: RunConfig) -> image_encoder.ImageEncoder:
    return image_encoder.load_encoder(
        name=config.image.name,
        weights=config.image.weights,
        tokens=config.image.tokens,
        batch_norm=config.image.batch_norm,
        channels_last=config.compute.channels_last,
    )


def _reads_text(model: ModelName) -> bool:
    return model in {"bert", "mmbt"}


def _reads_images(model: ModelName) -> bool:
    return model in {"resnet", "mmbt"}
