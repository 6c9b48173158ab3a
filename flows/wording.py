"""Mistakes in the words of the run form: its fields, and lines of TOML, where the command line has options."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from flows.recipes import AugmentationPlan, TrainingPlan

FIELDS: Mapping[str, str] = {
    "source.root": "source",
    "sample": "sample",
    "text.pivot": "pivot",
    "text.engine": "engine",
    "text.views": "views",
    "image.magnitude": "magnitude",
    "image.views": "views",
    "rebuild": "rebuild",
    "version": "version",
    "models": "models",
    "uda": "uda",
    "consistency.weight": "weight",
    "consistency.schedule.kind": "schedule",
    "seeds": "seeds",
    "optim.max_epochs": "epochs",
    "encoders": "encoders",
}
"""The field of the form that has a setting of a plan; all other settings are lines of `overrides`."""

_QUOTED_OR_OPTION = re.compile(r"`[^`]*`|--([a-z_]+(?:\.[a-z_]+)*)")
_OPTION = re.compile(r"--([a-z_]+(?:\.[a-z_]+)*)(?: (?!--)(\S+))?")
_BARE = re.compile(r"true|false|-?\d+(\.\d+)?(e-?\d+)?")


def for_the_form(message: str) -> str:
    """A message that speaks of options, in the words of the form.

    For example ``use `--text.pivot pt` `` becomes ``use pivot `pt` ``, and ``leave `--text.decoding` out`` becomes ``leave
    `text.decoding` out``; commands (``mmuda fetch``) stay.
    """
    return _QUOTED_OR_OPTION.sub(_said, message)


def explain(error: ValidationError, overrides: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Every problem of a plan that a form and its `overrides` gave: which field, what is wrong, what came.

    Args:
        error: what is wrong.
        overrides: settings that came from the field `overrides`.
        settings: of a plan that is as it should be; they name the settings that there are.
    """
    return [_problem(dict(problem), overrides, settings) for problem in error.errors()]


def _problem(problem: Mapping[str, Any], overrides: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    kinds = ("bundled", "table", "mmimdb", "moviescope")  # of a source, which pydantic names beside the path
    path = [str(part) for at, part in enumerate(problem["loc"]) if not (at == 1 and part in kinds)]
    setting = ".".join(path)
    field = "overrides: " + setting if _holds(overrides, path) else _field(setting)
    came = problem["input"]
    shown = "" if isinstance(came, Mapping | list | tuple) else f" (came: {came!r})"
    return f"{field}: {_what(problem, path, settings)}{shown}"


def _what(problem: Mapping[str, Any], path: Sequence[str], settings: Mapping[str, Any]) -> str:
    match problem["type"]:
        case "extra_forbidden":
            there: Any = settings
            for part in path[:-1]:
                there = there.get(part) if isinstance(there, Mapping) else None
            return f"there is no such setting; there are {', '.join(there or settings)}"
        case "value_error":
            return str(problem["ctx"]["error"])
        case "too_short":
            return "name at least one"
        case _:
            return str(problem["msg"])


def _holds(given: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether settings have something to do with what lies at `path`: its value, a part of it, or that of which it is one."""
    below: Any = given
    for part in path:
        if not isinstance(below, Mapping):
            return True
        if part not in below:
            return False
        below = cast("Mapping[str, Any]", below)[part]
    return True


def _field(setting: str) -> str:
    if setting in FIELDS:
        return FIELDS[setting]
    above = setting.rpartition(".")[0]
    return FIELDS.get(above, setting)  # one of a list, such as `seeds.1`


def _said(found: re.Match[str]) -> str:
    if option := found[1]:
        return FIELDS.get(option, option) if _is_setting(option) else found[0]
    options = cast("list[tuple[str, str]]", _OPTION.findall(found[0].strip("`")))
    if not found[0].startswith("`--") or not all(_is_setting(setting) for setting, _ in options):
        return found[0]
    return " and ".join(_set(setting, value) for setting, value in options)


def _set(setting: str, value: str) -> str:
    if setting in FIELDS:
        return f"{FIELDS[setting]} `{value}`" if value else f"`{FIELDS[setting]}`"
    key, equals, below = value.partition("=")
    if equals:
        setting, value = f"{setting}.{key}", below
    if not value:
        return f"`{setting}`"
    return f"`{setting} = {value}`" if _BARE.fullmatch(value) else f'`{setting} = "{value}"`'


def _is_setting(name: str) -> bool:
    first = name.partition(".")[0]
    return first in AugmentationPlan.model_fields or first in TrainingPlan.model_fields
