"""How the command line speaks: help that reads well at 80 columns, and mistakes with the name that was meant."""

import inspect
import re
import shutil
import sys
import textwrap
from argparse import SUPPRESS, Action, ArgumentParser, Namespace, _SubParsersAction  # pyright: ignore[reportPrivateUsage]
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

NEAR = 0.6
"""How alike a name has to be to be offered, 0 to 1."""
LONGEST = 76
"""Signs of an option with its choices that are shown in one piece; more would not fit 80 columns."""
FEW = 7
"""Options that are spelt out in the first line of a command's help."""
_KINDS = {
    "str": "TEXT",
    "float": "NUMBER",
    "int": "NUMBER",
    "Path": "PATH",
    "list[Path]": "PATH,PATH,…",
    "tuple[int,...]": "NUMBER,NUMBER,…",
    "tuple[int,int,int]": "RED,GREEN,BLUE",
    "dict[str,str]": "NAME=VALUE",
}
"""What is shown where the type of a setting would be."""
_SEVERAL = re.compile(r"(?:tuple|list)\[(\{.*\}),?(?:\.\.\.)?\]")


class Parser(ArgumentParser):
    """An argparse parser whose errors are one sentence with the nearest names, and the help that lists the others."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        args: Sequence[str] | None = None,
        namespace: Any = None,  # noqa: ANN401
    ) -> tuple[Namespace, list[str]]:
        """As argparse does it, but the command that an unknown option was given to says so, not the root."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and not commands_of(self):
            self.error(f"unknown: {' '.join(unknown)}.{self._meant(unknown[0])}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say it and stop with status 2."""
        if "required: " in message and message.endswith("COMMAND"):
            self.print_help(sys.stderr)
            self.exit(2, f"\n{self.prog}: name one of these commands.\n")
        if wrong := re.search(r"invalid choice: '(.*)' \(choose from", message):
            message = f"no command {wrong[1]!r}.{self._meant(wrong[1])}"
        self.exit(2, f"{self.prog}: {message} `{self.prog} --help` lists what there is.\n")

    def _meant(self, given: str) -> str:
        name, known = given.partition("=")[0], [*self._option_string_actions, *commands_of(self)]
        long = [option for option in known if not option.startswith("--no-")]
        near = get_close_matches(name, long, n=2, cutoff=NEAR)
        ends = [option for option in long if option.endswith(f".{name.lstrip('-')}")] if name.startswith("--") else []
        offered = list(dict.fromkeys([*ends, *near]))[:3]
        return f" Did you mean {' or '.join(offered)}?" if offered else ""


def commands_of(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    """The parsers of a group's commands by name; none for a command that does something itself."""
    return {name: below for action in _groups(parser) for name, below in action.choices.items()}


def all_parsers(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    """A parser and all parsers below it."""
    yield parser
    for below in commands_of(parser).values():
        yield from all_parsers(below)


def tidy(parser: ArgumentParser) -> None:
    """Make the help of a generated parser, and of all below it, short and wrapped."""
    for one in all_parsers(parser):
        one.description = _wrapped(one.description or "")
        for group in one._action_groups:
            group.title = "commands" if group.title == "subcommands" else group.title
        for action in _groups(one):
            action.metavar, action.required = "COMMAND", True
            for listed in action._choices_actions:
                listed.help = _first_sentence(listed.help or action.choices[listed.dest].description or "").replace("%", "%%")
        options = [action for action in one._actions if action.help != SUPPRESS]
        if len([action for action in options if action.option_strings]) > FEW:
            places = " ".join(str(action.metavar) for action in options if not action.option_strings)
            one.usage = f"%(prog)s [OPTION …] {places}".rstrip()
        for action in options:
            _say_kind(action)


def _say_kind(action: Action) -> None:
    """Kinds and defaults as they are typed, not as Python writes them."""
    if isinstance(action.metavar, str) and action.option_strings:
        several = _SEVERAL.fullmatch(action.metavar)
        action.metavar = f"{several[1]},…" if several else _KINDS.get(action.metavar, action.metavar)
    if action.help:
        said, _, default = action.help.rpartition(" (default: ")
        default = re.sub(r"[()'\[\]{}]|,(?=\))", "", default).replace(", ", ",")
        if said:
            action.help = said if default in ("", "False", "none") else f"{said} (default: {default})"
    if (
        isinstance(action.metavar, str)
        and action.option_strings
        and len(action.metavar) + len(action.option_strings[0]) > LONGEST
    ):
        one_of = action.metavar.strip("{}").replace(",", ", ")
        action.metavar, action.help = "NAME", f"{action.help} One of {one_of}."


def _groups(parser: ArgumentParser) -> list["_SubParsersAction[Any]"]:
    return [action for action in parser._actions if isinstance(action, _SubParsersAction)]


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0].rstrip(".")


def _wrapped(text: str) -> str:
    width = min(shutil.get_terminal_size().columns, 100) - 2
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in parts)
