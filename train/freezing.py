"""Encoders that do not train in a run's first epochs: no gradients, no dropout, no moving statistics."""

from collections.abc import Iterator

from torch import nn

from train.models.bert import Bert
from train.models.mmbt import Mmbt
from train.models.resnet import Resnet


def freeze(model: nn.Module, *, text: bool, image: bool) -> None:
    """Say which encoders train. Classifier and projection always do.

    A frozen encoder's weights take no gradient, lose the one they have, and the encoder goes into evaluation mode; call
    `training_mode` for the mode of each epoch. An encoder that is not frozen trains all its weights. Gradients still pass
    through a frozen text encoder, to the image tokens that go into it.

    The optimiser is to hold all parameters, so it is made before the first call: AdamW passes over weights without gradient,
    their decay included, and their moments begin with their first gradient.

    Args:
        model: `Bert`, `Resnet` or `Mmbt`, changed in place; an encoder that it lacks is passed over.
        text: whether the text encoder is frozen.
        image: whether the image encoder is frozen.
    """
    for encoder, frozen in _encoders(model, text=text, image=image):
        for weight in encoder.parameters():
            weight.requires_grad_(not frozen)
            if frozen:
                weight.grad = None  # AdamW would go on by it
        if frozen:
            encoder.eval()


def training_mode(model: nn.Module, *, text: bool, image: bool) -> None:
    """Put `model` into training mode and its frozen encoders into evaluation mode: no dropout, BatchNorm statistics stay.

    An image encoder that is not frozen keeps its own `batch_norm`.

    Args:
        model: as in `freeze`.
        text: whether the text encoder is frozen.
        image: whether the image encoder is frozen.
    """
    model.train()
    for encoder, frozen in _encoders(model, text=text, image=image):
        if frozen:
            encoder.eval()


def _encoders(model: nn.Module, *, text: bool, image: bool) -> Iterator[tuple[nn.Module, bool]]:
    """The encoders that `model` has, and whether each is frozen."""
    if isinstance(model, Bert | Mmbt):
        yield model.encoder, text
    if isinstance(model, Resnet | Mmbt):
        yield model.image, image
