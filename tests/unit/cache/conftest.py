"""Small sources, written as their authors write them."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version, publish

Films = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """A plain JPEG of one colour."""

    def make(colour: str = "red", size: tuple[int, int] = (40, 60)) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, colour).save(out, "JPEG")
        return out.getvalue()

    return make


@pytest.fixture
def mmimdb_folder(tmp_path: Path, jpeg: Callable[..., bytes]) -> Callable[..., Path]:
    """Write a folder in MM-IMDb's layout; ids without metadata of their own get sound ones."""

    def write(split: Mapping[str, Sequence[Any]], films: Films | None = None, name: str = "mmimdb") -> Path:
        root = tmp_path / name
        (root / "dataset").mkdir(parents=True)
        (root / "split.json").write_text(json.dumps(split))
        for film in {str(film) for ids in split.values() for film in ids if "/" not in str(film)}:
            row = {"title": f"Film {film}", "plot": [f"The story of {film}."], "genres": ["Drama"], "year": "2001"}
            (root / "dataset" / f"{film}.json").write_text(json.dumps(row | dict((films or {}).get(film, {}))))
            (root / "dataset" / f"{film}.jpeg").write_bytes(jpeg())
        return root

    return write


@pytest.fixture
def moviescope_folder(tmp_path: Path, jpeg: Callable[..., bytes]) -> Callable[..., Path]:
    """Write a folder in Moviescope's layout: rows of each file, and a poster for each row that has an id."""

    def write(files: Mapping[str, Sequence[Mapping[str, Any]]], name: str = "moviescope") -> Path:
        root = tmp_path / name
        (root / "posters").mkdir(parents=True)
        for split in ("train", "dev", "test"):
            rows = files.get(split, [{"id": f"{split}1", "title": "T", "label": ["Drama"], "synopsis": f"Only in {split}."}])
            (root / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            for row in rows:
                if "/" not in str(row.get("id", "/")):
                    (root / "posters" / f"{row['id']}.jpg").write_bytes(jpeg())
        return root

    return write


class Spec(Frozen):
    """Settings of a small shelf."""

    name: str
    source: dict[str, str] = {"kind": "moviescope"}
    models: dict[str, str] = {}


def picture(number: int, kind: str = "JPEG") -> bytes:
    """A 256x256 picture of its own."""
    out = io.BytesIO()
    Image.new("RGB", (256, 256), (number * 40 % 256, 90, 200)).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="session")
def small_version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """A version of four training films, one validation, two test films and three unlabelled ones.

    Two views a plot, three a poster; of the first film a sentence and a poster were kept. Views lie in another
    order than films, one poster is a PNG, the pool's plots have one view.
    """
    cache = Cache(tmp_path_factory.mktemp("small-version"))
    genres = ("action", "comedy", "drama")

    def film(name: str, number: int, kinds: Sequence[str]) -> dict[str, Any]:
        pictures = {"poster": picture(number, "PNG" if number == 1 else "JPEG"), "poster_256": picture(number)}
        row = {"id": name, "title": f"Title of {name}", "plot": f"Plot of {name}.", **pictures, "genres": list(kinds)}
        return {**row, "given_plot": None, "given_poster_256": None}

    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for number in range(4):
            stage.write("train", film(f"train{number}", number, genres[: number % 3 + 1]))
        stage.write("validation", film("validation0", 4, ["drama"]))
        for number in range(2):
            stage.write("test", film(f"test{number}", 5 + number, ["comedy"]))
        spec = Spec(name="sample")
        sample = stage.publish(shelf_id("sample", spec), spec=spec, genres=genres, counts={"skipped: poster missing": 2}).id
    with cache.stage("pool", SAMPLE_FEATURES) as stage:
        for number in range(3):
            stage.write("train", film(f"pool{number}", number, []))
        spec = Spec(name="pool")
        pool = stage.publish(shelf_id("pool", spec, [sample]), spec=spec, parents=[sample]).id

    def texts(parent: str, films: Sequence[str], views: int) -> str:
        spec = Spec(name="text", models={"/home/somebody/opus-mt-en-fr": "sha256:12"})
        with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
            for view in reversed(range(views)):
                for name in reversed(films):
                    kept = ["repetition"] if (name, view) == ("train0", 1) else []
                    known = {"retried": 1, "numbers_lost": 2, "names_lost": 3, "chrf": 71.25} if view == 0 else {}
                    plot = {"plot": f"View {view} of {name}.", "sentences": 1 + view, "kept": kept}
                    unknown = dict.fromkeys(("retried", "numbers_lost", "names_lost", "chrf"))
                    stage.write("train", {"id": name, "view": view, **plot, **unknown, **known})
            return stage.publish(
                shelf_id("text", spec, [parent]), spec=spec, parents=[parent], quality={"chrf": 71.25, "pairs": {"best": []}},
                models=spec.models,
            ).id  # fmt: skip

    def images(parent: str, films: Sequence[str]) -> str:
        spec = Spec(name="image")
        with cache.stage("image", IMAGE_VIEW_FEATURES) as stage:
            for view in range(3):
                for number, name in enumerate(films):
                    kept = "poster truncated" if (name, view) == ("train0", 2) else None
                    ops = [] if kept else [f"Rotate {view}.0", "Identity"]
                    poster = picture(7 + 3 * number + view)
                    stage.write("train", {"id": name, "view": view, "poster_256": poster, "ops": ops, "kept": kept})
            return stage.publish(shelf_id("image", spec, [parent]), spec=spec, parents=[parent]).id

    labelled, unlabelled = [f"train{number}" for number in range(4)], [f"pool{number}" for number in range(3)]
    made = publish(
        cache,
        name="small",
        sample=sample,
        text=texts(sample, labelled, 2),
        image=images(sample, labelled),
        pool=pool,
        pool_text=texts(pool, unlabelled, 1),
        pool_image=None,
        plan={"source": {"root": "/home/somebody/films"}, "ray_address": "ray://secret:10001"},
    )
    return open_version(cache, made.id)
