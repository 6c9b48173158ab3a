"""The doctor: repositories that answer or not, weights that are the expected ones or not, versions that clash."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import torch

from datasets_cache import wheels
from datasets_cache.store import Cache
from flows import doctor, doctor_hubs, doctor_weights
from flows.doctor_hubs import reachable, repositories
from flows.findings import Finding, show, status


@contextmanager
def serving(code: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine; gives its address and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch):
    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_repository_that_answers_is_reachable():
    with serving() as (url, asked):
        (found,) = reachable({"models": url}, offline=False)
    assert (found.verdict, found.cure) == ("ok", "")
    assert asked == ["/"]


def test_a_repository_that_refuses_is_not_and_the_cure_says_what_to_do():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (found,) = reachable({"ResNet": f"http://127.0.0.1:{port}"}, offline=False)
    assert found.verdict == "missing"
    assert "not reachable" in found.found
    assert "fetch ResNet" in found.cure


def test_repositories_that_say_nothing_are_given_up_together():
    with socket.socket() as hole, socket.socket() as other:
        for one in (hole, other):
            one.bind(("127.0.0.1", 0))
            one.listen()
        addresses = {str(n): f"http://127.0.0.1:{one.getsockname()[1]}" for n, one in enumerate((hole, other))}
        found = reachable(addresses, offline=False, seconds=0.2)
    assert [(one.verdict, one.found) for one in found] == [("missing", "no answer within 0.2 s")] * 2


def test_an_error_of_the_repository_itself_is_told_apart():
    with serving(503) as (url, _):
        (found,) = reachable({"models": url}, offline=False)
    assert found.verdict == "missing"
    assert "(503)" in found.found


def test_offline_asks_nobody():
    with serving() as (url, asked):
        (found,) = reachable({"models": url}, offline=True)
    assert found.verdict == "ok"
    assert asked == []


def test_hf_hub_offline_asks_no_hub(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with serving() as (url, asked):
        (found,) = reachable({"models": url}, offline=False)
    assert (found.verdict, asked) == ("missing", [])
    assert "unset HF_HUB_OFFLINE" in found.cure


def test_hf_endpoint_moves_the_hub():
    assert list(repositories({}).values()) == ["https://huggingface.co", doctor_hubs.TORCH]
    assert list(repositories({"HF_ENDPOINT": "https://mirror.example/"}).values())[0] == "https://mirror.example"


def test_an_endpoint_that_is_no_address_has_to_be_mended():
    (found,) = reachable({"models": "mirror.example"}, offline=False)
    assert found.verdict == "problem"
    assert "HF_ENDPOINT" in found.cure


def findings_of_weights() -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor_weights.weights()}


def test_weights_in_wheels_are_compared_with_their_checksums(monkeypatch: pytest.MonkeyPatch):
    found = findings_of_weights()
    assert {what: one.verdict for what, one in found.items() if what.startswith("embedded")} == {
        "embedded en→pt": "ok", "embedded pt→en": "ok", "embedded MiniLM": "ok", "embedded EfficientNet-Lite0": "ok",
    }  # fmt: skip
    monkeypatch.setitem(wheels.MINILM.sums, wheels.MINILM_WEIGHTS, "0" * 64)  # type: ignore[arg-type]
    damaged = findings_of_weights()["embedded MiniLM"]
    assert damaged.verdict == "problem"
    assert "expected 0000" in damaged.found
    assert "--force-reinstall" in damaged.cure


def test_weights_that_are_nowhere_are_missing_and_the_cure_fetches_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    found = findings_of_weights()["resnet152 IMAGENET1K_V2"]
    assert (found.verdict, found.cure) == ("missing", "mmuda fetch mmimdb, or use the embedded models")


def test_a_weights_file_with_another_content_has_to_be_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet152-f82ba261.pth").write_bytes(b"half of it")
    found = findings_of_weights()["resnet152 IMAGENET1K_V2"]
    assert found.verdict == "problem"
    assert "SHA-256" in found.found


def examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **versions: str) -> dict[str, Finding]:
    """The doctor's findings, were some packages of other versions."""
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: versions.get(name.replace("-", "_")) or real(name))
    monkeypatch.setattr(doctor, "weights", list)
    return {finding.what: finding for finding in doctor.examine(Cache(tmp_path))}


def test_versions_that_break_silently_have_to_be_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    found = examined(monkeypatch, tmp_path, fastapi="0.151.0", sqlalchemy="2.1.0", albumentations="2.0.9")
    assert {name for name, one in found.items() if one.verdict == "problem"} == {"fastapi", "sqlalchemy", "albumentations"}
    assert "needs <0.151,>=0.139" in found["fastapi"].found
    assert "constraints.txt" in found["fastapi"].cure


def test_a_torchvision_of_another_torch_is_a_clash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    found = examined(monkeypatch, tmp_path, torch="2.9.0")["torchvision"]
    assert found.verdict == "problem"
    assert "2.9.0 is installed" in found.found


def test_two_distributions_of_opencv_are_a_clash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    class Installed:
        version = "5.0"

        def __init__(self, name: str) -> None:
            self.name = name

    monkeypatch.setattr(doctor, "distributions", lambda: [Installed("opencv-python"), Installed("opencv-python-headless")])
    found = examined(monkeypatch, tmp_path)["OpenCV"]
    assert found.verdict == "problem"
    assert "opencv-python-headless alone" in found.cure


def test_too_little_disk_has_to_be_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    class Usage:
        free = 1 * 2**30

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: Usage)
    found = examined(monkeypatch, tmp_path)["Disk"]
    assert found.verdict == "problem"
    assert "MMUDA_CACHE" in found.cure


def test_memory_is_what_is_available(tmp_path: Path):
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:       16777216 kB\nMemFree:          100000 kB\nMemAvailable:    4194304 kB\n")
    assert doctor._meminfo(path) == (16.0, 4.0)


def test_what_is_missing_alone_is_no_failure(capsys: pytest.CaptureFixture[str]):
    missing = [Finding("ray", "missing", "not installed", "pip install 'mmuda[ray]'")]
    assert show(missing) == status(missing) == 0
    assert "pip install 'mmuda[ray]'" in capsys.readouterr().out
    assert status([*missing, Finding("Disk", "problem", "1 GiB", "make room")]) == 1
