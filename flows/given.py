"""What was typed, before it is parsed: hyphens in options, a recipe from a file, the plan of the newest version."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets_cache.store import Cache
from flows.options import read_toml
from flows.recipes import RECIPES, Recipe, TrainingPlan


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
        from flows.published import newest_plan  # a second

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
