"""The list of wrong lines that the tests have to notice still fits the code; ``tests/mutations/run.py`` tries them."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mutations():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("mutations_run", ROOT / "tests/mutations/run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutations_run"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mutations_run"]


def test_every_mutant_finds_its_line_once_and_its_tests(mutations):
    problems = []
    for mutant in mutations.read():
        try:
            mutations.changed(mutant)
        except ValueError as error:
            problems.append(str(error))
        for test in mutant.tests:
            file, _, name = test.partition("::")
            if not (ROOT / file).is_file() or f"def {name}" not in (ROOT / file).read_text(encoding="utf-8"):
                problems.append(f"mutant {mutant.name!r}: there is no {test}")
    assert problems == []


def test_mutants_have_names_of_their_own(mutations):
    names = [mutant.name for mutant in mutations.read()]
    assert len(names) >= 30
    assert len(set(names)) == len(names)


def test_a_mutant_changes_its_line_alone(mutations, tmp_path):
    mutant = replace(mutations.read()[0], file="one.py", line="a = 1", becomes="a = 2")
    (tmp_path / "one.py").write_text("a = 1\nb = 1\n", encoding="utf-8")
    assert mutations.changed(mutant, tmp_path) == "a = 2\nb = 1\n"


@pytest.mark.parametrize("text", ["b = 1\n", "a = 1\na = 1\n"], ids=["gone", "twice"])
def test_a_line_that_is_not_there_once_is_an_error_that_names_mutant_and_file(mutations, tmp_path, text):
    mutant = replace(mutations.read()[0], name="a wrong sum", file="one.py", line="a = 1", becomes="a = 2")
    (tmp_path / "one.py").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"'a wrong sum': one\.py has its line [02] times"):
        mutations.changed(mutant, tmp_path)


def test_a_change_that_is_no_python_is_an_error(mutations, tmp_path):
    mutant = replace(mutations.read()[0], file="one.py", line="a = 1", becomes="a =")
    (tmp_path / "one.py").write_text("a = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is no Python"):
        mutations.changed(mutant, tmp_path)
