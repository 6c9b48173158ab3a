"""RandAugment of encoded posters, side by side: decoding and encoding alone, this project, torchvision v2, timm.

    python benchmarks/randaugment.py [--posters 200] [--rounds 5] [--folder DIR]

All take the same 256x256 JPEGs and give JPEGs of quality 95 at full chroma resolution, two operations a poster. One core: CPU
time of one thread; the tools take turns every 25 posters, so that what else runs on the machine hits all alike; each block of
posters counts with its best round. All cores: wall time over threads, the best round. Without `--folder` and without the films
beside the checkout the posters are drawn.
"""

import argparse
import io
import os
import random
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from torchvision.transforms import v2

from augment.image.ops import OPS, apply_op, draw_parameter
from augment.image.poster import augment_poster, decode, encode
from augment.image.spec import RandAugmentSpec
from datasets_cache.posters import QUALITY, prepare

Tool = Callable[[int, bytes], object]
REAL = Path(__file__).parents[1] / "../shared/data/mmimdb-mini/dataset"
BLOCK = 25
BASE, OURS = "decode + encode alone (OpenCV)", "this project"


def posters(folder: Path, count: int) -> list[bytes]:
    """Up to `count` prepared 256x256 posters of `folder`, or drawn ones."""
    files = sorted([*folder.glob("*.jpeg"), *folder.glob("*.jpg")])[:count]
    print(f"{len(files)} posters of {folder}" if files else f"{count} drawn posters ({folder} has none)")
    return [prepare(file.read_bytes()).square for file in files] or [drawn(seed) for seed in range(count)]


def drawn(seed: int) -> bytes:
    """A poster-like picture: soft shapes and grain."""
    rng = np.random.default_rng(seed)
    soft = cv2.resize(rng.integers(0, 256, (12, 12, 3), np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)
    return encode((soft + rng.normal(0, 8, soft.shape)).clip(0, 255).astype(np.uint8))


def decode_and_encode(_number: int, data: bytes) -> object:
    """The least that any tool must do: no colour conversion, no statistics."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_BGR)
    sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    return cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY, *sampling))[1].tobytes()


def on_pil(change: Callable[[Image.Image], Image.Image]) -> Tool:
    """A tool that works on Pillow's images."""

    def tool(_number: int, data: bytes) -> object:
        out = io.BytesIO()
        change(Image.open(io.BytesIO(data)).convert("RGB")).save(out, "JPEG", quality=QUALITY, subsampling=0)
        return out.getvalue()

    return tool


def tools(magnitude: float) -> dict[str, Tool]:
    """Every tool at the same share of the range: bin 3 m of torchvision's 31, magnitude m of timm's 10."""
    spec = RandAugmentSpec(magnitude=magnitude)
    bins = v2.RandAugment(num_ops=2, magnitude=round(3 * magnitude), fill=[128, 128, 128])
    timms = rand_augment_transform(f"rand-m{magnitude:g}-n2-p1", {"interpolation": Image.Resampling.NEAREST})
    return {
        BASE: decode_and_encode,
        "decode + encode alone (Pillow)": on_pil(lambda image: image),
        OURS: lambda number, data: augment_poster(spec, str(number), 0, data),
        "torchvision v2 on PIL": on_pil(bins),
        "timm on PIL": on_pil(timms),
    }


def one_core(measured: dict[str, Tool], data: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Posters per CPU second of one thread."""
    blocks = [range(first, min(first + BLOCK, len(data))) for first in range(0, len(data), BLOCK)]
    best = {name: [float("inf")] * len(blocks) for name in measured}
    for _ in range(rounds):
        for number, block in enumerate(blocks):
            for name, tool in measured.items():
                started = time.thread_time()
                for place in block:
                    tool(place, data[place])
                best[name][number] = min(best[name][number], time.thread_time() - started)
    return {name: len(data) / sum(seconds) for name, seconds in best.items()}


def all_cores(measured: dict[str, Tool], data: Sequence[bytes], rounds: int, threads: int) -> dict[str, float]:
    """Posters per second of wall time."""
    best = dict.fromkeys(measured, 0.0)
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            for name, tool in measured.items():
                started = time.perf_counter()
                list(pool.map(tool, range(len(data)), data))
                best[name] = max(best[name], len(data) / (time.perf_counter() - started))
    return best


def by_operation(data: Sequence[bytes], magnitude: float, rounds: int) -> dict[str, float]:
    """Microseconds of each operation on one core, the best round."""
    images = [decode(poster) for poster in data[:60]]
    found: dict[str, float] = {}
    for op in OPS:
        seconds: list[float] = []
        for number in range(rounds):
            parameter = draw_parameter(op, magnitude=magnitude, negative=bool(number % 2), height=256, width=256)
            started = time.thread_time()
            for image in images:
                assert image is not None
                apply_op(op, image, parameter, fill=(128, 128, 128))
            seconds.append((time.thread_time() - started) / len(images))
        found[op.name] = 1e6 * min(seconds)
    return found


def show(title: str, found: dict[str, float]) -> None:
    """Print posters per second and the two ratios."""
    print(f"\n{title}\n{'':34}{'posters/s':>10}{'of decode+encode':>18}{'of torchvision':>16}")
    for name, rate in found.items():
        print(f"{name:34}{rate:10.0f}{rate / found[BASE]:17.0%} {rate / found['torchvision v2 on PIL']:14.2f}x")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posters", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--magnitude", type=float, default=RandAugmentSpec().magnitude)
    parser.add_argument("--folder", type=Path, default=REAL)
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="torchvision|timm")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    data = posters(given.folder, given.posters)
    threads = len(os.sched_getaffinity(0))
    print(f"magnitude {given.magnitude:g}, load {os.getloadavg()[0]:.1f} on {threads} CPUs")
    measured = tools(given.magnitude)
    show("one core", one_core(measured, data, given.rounds))
    show(f"{threads} threads", all_cores(measured, data, given.rounds, threads))
    print("\nmicroseconds a poster on one core")
    print("\n".join(f"{name:14}{cost:7.0f}" for name, cost in by_operation(data, given.magnitude, given.rounds).items()))


if __name__ == "__main__":
    main()
