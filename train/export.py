"""A trained model as a folder of its own: no pickle, no other weights needed, readable by plain libraries.

Layout::

    <folder>/
        text/                what `AutoModel` and `AutoTokenizer` read (`bert`, `mmbt`)
        image.safetensors    torchvision's or timm's own names, without the classifier (`resnet`, `mmbt`)
        head.safetensors     classifier.weight, classifier.bias; `mmbt`: projection.weight, projection.bias
        model.json           `About`
        README.md            its card, where one was made (`train.model_card`)
"""

import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal, cast

import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import logging

from datasets_cache.files import sync
from datasets_cache.frozen import Frozen
from train.config import Pooling, RunConfig
from train.models import checksums, embedded, image_encoder, text_encoder
from train.models.bert import Bert
from train.models.mmbt import Mmbt, text_budget
from train.models.resnet import Resnet
from train.models.weights import read_state

ABOUT, TEXT, IMAGE, HEAD, CARD = "model.json", "text", "image.safetensors", "head.safetensors", "README.md"
_LIBRARIES = ("torch", "torchvision", "transformers", "safetensors")


class TextPart(Frozen):
    """How ``text/`` is used."""

    pooling: Pooling
    """How its output becomes one vector."""
    max_tokens: int
    """Tokens of a plot that are read: for `bert` with special tokens, for `mmbt` without any."""
    cls_id: int | None
    """`mmbt`: id of the sequence's first token."""
    sep_id: int | None
    """`mmbt`: id of the token behind the image."""
    architecture: str | None = None
    """What transformers calls the encoder's kind, such as `bert`; None in exports that do not say."""


class ImagePart(Frozen):
    """How ``image.safetensors`` is used."""

    library: Literal["torchvision", "timm"]
    """Whose names the weights have."""
    architecture: str
    """What that library calls the network."""
    tokens: int
    """Image tokens."""
    grid: tuple[int, int]
    """Rows and columns that the feature map is pooled to."""
    side: int
    """Pixels of a side of a poster, RGB."""
    mean: tuple[float, float, float]
    """Subtracted from pixels in 0 to 1, by channel."""
    std: tuple[float, float, float]
    """Then divided by."""


class About(Frozen):
    """What ``model.json`` holds."""

    format: Literal[1] = 1
    """Of this folder."""
    config: RunConfig
    """How the model was trained."""
    genres: tuple[str, ...]
    """Names of the logits."""
    text: TextPart | None
    """None where the model reads no plots."""
    image: ImagePart | None
    """None where the model reads no posters."""
    libraries: dict[str, str]
    """Versions that wrote it."""
    pretrained: dict[str, str] = {}
    """SHA-256 of the weights that training began from, by part and file."""


def save(
    model: nn.Module,
    config: RunConfig,
    *,
    genres: Sequence[str],
    folder: Path,
    card: Callable[[About], str] | None = None,
) -> None:
    """Write `model` to `folder`, aside and renamed: an export under its name is whole. An earlier export is replaced.

    Args:
        model: made by `train.models.build`, on any device.
        config: what it was built from; the tokenizer is copied from where it names.
        genres: names of the logits.
        folder: any; its parent exists.
        card: what goes into the folder's ``README.md``; None writes none.

    Raises:
        ValueError: `folder` holds something else; the tokenizer is not on this machine.
    """
    assert isinstance(model, Bert | Resnet | Mmbt)
    if folder.exists() and not (folder / ABOUT).is_file():
        msg = f"{folder}: exists and is no exported model ({ABOUT} is missing); name a new folder."
        raise ValueError(msg)
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    about = About(
        config=config,
        genres=tuple(genres),
        text=None if isinstance(model, Resnet) else _text_part(model, config),
        image=None if isinstance(model, Bert) else _image_part(config),
        libraries={name: version(name) for name in _libraries(config)},
        pretrained=checksums(config),
    )
    if not isinstance(model, Resnet):
        _save_text(model.encoder, config, aside / TEXT)
    if not isinstance(model, Bert):
        _save(image_encoder.library_state(model.image), aside / IMAGE)
    _save(_head(model), aside / HEAD)
    (aside / ABOUT).write_text(about.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if card:
        (aside / CARD).write_text(card(about), encoding="utf-8")
    for path in (*aside.rglob("*"), aside):
        sync(path)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    sync(folder.parent)


def load(folder: Path) -> tuple[nn.Module, RunConfig, tuple[str, ...]]:
    """The model of an exported folder on the CPU in evaluation mode, how it was trained, and the names of its logits.

    Raises:
        MissingWeights: its image encoder is the embedded one and timm is not installed.
        ValueError: a file is missing, damaged, or does not fit the others.
    """
    about = read_about(folder)
    with torch.random.fork_rng(devices=[]):
        model = _build(about, folder)
    path = folder / HEAD
    head = read_state(path)
    expected, found = ({name: tuple(x.shape) for name, x in state.items()} for state in (_head(model), head))
    if found != expected:
        msg = f"{path}: does not fit {folder / ABOUT}: expected {expected}, found {found}; export the model again."
        raise ValueError(msg)
    model.load_state_dict(head, strict=False)
    return model.eval(), about.config, about.genres


def read_about(folder: Path) -> About:
    """What is written about the model in `folder`.

    Raises:
        ValueError: it is missing, damaged, or written by another version of this project.
    """
    path = folder / ABOUT
    try:
        return About.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        msg = f"{path}: no such file; expected the folder of an exported model, `model` in the directory of a finished run."
        raise ValueError(msg) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        msg = f"{path}: not read ({error.error_count()} problems; {where}: {first['msg']}); export the model again."
        raise ValueError(msg) from None


def _build(about: About, folder: Path) -> Bert | Resnet | Mmbt:
    config, genres, dropout = about.config, len(about.genres), about.config.optim.dropout
    if config.model == "bert":
        encoder, pooling = _text(about, folder)
        return Bert(encoder=encoder, pooling=pooling, genres=genres, dropout=dropout)
    image = image_encoder.read_encoder(
        folder / IMAGE,
        name=config.image.name,
        tokens=config.image.tokens,
        batch_norm=config.image.batch_norm,
        channels_last=config.compute.channels_last,
    )
    if config.model == "resnet":
        return Resnet(image=image, genres=genres, dropout=dropout)
    encoder, pooling = _text(about, folder)
    assert about.text
    cls_id, sep_id = cast("int", about.text.cls_id), cast("int", about.text.sep_id)
    return Mmbt(encoder=encoder, pooling=pooling, image=image, cls_id=cls_id, sep_id=sep_id, genres=genres, dropout=dropout)


def _text(about: About, folder: Path) -> tuple[PreTrainedModel, Pooling]:
    assert about.text
    return text_encoder.load_encoder(name=str((folder / TEXT).absolute()), revision=None, pooling=about.text.pooling)


def _head(model: nn.Module) -> dict[str, Tensor]:
    """The layers that are no encoder's."""
    return {name: x for name, x in model.state_dict().items() if name.startswith(("classifier.", "projection."))}


def _text_part(model: Bert | Mmbt, config: RunConfig) -> TextPart:
    limit, kind = config.text.max_tokens, model.encoder.config.model_type
    if isinstance(model, Bert):
        return TextPart(pooling=model.pooling, max_tokens=limit, cls_id=None, sep_id=None, architecture=kind)
    limit = text_budget(max_tokens=limit, image_tokens=config.image.tokens)
    return TextPart(pooling=model.pooling, max_tokens=limit, cls_id=model.cls_id, sep_id=model.sep_id, architecture=kind)


def _image_part(config: RunConfig) -> ImagePart:
    mean, std = image_encoder.normalisation(name=config.image.name)
    ours = config.image.name == embedded.NAME
    return ImagePart(
        library="timm" if ours else "torchvision",
        architecture=image_encoder.TIMM_EFFICIENTNET if ours else config.image.name,
        tokens=config.image.tokens,
        grid=image_encoder.GRIDS[config.image.tokens],
        side=256,
        mean=mean,
        std=std,
    )


def _libraries(config: RunConfig) -> tuple[str, ...]:
    uses_timm = config.model != "bert" and config.image.name == embedded.NAME
    return (*_LIBRARIES, "timm") if uses_timm else _LIBRARIES


def _save(state: dict[str, Tensor], path: Path) -> None:
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, path)


def _save_text(encoder: PreTrainedModel, config: RunConfig, folder: Path) -> None:
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        encoder.save_pretrained(folder)
    finally:
        if bars:
            logging.enable_progress_bar()
    text_encoder.load_tokenizer(name=config.text.name, revision=config.text.revision).save_pretrained(folder)
