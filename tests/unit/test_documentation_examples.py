"""The examples of the documentation do what it says: of every docstring, and every block of code of every page."""

import doctest
import importlib
import io
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from augment.image.poster import rand_augment
from augment.image.spec import RandAugmentSpec
from augment.text.round_trip import round_trip
from augment.text.spec import BackTranslationSpec
from datasets_cache.store import Cache
from datasets_cache.version import open_version
from flows.cli import main
from flows.command_line import command_of, source_of
from flows.given import take_config
from flows.options import to_toml
from flows.recipes import Recipe, mmimdb

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("datasets_cache", "augment", "train", "flows")
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
NOT_RUN = re.compile(r"# Not run by the tests: \S.*")
"""The first line of a block that needs what no test has, with the reason; it is read as code all the same."""
CHEAP = {("config", "show"), ("config", "recipes"), ("cache", "ls"), ("cache", "show")}
"""Commands that are really run where a page has them."""
MMUDA = re.compile(r"^(?:[A-Z_]+=\S+ )*mmuda (?P<arguments>.*)$")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(autouse=True)
def _a_reader(documented_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Examples run in a folder of their own, on a cache that has a small version of `demo`."""
    monkeypatch.setenv("MMUDA_CACHE", str(documented_cache))
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_docstrings_give_what_they_say(module: str):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def run_python(example: Example) -> None:
    if NOT_RUN.match(example.parsed):
        compile(example.parsed, example.path, "exec")
    else:
        PythonEvaluator()(example)


class PyconParser(CodeBlockParser):
    """Blocks of an interactive session, statement by statement."""

    language = "pycon"

    def __call__(self, document):
        for region in super().__call__(document):
            for statement in DocTestStringParser()(region.parsed, document.path):
                statement.adjust(region, region.parsed)
                yield statement


class PythonParser(PythonCodeBlockParser):
    """Blocks of Python; those that say so are only compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.codeblock_parser = CodeBlockParser("python", run_python)


def examples(page: Path) -> list[Example]:
    return list(Sybil(parsers=[PythonParser(), PyconParser()], path=str(ROOT)).parse(page).examples())


WITH_EXAMPLES = [page for page in PAGES if examples(page)]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=named)
def test_the_python_of_a_page_runs_block_after_block(page: Path):
    for example in examples(page):
        example.evaluate()


def shell_lines(page: Path) -> list[str]:
    """Commands of a page's ``sh`` blocks, long ones joined, with the block's own variables put in."""
    lines: list[str] = []
    for block in re.findall(
        r"^ *```(?:sh|bash|shell)\b[^\n]*\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        variables: dict[str, str] = {}
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            if assigned := re.fullmatch(r"\s*([A-Z_]+)=(?:\"(.*)\"|(\S+))", line):
                variables[assigned[1]] = assigned[2] or assigned[3]
            bare = re.sub(r"(?:^|\s)#\s.*", "", Template(line).safe_substitute(variables))
            lines += [part.strip() for part in re.split(r"&&|;|\|", bare)]
    return lines


def arguments_of(line: str) -> list[str] | None:
    """Arguments of `mmuda` in a line, without redirection; None where the line has another command."""
    found = MMUDA.match(line)
    if not found:
        return None
    words = shlex.split(found["arguments"])
    end = next((number for number, word in enumerate(words) if word.startswith((">", "2>", "<"))), len(words))
    return ["demo" if word == "RECIPE" else word for word in words[:end] if word not in ("-q", "--quiet")]


_parsers: dict[str, Any] = {}


def parser(recipes: Mapping[str, Recipe], command: str) -> Any:
    """What reads a command's arguments, made once for equal recipes."""
    name = repr((command, recipes))
    if name not in _parsers:
        _parsers[name] = source_of(recipes, only=command)
    return _parsers[name]


COMMANDS = [(page, line) for page in PAGES for line in shell_lines(page) if arguments_of(line) is not None]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=lambda value: named(value) if isinstance(value, Path) else value)
def test_every_command_of_a_page_is_one_that_there_is(page: Path, line: str, capsys: pytest.CaptureFixture[str]):  # noqa: ARG001
    Path("mine.toml").write_text(to_toml(mmimdb()), encoding="utf-8")
    arguments = arguments_of(line)
    assert arguments is not None
    if tuple(arguments[:2]) in CHEAP:
        main(arguments)
        assert capsys.readouterr().out
        return
    rest, recipes = take_config(arguments)
    try:
        command_of(rest, parser(recipes, rest[0] if rest else ""))  # read and checked, not run
    except SystemExit as ended:
        assert ended.code == 0, capsys.readouterr().err  # noqa: PT017  # `--help` ends so


MADE = [(page, line) for page in PAGES for line in shell_lines(page) if line.startswith(("make ", "python benchmarks/"))]


@pytest.mark.parametrize(("page", "line"), MADE, ids=lambda value: named(value) if isinstance(value, Path) else value)
def test_every_target_and_script_of_a_page_exists(page: Path, line: str):  # noqa: ARG001
    command, name = shlex.split(line)[:2]
    if command == "python":
        assert (ROOT / name).is_file()
    else:
        assert re.search(rf"^{re.escape(name)}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_one_call_translates_a_plot_as_the_shelf_has_it():
    version = open_version(Cache(), "demo")
    films, views = version.films("train").select(range(2)), version.text_views()
    assert views
    assert version.text
    spec = BackTranslationSpec.model_validate(version.text.manifest.spec)
    made = round_trip(films["plot"], spec, keys=films["id"])
    stored = dict(zip(views["id"], views["plot"], strict=True))
    assert [one.text for one in made] == [stored[film] for film in films["id"]]


def test_one_call_augments_a_poster_as_the_shelf_has_it():
    version = open_version(Cache(), "demo")
    film, views = version.films("train")[0], version.image_views()
    assert views
    assert version.image
    with Image.open(io.BytesIO(film["poster_256"])) as poster:
        picture = np.asarray(poster.convert("RGB"))
    made = rand_augment(picture, RandAugmentSpec.model_validate(version.image.manifest.spec), film=film["id"])
    stored = views[views["id"].index(film["id"])]
    with Image.open(io.BytesIO(stored["poster_256"])) as poster:
        kept = np.asarray(poster.convert("RGB"))
    assert stored["ops"]
    assert np.abs(made.astype(int) - kept).mean() < 2  # the shelf has a JPEG of quality 95; in BGR it would be far off


@pytest.mark.parametrize("wrong", [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8)])
def test_what_is_no_rgb_picture_is_refused(wrong):
    with pytest.raises(ValueError, match=r"expected RGB as uint8 \[height, width, 3\]"):
        rand_augment(wrong, RandAugmentSpec())
