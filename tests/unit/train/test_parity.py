"""Training against a plain loop that shares no code with it: same weights, same films, the same losses step by step.

The plain loop pads to 512 tokens, makes three passes with UDA, resizes posters at each step and has AdamW unfused
(``benchmarks/reference_loop.py``); dropout is off, since two loops cannot draw the same. The tolerance tells them apart: a
learning rate 2 % higher in one of them moves the losses of all three models by 4e-4 and more, rounding by 1e-5 at most.
"""

import io
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models.resnet import BasicBlock
from transformers import AutoModel, AutoTokenizer

from datasets_cache.store import Cache
from datasets_cache.version import open_version
from train.config import ImageEncoderConfig, ModelName, OptimConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.data import open_data
from train.models import bert, mmbt, resnet, text_encoder
from train.models.image_encoder import ImageEncoder

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
GENRES = ("drama", "comedy", "crime", "war", "horror", "family")
FILMS, STEPS = 20, 20
TOKENS, WIDTH = 3, 16
CLS, SEP = 2, 3


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Threads only stand in each other's way on tensors of a few numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def _benchmarks_importable() -> Iterator[None]:
    """They are scripts that import one another, no package."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Twenty films with plots of 1 to 58 words and noisy 256x256 posters, as both loops read them, and the version's id."""
    import training_films

    draw = np.random.default_rng(0)
    films = [
        training_films.Film(
            id=f"film-{number}",
            plot=" ".join(f"w{word}" for word in draw.integers(0, 30, 1 + 3 * number)),
            augmented_plot=" ".join(f"w{word}" for word in draw.integers(0, 30, 2 + 2 * number)),
            genres=[GENRES[number % 6], GENRES[(number // 6 + number + 1) % 6]],
            poster=noise(draw),
            augmented_poster=noise(draw),
        )
        for number in range(FILMS)
    ]
    where = tmp_path_factory.mktemp("films")
    return where, training_films.write(where, films, GENRES)


def noise(draw: np.random.Generator) -> bytes:
    blocks = draw.integers(0, 256, (16, 16, 3), dtype=np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    encoded = io.BytesIO()
    Image.fromarray(blocks).save(encoded, "JPEG", quality=95)
    return encoded.getvalue()


def small_trunk() -> nn.Module:
    """The beginning of a ResNet: [B, 3, 256, 256] to [B, 16, 32, 32]."""
    first = nn.Conv2d(3, WIDTH, kernel_size=8, stride=8, bias=False)
    return nn.Sequential(first, nn.BatchNorm2d(WIDTH), nn.ReLU(), BasicBlock(WIDTH, WIDTH))


def ours(model: ModelName, tiny_bert: Path) -> nn.Module:
    encoder, pooling = text_encoder.load_encoder(name=str(tiny_bert), revision=None, pooling="pooler")
    image = ImageEncoder(trunk=small_trunk(), width=WIDTH, tokens=TOKENS, batch_norm="train")
    genres, dropout = len(GENRES), 0.1
    match model:
        case "bert":
            return bert.Bert(encoder=encoder, pooling=pooling, genres=genres, dropout=dropout)
        case "resnet":
            return resnet.Resnet(image=image, genres=genres, dropout=dropout)
        case "mmbt":
            return mmbt.Mmbt(
                encoder=encoder, pooling=pooling, image=image, cls_id=CLS, sep_id=SEP, genres=genres, dropout=dropout
            )


def plain(model: ModelName, tiny_bert: Path) -> nn.Module:
    import reference_loop

    encoder, genres = AutoModel.from_pretrained(tiny_bert), len(GENRES)
    match model:
        case "bert":
            return reference_loop.Bert(encoder, genres=genres)
        case "resnet":
            return reference_loop.ResNet(small_trunk(), width=WIDTH, tokens=TOKENS, genres=genres)
        case "mmbt":
            return reference_loop.Mmbt(
                encoder, small_trunk(), width=WIDTH, tokens=TOKENS, cls_id=CLS, sep_id=SEP, genres=genres
            )


@pytest.mark.parametrize("uda", [None, UdaConfig()], ids=["base", "uda"])
@pytest.mark.parametrize("model", ["bert", "resnet", "mmbt"])
def test_twenty_steps_have_the_losses_of_the_plain_loop(
    model: ModelName, uda: UdaConfig | None, folder: tuple[Path, str], tiny_bert: Path
):
    import reference_loop
    import training_parity

    where, version = folder
    config = RunConfig(
        version=version,
        model=model,
        uda=uda,
        text=TextEncoderConfig(name=str(tiny_bert), pooling="pooler"),
        image=ImageEncoderConfig(name="resnet18", weights="random", tokens=TOKENS),
        optim=OptimConfig(batch_size=4, learning_rate=1e-4),
    )
    films = reference_loop.Films(
        reference_loop.read_films(where),
        reads={"bert": ("text",), "resnet": ("image",), "mmbt": ("text", "image")}[model],
        tokenizer=AutoTokenizer.from_pretrained(tiny_bert),
        image_tokens=TOKENS,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        both = ours(model, tiny_bert), plain(model, tiny_bert)
    data = open_data(open_version(Cache(where / "cache"), version), config)

    found, expected = training_parity.compare(*both, data, films, config=config, steps=STEPS)

    assert len(found) == len(expected) == STEPS
    assert training_parity.largest_difference(found, expected) < 1e-4
    first, last = (statistics.mean(step.supervised for step in steps) for steps in (expected[:5], expected[-5:]))
    assert last < first - 0.01  # an epoch is five steps: the weights moved
    assert all((step.consistency is None) == (uda is None) for step in expected)
    if uda:
        assert max(step.consistency or 0.0 for step in expected) > 1e-3  # so that agreement says something
