"""A version as plain files in Moviescope's layout: out, and back in through the source that reads it."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets_cache.export import folders
from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.given import publish_given_images, publish_given_text
from datasets_cache.sampling import publish_sample
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SPLITS, TEXT_VIEW_FEATURES
from datasets_cache.sources import SourceSpec
from datasets_cache.sources.bundled import BundledSource
from datasets_cache.sources.mmimdb import MmimdbSource
from datasets_cache.sources.moviescope import MoviescopeSource
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version, publish


class Spec(Frozen):
    """Settings of made-up views."""

    views: str = "made up"


def augmented(source: SourceSpec, cache: Cache, *, share: float) -> Version:
    """A version of a real source whose views are the plot backwards by words, and the poster upside down."""
    sample = publish_sample(source, share=share, cache=cache).id
    films = cache.open(sample).split("train")
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for film in films:
            plot = " ".join(reversed(film["plot"].split()))
            measured = {"retried": 0, "numbers_lost": 0, "names_lost": 0, "chrf": 50.0}
            stage.write("train", {"id": film["id"], "view": 0, "plot": plot, "sentences": 1, "kept": [], **measured})
        text = stage.publish(shelf_id("text", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    with cache.stage("image", IMAGE_VIEW_FEATURES) as stage:
        for film in films:
            out = io.BytesIO()
            pixels(film["poster_256"]).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(out, "JPEG", quality=95, subsampling=0)
            stage.write("train", {"id": film["id"], "view": 0, "poster_256": out.getvalue(), "ops": ["flip"], "kept": None})
        image = stage.publish(shelf_id("image", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    return open_version(cache, publish(cache, name="real", sample=sample, text=text, image=image).id)


def pixels(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def by_id(rows: Any) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


def check_round_trip(version: Version, folder: Path, cache: Cache) -> None:
    folders.export(version, folder)
    source = MoviescopeSource(
        root=folder, augmented_plot_field="synopsis_back_translated", augmented_poster_folder="posters_augmented"
    )
    sample = publish_sample(source, share=1.0, cache=cache)
    assert sample.issues == ()
    for split in SPLITS:
        films, found = by_id(version.films(split)), by_id(cache.open(sample.id).split(split))
        assert [*found] == [*films]
        for name, film in films.items():
            for column in ("title", "plot", "genres", "poster", "poster_256"):
                assert found[name][column] == film[column]
    texts = by_id(cache.open(publish_given_text(sample.id, cache=cache)).split("train"))
    images = by_id(cache.open(publish_given_images(sample.id, cache=cache)).split("train"))
    for view in version.text_views() or []:
        assert texts.pop(view["id"])["plot"] == view["plot"]
    for view in version.image_views() or []:
        one, two = (np.asarray(pixels(data), int) for data in (images.pop(view["id"])["poster_256"], view["poster_256"]))
        assert abs(one - two).mean() < 1  # grey levels of 255: it was decoded and encoded once more
    assert not texts
    assert not images


def test_the_bundled_films_and_their_views_come_back(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    check_round_trip(augmented(BundledSource(), cache, share=0.05), tmp_path / "films", cache)


def test_real_films_and_their_views_come_back(tmp_path: Path, real_films: Path):
    cache, source = Cache(tmp_path / "cache"), MoviescopeSource(root=real_films / "moviescope-mini")
    check_round_trip(augmented(source, cache, share=0.1), tmp_path / "films", cache)


@pytest.fixture(scope="module")
def exported(small_version: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "films"
    folders.export(small_version, folder)
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_row_is_the_demonstrated_one(exported: Path):
    row = lines(exported / "train.jsonl")[1]
    assert row == {
        "id": "train1",
        "title": "Title of train1",
        "label": ["action", "comedy"],
        "synopsis": "Plot of train1.",
        "synopsis_back_translated": "View 0 of train1.",
        "synopsis_back_translated_2": "View 1 of train1.",
        "kept": [],
    }
    assert lines(exported / "dev.jsonl") == [
        {"id": "validation0", "title": "Title of validation0", "label": ["drama"], "synopsis": "Plot of validation0."}
    ]


def test_what_was_kept_as_the_original_says_why(exported: Path):
    assert lines(exported / "train.jsonl")[0]["kept"] == ["poster: poster truncated", "sentence: repetition"]


def test_each_view_of_the_posters_has_a_folder(exported: Path, small_version: Version):
    names = {f"train{number}.jpg" for number in range(4)}
    for view, folder in enumerate(("posters_augmented", "posters_augmented_2", "posters_augmented_3")):
        assert {path.name for path in (exported / folder).iterdir()} == names
        expected = next(row for row in small_version.image_views() or [] if (row["id"], row["view"]) == ("train2", view))
        assert (exported / folder / "train2.jpg").read_bytes() == expected["poster_256"]


def test_posters_keep_their_bytes_and_a_png_its_name(exported: Path, small_version: Version):
    names = {path.name for path in (exported / "posters").iterdir()}
    assert {"train0.jpg", "train1.png", "validation0.jpg", "test1.jpg", "pool0.jpg", "pool1.png"} <= names
    assert (exported / "posters" / "train1.png").read_bytes() == small_version.films("train")[1]["poster"]


def test_unlabelled_films_lie_beside_without_a_label(exported: Path):
    row = lines(exported / "unlabelled.jsonl")[0]
    assert {name: row.get(name) for name in ("id", "synopsis_back_translated", "label")} == {
        "id": "pool0",
        "synopsis_back_translated": "View 0 of pool0.",
        "label": None,
    }


def test_a_view_other_than_the_first_is_read_by_its_field_and_folder(exported: Path, tmp_path: Path):
    source = MoviescopeSource(
        root=exported, augmented_plot_field="synopsis_back_translated_2", augmented_poster_folder="posters_augmented_3"
    )
    cache = Cache(tmp_path)
    sample = publish_sample(source, share=1.0, cache=cache).id
    texts = by_id(cache.open(publish_given_text(sample, cache=cache)).split("train"))
    assert texts["train3"]["plot"] == "View 1 of train3."


def test_genres_that_the_layout_does_not_know_are_told(small_version: Version, tmp_path: Path, real_films: Path):
    assert folders.unread_genres(small_version) == ()
    cache = Cache(tmp_path)
    sample = publish_sample(MmimdbSource(root=real_films / "mmimdb-mini"), share=0.1, cache=cache).id
    version = open_version(cache, publish(cache, name="m", sample=sample, text=None, image=None).id)
    others = ("Adventure", "Documentary", "War", "History", "Music", "Musical", "Western", "Sport", "Short", "Film-Noir")
    assert folders.unread_genres(version) == others


def test_the_readme_and_the_provenance_tell_where_it_came_from(exported: Path, small_version: Version):
    text = (exported / "README.md").read_text(encoding="utf-8")
    assert small_version.id in text
    assert "--source.augmented_plot_field synopsis_back_translated --source.augmented_poster_folder posters_augmented" in text
    about = json.loads((exported / "provenance.json").read_text(encoding="utf-8"))
    assert about["layout"] == "folders"
    assert [shelf["id"] for shelf in about["shelves"]] == [*small_version.manifest.parents]
    assert [extent["films"] for extent in about["extents"]] == [4, 1, 2, 3]
