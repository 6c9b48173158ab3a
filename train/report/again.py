"""The command lines that make a report's cache version, its runs and itself again."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from datasets_cache.fingerprint import canonical_json
from train.config import MODELS, RunConfig
from train.records import RunResult
from train.variants import flat

_PARTS = ("text", "image", "optim", "compute")


_ABSENT = "none"
"""How the command line and its files spell what is not there; TOML has no null."""


def augmentation(plan: Mapping[str, Any], *, version: str) -> str:
    """The command that makes a version again, with the file that it reads: the plan that the version remembers, complete."""
    recipe = {"augmentation": _spelt(plan), "training": {"version": version}}
    file = shlex.quote(config_file(version))
    return f"cat > {file} <<'TOML'\n{tomli_w.dumps(recipe)}TOML\nmmuda augment --config {file}"


def config_file(version: str) -> str:
    """Name of the file that `augmentation` writes."""
    return f"{version}.toml"


def commands(results: Sequence[RunResult], *, recipe: str) -> list[str]:
    """One command for each set of settings, every setting spelled out; a base goes with each consistency term beside it.

    Args:
        results: the runs.
        recipe: what comes behind ``mmuda train``: the name of a recipe, or ``--config`` and a file.
    """
    by_settings: dict[str, list[RunConfig]] = {}
    for result in results:
        settings = result.config.model_dump(mode="json", include=set(_PARTS))
        by_settings.setdefault(canonical_json(settings), []).append(result.config)
    return [line for configs in by_settings.values() for line in _of_settings(configs, recipe)]


def _of_settings(configs: Sequence[RunConfig], recipe: str) -> list[str]:
    by_term: dict[str, list[RunConfig]] = {}
    for config in configs:
        if config.uda:
            by_term.setdefault(config.uda.model_dump_json(), []).append(config)
    bases = [config for config in configs if not config.uda]
    lines: list[str] = []
    for group in by_term.values():
        beside = [base for base in bases if base.model in {config.model for config in group}]
        lines.append(_line([*group, *beside], "both" if beside else "on", recipe))
    alone = [base for base in bases if base.model not in {config.model for config in configs if config.uda}]
    return [*lines, _line(alone, "off", recipe)] if alone else lines


def _line(configs: Sequence[RunConfig], uda: str, recipe: str) -> str:
    seeds, models = sorted({config.seed for config in configs}), {config.model for config in configs}
    options: dict[str, Any] = {"version": configs[0].version, "models": ",".join(model for model in MODELS if model in models)}
    options |= {"uda": uda, "seeds": ",".join(map(str, seeds))}
    for part in _PARTS:
        options |= flat(getattr(configs[0], part).model_dump(mode="json"), f"{part}.")
    if configs[0].uda:
        options |= flat(configs[0].uda.model_dump(mode="json"), "consistency.")
    return " \\\n  ".join([f"mmuda train {recipe}", *(_option(name, value) for name, value in options.items())])


def _option(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {shlex.quote(_ABSENT if value is None else str(value))}"


def _spelt(value: Any) -> Any:  # noqa: ANN401
    match value:
        case None:
            return _ABSENT
        case dict():
            return {key: _spelt(below) for key, below in value.items()}
        case list():
            return [_spelt(below) for below in value]
        case _:
            return value
