"""Shell completion, driven as a real bash drives it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import completion


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """What bash offers behind some words; the last one is being typed."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    folder = tmp_path_factory.mktemp("completion")
    for version in ("demo-3a684bbb", "mmimdb-1f2e3d4c"):
        (folder / "cache" / "versions" / version).mkdir(parents=True)
    (folder / "script").write_text(completion.script("bash"))
    (folder / "films.tar.gz").touch()

    def ask(*words: str) -> list[str]:
        drive = (
            'source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); function=$(complete -p mmuda);'
            ' function=${function#*-F }; ${function%% *}; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            [bash, "-c", drive, "bash", *words],
            cwd=folder, env={"PATH": "/usr/bin:/bin", "MMUDA_CACHE": "cache"}, check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout.split()

    return ask


def test_commands_and_recipes_are_offered(complete: Callable[..., list[str]]):
    assert complete("mmuda", "ev") == ["evaluate"]
    assert complete("mmuda", "cache", "v") == ["verify"]
    assert set(complete("mmuda", "train", "")) >= {"demo", "mmimdb", "moviescope"}
    assert complete("mmuda", "config", "show", "movi") == ["moviescope"]


def test_options_of_nested_settings_are_offered(complete: Callable[..., list[str]]):
    assert complete("mmuda", "augment", "mmimdb", "--text.en") == ["--text.engine"]
    assert "--consistency.schedule.kind" in complete("mmuda", "train", "demo", "--consistency.sch")
    assert complete("mmuda", "cache", "ls", "--js") == ["--json"]


def test_choices_are_offered(complete: Callable[..., list[str]]):
    assert complete("mmuda", "augment", "mmimdb", "--text.engine", "") == ["marian", "ctranslate2", "bergamot"]
    assert complete("mmuda", "train", "demo", "--models", "") == ["bert", "resnet", "mmbt"]
    assert complete("mmuda", "completion", "") == ["bash", "zsh", "fish"]
    assert complete("mmuda", "train", "demo", "--consistency.schedule.kind", "cos") == ["cosine-up", "cosine-down"]


def test_versions_are_those_of_the_cache_when_tab_is_pressed(complete: Callable[..., list[str]]):
    assert complete("mmuda", "cache", "show", "") == ["demo-3a684bbb", "mmimdb-1f2e3d4c", "latest"]
    assert complete("mmuda", "cache", "diff", "demo-3a684bbb", "mm") == ["mmimdb-1f2e3d4c"]


def test_paths_are_offered(complete: Callable[..., list[str]]):
    assert complete("mmuda", "predict", "run", "--poster", "fil") == ["films.tar.gz"]


def test_options_go_on_behind_a_quiet_one(complete: Callable[..., list[str]]):
    assert complete("mmuda", "-q", "cache", "l") == ["ls"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_scripts_of_other_shells_are_read_by_them(shell: str, tmp_path: Path):
    program = shutil.which(shell)
    script = completion.script(shell)  # type: ignore[arg-type]
    assert "mmimdb" in script
    assert "--text.engine" in script or "text.engine" in script
    if program is None:
        pytest.skip(f"no {shell} here; the script was made, not read")
    (tmp_path / "script").write_text(script)
    subprocess.run([program, "-n", tmp_path / "script"], check=True)


def test_fish_offers_what_bash_offers(tmp_path: Path):
    program = shutil.which("fish")
    if program is None:
        pytest.skip("no fish here")
    (tmp_path / "versions" / "demo-3a684bbb").mkdir(parents=True)
    (tmp_path / "script").write_text(completion.script("fish"))

    def ask(line: str) -> list[str]:
        command = [program, "--no-config", "-c", f"source {tmp_path / 'script'}; complete -C '{line}'"]
        done = subprocess.run(
            command, env={**os.environ, "MMUDA_CACHE": str(tmp_path)}, check=True, capture_output=True, text=True
        )
        return [offered.partition("\t")[0] for offered in done.stdout.splitlines()]

    assert ask("mmuda ev") == ["evaluate"]
    assert sorted(ask("mmuda augment mmimdb --text.engine ")) == ["bergamot", "ctranslate2", "marian"]
    assert sorted(ask("mmuda cache show ")) == ["demo-3a684bbb", "latest"]  # fish has an order of its own
