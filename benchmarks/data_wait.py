"""How long the training loop waits for data: the share of its time that passes before the next batch is there.

For each model with the embedded encoders and UDA: a few training steps with the batches as a run gets them, then the same
batches with nobody computing, which is the speed that a faster device could use up.

Run: python benchmarks/data_wait.py [--version ID] [--steps 12] [--films 8]. Needs the extra `embedded`. Without `--version` the
bundled sample is taken, with RandAugment's posters and, for plots, stand-ins of the same length (the words turned around).
"""

import argparse
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

import torch

from augment.image import rand_augment
from augment.image.spec import RandAugmentSpec
from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.sampling import publish_sample
from datasets_cache.schema import TEXT_VIEW_FEATURES
from datasets_cache.sources import BundledSource
from datasets_cache.store import Cache
from datasets_cache.version import Version
from train.config import READS, ImageEncoderConfig, OptimConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.consistency import consistency_loss
from train.data import RunData, open_data
from train.learner import adamw
from train.models import build
from train.objective import Objective, step_losses
from train.records import Batch

WARMING = 2
"""Steps that are not counted: the first batches are waited for in any case."""


class StandInSpec(Frozen):
    """Settings of the shelf of stand-ins."""

    words: str = "turned around"
    """What was done to the plots."""


@dataclass
class Watch:
    """Hands items on and adds up how long it waited for them, but for the first few."""

    waited: float = 0.0
    counted_from: float = field(default_factory=time.perf_counter)

    def over(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches."""
        source = iter(batches)
        for number in count():
            if number == WARMING:
                self.waited, self.counted_from = 0.0, time.perf_counter()
            began = time.perf_counter()
            batch = next(source, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            yield batch

    @property
    def seconds(self) -> float:
        """Time since counting began."""
        return time.perf_counter() - self.counted_from


def main() -> None:
    """Measure each model and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", help="cache version with views of plots and posters; by default the bundled films")
    parser.add_argument("--steps", type=int, default=12, help="counted steps of each model, after two that warm up")
    parser.add_argument("--films", type=int, default=8, help="films a step")
    parser.add_argument("--tokens", type=int, default=96, help="longest text")
    parser.add_argument("--device", default="cpu", help="where the models compute")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        version = versions.open_version(Cache(), options.version) if options.version else bundled(Cache(Path(folder)))
        size = f"{options.films} films a step, at most {options.tokens} tokens"
        print(f"{version.id}, {size}, {options.steps} steps, {torch.get_num_threads()} threads of torch")
        print(f"{'':22} {'step':>9} {'waiting':>8} {'batches alone':>14}")
        for title, run in cells(version, films=options.films, tokens=options.tokens):
            data = open_data(version, run)
            seconds, share = training(data, run, steps=options.steps, device=torch.device(options.device))
            alone = batches_alone(data, steps=options.steps)
            print(f"{title:22} {seconds * 1e3:6.0f} ms {share:8.1%} {alone * 1e3:11.1f} ms", flush=True)


def cells(version: Version, *, films: int, tokens: int) -> Iterator[tuple[str, RunConfig]]:
    """The three models with UDA, and MMBT with both modalities augmented; with the pool where the version has one."""
    for model, modality in (("bert", None), ("resnet", None), ("mmbt", None), ("mmbt", "both")):
        uda = UdaConfig(modality=modality, unlabelled=1.0 if version.unlabelled() is not None else 0.0)
        run = RunConfig(
            version=version.id,
            model=model,
            uda=uda,
            text=TextEncoderConfig(name="embedded", max_tokens=tokens),
            image=ImageEncoderConfig(name="embedded"),
            optim=OptimConfig(batch_size=films),
        )
        yield f"{model} reads {'+'.join(READS[model])}" if modality is None else f"{model}, both augmented", run


def training(data: RunData, run: RunConfig, *, steps: int, device: torch.device) -> tuple[float, float]:
    """Seconds a step, and the share of them spent waiting for its batch."""
    model = build(run, genres=len(data.genres)).to(device).train()
    optimizer = adamw(model, learning_rate=1e-5, weight_decay=0.01)
    watch = Watch()
    with closing(epochs(data)) as batches:
        for batch in watch.over(islice(batches, steps + WARMING)):
            losses = step_losses(model, batch.to(device), Objective(consistency=consistency_loss))
            assert losses.consistency is not None
            optimizer.zero_grad(set_to_none=True)
            (losses.supervised + losses.consistency).backward()
            optimizer.step()
            if device.type == "cuda":
                torch.cuda.synchronize()
    return watch.seconds / steps, watch.waited / watch.seconds


def batches_alone(data: RunData, *, steps: int) -> float:
    """Seconds a batch where nobody computes."""
    watch = Watch()
    with closing(epochs(data)) as batches:
        for _ in watch.over(islice(batches, steps + WARMING)):
            pass
    return watch.seconds / steps


def epochs(data: RunData) -> Generator[Batch]:
    """Batches of one epoch after the other; the small one at the end of each is left out."""
    if data.batch_size > data.sizes["train"]:
        msg = f"{data.sizes['train']} training films make no batch of {data.batch_size}; lower --films."
        raise SystemExit(msg)
    for epoch in count(1):
        yield from (batch for batch in data.train(epoch) if len(batch.ids) == data.batch_size)


def bundled(cache: Cache) -> Version:
    """The bundled films with both views."""
    sample = publish_sample(BundledSource(), share=1.0, cache=cache).id
    image = rand_augment.publish(RandAugmentSpec(), sample, cache=cache)
    made = versions.publish(cache, name="bundled", sample=sample, text=turned_around(cache, sample), image=image)
    return versions.open_version(cache, made.id)


def turned_around(cache: Cache, sample: ShelfId) -> ShelfId:
    """A text shelf of the training plots with their words in reverse order: as long to read as a back-translation."""
    shelf = shelf_id("text", StandInSpec(), (sample,))
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for row in cache.open(sample).split("train"):
            plot = " ".join(reversed(row["plot"].split()))
            stage.write("train", dict.fromkeys(TEXT_VIEW_FEATURES) | {"id": row["id"], "view": 0, "plot": plot, "kept": []})
        stage.publish(shelf, spec=StandInSpec(), parents=(sample,))
    return shelf


if __name__ == "__main__":
    main()
