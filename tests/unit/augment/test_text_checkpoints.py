"""Where a Marian checkpoint is, what names it, and what is said where there is none."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError

from augment.text.engines import checkpoints, opus_mt
from augment.text.engines.protocol import MissingModel

MakeMarian = Callable[..., Path]


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The Hugging Face cache is here, and holds nothing."""

    def cached(*names: Any, **settings: Any) -> str:
        return snapshot_download(*names, cache_dir=tmp_path, **settings)

    monkeypatch.setattr(checkpoints, "snapshot_download", cached)
    return tmp_path


@pytest.fixture
def offline(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is in the cache, and the Hub is out of reach."""

    def unreachable(*_: object, **__: object) -> None:
        message = "no route to host"
        raise ConnectionError(message)

    monkeypatch.setattr(checkpoints.HfApi, "model_info", unreachable)
    return empty_cache


COMMIT = "5" * 40
SAY = """
import sys
from augment.text.engines import checkpoints
model, revision = "owner/tiny", sys.argv[1] or None
print(checkpoints.locate(model, revision, source="en", target="fr"), checkpoints.identity(model, revision))
"""


@pytest.fixture(scope="module")
def hub(make_marian: MakeMarian) -> Iterator[str]:
    """A Hub on 127.0.0.1 that has ``owner/tiny``, and more files of it than are asked for."""
    folder = make_marian(1)
    names = [*(path.name for path in folder.iterdir()), "README.md", "pytorch_model.bin", "tf_model.h5"]
    files = [{"type": "file", "path": name, "size": 1, "oid": "a" * 40} for name in names]
    about = {"id": "owner/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/owner/tiny/resolve/"):
                data = (folder / path.rpartition("/")[2]).read_bytes()
            else:
                assert path.startswith("/api/models/owner/tiny"), path
                data = json.dumps(files if "/tree/" in path else about).encode()
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{path.rpartition("/")[2]}"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = handle_any

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def located(revision: str, cache: Path, **environment: str) -> str:
    """Folder and identity of ``owner/tiny``, said by a process of its own: the Hub's library reads its settings once."""
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    settings = {**os.environ, **quiet, "HF_HUB_CACHE": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", SAY, revision], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def missing(source: str, target: str) -> str:
    """What is said of the default model of a pair."""
    with pytest.raises(MissingModel) as caught:
        checkpoints.locate(f"Helsinki-NLP/opus-mt-{source}-{target}", None, source=source, target=target)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def in_cache(root: Path, name: str, commit: str, checkpoint: Path, *, leave_out: str = "", main: bool = False) -> Path:
    folder = root / f"models--{name.replace('/', '--')}"
    shutil.copytree(checkpoint, folder / "snapshots" / commit, ignore=shutil.ignore_patterns(leave_out))
    if main:
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(commit)
    return folder / "snapshots" / commit


def test_a_local_model_is_named_by_its_content_not_by_its_path(make_marian: MakeMarian, tmp_path: Path):
    one, other = make_marian(1), make_marian(2)
    copy = shutil.copytree(one, tmp_path / "copy")
    assert checkpoints.identity(str(copy), None) == checkpoints.identity(str(one), None)
    assert checkpoints.identity(str(other), None) != checkpoints.identity(str(one), None)


def test_a_pinned_repository_is_named_without_a_look_at_cache_or_network():
    commit = "0" * 40
    assert checkpoints.identity("owner/name", commit) == f"owner/name@{commit}"


def test_a_repository_without_revision_is_named_by_the_commit_in_the_cache(make_marian: MakeMarian, offline: Path):
    in_cache(offline, "owner/tiny", "4" * 40, make_marian(1), main=True)
    assert checkpoints.identity("owner/tiny", None) == f"owner/tiny@{'4' * 40}"


@pytest.mark.usefixtures("offline")
def test_without_cache_and_network_a_known_commit_is_a_way_to_name_a_repository():
    with pytest.raises(MissingModel, match=r"`--text\.revisions en-fr=COMMIT`"):
        checkpoints.identity("Helsinki-NLP/opus-mt-en-fr", None)


@pytest.mark.usefixtures("offline")
def test_a_model_that_is_nowhere_names_repository_revision_and_ways_out():
    with pytest.raises(MissingModel) as caught:
        checkpoints.locate("owner/name", "1" * 40, source="fr", target="en")
    for part in ("owner/name", "1" * 40, "mmuda fetch", "--text.models fr-en=PATH", "--text.engine bergamot"):
        assert part in str(caught.value)


def test_a_cached_model_is_loaded_without_the_network(make_marian: MakeMarian, offline: Path):
    snapshot = in_cache(offline, "owner/tiny", "2" * 40, make_marian(1))
    assert checkpoints.locate("owner/tiny", "2" * 40, source="en", target="fr") == snapshot


@pytest.mark.parametrize("revision", ["", COMMIT])
def test_what_was_downloaded_is_found_without_the_hub_under_the_name_that_it_was_asked_for_by(
    hub: str, tmp_path: Path, revision: str
):
    downloaded = located(revision, tmp_path, HF_ENDPOINT=hub)
    assert downloaded.endswith(f"snapshots/{COMMIT} owner/tiny@{COMMIT}")
    assert located(revision, tmp_path, HF_HUB_OFFLINE="1") == downloaded


def test_weights_from_the_hub_are_named_by_their_sha256_and_local_ones_are_not(make_marian: MakeMarian, offline: Path):
    snapshot = in_cache(offline, "owner/tiny", "2" * 40, make_marian(1))
    known = hashlib.sha256((snapshot / "model.safetensors").read_bytes()).hexdigest()
    assert checkpoints.weights("owner/tiny", "2" * 40) == [("model.safetensors", known)]
    assert checkpoints.weights("owner/absent", None) == checkpoints.weights(str(make_marian(1)), None) == []


def test_a_half_downloaded_model_counts_as_missing(make_marian: MakeMarian, offline: Path):
    in_cache(offline, "owner/half", "3" * 40, make_marian(1), leave_out="*.safetensors")
    with pytest.raises(MissingModel):
        checkpoints.locate("owner/half", "3" * 40, source="en", target="fr")


@pytest.mark.usefixtures("offline")
def test_a_folder_that_is_missing_or_no_checkpoint_says_what_was_expected(make_marian: MakeMarian, tmp_path: Path):
    with pytest.raises(ValueError, match="no such folder"):
        checkpoints.locate(str(tmp_path / "nowhere"), None, source="en", target="fr")
    with pytest.raises(ValueError, match=r"not a Marian checkpoint, config\.json, source\.spm"):
        checkpoints.locate(str(tmp_path), None, source="en", target="fr")
    other = shutil.copytree(make_marian(1), tmp_path / "bert")
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    with pytest.raises(ValueError, match="model type 'bert', expected 'marian'"):
        checkpoints.locate(str(other), None, source="en", target="fr")


@pytest.mark.usefixtures("offline")
def test_a_pair_that_opus_mt_lacks_is_answered_with_the_pairs_that_it_has():
    said = missing("en", "xx")
    assert "opus-mt is not known to have en → xx under that name." in said
    assert "From en and back, as a pivot needs, opus-mt has: af ar az" in said
    assert "`--text.models en-xx=PATH`" in said


@pytest.mark.usefixtures("offline")
def test_a_pair_that_a_larger_or_a_multi_target_model_has_is_answered_with_that_model():
    assert (
        "en → pl under that name, but as Helsinki-NLP/opus-mt-en-zlw (of several languages); "
        "choose one with `--text.models en-pl=Helsinki-NLP/opus-mt-en-zlw`." in missing("en", "pl")
    )
    assert "Helsinki-NLP/opus-mt-tc-big-en-pt, Helsinki-NLP/opus-mt-en-ROMANCE (of several languages)" in missing("en", "pt")


@pytest.mark.usefixtures("offline")
def test_japanese_is_found_under_the_code_that_opus_mt_gives_it():
    assert "Helsinki-NLP/opus-mt-en-jap" in missing("en", "ja")


@pytest.mark.usefixtures("offline")
def test_languages_that_opus_mt_lacks_altogether_are_not_answered_with_empty_lists():
    assert missing("xx", "yy").endswith("(`--text.engine bergamot --text.pivot pt`).")


@pytest.mark.usefixtures("offline")
def test_a_known_pair_out_of_reach_is_not_called_unknown():
    said = missing("en", "fr")
    assert "cannot be reached" in said
    assert "not known" not in said


@pytest.mark.usefixtures("empty_cache")
def test_where_the_hub_answers_that_there_is_none_nobody_is_sent_to_fetch_it(monkeypatch: pytest.MonkeyPatch):
    def absent(*_: object, **__: object) -> None:
        message = "401 Client Error"
        raise RepositoryNotFoundError(message, response=httpx.Response(401, request=httpx.Request("GET", "https://hub")))

    monkeypatch.setattr(checkpoints.HfApi, "model_info", absent)
    said = missing("en", "xx")
    assert "the Hub has no such repository or revision" in said
    assert "mmuda fetch" not in said
    assert "From en and back" in said


def test_pivots_have_models_of_the_plain_name_in_both_directions():
    # opus-mt-en-el is there, opus-mt-el-en is not (tc-big-el-en is); opus-mt-pl-en is there, opus-mt-en-pl is not
    assert "el" in opus_mt.pairs_from("en")
    assert "el" not in opus_mt.pairs_into("en")
    assert "pl" in opus_mt.pairs_into("en")
    assert {"fr", "de", "es", "zh", "ru"} <= set(opus_mt.pivots_for("en"))
    assert not {"el", "pl", "en"} & set(opus_mt.pivots_for("en"))


def test_groups_of_languages_are_no_languages():
    assert not {"ROMANCE", "gem", "mul", "zle", "CELTIC"} & set(opus_mt.pairs_from("en"))


def test_every_name_in_the_list_of_models_is_read():
    names = Path(opus_mt.__file__).with_name("opus_mt_models.txt").read_text(encoding="utf-8").split()
    assert len(set(names)) == len(names) == 1440
    for name in names:
        source, target = name.split("-")[-2:]
        assert name == f"opus-mt-{source}-{target}" or f"Helsinki-NLP/{name}" in opus_mt.models_for(source, target)
