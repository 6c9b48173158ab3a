"""Text of strangers on a terminal: escape sequences, markup and emoji codes are shown as they are, and do nothing."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import publish
from flows import cache_commands, run_commands
from flows.findings import Finding, show
from flows.terminal import complain, print_json, say

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\x08[red]x[/red] [/nothing] :skull: <b>"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\x08[red]x[/red] [/nothing] :skull: <b>"
"""The same, read from the definition: each control character by its number."""


class Spec(Frozen):
    """Settings of a made-up shelf."""

    name: str = HOSTILE


def made(cache: Cache, name: str, plot: str) -> str:
    """A version of one film in each split whose plots, titles, reasons and settings are hostile."""
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "JPEG")
    spec, read = Spec(name=f"{HOSTILE} {name}"), {"read_as": [f"column {HOSTILE}"], "skipped_rows": [HOSTILE]}
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            row = {"id": f"{split}1", "title": HOSTILE, "plot": HOSTILE, "genres": [HOSTILE]}
            row |= {
                "poster": picture.getvalue(),
                "poster_256": picture.getvalue(),
                "given_poster_256": None,
                "given_plot": None,
            }
            stage.write(split, row)
        sample = stage.publish(shelf_id("sample", spec), spec=spec, genres=(HOSTILE,), counts={HOSTILE: 1}, quality=read).id
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        row = {"id": "train1", "view": 0, "plot": f"{HOSTILE} {plot}", "sentences": 1, "kept": [], "retried": 0}
        stage.write("train", row | {"numbers_lost": 0, "names_lost": 0, "chrf": 50.0})
        text = stage.publish(shelf_id("text", spec, [sample]), spec=spec, parents=[sample]).id
    return publish(cache, name=name, sample=sample, text=text, image=None).id


def assert_harmless(written: str) -> None:
    assert SHOWN in written.replace("\n", "")
    assert [sign for sign in written if not sign.isprintable() and sign not in "\n\t"] == []


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """The cache of this machine, empty."""
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    return Cache()


@pytest.mark.parametrize("write", [say, complain, lambda text: show([Finding(text, "problem", text, text)])])
def test_a_line_is_written_as_it_is(
    write: Callable[[str], object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "400")
    write(HOSTILE)
    found = capsys.readouterr()
    assert_harmless(found.out + found.err)


def test_json_writes_out_what_a_terminal_would_obey_and_reads_back_the_same(capsys: pytest.CaptureFixture[str]):
    print_json({"plot": HOSTILE})
    written = capsys.readouterr().out
    assert written.replace("\n", "").isprintable()
    assert json.loads(written) == {"plot": HOSTILE}


def test_cache_show_obeys_no_text_of_a_source(
    cache: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "400")
    cache_commands.show_version(made(cache, "one", "old"))
    assert_harmless(capsys.readouterr().out)


def test_diff_obeys_no_plot_and_no_setting(cache: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "400")
    cache_commands.diff(made(cache, "one", "old"), made(cache, "two", "new"), as_json=False)
    written = capsys.readouterr().out
    assert_harmless(written)
    assert f"original: {SHOWN}" in written


def test_predict_obeys_no_genre_of_a_model(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("train.predict.predict", lambda *_, **__: [(HOSTILE, 0.5)])  # a model that a stranger has trained
    monkeypatch.setenv("COLUMNS", "400")
    run_commands.predict(tmp_path, plot="A storm.", poster=None, as_json=False)
    assert_harmless(capsys.readouterr().out)
