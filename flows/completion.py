"""Shell completion: a static script out of the generated parser, so that pressing Tab starts no Python."""

import re
import shlex
import sys
from argparse import Action, ArgumentParser
from typing import Literal

import shtab
from pydantic_settings import CliPositionalArg

from datasets_cache.frozen import Frozen
from datasets_cache.store import default_root

VERSIONS = {"version", "first", "second", "name", "names", "cache"}
"""What is called like this names a cache version."""
_CHOICES = re.compile(r"\{([^{}]+)\}")
_ONE_OF = re.compile(r" One of ([\w\-, ]+)\.$")
"""What there is to choose from: in the place of the value or, where that would be too long, at the end of the help."""


class CompletionCommand(Frozen):
    """Print the completion script of a shell.

    bash: `eval "$(mmuda completion bash)"` in ~/.bashrc. zsh: the same with zsh, after compinit, in ~/.zshrc.
    fish: `mmuda completion fish > ~/.config/fish/completions/mmuda.fish`.
    """

    shell: CliPositionalArg[Literal["bash", "zsh", "fish"]]
    """`bash`, `zsh` or `fish`."""

    def cli_cmd(self) -> None:
        """Print it."""
        sys.stdout.write(script(self.shell))


def script(shell: Literal["bash", "zsh", "fish"]) -> str:
    """The completion script of the whole command line, recipes included."""
    from flows.arguments import all_parsers
    from flows.command_line import source_of
    from flows.recipes import RECIPES

    parser = source_of({name: make() for name, make in RECIPES.items()}).root_parser
    versions = _versions()
    for below in all_parsers(parser):
        for action in below._actions:
            _complete(below, action, versions)
    return shtab.complete(parser, shell) + "\n"


def _complete(parser: ArgumentParser, action: Action, versions: dict[str, object]) -> None:
    """Tell shtab what an option or a place takes."""
    name = action.dest.rpartition(".")[2]
    choices = _CHOICES.search(str(action.metavar or "")) or _ONE_OF.search(action.help or "")
    if parser.prog == "mmuda completion" and name == "shell":
        action.choices = ["bash", "zsh", "fish"]
    elif choices and action.option_strings:
        action.choices = choices[1].replace(" ", "").split(",")
    elif name in VERSIONS and (not action.option_strings or name in ("version", "cache")):
        action.complete = versions  # pyright: ignore[reportAttributeAccessIssue]
    elif "PATH" in str(action.metavar) or action.metavar in ("RUN", "RUNS", "FILE"):
        action.complete = shtab.FILE  # pyright: ignore[reportAttributeAccessIssue]


def _versions() -> dict[str, object]:
    """Ids of the versions in the cache, and the name of the newest; the shell itself reads them when Tab is pressed."""
    root = shlex.quote(str(default_root()))
    listed = 'ls "${MMUDA_CACHE:-$root}/versions" 2>/dev/null; echo latest'
    fish = f"""function _mmuda_versions
  set -l root {root}
  set -q MMUDA_CACHE; and set root $MMUDA_CACHE
  command ls $root/versions 2>/dev/null
  echo latest
end"""
    return {
        "bash": "_mmuda_versions",
        "zsh": "_mmuda_versions",
        "fish": "(_mmuda_versions)",
        "preamble": {
            "bash": f'_mmuda_versions() {{ local root={root}; compgen -W "$({listed})" -- "$1"; }}',
            "zsh": f'_mmuda_versions() {{ local root={root}; local -a all; all=(${{(f)"$({listed})"}}); compadd -a all; }}',
            "fish": fish,
        },
    }
