"""Films for the training benchmarks, written twice: as a cache version, and as the folders that the plain loop reads.

The augmented views are stand-ins of about the right size: of a plot, the same words with neighbours swapped and every 20th left
out; of a poster, torchvision's RandAugment. How good they are is no matter of speed.
"""

import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torchvision.transforms import v2

from datasets_cache import version as versions
from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.genres import multi_hot
from datasets_cache.posters import prepare
from datasets_cache.sampling import publish_sample
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, SPLITS, TEXT_VIEW_FEATURES
from datasets_cache.sources import BundledSource, MmimdbSource, MoviescopeSource, SourceSpec
from datasets_cache.store import Cache


class Spec(Frozen):
    """Settings of a shelf that only a benchmark reads."""

    made_by: str = "training benchmark"
    """Who made it."""


@dataclass(frozen=True)
class Film:
    """A film and its augmented views; posters as encoded files, in the size that the source has them."""

    id: str
    plot: str
    augmented_plot: str
    genres: list[str]
    poster: bytes
    augmented_poster: bytes


def choose(source: SourceSpec, *, count: int, cache: Cache, share: float = 1.0) -> tuple[list[Film], tuple[str, ...]]:
    """`count` training films of a source, evenly spaced by the length of their plots, and the genres of the task.

    So few films have the lengths of all: steps need not be many.
    """
    sample = publish_sample(source, share=share, cache=cache)
    rows = cache.open(sample.id).split("train")
    if len(rows) < count:
        msg = f"the source has {len(rows)} training films, --films-per-epoch asks for {count}; lower it."
        raise ValueError(msg)
    by_length = sorted(range(len(rows)), key=lambda row: len(rows[row]["plot"]))
    chosen = [by_length[int((place + 0.5) * len(rows) / count)] for place in range(count)]
    return [_film(rows[row]) for row in sorted(chosen)], sample.manifest.genres


def source_in(folder: Path | None) -> SourceSpec:
    """The bundled sample, or what lies in `folder`: MM-IMDb where there is a ``split.json``, else Moviescope."""
    if folder is None:
        return BundledSource()
    return MmimdbSource(root=folder) if (folder / "split.json").is_file() else MoviescopeSource(root=folder)


def write(folder: Path, films: Sequence[Film], genres: Sequence[str]) -> str:
    """Write `films` into `folder`: ``films.jsonl``, ``posters/``, ``augmented/``, and a cache version in ``cache/``.

    Returns:
        Id of the version. The films are its training split; validation and test have one of them each.
    """
    for name in ("posters", "augmented"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for film in films:
        (folder / "posters" / f"{film.id}.jpg").write_bytes(film.poster)
        (folder / "augmented" / f"{film.id}.jpg").write_bytes(film.augmented_poster)
        labels = multi_hot(film.genres, genres).tolist()
        lines.append(json.dumps({"id": film.id, "plot": film.plot, "augmented_plot": film.augmented_plot, "labels": labels}))
    (folder / "films.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return _version(Cache(folder / "cache"), films, genres)


def _version(cache: Cache, films: Sequence[Film], genres: Sequence[str]) -> str:
    sample = shelf_id("sample", Spec())
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in SPLITS:
            for film in films if split == "train" else films[:1]:
                row = {"id": film.id if split == "train" else f"{film.id}-{split}", "title": "", "plot": film.plot}
                row |= {"poster": b"", "poster_256": _square(film.poster), "genres": film.genres}
                stage.write(split, row | {"given_plot": None, "given_poster_256": None})
        stage.publish(sample, spec=Spec(), genres=genres)
    text, image = (shelf_id(kind, Spec(), (sample,)) for kind in ("text", "image"))
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for film in films:
            stage.write("train", {"id": film.id, "view": 0, "plot": film.augmented_plot, "sentences": 1, "kept": []})
        stage.publish(text, spec=Spec(), parents=(sample,))
    with cache.stage("image", IMAGE_VIEW_FEATURES) as stage:
        for film in films:
            view = {"id": film.id, "view": 0, "poster_256": _square(film.augmented_poster), "ops": [], "kept": None}
            stage.write("train", view)
        stage.publish(image, spec=Spec(), parents=(sample,))
    return versions.publish(cache, name="benchmark", sample=sample, text=text, image=image).id


def _square(poster: bytes) -> bytes:
    """The 256x256 copy; a poster that has this size already is taken as it is, so that both loops decode the same bytes."""
    with Image.open(io.BytesIO(poster)) as image:
        ready = image.size == (256, 256) and image.mode == "RGB" and image.format == "JPEG"
    return poster if ready else prepare(poster).square


def _film(row: dict[str, Any]) -> Film:
    draw = random.Random(row["id"])
    words = [word for place, word in enumerate(row["plot"].split()) if place % 20 != 19]
    for place in range(0, len(words) - 1, 2):
        if draw.random() < 0.5:
            words[place : place + 2] = words[place + 1], words[place]
    with torch.random.fork_rng(), Image.open(io.BytesIO(row["poster"])) as image:
        torch.manual_seed(draw.randrange(2**31))
        changed = v2.RandAugment(num_ops=2, magnitude=27)(image.convert("RGB"))
    out = io.BytesIO()
    changed.save(out, "JPEG", quality=95)
    return Film(row["id"], row["plot"], " ".join(words), row["genres"], row["poster"], out.getvalue())
