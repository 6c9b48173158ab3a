"""One poster from a file, as prediction reads it."""

from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image

from datasets_cache.sampling import publish_sample
from datasets_cache.sources import BundledSource
from datasets_cache.store import Cache
from train import posters

MEAN_STD = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def red() -> bytes:
    encoded = BytesIO()
    Image.new("RGB", (64, 96), "red").save(encoded, "JPEG")
    return encoded.getvalue()


def test_a_poster_from_a_file_is_the_very_tensor_that_training_reads(tmp_path: Path):
    cache = Cache(tmp_path)
    shelf = cache.open(publish_sample(BundledSource(), share=0.1, cache=cache).id)
    films = shelf.split("train")
    for row in range(2):
        path = tmp_path / f"poster-{row}"
        path.write_bytes(films[row]["poster"])
        assert torch.equal(posters.read_file(path, **MEAN_STD), posters.load(films, [row], **MEAN_STD))


def test_channels_are_red_green_and_blue_in_this_order():
    # mean 0 and deviation 1 leave the pixels from 0 to 1; JPEG moves a flat colour by two levels at most
    orange = BytesIO()
    Image.new("RGB", (256, 256), (250, 120, 10)).save(orange, "JPEG")
    shown = posters.load([{"poster_256": orange.getvalue()}], [0], mean=(0, 0, 0), std=(1, 1, 1))
    assert (shown.mean(dim=(0, 2, 3)) * 255).tolist() == pytest.approx([250, 120, 10], abs=2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"not a picture", "poster not an image"),
        (red()[:400], "poster truncated"),
        (b"", "poster not an image"),
    ],
)
def test_a_file_that_is_no_poster_is_named(tmp_path: Path, content: bytes | None, said: str):
    path = tmp_path / "poster.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"poster\.jpg: {said}"):
        posters.read_file(path, **MEAN_STD)


def test_a_folder_is_no_poster(tmp_path: Path):
    with pytest.raises(ValueError, match="cannot be read .*expected a poster as JPEG"):
        posters.read_file(tmp_path, **MEAN_STD)


def test_a_huge_file_is_not_read(tmp_path: Path):
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(ValueError, match=r"huge\.jpg: 68,157,440 bytes, a poster may have 67,108,864"):
        posters.read_file(path, **MEAN_STD)
