"""Pushing an export: huggingface_hub against a server on 127.0.0.1 that answers as the Hub's API is written down.

The server knows only the calls that a push makes. It stands neither for the Hub's checks of a card nor for its storage backend.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from datasets_cache.export import dataset, licence
from datasets_cache.export.push import check, push
from datasets_cache.version import Version

TOKEN = "hf_a_token_of_the_test"


@dataclass
class FakeHub:
    """Repositories, what was asked for, and how to answer."""

    url: str = ""
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    refuse_with: int | None = None
    fails_at: str = "nothing"

    def files(self, repository: str) -> dict[str, bytes]:
        return self.repositories[repository]["files"]

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if self.refuse_with:
            return self.refuse_with, {"error": "no"}
        if self.fails_at in path:
            return 400, {"error": "a storage problem"}
        for pattern, act in (
            (r"/api/repos/create", self.create),
            (r"/api/datasets/([^/]+/[^/]+)", self.about),
            (r"/api/datasets/([^/]+/[^/]+)/tree/main.*", self.tree),
            (r"/api/datasets/([^/]+/[^/]+)/preupload/main", self.preupload),
            (r"/api/datasets/([^/]+/[^/]+)/commit/main", self.commit),
            (r"/api/validate-yaml", lambda _body: (200, {"errors": [], "warnings": []})),
            (r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self.batch),
            (r"/storage/([0-9a-f]+)", self.store),
        ):
            if found := re.fullmatch(pattern, path.partition("?")[0]):
                return act(*found.groups(), body)
        return 500, {"error": f"the fake does not know {method} {path}"}

    def create(self, body: bytes) -> tuple[int, Any]:
        asked = json.loads(body)
        name = f"{asked['organization'] or 'me'}/{asked['name']}"
        url = {"url": f"{self.url}/datasets/{name}", "name": name}
        if name in self.repositories:
            return 409, {"error": "You already created this dataset repo", **url}
        assert asked["type"] == "dataset"
        self.repositories[name] = {"private": asked["visibility"] == "private", "files": {}}
        return 200, url

    def about(self, name: str, _body: bytes) -> tuple[int, Any]:
        if name not in self.repositories:
            return 404, {"error": "Repository not found"}
        return 200, {"id": name, "private": self.repositories[name]["private"], "sha": "0" * 40, "siblings": []}

    def tree(self, name: str, _body: bytes) -> tuple[int, Any]:
        return 200, [{"type": "file", "path": path, "size": len(data), "oid": "0"} for path, data in self.files(name).items()]

    def preupload(self, _name: str, body: bytes) -> tuple[int, Any]:
        def mode(path: str) -> str:
            return "lfs" if path.endswith(".parquet") and constants.HF_HUB_DISABLE_XET else "regular"

        asked = [file["path"] for file in json.loads(body)["files"]]
        return 200, {"files": [{"path": path, "uploadMode": mode(path), "shouldIgnore": False} for path in asked]}

    def batch(self, _name: str, body: bytes) -> tuple[int, Any]:
        objects = [
            {**item, "actions": {"upload": {"href": f"{self.url}/storage/{item['oid']}"}}}
            for item in json.loads(body)["objects"]
        ]
        return 200, {"transfer": "basic", "objects": objects}

    def store(self, oid: str, body: bytes) -> tuple[int, Any]:
        assert hashlib.sha256(body).hexdigest() == oid
        self.objects[oid] = body
        return 200, {}

    def commit(self, name: str, body: bytes) -> tuple[int, Any]:
        files = self.files(name)
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "header":
                    self.commits.append(value["summary"])
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.objects[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        return 200, {"commitUrl": f"{self.url}/datasets/{name}/commit/{'1' * 40}", "commitOid": "1" * 40, "hookOutput": ""}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A fake Hub on 127.0.0.1, and a token for it."""
    fake = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.asked.append(f"{self.command} {self.path.partition('?')[0]}")
            if not self.path.startswith("/storage"):
                assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            code, answer = fake.answer(self.command, self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_HEAD = handle_any

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def exported(small_version: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "films"
    dataset.export(small_version, folder, stated_licence="cc-by-4.0")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_file_arrives_in_a_private_repository(hub: FakeHub, exported: Path):
    url = push(exported, "films", message="small-1", endpoint=hub.url)
    assert url == f"{hub.url}/datasets/me/films"
    assert hub.repositories["me/films"]["private"]
    assert hub.files("me/films") == contents(exported)
    assert hub.commits == ["small-1"]


def test_files_arrive_through_large_file_storage_as_well(hub: FakeHub, exported: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    push(exported, "lab/films", message="small-1", endpoint=hub.url)
    assert hub.files("lab/films") == contents(exported)
    assert len(hub.objects) == 4  # train, validation, test, unlabelled


def test_a_public_repository_is_made_where_it_is_asked_for(hub: FakeHub, exported: Path):
    push(exported, "films", message="m", public=True, endpoint=hub.url)
    assert not hub.repositories["me/films"]["private"]


def test_a_repository_that_is_public_is_not_pushed_to_unasked(hub: FakeHub, exported: Path):
    hub.repositories["me/films"] = {"private": False, "files": {}}
    with pytest.raises(ValueError, match=r"me/films: exists and is public; push with `--public`"):
        push(exported, "me/films", message="m", endpoint=hub.url)
    assert hub.files("me/films") == {}


def test_pieces_of_an_earlier_version_go_and_other_files_stay(hub: FakeHub, exported: Path):
    old = {"data/train-00001-of-00002.parquet": b"old", "notes.md": b"mine"}
    hub.repositories["me/films"] = {"private": True, "files": dict(old)}
    push(exported, "me/films", message="m", endpoint=hub.url)
    assert hub.files("me/films") == contents(exported) | {"notes.md": b"mine"}


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (401, r"says 401: the token is not accepted\. Make one that may write .* and run `hf auth login`"),
        (403, r"says 403: the token may not write there"),
        (404, r"says 404: there is no such owner"),
        (418, r"says 418: no\."),
    ],
)
def test_a_refusal_is_one_sentence_with_the_cure(code: int, cure: str, hub: FakeHub, exported: Path):
    hub.refuse_with = code
    with pytest.raises(ValueError, match=cure) as error:
        push(exported, "me/films", message="m", endpoint=hub.url)
    assert TOKEN not in str(error.value)


def test_a_hub_that_cannot_be_reached_is_named(hub: FakeHub, exported: Path):
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:9 cannot be reached .*HF_ENDPOINT"):
        push(exported, "me/films", message="m", endpoint="http://127.0.0.1:9")
    assert hub.asked == []


@pytest.mark.parametrize("refused", [401, None])
def test_a_password_in_the_hubs_address_is_not_shown(refused: int | None, hub: FakeHub, exported: Path):
    hub.refuse_with = refused
    address = hub.url.replace("://", "://ann:correct-horse@") if refused else "http://ann:correct-horse@127.0.0.1:9"
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1") as error:
        push(exported, "me/films", message="m", endpoint=address)
    assert "correct-horse" not in str(error.value)


def test_an_upload_that_is_refused_on_the_way_is_named(hub: FakeHub, exported: Path):
    hub.fails_at = "/commit/"
    with pytest.raises(ValueError, match=r"me/films: not pushed, .* says 400: a storage problem"):
        push(exported, "me/films", message="m", endpoint=hub.url)


def test_a_name_that_cannot_be_one_is_refused_before_anything_is_sent(hub: FakeHub, exported: Path):
    with pytest.raises(ValueError, match="cannot name a repository"):
        push(exported, "a/b/c", message="m", endpoint=hub.url)
    assert hub.asked == []


def test_films_that_nobody_licensed_are_not_pushed(small_version: Version):
    with pytest.raises(
        ValueError, match=r"not pushed\. Nothing is known that allows to pass these plots and posters on.*`--licence`"
    ):
        check("me/films", licence.terms(small_version))


def test_without_a_token_nothing_is_tried(small_version: Version, monkeypatch: pytest.MonkeyPatch, hub: FakeHub):
    check("me/films", licence.terms(small_version, "mit"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"there is no token of the Hub\. Run `hf auth login`, or set HF_TOKEN"):
        check("me/films", licence.terms(small_version, "mit"))
    assert hub.asked == []


def test_a_folder_is_pushed_again_only_where_it_is_the_whole_export_of_the_version(
    small_version: Version, exported: Path, tmp_path: Path
):
    assert dataset.holds(exported, small_version)
    assert not dataset.holds(tmp_path, small_version)
    for path, data in contents(exported).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert dataset.holds(tmp_path, small_version)
    piece = tmp_path / "data" / "train-00000-of-00001.parquet"
    piece.write_bytes(piece.read_bytes()[:-1])
    assert not dataset.holds(tmp_path, small_version)
