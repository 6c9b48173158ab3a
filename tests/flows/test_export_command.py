"""`mmuda cache export` as it is typed."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants
from PIL import Image

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import publish
from flows.command_line import command_of, source_of
from flows.given import take_config


class Spec(Frozen):
    name: str = "tiny"
    source: dict[str, str]


def run(*arguments: str | Path) -> None:
    """Run the command as the command line does; its errors come through."""
    rest, recipes = take_config(["cache", "export", *map(str, arguments)])
    command_of(rest, source_of(recipes, only="cache"))()


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, tuple[str, ...]], str]:
    """Publishes a version of three films of some source in the default cache."""
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))

    def published(source: str, genres: tuple[str, ...] = ("action", "drama")) -> str:
        cache, picture = Cache(), io.BytesIO()
        Image.new("RGB", (256, 256), "teal").save(picture, "JPEG")
        posters = {"poster": picture.getvalue(), "poster_256": picture.getvalue(), "given_poster_256": None}
        with cache.stage("sample", SAMPLE_FEATURES) as stage:
            for split in ("train", "validation", "test"):
                row = {"id": split, "title": "T", "plot": f"About {split}.", "genres": [genres[0]], "given_plot": None}
                stage.write(split, {**row, **posters})
            spec = Spec(source={"kind": source})
            sample = stage.publish(shelf_id("sample", spec), spec=spec, genres=genres).id
        return publish(cache, name=source, sample=sample, text=None, image=None).id

    return published


def test_a_version_is_written_and_how_to_read_it_is_said(make, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    version = make("bundled")
    run("bundled", "--to", tmp_path / "films")
    said = capsys.readouterr().out
    assert f"films of {version}: 1 train, 1 validation, 1 test" in said
    assert f'load_dataset("{tmp_path / "films"}")' in said
    assert "Licence" not in said
    assert (tmp_path / "films" / "data" / "train-00000-of-00001.parquet").is_file()


def test_json_is_alone_and_says_what_was_written(make, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    version = make("mmimdb")
    run("latest", "--to", tmp_path / "films", "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["folder"], said["may_be_passed_on"]) == (version, str(tmp_path / "films"), False)
    assert [(split["split"], split["films"]) for split in said["splits"]] == [("train", 1), ("validation", 1), ("test", 1)]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("mmimdb", "MM-IMDb is licensed to nobody to redistribute"),
        ("moviescope", "Moviescope is licensed to nobody to redistribute"),
        ("table", "nobody has stated a licence"),
    ],
)
def test_films_that_nobody_licensed_bring_a_warning(
    source: str, why: str, make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    make(source)
    run("latest", "--to", tmp_path / "films")
    assert why in capsys.readouterr().out
    run("latest", "--to", tmp_path / "licensed", "--licence", "cc-by-4.0")
    assert "Licence" not in capsys.readouterr().out


def test_plain_files_come_with_the_command_that_reads_them_back(make, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    make("mmimdb", ("Drama", "Western"))
    run("mmimdb", "--to", tmp_path / "films", "--layout", "folders")
    said = capsys.readouterr().out
    assert f"mmuda augment moviescope --source.root {tmp_path / 'films'} --sample 1.0" in said
    assert "leaves these out, and films that have no others: Western." in said
    assert json.loads((tmp_path / "films" / "train.jsonl").read_text())["label"] == ["Drama"]


def test_a_refused_push_writes_nothing(make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make("mmimdb")
    with pytest.raises(ValueError, match="name the licence with `--licence`"):
        run("latest", "--to", tmp_path / "films", "--push", "me/films")
    with pytest.raises(ValueError, match="there is no token of the Hub"):
        run("latest", "--to", tmp_path / "films", "--push", "me/films", "--licence", "mit")
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    with pytest.raises(ValueError, match="--push needs the layout `parquet`"):
        run("latest", "--to", tmp_path / "films", "--push", "me/films", "--licence", "mit", "--layout", "folders")
    assert not (tmp_path / "films").exists()


@pytest.fixture
def closed_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A Hub that refuses every token; what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_push_that_failed_is_taken_up_again_from_the_same_folder(
    make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_hub: list[str]
):
    make("moviescope")
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    command = ("latest", "--to", tmp_path / "films", "--push", "me/films")
    for licence in ("mit", "cc-by-4.0"):
        with pytest.raises(ValueError, match="says 401"):
            run(*command, "--licence", licence)
        assert f"license: {licence}\n" in (tmp_path / "films" / "README.md").read_text()
    assert closed_hub == ["/api/repos/create"] * 2
    with pytest.raises(ValueError, match="not empty"):
        run("latest", "--to", tmp_path / "films")
