"""Whole sources on disk: some sound films, some that are not, as a folder, an archive, jsonl files or a table."""

import csv
import io
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.fuzz import made_archives
from tests.fuzz.made_ids import ODD_IDS
from tests.fuzz.made_json import film as film_json
from tests.fuzz.made_posters import FAULTS, FORMS, SIZES, damaged, poster
from tests.fuzz.made_text import drawn, perturbed

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Made:
    """A film: where it is listed, its fields, its metadata as bytes, its picture and the picture's suffix."""

    id: object
    split: str
    fields: Mapping[str, Any]
    json: bytes
    poster: bytes | None
    suffix: str


def films(seed: int, *, real: Sequence[tuple[Mapping[str, Any], bytes]] = ()) -> list[Made]:
    """One sound film of each split, then up to six with faults; `real` ones, perturbed, where there are some."""
    rng = random.Random(seed)
    sound = [_film(f"{split}1", split, f"The story of {split}.") for split in SPLITS if rng.random() < 0.97]
    return [*sound, *(_spoilt(rng, number, real) for number in range(rng.randrange(1, 7)))]


def mmimdb(made: Sequence[Made]) -> list[tuple[str, bytes]]:
    """Names and contents of MM-IMDb's files."""
    split = {name: [film.id for film in made if film.split == name] for name in SPLITS}
    files = [("split.json", json.dumps(split).encode())]
    for film in made:
        files.append((f"dataset/{film.id}.json", film.json))
        if film.poster is not None:
            files.append((f"dataset/{film.id}.{film.suffix}", film.poster))
    return files


def moviescope(made: Sequence[Made]) -> list[tuple[str, bytes]]:
    """Names and contents of Moviescope's files."""
    files = [
        (f"{name}.jsonl", b"\n".join(film.json.replace(b"\n", b" ") for film in made if film.split == name)) for name in SPLITS
    ]
    return [*files, *((f"posters/{film.id}.{film.suffix}", film.poster) for film in made if film.poster is not None)]


def table(made: Sequence[Made], seed: int) -> list[tuple[str, bytes]]:
    """Names and contents of a table and its images."""
    rng = random.Random(seed)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=rng.choice(",,;\t|"), quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerow(["id", "title", "plot", "labels", "image", "split"])
    more = _film("train2", "train", "Another story."), _film("train3", "train", "A third story.")
    for number, film in enumerate([*more, *made]):
        fields = film.fields
        sound = film.id in ("train1", "train2", "train3", "dev1", "test1") and rng.random() < 0.95
        plot = fields.get("plot") or fields.get("synopsis")
        labels = rng.choice(
            [
                "Drama|Comedy",
                "Drama",
                "['Drama', 'War']",
                '["Drama"]',
                "",
                "[" * 900,
                drawn(rng.randrange(99), most=3),
                "Comedy",
            ]
        )
        cells = [
            film.id,
            fields.get("title"),
            plot,
            labels,
            f"images/{film.id}.{film.suffix}",
            film.split if sound else rng.choice([film.split, film.split, drawn(number, most=2)]),
        ]
        if sound:
            cells[3] = ["Drama", "Comedy", "Drama|Comedy", "War", "Comedy|War"][number % 5]
        writer.writerow(cells if sound else cells[: rng.choice([6, 6, 6, 6, 5])])
    encoding = rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"])
    data = out.getvalue().encode(encoding, errors="replace")
    if rng.random() < 0.3:
        data = damaged(data, rng.choice(FAULTS[:-1]), rng.randrange(2**32))
    images = [(f"images/{film.id}.{film.suffix}", film.poster) for film in [*more, *made] if film.poster is not None]
    return [("films.csv", data), *images]


def written(files: Sequence[tuple[str, bytes]], root: Path) -> Path:
    """The files below `root`; those whose names cannot be, or would lie elsewhere, are left out."""
    for name, data in files:
        if not _can_be(name):
            continue
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except (UnicodeEncodeError, OSError):
            continue
    return root


def packed(files: Sequence[tuple[str, bytes]], path: Path, seed: int) -> Path:
    """The files as an archive with faults of its own; one in ten has names that want to leave it."""
    kept = [(name.replace("\x00", ""), data) for name, data in files if _can_be(name) or seed % 10 == 0]
    path.write_bytes(made_archives.pack(kept, seed))
    return path


def _can_be(name: str) -> bool:
    parts = name.split("/")
    return "\x00" not in name and all(
        part not in ("", "..") and len(part.encode(errors="surrogatepass")) <= 200 for part in parts
    )


def _film(film: object, split: str, plot: str) -> Made:
    fields = {"id": film, "title": f"Film {film}", "plot": [plot], "genres": ["Drama"], "label": ["Drama"], "synopsis": plot}
    return Made(film, split, fields, json.dumps(fields).encode(), poster("jpeg", (40, 60)), "jpeg")


def _spoilt(rng: random.Random, number: int, real: Sequence[tuple[Mapping[str, Any], bytes]]) -> Made:
    film: object = rng.choice(ODD_IDS) if rng.random() < 0.3 else rng.choice([f"f{number}", f"F{number}", number, "train1"])
    plot = drawn(rng.randrange(2**32))
    fields: dict[str, Any] = {
        "id": film,
        "title": drawn(number, most=4),
        "plot": [plot],
        "genres": ["Drama"],
        "label": ["Drama"],
        "synopsis": plot,
    }
    picture = _picture(rng)
    if real:
        found, picture = rng.choice(list(real))
        fields |= {"title": found["title"], "plot": [perturbed(found["plot"], rng.randrange(2**32))]}
        fields["synopsis"] = fields["plot"][0]
        for _ in range(rng.randrange(3)):
            picture = damaged(picture, rng.choice(FAULTS), rng.randrange(2**32))
    metadata = film_json(fields, rng.randrange(2**32)) if rng.random() < 0.7 else json.dumps(fields).encode()
    lost = rng.random() < 0.1
    return Made(
        film, rng.choice(SPLITS), fields, metadata, None if lost else picture, rng.choice(["jpeg", "jpg", "png", "jpeg", "gif"])
    )


@lru_cache(maxsize=1)
def _pictures() -> list[bytes]:
    return [
        poster(form, size, orientation=6 if size[0] == 40 else None)
        for form in FORMS
        for size in SIZES[:5]
        if "bomb" not in form
    ]


def _picture(rng: random.Random) -> bytes:
    data = rng.choice(_pictures())
    return damaged(data, rng.choice(FAULTS), rng.randrange(2**32)) if rng.random() < 0.4 else data
