"""The commands of `mmuda`, parsed from the configuration models, so that every field is an option with its docs."""

import sys
from argparse import SUPPRESS, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from inspect import getdoc
from pathlib import Path
from typing import Any, cast

from pydantic import Field, create_model
from pydantic_settings import (
    BaseSettings,
    CliPositionalArg,
    CliSettingsSource,
    CliSubCommand,
    SettingsConfigDict,
    get_subcommand,
)

from datasets_cache.frozen import Frozen
from flows.arguments import Parser, all_parsers, tidy
from flows.cache_cli import CacheGroup, Group
from flows.cli import STATUSES
from flows.compare_cli import CompareCommand
from flows.completion import CompletionCommand
from flows.options import NONE, Json, to_toml, with_defaults
from flows.recipes import RECIPES, AugmentationPlan, Recipe, TrainingPlan
from flows.run_cli import EvaluateCommand, PredictCommand
from flows.serve_cli import ServeCommand, SweepCommand
from flows.terminal import print_json, say


class AugmentCommand(Frozen):
    """Make augmented views of a source and publish them as a cache version.

    Options alone (`mmuda augment --text.pivot de`) change the plan of the newest version.
    """

    def cli_cmd(self) -> None:
        """Run the augmentation flow."""
        from flows import commands

        commands.augment(AugmentationPlan.model_validate(self.model_dump()))


class TrainCommand(Frozen):
    """Train every cell, model x UDA x seed, on a cache version and compare them.

    Options alone (`mmuda train --seeds 1,2,3`) take the recipe of the newest version.
    """

    def cli_cmd(self) -> None:
        """Run the training flow."""
        from flows import commands

        commands.train(TrainingPlan.model_validate(self.model_dump()))


class DemoCommand(Frozen):
    """Augment the bundled sample and train all six cells on it: minutes on two cores, offline."""

    def cli_cmd(self) -> None:
        """Run both flows on the recipe `demo`."""
        from flows import commands

        commands.demo(RECIPES["demo"]())


class ReportCommand(Frozen):
    """Write the HTML report of finished runs."""

    runs: CliPositionalArg[list[Path]] = []
    """Run directories, or folders that hold them; by default the project's `runs`."""
    version: str | None = None
    """Cache version, by its id or the name of its recipe; by default that of the newest run."""
    output: Path | None = None
    """The HTML file; by default beside the runs, that of a single run in its directory."""

    def cli_cmd(self) -> None:
        """Write it."""
        from flows import commands

        commands.report(self.runs or [RECIPES["demo"]().training.runs], self.output, self.version)


class ConfigRecipes(Frozen):
    """List the recipes."""

    as_json: Json = False

    def cli_cmd(self) -> None:
        """Print them."""
        if self.as_json:
            print_json([{"name": name, "description": docs_of(name)} for name in RECIPES])
            return
        for name in RECIPES:
            say(f"{name:12} {docs_of(name)}")


class ConfigGroup(Group):
    """Show recipes as TOML, to be changed and read back with --config."""

    show: CliSubCommand[Any]
    recipes: CliSubCommand[ConfigRecipes]


class DoctorCommand(Frozen):
    """Say what this machine has, what is missing and what to do about it; exit status 1 if something has to be mended."""

    offline: bool = False
    """Ask no repository whether it can be reached."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Look and print."""
        from flows import commands

        raise SystemExit(commands.examine_machine(offline=self.offline, as_json=self.as_json))


class FetchCommand(Frozen):
    """Download the weights that a recipe needs, on a machine that reaches the hubs."""

    def cli_cmd(self) -> None:
        """Download them."""
        from flows.fetch import fetch

        fetch(Recipe.model_validate(self.model_dump()))


class ShowCommand(Frozen):
    """Print the complete recipe as TOML."""

    def cli_cmd(self) -> None:
        """Print it."""
        sys.stdout.write(to_toml(Recipe.model_validate(self.model_dump())))


class Root(BaseSettings):
    """UDA for multimodal film-genre classification: augment offline, then train and compare.

    Options override the recipe; `mmuda config show RECIPE > mine.toml` writes all of them down, and
    `mmuda augment --config mine.toml` reads them back.
    """

    model_config = SettingsConfigDict(
        cli_prog_name="mmuda", cli_parse_none_str=NONE, cli_avoid_json=True, cli_hide_none_type=True, cli_implicit_flags=True
    )

    @classmethod
    def settings_customise_sources(cls, *_sources: Any, **_more: Any) -> tuple[()]:  # noqa: ANN401
        """The command line alone: a variable of the environment that is called like a command says nothing to us."""
        return ()


def command_line(recipes: Mapping[str, Recipe], *, only: str | None = None) -> type[Root]:
    """The whole command line, with an `augment`, `train`, `fetch` and `config show` for each recipe.

    Args:
        recipes: by name.
        only: the command that is asked for, where the options of the others need not be worked out.
    """

    def each(command: type[Frozen], part: Callable[[Recipe], Frozen], within: str) -> type[Group]:
        wanted = recipes if only in (None, within) else {}
        models = {name: with_defaults(f"{command.__name__}_{name}", command, part(recipe)) for name, recipe in wanted.items()}
        fields: dict[str, Any] = {
            name: (CliSubCommand[model], Field(description=docs_of(name))) for name, model in models.items()
        }
        return create_model(f"{command.__name__}Group", __base__=Group, __doc__=command.__doc__, **fields)

    shown: dict[str, Any] = {"show": (CliSubCommand[each(ShowCommand, _whole, "config")], ...)}
    parts: dict[str, type[Frozen]] = {
        "demo": DemoCommand,
        "augment": each(AugmentCommand, lambda recipe: recipe.augmentation, "augment"),
        "train": each(TrainCommand, lambda recipe: recipe.training, "train"),
        "compare": CompareCommand,
        "predict": PredictCommand,
        "evaluate": EvaluateCommand,
        "report": ReportCommand,
        "cache": CacheGroup,
        "config": create_model("Config", __base__=ConfigGroup, __doc__=ConfigGroup.__doc__, **shown),
        "serve": ServeCommand,
        "sweep": SweepCommand,
        "doctor": DoctorCommand,
        "fetch": each(FetchCommand, _whole, "fetch"),
        "completion": CompletionCommand,
    }
    fields: dict[str, Any] = {name: (CliSubCommand[command], ...) for name, command in parts.items()}
    return create_model("Mmuda", __base__=Root, __doc__=Root.__doc__, **fields)


def _whole(recipe: Recipe) -> Recipe:
    return recipe


def docs_of(recipe: str) -> str:
    """What a recipe is, in a sentence."""
    if recipe not in RECIPES:
        return "The recipe of the file, or the plan of the newest version."
    return (getdoc(RECIPES[recipe]) or "").partition("\n")[0]


def source_of(recipes: Mapping[str, Recipe], *, only: str | None = None) -> CliSettingsSource[Parser]:
    """What turns arguments into settings; its `root_parser` is the parser.

    Args:
        recipes: see `command_line`.
        only: see `command_line`.
    """
    root = command_line(recipes, only=only)
    parser = Parser(
        prog="mmuda", description=root.__doc__, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False,
        epilog="exit status:\n" + "\n".join(f"  {code:<5} {meaning}" for code, meaning in STATUSES.items()),
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"mmuda {version('mmuda')}", help="print the version")
    source: CliSettingsSource[Parser] = CliSettingsSource(root, root_parser=parser)
    tidy(parser)
    for below in all_parsers(parser):
        # `flows.cli` takes it before anything is parsed; here it is for the help
        below.add_argument(
            "-q", "--quiet", action="store_true", default=SUPPRESS, dest=SUPPRESS, help="results and errors alone"
        )
        if below.prog.startswith(("mmuda augment", "mmuda train", "mmuda fetch", "mmuda config show")):
            below.add_argument("--config", metavar="FILE", default=SUPPRESS, dest=SUPPRESS, help="TOML file of a recipe")
    return source


def command_of(arguments: Sequence[str], source: CliSettingsSource[Parser]) -> Callable[[], None]:
    """The command that the arguments ask for, with its settings; without arguments the help.

    Raises:
        ValidationError: a setting is wrong.
        SystemExit: the help was asked for, or a command or an option is unknown.
    """
    if not arguments:
        return source.root_parser.print_help
    model: Any = source.settings_cls(_cli_settings_source=source(args=list(arguments)))  # pyright: ignore[reportCallIssue]
    while below := get_subcommand(model, is_required=False):
        model = below
    return cast("Callable[[], None]", model.cli_cmd)
