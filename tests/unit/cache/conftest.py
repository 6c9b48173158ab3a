"""Small sources, written as their authors write them."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

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
