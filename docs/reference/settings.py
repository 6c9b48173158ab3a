"""Fills the page of settings from the configuration models whenever the pages are built, so that it is never out of date.

A hook of mkdocs (``mkdocs.yml``). In ``settings.md``, ``<!-- settings -->`` becomes a table for each model that a recipe is
made of, and ``<!-- recipes -->`` what each recipe sets differently.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from datasets_cache.frozen import Frozen
from datasets_cache.sources import BundledSource, MmimdbSource, MoviescopeSource
from flows.options import overrides_to_toml
from flows.recipes import RECIPES, AugmentationPlan, TrainingPlan
from train.config import RunConfig

PAGE = "reference/settings.md"
PLANS: dict[str, type[Frozen]] = {"augmentation": AugmentationPlan, "training": TrainingPlan}
"""The tables of a recipe's file, and the commands that read them."""
SOURCES = (MmimdbSource, MoviescopeSource, BundledSource)
COMMANDS = {"augmentation": "mmuda augment", "training": "mmuda train"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<", "pattern": "matching"}
_WORDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true`, `false`", "null": "`none`"}


def on_page_markdown(markdown: str, *, page: Any, **_kwargs: Any) -> str:
    """Put the generated parts in their places (called by mkdocs for each page)."""
    if page.file.src_uri != PAGE:
        return markdown
    return markdown.replace("<!-- settings -->", as_markdown()).replace("<!-- recipes -->", recipes_as_markdown())


def as_markdown() -> str:
    """A section with a table for each configuration model."""
    sections = [section(plan, path, model) for plan, top in PLANS.items() for path, model in walk("", top)]
    return "\n\n".join([*sections, section("run", "", RunConfig)])


def walk(path: str, model: type[Frozen]) -> Iterator[tuple[str, type[Frozen]]]:
    """`model` and every model nested in it, each with its path in a recipe's table."""
    yield path, model
    for name, field in model.model_fields.items():
        for nested in (
            SOURCES if name == "source" and model is AugmentationPlan else get_args(field.annotation) or (field.annotation,)
        ):
            if isinstance(nested, type) and issubclass(nested, Frozen):
                yield from walk(f"{path}.{name}".strip("."), nested)


def section(plan: str, path: str, model: type[Frozen]) -> str:
    """Heading, docstring and table of one model."""
    name = ".".join(part for part in (plan, path) if part)
    kind = model.model_fields.get("kind")
    title = f"`[{name}]`" + (f" with kind `{kind.default}`" if model in SOURCES and kind else "")
    anchor = name.replace(".", "-") + (f"-{kind.default}" if model in SOURCES and kind else "")
    if command := COMMANDS.get(plan):
        option = f"`{command} --{path + '.' if path else ''}NAME`"
        lead = f"`{model.__module__}.{model.__qualname__}`; on the command line {option}."
    else:
        title, anchor = "One run", "one-run"
        lead = f"`{model.__module__}.{model.__qualname__}`: a cell of `mmuda train`, or what a library's caller makes by hand."
    rows = [row(field, schema, model) for field, schema in model.model_json_schema()["properties"].items()]
    about = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    table = "| Setting | Default | Takes | |\n|---|---|---|---|\n" + "\n".join(rows)
    return f'## {title} {{ #{anchor} }}\n\n{about} {lead}\n\n<div class="settings" markdown>\n\n{table}\n\n</div>'


def row(name: str, schema: Mapping[str, Any], model: type[Frozen]) -> str:
    """One setting."""
    info = model.model_fields[name]
    if info.is_required():
        default = "*required*"
    elif isinstance(value := info.get_default(call_default_factory=True), Frozen):
        default = "see below"
    else:
        default = f"`{shown(value)}`"
    cells = (f"`{name}`", default, takes(schema), " ".join((info.description or "").split()))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def shown(value: object) -> str:
    """A value as TOML and the command line write it."""
    if isinstance(value, Path):
        return value.name  # the rest is where this machine has the checkout
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def takes(schema: Mapping[str, Any]) -> str:
    """What a setting may be, from its JSON schema."""
    if "anyOf" in schema:
        return " or ".join(takes(each) for each in schema["anyOf"])
    if "$ref" in schema or "oneOf" in schema:
        return "a table of its own"
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{choice}`" for choice in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema["items"]]
        return f"{len(items) if 'prefixItems' in schema else 'list'} of: {takes(items[0])}"
    if schema.get("type") == "object":
        return "`KEY=VALUE`, each: " + takes(schema.get("additionalProperties", {"type": "string"}))
    words = "path" if schema.get("format") in ("path", "file-path", "directory-path") else _WORDS[schema["type"]]
    bounds = [f"{sign} `{schema[key]}`" for key, sign in _BOUNDS.items() if key in schema]
    return " ".join([words, " and ".join(bounds)]).strip()


def recipes_as_markdown() -> str:
    """What each recipe sets that is not a model's default, as the file that `--config` reads."""
    parts: list[str] = []
    for name, recipe in RECIPES.items():
        made = recipe()
        settings = {plan: differing(getattr(made, plan)) for plan in PLANS}
        about = " ".join((recipe.__doc__ or "").split("\n\n")[0].split())
        parts.append(f"### `{name}` {{ #recipe-{name} }}\n\n{about}\n\n```toml\n{overrides_to_toml(settings).strip()}\n```")
    return "\n\n".join(parts)


def differing(values: Frozen) -> dict[str, Any]:
    """Fields of `values`, also of nested models, that are not at their defaults; a source's kind always."""
    found: dict[str, Any] = {}
    for name, info in type(values).model_fields.items():
        value = getattr(values, name)
        default = info.get_default(call_default_factory=True)
        if isinstance(value, Frozen) and (nested := differing(value)):
            found[name] = nested
        elif not isinstance(value, Frozen) and (value != default or (name == "kind" and isinstance(values, SOURCES))):
            found[name] = values.model_dump(mode="json")[name]
        elif isinstance(value, Frozen) and isinstance(default, NoneType):
            found[name] = {}
    return found
