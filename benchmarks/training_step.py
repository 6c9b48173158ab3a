"""What two choices in the training step are worth, side by side in one run: seconds a step and their ratio.

1. Image encoder in channels-last memory format (as we run it) against PyTorch's default format.
2. MMBT with UDA: the poster that both views share encoded once (as we run it) against once for each view.

Run: python benchmarks/training_step.py [--steps 5] [--films 4]. Needs the extra `embedded`.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from train.config import ImageEncoderConfig, RunConfig, TextEncoderConfig
from train.consistency import consistency_loss
from train.models import build
from train.objective import Objective, step_losses
from train.records import Batch, Inputs

TOKENS = 96


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5, help="counted steps of each, after one warm-up")
    parser.add_argument("--films", type=int, default=4, help="films a step")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, {options.films} films a step, median of {options.steps} steps")
    report("image encoder, forward and backward", *memory_formats(options.films), steps=options.steps)
    report("MMBT + UDA, forward and backward", *posters_encoded(options.films), steps=options.steps)


def memory_formats(films: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of the image encoder in PyTorch's default format, and in channels-last."""
    encoder = build(config("resnet"), genres=23).image
    plain = build(config("resnet"), genres=23).image
    assert isinstance(encoder, nn.Module)
    assert isinstance(plain, nn.Module)
    trunk = plain.trunk.to(memory_format=torch.contiguous_format)
    image_BCHW = torch.randn(films, 3, 256, 256)
    return (lambda: backward(trunk, trunk(image_BCHW).mean()), lambda: backward(encoder, encoder(image_BCHW).mean()))


def posters_encoded(films: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of MMBT that encodes the posters twice, and one that encodes them once."""
    model = build(config("mmbt"), genres=23)
    image_BCHW = torch.randn(films, 3, 256, 256)
    tokens_BL = torch.randint(1000, 20000, (films, TOKENS))
    original = Inputs(tokens_BL=tokens_BL, mask_BL=torch.ones_like(tokens_BL), image_BCHW=image_BCHW)
    augmented = replace(original, tokens_BL=tokens_BL.flip(1))
    labels_BG = torch.zeros(films, 23)
    ids = tuple(map(str, range(films)))
    twice = Batch(ids, labels_BG, original, replace(augmented, image_BCHW=image_BCHW.clone()))
    once = Batch(ids, labels_BG, original, augmented)
    return (lambda: step(model, twice), lambda: step(model, once))


def step(model: nn.Module, batch: Batch) -> None:
    """Both losses of a batch and their gradients."""
    losses = step_losses(model, batch, Objective(consistency_loss))
    assert losses.consistency is not None
    backward(model, losses.supervised + losses.consistency)


def backward(model: nn.Module, loss: torch.Tensor) -> None:
    """Gradients, thrown away."""
    loss.backward()
    model.zero_grad()


def report(title: str, other: Callable[[], None], ours: Callable[[], None], *, steps: int) -> None:
    """Run the two in turn and print the ratio of their medians."""
    seconds: dict[str, list[float]] = {"other": [], "ours": []}
    for number in range(steps + 1):
        for name, run in (("other", other), ("ours", ours)):
            began = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - began)
    slow, fast = (statistics.median(seconds[name]) for name in ("other", "ours"))
    print(f"{title}: {slow:.3f} s -> {fast:.3f} s, {slow / fast:.2f}x")


def config(model: str) -> RunConfig:
    """A run with the embedded encoders."""
    text, image = TextEncoderConfig(name="embedded"), ImageEncoderConfig(name="embedded")
    return RunConfig.model_validate({"version": "none", "model": model, "text": text, "image": image})


if __name__ == "__main__":
    main()
