"""Augmentations that came with a source enter the cache as they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datasets_cache.given import publish_given_images, publish_given_text
from datasets_cache.sampling import Sample, publish_sample
from datasets_cache.sources import MoviescopeSource
from datasets_cache.store import Cache

Write = Callable[..., Path]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def sample(moviescope_folder: Write, jpeg: Callable[..., bytes], cache: Cache) -> Sample:
    """Training films x and y, of which only x came with augmentations."""
    rows = [{"id": name, "title": "T", "label": ["Drama"], "synopsis": f"Story {name}."} for name in "xy"]
    rows[0]["bt"] = "Tale x."
    root = moviescope_folder({"train": rows})
    (root / "augmented").mkdir()
    (root / "augmented" / "x.jpg").write_bytes(jpeg("blue"))
    source = MoviescopeSource(root=root, augmented_plot_field="bt", augmented_poster_folder="augmented")
    return publish_sample(source, share=1.0, cache=cache)


def test_given_plots_become_views_and_a_film_without_one_keeps_its_own_marked(sample: Sample, cache: Cache):
    shelf = cache.open(publish_given_text(sample.id, cache=cache))
    views = {row["id"]: row for row in shelf.split("train")}
    unknown = {"retried": None, "numbers_lost": None, "names_lost": None, "chrf": None}
    assert views["x"] == {"id": "x", "view": 0, "plot": "Tale x.", "sentences": 1, "kept": [], **unknown}
    own = {"id": "y", "view": 0, "plot": "Story y.", "sentences": 1, "kept": ["no augmentation given"]}
    assert views["y"] == own | unknown
    assert shelf.manifest.counts == {"given": 1, "kept: no augmentation given": 1}
    assert (shelf.manifest.rows, shelf.manifest.parents) == ({"train": 2}, (sample.id,))


def test_given_posters_become_views_and_a_film_without_one_keeps_its_own_marked(sample: Sample, cache: Cache):
    films = {row["id"]: row for row in cache.open(sample.id).split("train")}
    shelf = cache.open(publish_given_images(sample.id, cache=cache))
    views = {row["id"]: row for row in shelf.split("train")}
    assert views["x"] == {"id": "x", "view": 0, "poster_256": films["x"]["given_poster_256"], "ops": ["given"], "kept": None}
    kept = "no augmentation given"
    assert views["y"] == {"id": "y", "view": 0, "poster_256": films["y"]["poster_256"], "ops": [], "kept": kept}


def test_publishing_again_finds_the_shelf(sample: Sample, cache: Cache):
    shelf = publish_given_text(sample.id, cache=cache)
    created = cache.open(shelf).manifest.created
    assert publish_given_text(sample.id, cache=cache) == shelf
    assert cache.open(shelf).manifest.created == created


def test_a_sample_without_given_views_is_refused(moviescope_folder: Write, cache: Cache):
    plain = publish_sample(MoviescopeSource(root=moviescope_folder({}, name="plain")), share=1.0, cache=cache)
    with pytest.raises(ValueError, match=r"no training film brought given_plot.*--source\.augmented_plot_field"):
        publish_given_text(plain.id, cache=cache)
    with pytest.raises(ValueError, match=r"no training film brought given_poster_256"):
        publish_given_images(plain.id, cache=cache)
