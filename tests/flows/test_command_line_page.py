"""docs/command_line.md names every command, exit status and variable that there is."""

import re
from pathlib import Path

import pytest

from flows import cli, terminal
from flows.arguments import all_parsers, commands_of
from flows.command_line import source_of
from flows.recipes import RECIPES

PAGE = Path(__file__).parents[2] / "docs" / "command_line.md"


@pytest.fixture(scope="module")
def page() -> str:
    if not PAGE.is_file():
        pytest.skip("the documentation is not here")
    return PAGE.read_text(encoding="utf-8")


def test_every_command_has_a_row(page: str):
    rows = re.findall(r"^\| `(mmuda [^`]*)` \|", page, re.MULTILINE)
    parser = source_of({"demo": RECIPES["demo"]()}).root_parser
    leaves = {one.prog for one in all_parsers(parser) if not commands_of(one)}
    recipes = {prog.removesuffix(" demo") for prog in leaves}
    assert [prog for prog in recipes if not any(f"{row} ".startswith(f"{prog} ") for row in rows)] == []


def test_every_exit_status_has_a_row(page: str):
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)] == list(cli.STATUSES)


def test_every_command_with_json_is_listed(page: str):
    listed = page.partition("## JSON")[2].partition("```")[0]
    parser = source_of({"demo": RECIPES["demo"]()}).root_parser
    leaves = [one for one in all_parsers(parser) if not commands_of(one) and "--json" in one.format_help()]
    assert [one.prog for one in leaves if f"`{one.prog.removeprefix('mmuda ')}" not in listed] == []


def test_the_variable_for_quiet_is_there(page: str):
    assert f"| `{terminal.QUIET}` |" in page
