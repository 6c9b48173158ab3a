"""The films that ship with the project."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets_cache.posters import prepare
from datasets_cache.sources import bundled


def film(name: str, split: Any, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": "T",
        "year": 1927,
        "genres": ["drama"],
        "synopsis": f"Story of {name}.",
        "split": split,
    } | changes


def write(folder: Path, films: list[dict[str, Any]], poster: bytes) -> Path:
    (folder / "posters").mkdir()
    (folder / "films.jsonl").write_text("".join(json.dumps(one) + "\n" for one in films))
    for one in films:
        (folder / "posters" / f"{one['id']}.jpg").write_bytes(poster)
    return folder


def test_films_come_out_in_the_splits_they_name(tmp_path: Path, jpeg: Callable[..., bytes]):
    films = [
        film("a-1", "train", genres=["sci-fi", "comedy"]),
        film("b-2", "validation"),
        film("c-3", "test"),
        film("d", "dev"),
    ]
    index = bundled.read(write(tmp_path, films, jpeg()))
    assert [(one.id, one.split) for one in index.records] == [("a-1", "train"), ("b-2", "validation"), ("c-3", "test")]
    assert index.records[0].genres == ("comedy", "sci-fi")
    assert [(issue.id, issue.reason) for issue in index.skipped] == [("d", "metadata wrong type")]
    assert index.posters.read(index.records[0].poster) == jpeg()


def test_an_installation_without_the_films_says_so(tmp_path: Path):
    with pytest.raises(ValueError, match=r"films\.jsonl: missing.*Install the project again"):
        bundled.read(tmp_path)


def test_the_shipped_films_are_whole():
    index = bundled.read()
    assert index.skipped == ()
    assert Counter(one.split for one in index.records) == {"train": 140, "test": 40, "validation": 20}
    assert min(Counter(genre for one in index.records for genre in one.genres).values()) >= 15
    for one in index.records:
        assert one.repairs == ()
        assert prepare(index.posters.read(one.poster)).repairs == ()
