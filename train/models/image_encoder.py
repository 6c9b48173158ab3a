"""Image encoders: a convolutional network up to its last feature map, pooled to a few tokens.

Shape legend: B films, C channels, H height, W width, N image tokens, D width of a token.
"""

from pathlib import Path
from typing import Self, cast
from urllib.error import URLError

import torch
from huggingface_hub.utils import are_progress_bars_disabled
from torch import Tensor, nn
from torchvision import models as torchvision_models

from train.config import BatchNormMode
from train.models import embedded
from train.models.weights import check_sha256, missing, read_state

GRIDS = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2), 5: (5, 1), 6: (3, 2), 7: (7, 1), 8: (4, 2), 9: (3, 3)}
"""Rows and columns of the image tokens (Kiela et al., arXiv:1909.02950)."""
IMAGENET_MEAN_STD = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_RESNET_PARTS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
"""torchvision's names of the parts that are kept, in their order."""
TIMM_EFFICIENTNET = "tf_efficientnet_lite0"
"""timm's name of the ``embedded`` encoder."""

MeanStd = tuple[tuple[float, float, float], tuple[float, float, float]]


def normalisation(*, name: str) -> MeanStd:
    """Mean and deviation by channel (RGB) that the encoder was trained with, for pixels in 0 to 1.

    Raises:
        ValueError: unknown encoder.
    """
    if name == embedded.NAME:
        return embedded.MEAN_STD
    _known(name)
    return IMAGENET_MEAN_STD


class ImageEncoder(nn.Module):
    """Posters to tokens: the last feature map, average-pooled to a grid and read row by row."""

    def __init__(
        self, *, trunk: nn.Module, width: int, tokens: int, batch_norm: BatchNormMode, channels_last: bool = True
    ) -> None:
        """Take a network apart.

        Args:
            trunk: [B, 3, H, W] to a feature map [B, `width`, rows, columns].
            width: channels of the feature map, the D of its tokens.
            tokens: N, 1 to 9.
            batch_norm: see `train.config.ImageEncoderConfig`.
            channels_last: see `train.config.ComputeConfig`.
        """
        super().__init__()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format  # benchmarks/training_step.py
        self.trunk = trunk.to(memory_format=self.memory_format)
        self.pool = nn.AdaptiveAvgPool2d(GRIDS[tokens])
        self.width = width
        self.tokens = tokens
        self.batch_norm = batch_norm

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Tokens [B, N, D] of normalised posters [B, 3, H, W]."""
        features_BDHW = self.trunk(image_BCHW.contiguous(memory_format=self.memory_format))
        return self.pool(features_BDHW).flatten(2).transpose(1, 2)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002  (torch's own signature)
        """Switch to training or evaluation; frozen BatchNorm layers stay in evaluation."""
        super().train(mode)
        if self.batch_norm == "frozen":
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def load_encoder(
    *, name: str, weights: str, tokens: int, batch_norm: BatchNormMode, channels_last: bool = True
) -> ImageEncoder:
    """An image encoder with its pretrained weights.

    Args:
        name: a torchvision ResNet or ``embedded``.
        weights: torchvision's name of the weights, a local file, or ``random``; ``embedded`` brings its own.
        tokens: image tokens, 1 to 9.
        batch_norm: see `train.config.ImageEncoderConfig`.
        channels_last: see `train.config.ComputeConfig`.
    Raises:
        MissingWeights: the weights are not on this machine.
        ValueError: unknown encoder or weights, or a file that does not fit.
    """
    if name == embedded.NAME:
        trunk, width = embedded.efficientnet(), embedded.EFFICIENTNET_CHANNELS
    else:
        trunk, width = _resnet(name, weights)
    return ImageEncoder(trunk=trunk, width=width, tokens=tokens, batch_norm=batch_norm, channels_last=channels_last)


def library_state(encoder: ImageEncoder) -> dict[str, Tensor]:
    """Weights of an encoder under the names that torchvision (for ``embedded``: timm) gives them; `read_encoder` reads them."""
    if isinstance(encoder.trunk, embedded.FeatureMap):
        return encoder.trunk.network.state_dict()
    renamed: dict[str, Tensor] = {}
    for name, tensor in encoder.trunk.state_dict().items():
        number, _, rest = name.partition(".")
        renamed[f"{_RESNET_PARTS[int(number)]}.{rest}"] = tensor
    return renamed


def read_encoder(path: Path, *, name: str, tokens: int, batch_norm: BatchNormMode, channels_last: bool = True) -> ImageEncoder:
    """An image encoder with the weights of `library_state` from a file; no other weights need to be on the machine.

    Args:
        path: .safetensors or .pth.
        name: see `load_encoder`.
        tokens: see `load_encoder`.
        batch_norm: see `load_encoder`.
        channels_last: see `load_encoder`.
    Raises:
        MissingWeights: ``embedded`` without timm.
        ValueError: unknown encoder, or a file that is missing or does not fit.
    """
    if name == embedded.NAME:
        trunk, width = _efficientnet(path), embedded.EFFICIENTNET_CHANNELS
    else:
        trunk, width = _resnet(name, str(path.absolute()))
    return ImageEncoder(trunk=trunk, width=width, tokens=tokens, batch_norm=batch_norm, channels_last=channels_last)


def locate(*, name: str, weights: str, download: bool = False) -> Path | None:
    """File of torchvision's pretrained weights; None for weights that are not torchvision's to fetch.

    Raises:
        MissingWeights: not on this machine, and not to be fetched.
        ValueError: unknown encoder or weights.
    """
    if name == embedded.NAME or weights == "random" or _is_path(weights):
        return None
    _known(name)
    choices = torchvision_models.get_model_weights(name)
    names = [choice for choice in choices.__members__ if choice != "DEFAULT"]  # what that names changes with torchvision
    if weights not in names:
        msg = f"{name} has no weights {weights!r}; choose of {[*names, 'random']} or give a .pth/.safetensors file."
        raise ValueError(msg)
    return _in_torch_cache(choices[weights].url, title=f"{name} {weights}", download=download)


def file_of(*, name: str, weights: str) -> Path | None:
    """File that `load_encoder` reads, wherever it comes from; None where it draws its weights.

    Raises:
        MissingWeights: see `locate`.
        ValueError: see `locate`.
    """
    if name == embedded.NAME:
        return embedded.efficientnet_file()
    return Path(weights).expanduser() if _is_path(weights) else locate(name=name, weights=weights)


def _resnet(name: str, wanted: str) -> tuple[nn.Module, int]:
    _known(name)
    network = cast("torchvision_models.ResNet", torchvision_models.get_model(name, weights=None))
    if path := file_of(name=name, weights=wanted):
        state = {key: value for key, value in read_state(path).items() if not key.startswith("fc.")}
        try:
            report = network.load_state_dict(state, strict=False)
        except RuntimeError as error:
            msg = f"{path}: not the weights of {name} ({str(error).splitlines()[-1].strip()})."
            raise ValueError(msg) from error
        lacking = [key for key in report.missing_keys if not key.startswith("fc.")]
        if lacking or report.unexpected_keys:
            msg = f"{path}: not the weights of {name}: lacks {lacking[:3]}, has {report.unexpected_keys[:3]} besides."
            raise ValueError(msg)
    width = network.fc.in_features
    return nn.Sequential(*list(network.children())[:-2]), width


def _efficientnet(path: Path) -> nn.Module:
    trunk = embedded.FeatureMap(embedded.timm_network(TIMM_EFFICIENTNET))
    try:
        trunk.network.load_state_dict(read_state(path))
    except RuntimeError as error:
        msg = f"{path}: not the weights of {TIMM_EFFICIENTNET} ({str(error).splitlines()[-1].strip()})."
        raise ValueError(msg) from error
    return trunk


def _in_torch_cache(url: str, *, title: str, download: bool) -> Path:
    file = url.rpartition("/")[2]
    sha256 = file.rpartition("-")[2].removesuffix(".pth")
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    problem = missing(
        what=f"the torchvision file {file} ({title}, SHA-256 {sha256}...)",
        where=str(path.parent),
        local="--image.weights PATH",
    )
    if not path.is_file():
        if not download:
            raise problem
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=sha256, progress=not are_progress_bars_disabled())
        except (URLError, RuntimeError, OSError) as error:
            problem.add_note(f"{url}: {error}")
            raise problem from error
    check_sha256(path, sha256, cure=f"remove it and run `mmuda fetch RECIPE`, or copy {file} again")
    return path


def _is_path(wanted: str) -> bool:
    return wanted.endswith((".pth", ".pt", ".safetensors")) or "/" in wanted


def _known(name: str) -> None:
    if name not in _RESNETS:
        msg = f"unknown image encoder {name!r}; choose of {[*_RESNETS, embedded.NAME]} (--image.name)."
        raise ValueError(msg)
