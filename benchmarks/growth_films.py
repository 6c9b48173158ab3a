"""Any number of films made from a few hundred real ones: an MM-IMDb folder in which no plot and no poster comes twice.

A training film's plot is some words of a real sentence, and an evaluation film's is a whole real plot; in both, words are
exchanged at random. A poster is a mirrored or straight cut of a real one with a patch of another, shifted in colour.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from augment.text.sentences import split

REAL = Path(__file__).parents[1] / "../shared/data/mmimdb-mini"
WORDS = 8
"""Real words of a training film's plot: few, so that thousands are translated in minutes."""
EXCHANGED = 0.3
"""Share of words that are replaced by those of other films; else thousands of plots would share their sentences."""
WIDTH, HEIGHT = 256, 380

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Real:
    """A film that others are made from."""

    plot: str
    genres: list[str]
    poster: Picture


def real_films(folder: Path) -> list[Real]:
    """The films of an MM-IMDb folder where it is there, else the bundled ones."""
    found = [Real(plot, genres, picture) for plot, genres, poster in _read(folder) if (picture := _decoded(poster)) is not None]
    print(f"made from {len(found)} films of {folder.name if folder.is_dir() else 'the bundled sample'}")
    return found


def write_source(folder: Path, films: Sequence[Real], count: int) -> None:
    """An MM-IMDb folder with `count` films: as there, six tenths for training, one for validation and three for testing."""
    (folder / "dataset").mkdir(parents=True)
    ids = [f"{number:07}" for number in range(count)]
    train, validation = round(0.6 * count), round(0.1 * count)
    words = " ".join(film.plot for film in films).split()
    for number, film in enumerate(ids):
        rng, base = random.Random(number), films[number % len(films)]
        plot = _sentence(base.plot, rng, number) if number < train else base.plot
        metadata = {"title": f"Film {film}", "plot": [_exchanged(plot, words, rng)], "genres": base.genres}
        (folder / "dataset" / f"{film}.json").write_text(json.dumps(metadata), encoding="utf-8")
        (folder / "dataset" / f"{film}.jpeg").write_bytes(_poster(base.poster, rng.choice(films).poster, rng))
    splits = {"train": ids[:train], "dev": ids[train : train + validation], "test": ids[train + validation :]}
    (folder / "split.json").write_text(json.dumps(splits), encoding="utf-8")


def _read(folder: Path) -> Iterator[tuple[str, list[str], bytes]]:
    if folder.is_dir():
        for path in sorted((folder / "dataset").glob("*.json")):
            film = json.loads(path.read_text(encoding="utf-8"))
            plot = film["plot"][0] if isinstance(film["plot"], list) else film["plot"]
            yield plot, film["genres"], path.with_suffix(".jpeg").read_bytes()
        return
    bundled = Path(__file__).parents[1] / "datasets_cache" / "bundled"
    for line in (bundled / "films.jsonl").read_text(encoding="utf-8").splitlines():
        film = json.loads(line)
        yield film["synopsis"], film["genres"], (bundled / "posters" / f"{film['id']}.jpg").read_bytes()


def _decoded(poster: bytes) -> Picture | None:
    image = cv2.imdecode(np.frombuffer(poster, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else cv2.resize(image, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _sentence(plot: str, rng: random.Random, number: int) -> str:
    words = rng.choice([sentence for sentence, _ in split(plot)] or [plot]).split()[:WORDS]
    return f"{' '.join(words).rstrip('.,;:')} in {1900 + number % 120}."


def _exchanged(plot: str, words: Sequence[str], rng: random.Random) -> str:
    return " ".join(rng.choice(words) if rng.random() < EXCHANGED else word for word in plot.split())


def _poster(first: Picture, second: Picture, rng: random.Random) -> bytes:
    image = _cut(first, rng, WIDTH, HEIGHT)
    width, height = rng.randrange(WIDTH // 4, WIDTH), rng.randrange(HEIGHT // 4, HEIGHT // 2)
    left, top = rng.randrange(WIDTH - width), rng.randrange(HEIGHT - height)
    image[top : top + height, left : left + width] = _cut(second, rng, width, height)
    shifted = cv2.add(image, np.array([rng.randrange(40) for _ in range(3)] + [0], np.float64))
    return cv2.imencode(".jpg", shifted)[1].tobytes()


def _cut(image: Picture, rng: random.Random, width: int, height: int) -> Picture:
    """A cut of half to all of each side, mirrored half of the time, at that size."""
    high, wide = round(image.shape[0] * rng.uniform(0.5, 1)), round(image.shape[1] * rng.uniform(0.5, 1))
    top, left = rng.randrange(image.shape[0] - high + 1), rng.randrange(image.shape[1] - wide + 1)
    own = image[top : top + high, left : left + wide]
    return cv2.resize(own[:, ::-1] if rng.random() < 0.5 else own, (width, height), interpolation=cv2.INTER_LINEAR).astype(
        np.uint8
    )
