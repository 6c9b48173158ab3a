"""The command line `mmuda`: parsed from the configuration models, so that every field is an option with its docs."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field, ValidationError, create_model
from pydantic_settings import BaseSettings, CliApp, CliImplicitFlag, CliPositionalArg, CliSubCommand, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from datasets_cache.frozen import Frozen
from datasets_cache.store import Cache
from flows import commands
from flows.cache_cli import CacheGroup, Group
from flows.compare_cli import CompareCommand
from flows.environment import prepare_libraries, prepare_prefect
from flows.fetch import fetch
from flows.options import NONE, explain, read_toml, to_toml, with_defaults
from flows.published import newest_plan
from flows.recipes import RECIPES, AugmentationPlan, Recipe, TrainingPlan
from flows.run_cli import EvaluateCommand, PredictCommand
from flows.serve_cli import ServeCommand, SweepCommand
from flows.terminal import console

USER_MISTAKE = 2
INTERRUPTED = 130


class AugmentCommand(Frozen):
    """Make augmented views of a source and publish them as a cache version."""

    def cli_cmd(self) -> None:
        """Run the augmentation flow."""
        commands.augment(AugmentationPlan.model_validate(self.model_dump()))


class TrainCommand(Frozen):
    """Train every cell, model x UDA x seed, on a cache version and compare them."""

    def cli_cmd(self) -> None:
        """Run the training flow."""
        commands.train(TrainingPlan.model_validate(self.model_dump()))


class DemoCommand(Frozen):
    """Augment the bundled sample and train all six cells on it: minutes on two cores, offline."""

    def cli_cmd(self) -> None:
        """Run both flows on the recipe `demo`."""
        commands.demo(RECIPES["demo"]())


class ReportCommand(Frozen):
    """Write the HTML report of finished runs."""

    runs: CliPositionalArg[list[Path]] = []
    """Run directories, or folders that hold them; by default the project's `runs`."""
    output: Path | None = None
    """The HTML file; by default beside the runs."""

    def cli_cmd(self) -> None:
        """Write it."""
        commands.report(self.runs or [RECIPES["demo"]().training.runs], self.output)


class ConfigRecipes(Frozen):
    """List the recipes."""

    def cli_cmd(self) -> None:
        """Print them."""
        for name, recipe in RECIPES.items():
            console().print(f"{name:12} {recipe.__doc__}")


class ConfigGroup(Group):
    """Show recipes as TOML, to be changed and read back with --config."""

    show: CliSubCommand[Any]
    recipes: CliSubCommand[ConfigRecipes]


class DoctorCommand(Frozen):
    """Say what this machine has, what is missing and what to do about it."""

    as_json: CliImplicitFlag[bool] = Field(default=False, alias="json", description="Print JSON.")

    def cli_cmd(self) -> None:
        """Look and print."""
        raise SystemExit(commands.examine_machine(as_json=self.as_json))


class FetchCommand(Frozen):
    """Download the weights that a recipe needs, on a machine that reaches the hubs."""

    def cli_cmd(self) -> None:
        """Download them."""
        fetch(Recipe.model_validate(self.model_dump()))


class ShowCommand(Frozen):
    """Print the complete recipe as TOML."""

    def cli_cmd(self) -> None:
        """Print it."""
        sys.stdout.write(to_toml(Recipe.model_validate(self.model_dump())))


def command_line(recipes: Mapping[str, Recipe]) -> type[BaseSettings]:
    """The whole command line, with an `augment`, `train`, `fetch` and `config show` for each recipe."""

    def each(command: type[Frozen], part: Callable[[Recipe], Frozen]) -> Any:  # noqa: ANN401
        models = {name: with_defaults(f"{command.__name__}_{name}", command, part(recipe)) for name, recipe in recipes.items()}
        fields: dict[str, Any] = {name: (CliSubCommand[model], ...) for name, model in models.items()}
        return create_model(f"{command.__name__}Group", __base__=Group, __doc__=command.__doc__, **fields)

    shown: dict[str, Any] = {"show": (CliSubCommand[each(ShowCommand, _whole)], ...)}
    config = create_model("Config", __base__=ConfigGroup, __doc__=ConfigGroup.__doc__, **shown)
    parts: dict[str, Any] = {
        "demo": DemoCommand,
        "augment": each(AugmentCommand, lambda recipe: recipe.augmentation),
        "train": each(TrainCommand, lambda recipe: recipe.training),
        "compare": CompareCommand,
        "predict": PredictCommand,
        "evaluate": EvaluateCommand,
        "report": ReportCommand,
        "cache": CacheGroup,
        "config": config,
        "serve": ServeCommand,
        "sweep": SweepCommand,
        "doctor": DoctorCommand,
        "fetch": each(FetchCommand, _whole),
    }
    fields: dict[str, Any] = {name: (CliSubCommand[command], ...) for name, command in parts.items()}
    return create_model("Mmuda", __base__=Root, __doc__=Root.__doc__, **fields)


def _whole(recipe: Recipe) -> Recipe:
    return recipe


class Root(BaseSettings):
    """UDA for multimodal film-genre classification: augment offline, then train and compare.

    Options override the recipe; `mmuda config show RECIPE > mine.toml` writes all of them down, and
    `mmuda augment --config mine.toml` reads them back.
    """

    model_config = SettingsConfigDict(
        cli_prog_name="mmuda", cli_parse_none_str=NONE, cli_avoid_json=True, cli_hide_none_type=True, cli_implicit_flags=True
    )

    def cli_cmd(self) -> None:
        """Run the chosen command."""
        CliApp.run_subcommand(self)


def with_underscores(argument: str) -> list[str]:
    """An option with the underscores of its setting: ``--ray-address`` is ``--ray_address``. Other arguments stay.

    A value of several lines behind ``=`` becomes an argument of its own: the parser would cut it at the first line's end.
    """
    if not argument.startswith("--"):
        return [argument]
    name, equals, value = argument.partition("=")
    no = "--no-" if name.startswith("--no-") else "--"
    option = no + name.removeprefix(no).replace("-", "_")
    return [option, value] if "\n" in value else [option + equals + value]


def take_config(arguments: Sequence[str]) -> tuple[list[str], Mapping[str, Recipe]]:
    """Read the file after ``--config`` as one more recipe, and name that recipe where none is named.

    ``augment`` and ``train`` with options alone take the plan and the recipe of the newest version.

    Returns:
        The arguments without ``--config``, and all recipes by name.

    Raises:
        ValueError: no file is named, it is not a recipe, or there is no version whose plan could be taken.
    """
    rest = [part for argument in arguments for part in with_underscores(argument)]
    recipes = {name: make() for name, make in RECIPES.items()}
    if "--config" not in rest:
        options_alone = rest[1:2] and rest[1].startswith("-") and rest[1] not in ("-h", "--help")
        if not options_alone or rest[0] not in ("augment", "train"):
            return rest, recipes
        plan = newest_plan(Cache())
        training = recipes[plan.name].training if plan.name in recipes else TrainingPlan(version=plan.name)
        return [rest[0], plan.name, *rest[1:]], {**recipes, plan.name: Recipe(augmentation=plan, training=training)}
    at = rest.index("--config")
    if at + 1 == len(rest):
        msg = "--config: name a TOML file, such as `mmuda config show demo` prints."
        raise ValueError(msg)
    recipe = read_toml(Path(rest[at + 1]))
    del rest[at : at + 2]
    depth = 2 if rest[:1] == ["config"] else 1
    if rest[depth : depth + 1] and rest[depth] in recipes | {recipe.name: recipe}:
        rest[depth] = recipe.name
    else:
        rest.insert(depth, recipe.name)
    return rest, {**recipes, recipe.name: recipe}


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; a user's mistake ends with one clear message and exit code 2."""
    prepare_prefect()
    prepare_libraries()
    try:
        rest, recipes = take_config(sys.argv[1:] if arguments is None else arguments)
        CliApp.run(command_line(recipes), cli_args=rest)
    except ValidationError as error:
        _fail(explain(error), error)
    except (ValueError, OSError, SettingsError) as error:
        _fail(str(error), error)
    except KeyboardInterrupt:
        console().print("Interrupted. The same command goes on from what is finished.")
        raise SystemExit(INTERRUPTED) from None


def _fail(message: str, error: Exception) -> NoReturn:
    if os.environ.get("MMUDA_DEBUG"):
        raise error
    sys.stderr.write(f"mmuda: {message}\n")
    raise SystemExit(USER_MISTAKE)
