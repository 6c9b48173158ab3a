"""RandAugment of encoded posters, side by side: decoding and encoding alone, this project, torchvision v2, timm.

    python benchmarks/randaugment.py [--posters 200] [--views 3] [--rounds 5] [--magnitude 5] [--folder DIR]

All take the same 256x256 JPEGs and give JPEGs of quality 95 at full chroma resolution, two operations a poster; each tool draws
the same operations in every round. One core: CPU time of one thread; the tools take turns every 25 posters, so that what else
runs on the machine hits all alike; each block of posters counts with its best round. All cores: wall time over threads, the
best round. Operations: CPU time of one thread, the poster already decoded. Without `--folder`, the posters that ship with the
project. Needs the extra `embedded` for timm. `benchmarks/growth.py --stages image` measures time and memory as the films grow.
"""

import argparse
import io
import os
import platform
import random
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from torchvision.io import decode_jpeg
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.autoaugment import _apply_op

from augment.image.ops import OPS, apply_op, draw_parameter
from augment.image.poster import augment_poster, decode, encode
from augment.image.spec import RandAugmentSpec
from datasets_cache.posters import QUALITY, prepare

Tool = Callable[[int, bytes], object]
BUNDLED = Path(__file__).parents[1] / "datasets_cache/bundled/posters"
BLOCK = 25
BASE, RIVAL = "decode + encode alone (OpenCV)", "torchvision v2 on PIL"
JPEG = (
    *(cv2.IMWRITE_JPEG_QUALITY, QUALITY),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
GREY = (128, 128, 128)


def posters(folder: Path, count: int) -> list[bytes]:
    """Up to `count` posters of `folder`, as 256x256 JPEGs."""
    files = sorted([*folder.glob("*.jpeg"), *folder.glob("*.jpg")])[:count]
    if not files:
        sys.exit(f"{folder}: no *.jpeg or *.jpg in it; name a folder of posters.")
    return [prepare(file.read_bytes()).square for file in files]


def decode_and_encode(_number: int, data: bytes) -> object:
    """The least that any tool must do: no colour conversion, no statistics."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_BGR)
    return cv2.imencode(".jpg", image, JPEG)[1].tobytes()


def on_pil(change: Callable[[Image.Image], Image.Image]) -> Tool:
    """A tool that works on Pillow's images."""

    def tool(_number: int, data: bytes) -> object:
        out = io.BytesIO()
        change(Image.open(io.BytesIO(data)).convert("RGB")).save(out, "JPEG", quality=QUALITY, subsampling=0)
        return out.getvalue()

    return tool


def on_tensor(change: Callable[[torch.Tensor], torch.Tensor]) -> Tool:
    """A tool that works on tensors; OpenCV encodes, because torchvision cannot at full chroma resolution."""

    def tool(_number: int, data: bytes) -> object:
        made_CHW = change(decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8)))
        made_HWC = made_CHW.permute(1, 2, 0).contiguous().numpy()
        return encode(np.asarray(cv2.cvtColor(made_HWC, cv2.COLOR_RGB2BGR), np.uint8))

    return tool


def tools(magnitude: float) -> dict[str, Tool]:
    """Every tool at the same share of the range: bin 3 m of torchvision's 31, magnitude m of timm's 10."""
    spec = RandAugmentSpec(magnitude=magnitude)
    bins = v2.RandAugment(num_ops=2, magnitude=round(3 * magnitude), fill=list(GREY))
    timms = rand_augment_transform(f"rand-m{magnitude:g}-n2-p1", {"interpolation": Image.Resampling.NEAREST})
    return {
        BASE: decode_and_encode,
        "decode + encode alone (Pillow)": on_pil(lambda image: image),
        "this project": lambda number, data: augment_poster(spec, str(number), 0, data),
        RIVAL: on_pil(bins),
        "torchvision v2 on tensors": on_tensor(bins),
        "timm on PIL": on_pil(timms),
    }


def seed_all(number: int) -> None:
    """The other tools draw from global generators; ours from the number of the poster."""
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number)


def one_core(measured: dict[str, Tool], data: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Posters per CPU second of one thread."""
    blocks = [range(first, min(first + BLOCK, len(data))) for first in range(0, len(data), BLOCK)]
    best = {name: [float("inf")] * len(blocks) for name in measured}
    for _ in range(rounds):
        for number, block in enumerate(blocks):
            for name, tool in measured.items():
                seed_all(number)
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
                seed_all(0)
                started = time.perf_counter()
                list(pool.map(tool, range(len(data)), data))
                best[name] = max(best[name], len(data) / (time.perf_counter() - started))
    return best


def by_operation(data: Sequence[bytes], magnitude: float, rounds: int) -> dict[str, list[float]]:
    """Microseconds of each operation: here, in torchvision on PIL and on tensors. Every other poster with a minus."""
    pictures = [picture for picture in map(decode, data[:40]) if picture is not None]
    images = [Image.fromarray(picture[..., ::-1]) for picture in pictures]
    tensors = [torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1) for picture in pictures]
    nearest = InterpolationMode.NEAREST
    found: dict[str, list[float]] = {}
    for op in OPS:
        both = [draw_parameter(op, magnitude=magnitude, negative=minus, height=256, width=256) for minus in (False, True)]
        values = [0.0 if parameter is None else float(parameter) for parameter in both]
        tools: list[Callable[[int], object]] = [
            lambda n, op=op, both=both: apply_op(op, pictures[n], both[n % 2], fill=GREY),
            lambda n, op=op, values=values: _apply_op(images[n], op.name, values[n % 2], nearest, list(GREY)),
            lambda n, op=op, values=values: _apply_op(tensors[n], op.name, values[n % 2], nearest, list(GREY)),
        ]
        found[op.name] = [1e6 * min(seconds_each(tool, len(pictures)) for _ in range(rounds)) for tool in tools]
    return found


def seconds_each(tool: Callable[[int], object], count: int) -> float:
    """CPU seconds of one call."""
    started = time.thread_time()
    for number in range(count):
        tool(number)
    return (time.thread_time() - started) / count


def show(title: str, found: dict[str, float]) -> None:
    """Print posters per second and the two ratios."""
    print(f"\n{title}\n{'':34}{'posters/s':>10}{'of decode+encode':>18}{'of torchvision on PIL':>23}")
    for name, rate in found.items():
        print(f"{name:34}{rate:10.0f}{rate / found[BASE]:17.0%} {rate / found[RIVAL]:21.2f}x")


def show_operations(found: dict[str, list[float]]) -> None:
    """Print microseconds a poster, and their mean: what a drawn operation costs."""
    print(f"\n{'microseconds a poster':24}{'here':>8}{'torchvision on PIL':>20}{'on tensors':>12}")
    mean = np.mean(list(found.values()), axis=0).tolist()
    for name, (here, on_pil_, on_tensors) in {**found, "mean": mean}.items():
        print(f"{name:24}{here:8.0f}{on_pil_:20.0f}{on_tensors:12.0f}")


def machine() -> str:
    """Processor, versions, load."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    packages = ("opencv-python-headless", "albumentations", "pillow", "torchvision", "timm", "numpy")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{processor}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\nPython {platform.python_version()}, {versions}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posters", type=int, default=200)
    parser.add_argument("--views", type=int, default=3, help="how often each poster is taken, with other draws")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--magnitude", type=float, default=RandAugmentSpec().magnitude)
    parser.add_argument("--folder", type=Path, default=BUNDLED)
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="torchvision|timm")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print(machine())
    data = posters(given.folder, given.posters)
    size = sum(map(len, data)) / len(data) / 1000
    print(f"{len(data)} posters of {given.folder}, {size:.0f} kB each, {given.views} times; magnitude {given.magnitude:g}")
    measured, threads = tools(given.magnitude), len(os.sched_getaffinity(0))
    show("one core, CPU time", one_core(measured, data * given.views, given.rounds))
    show(f"{threads} threads, wall time", all_cores(measured, data * given.views, given.rounds, threads))
    show_operations(by_operation(data, given.magnitude, given.rounds))
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
