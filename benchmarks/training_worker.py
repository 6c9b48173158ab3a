"""One measurement of the training benchmark, in a process of its own: training.py starts it with a job and reads the result."""

import json
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import reference_loop
import torch
import training_parity
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models as torchvision_models
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from datasets_cache.store import Cache
from datasets_cache.version import open_version
from train.config import (
    READS,
    BatchNormMode,
    ComputeConfig,
    ImageEncoderConfig,
    ModelName,
    OptimConfig,
    Precision,
    RunConfig,
    TextEncoderConfig,
    UdaConfig,
)
from train.data import RunData, open_data
from train.epoch import train_epoch
from train.hardware import accelerator
from train.learner import Learner, learner
from train.models import build, embedded, image_encoder, text_encoder

Who = Literal["plain", "ours", "trainer", "profile", "parity", "peak"]
Size = Literal["full", "embedded"]
IMAGE_TOKENS = 3
RESNET_WIDTH = 2048
GROUPS = {
    "convolutions": ("convolution",),
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "mkldnn_linear"),
    "attention": ("scaled_dot_product", "flash_attention"),
    "normalisation": ("batch_norm", "layer_norm"),
    "optimiser": ("fused_adamw", "optimizer.step", "optimizer.zero_grad", "linalg_vector_norm", "_foreach"),
}
"""Parts of operator names; the first group that fits counts, the rest is elementwise work, copies and bookkeeping."""


@dataclass(frozen=True)
class Job:
    """What a process is to measure."""

    who: Who
    folder: Path
    """Written by `training_films.write`; beside the films, ``bert`` holds the full-size text encoder."""
    version: str = ""
    model: ModelName = "bert"
    size: Size = "embedded"
    uda: bool = True
    batch: int = 4
    warm_up: int = 1
    """Steps before the measured epoch; 0: a whole epoch."""
    steps: int = 20
    """Of `parity`."""
    batch_norm: BatchNormMode = "train"
    threads: int | None = None
    precision: Precision = "fp32"


@dataclass
class Result:
    """What it found."""

    steps: int = 0
    seconds: float = 0.0
    """Of `steps` steps, one epoch."""
    waiting: float = 0.0
    """Of these, for data."""
    peak_mb: float = 0.0
    """Largest resident set of the process."""
    gflop: float | None = None
    """Of the epoch's matrix products, convolutions and attention, forward and backward; of `peak`, those of a second. None
    where it is not known: torch's counter takes the backward pass of grouped convolutions for that of full ones."""
    shares: dict[str, float] = field(default_factory=dict[str, float])
    """Of operator time, by group."""
    difference: float = 0.0
    """`parity`: the largest."""


def config_of(job: Job) -> RunConfig:
    """The run that a job measures."""
    full = job.size == "full"
    return RunConfig(
        version=job.version,
        model=job.model,
        uda=UdaConfig() if job.uda else None,
        text=TextEncoderConfig(name=str(job.folder / "bert") if full else embedded.NAME, pooling="pooler"),
        image=ImageEncoderConfig(
            name="resnet152" if full else embedded.NAME,
            weights="random" if full else "IMAGENET1K_V2",
            tokens=IMAGE_TOKENS,
            batch_norm=job.batch_norm,
        ),  # fmt: skip
        optim=OptimConfig(batch_size=job.batch),
        compute=ComputeConfig(precision=job.precision),
    )


def write_bert(folder: Path) -> None:
    """Seeded random weights of BERT-base's size, with the tokenizer that it shares with MiniLM."""
    torch.manual_seed(0)
    BertModel(BertConfig()).save_pretrained(folder)
    AutoTokenizer.from_pretrained(text_encoder.locate(name=embedded.NAME, revision=None)).save_pretrained(folder)


def plain_model(job: Job, *, genres: int) -> nn.Module:
    """The plain loop's model, in the same size."""
    full = job.size == "full"
    torch.manual_seed(0)
    encoder = tokenizer = trunk = None
    if "text" in READS[job.model]:
        folder = text_folder(job)
        encoder = AutoModel.from_pretrained(folder, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    if "image" in READS[job.model]:
        whole = torchvision_models.resnet152(weights=None) if full else None
        trunk = nn.Sequential(*list(whole.children())[:-2]) if whole else embedded.efficientnet()
    width = RESNET_WIDTH if full else embedded.EFFICIENTNET_CHANNELS
    match job.model:
        case "bert":
            assert encoder
            return reference_loop.Bert(encoder, genres=genres)
        case "resnet":
            assert trunk
            return reference_loop.ResNet(trunk, width=width, tokens=IMAGE_TOKENS, genres=genres)
        case "mmbt":
            assert encoder
            assert trunk
            assert tokenizer
            return reference_loop.Mmbt(
                encoder, trunk, width=width, tokens=IMAGE_TOKENS, cls_id=tokenizer.cls_token_id,
                sep_id=tokenizer.sep_token_id, genres=genres,
            )  # fmt: skip


def text_folder(job: Job) -> Path:
    """Where the text encoder lies."""
    return text_encoder.locate(name=config_of(job).text.name, revision=None)


def plain_films(job: Job) -> reference_loop.Films:
    """The plain loop's data set."""
    reads = READS[job.model]
    mean, std = image_encoder.normalisation(name=config_of(job).image.name)
    return reference_loop.Films(
        reference_loop.read_films(job.folder), reads=reads, image_tokens=IMAGE_TOKENS, mean=mean, std=std,
        tokenizer=AutoTokenizer.from_pretrained(text_folder(job)) if "text" in reads else None,
    )  # fmt: skip


def run_plain(job: Job) -> Result:
    """An epoch of the plain loop."""
    films = plain_films(job)
    model = plain_model(job, genres=len(films.films[0].labels)).train()
    config = config_of(job)
    optimizer = reference_loop.make_optimizer(model, learning_rate=config.optim.learning_rate)
    weight = config.uda.weight if config.uda else None
    loader = DataLoader(films, batch_size=job.batch, shuffle=True, generator=torch.Generator().manual_seed(1))
    for batch in islice(loader, job.warm_up or None):
        reference_loop.train_step(model, optimizer, batch, uda=weight)
    waits = Waits()
    began = time.perf_counter()
    for batch in waits.timed(loader):
        reference_loop.train_step(model, optimizer, batch, uda=weight)
    return Result(steps=len(loader), seconds=time.perf_counter() - began, waiting=waits.seconds)


@dataclass
class Waits:
    """Time spent waiting for data."""

    seconds: float = 0.0

    def timed(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The same batches."""
        arriving, end = iter(batches), object()
        while True:
            began = time.perf_counter()
            batch = next(arriving, end)
            self.seconds += time.perf_counter() - began
            if batch is end:
                return
            yield batch


def epoch_of_ours(job: Job, made: Learner, data: RunData, *, number: int, steps: int | None = None) -> Result:
    """An epoch of ours, or its first `steps`, by the trainer's own code."""
    config = config_of(job)
    began = time.perf_counter()
    trained = train_epoch(
        made, islice(data.train(number, augmented=job.uda), steps), epoch=number,
        plan=lambda _: training_parity.objective(config), max_grad_norm=config.optim.max_grad_norm,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    return Result(steps=data.batches_per_epoch, seconds=seconds, waiting=trained.waiting * trained.seconds)


def run_ours(job: Job) -> Result:
    """An epoch of ours; for `profile`, three times: plain, counted and profiled."""
    config = config_of(job)
    data = open_data(open_version(Cache(job.folder / "cache"), job.version), config)
    with accelerator(device=torch.device("cpu"), precision=job.precision) as where:
        model = build(config, genres=len(data.genres))
        made = learner(model, config, accelerator=where, steps_per_epoch=data.batches_per_epoch)
        epoch_of_ours(job, made, data, number=1, steps=job.warm_up or None)
        result = epoch_of_ours(job, made, data, number=2)
        if job.who == "profile":
            if not any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in model.modules()):
                with FlopCounterMode(display=False) as counter:
                    epoch_of_ours(job, made, data, number=2)
                result.gflop = counter.get_total_flops() / 1e9
            with profile(activities=[ProfilerActivity.CPU]) as seen:
                epoch_of_ours(job, made, data, number=2)
            result.shares = shares({event.key: event.self_cpu_time_total for event in seen.key_averages()})
        return result


def shares(microseconds: dict[str, float]) -> dict[str, float]:
    """Operator time by group, as shares of the whole."""
    found = dict.fromkeys([*GROUPS, "the rest"], 0.0)
    for name, time_taken in microseconds.items():
        group = next((group for group, parts in GROUPS.items() if any(part in name.lower() for part in parts)), "the rest")
        found[group] += time_taken
    return {group: part / sum(found.values()) for group, part in found.items()}


def run_parity(job: Job) -> Result:
    """Largest difference of the losses of the first steps."""
    config = config_of(job)
    data = open_data(open_version(Cache(job.folder / "cache"), job.version), config)
    both = build(config, genres=len(data.genres)), plain_model(job, genres=len(data.genres))
    found = training_parity.compare(*both, data, plain_films(job), config=config, steps=job.steps)
    return Result(steps=job.steps, difference=training_parity.largest_difference(*found))


def run_peak(_job: Job) -> Result:
    """Billions of floating-point operations a second of a large matrix product, the best of several."""
    side = 4096
    left, right = torch.randn(side, side), torch.randn(side, side)
    best = float("inf")
    for _ in range(6):
        began = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - began)
    return Result(seconds=best, gflop=2 * side**3 / best / 1e9)


def run_trainer(job: Job) -> Result:
    """An epoch of transformers' Trainer: labels alone, dynamic padding, films grouped by length."""
    from training_trainer import measure

    config = config_of(job)
    steps, seconds = measure(
        reference_loop.read_films(job.folder), folder=text_folder(job), batch=job.batch,
        max_tokens=config.text.max_tokens, learning_rate=config.optim.learning_rate, weight_decay=config.optim.weight_decay,
    )  # fmt: skip
    return Result(steps=steps, seconds=seconds)


def main() -> None:
    """Do the job in the first argument and print the result as the last line."""
    given = json.loads(sys.argv[1])
    job = Job(**given | {"folder": Path(given["folder"])})
    if job.threads:
        torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    run = {
        "plain": run_plain, "ours": run_ours, "profile": run_ours, "trainer": run_trainer, "parity": run_parity,
        "peak": run_peak,
    }[job.who]  # fmt: skip
    result = run(job)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    result.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print("\n" + json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
