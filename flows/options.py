"""From recipes to command-line options: every field is an option with its docs, and nothing is declared twice."""

import tomllib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import tomli_w
from pydantic import Field, ValidationError, create_model, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import CliSuppress, CliToggleFlag

from datasets_cache.frozen import Frozen
from flows.recipes import Recipe

NONE = "none"
"""How absence is spelt on the command line and in TOML, which has no null."""

Json = Annotated[CliToggleFlag[bool], Field(alias="json", description="Print JSON, alone on standard output.")]
"""The option of every command that lists something."""


def with_defaults(name: str, base: type[Frozen], values: Frozen) -> type[Frozen]:
    """A model like that of `values`, with `values` as the defaults of its fields.

    Given a part of a nested field, the rest keeps its default. Unions are narrowed to the member that `values` holds, so that
    the options are exactly those which apply.

    Args:
        name: of the new class.
        base: what it derives from besides, such as a command.
        values: an instance that holds the defaults.
    """
    defaults = values.model_dump(mode="json")

    def fill(data: Any) -> Any:  # noqa: ANN401
        return merge(defaults, data) if isinstance(data, Mapping) else data

    fields: dict[str, Any] = {}
    for field, info in type(values).model_fields.items():
        value = getattr(values, field)
        fields[field] = (_annotation(info, value), Field(default=value, description=info.description))
    validators: dict[str, Any] = {"fill": model_validator(mode="before")(fill)}
    return create_model(name, __base__=base, __doc__=base.__doc__, __validators__=validators, **fields)


def merge(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`defaults` with the values of `given` put over them, level by level; of another kind (a source), in their place.

    Examples:
        >>> merge({"name": "demo", "text": {"pivot": "pt", "views": 1}}, {"text": {"views": 2}})
        {'name': 'demo', 'text': {'pivot': 'pt', 'views': 2}}
    """
    merged = dict(defaults)
    for key, value in given.items():
        below: Any = merged.get(key)
        merged[key] = merge(below, value) if _of_one_kind(below, value) else value
    return merged


def _of_one_kind(below: object, value: object) -> bool:
    if not isinstance(below, Mapping) or not isinstance(value, Mapping):
        return False
    return "kind" not in value or value["kind"] == below.get("kind")


def explain(error: ValidationError) -> str:
    """Every problem of a configuration, a line each: where, what is wrong, what came."""
    lines = [
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']} (came: {problem['input']!r})" for problem in error.errors()
    ]
    return "\n".join(lines)


def to_toml(recipe: Recipe) -> str:
    """The complete recipe as TOML; `read_toml` gives the same recipe back.

    Examples:
        >>> from flows.recipes import demo
        >>> to_toml(demo()).splitlines()[:2]
        ['[augmentation]', 'name = "demo"']
    """
    return overrides_to_toml(recipe.model_dump(mode="json"))


def overrides_to_toml(settings: Mapping[str, Any]) -> str:
    """Settings as TOML, absence as `none`."""
    return tomli_w.dumps(_with_none(dict(settings)))


def read_toml(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ValueError: the file is missing, is not TOML, or is not a recipe; every problem is listed.

    Examples:
        >>> from flows.recipes import demo
        >>> path = Path("mine.toml")
        >>> _ = path.write_text(to_toml(demo()), encoding="utf-8")
        >>> read_toml(path) == demo()
        True
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = f"{path}: no such file. `mmuda config show demo > {path}` writes a complete recipe to start from."
        raise ValueError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not TOML ({error})."
        raise ValueError(msg) from error
    return Recipe.model_validate(without_none(data))


def _annotation(info: FieldInfo, value: object) -> Any:  # noqa: ANN401
    if isinstance(value, Frozen):
        narrowed = with_defaults(type(value).__name__, type(value), value)
        return narrowed | None if NoneType in get_args(info.annotation) else narrowed
    annotation: Any = info.annotation
    if get_origin(annotation) is Literal and len(get_args(annotation)) == 1:
        annotation = CliSuppress[annotation]
    return reduce(lambda bound, constraint: Annotated[bound, constraint], info.metadata, annotation)


def _with_none(value: Any) -> Any:  # noqa: ANN401
    match value:
        case None:
            return NONE
        case dict():
            return {key: _with_none(below) for key, below in value.items()}
        case list():
            return [_with_none(below) for below in value]
        case _:
            return value


def without_none(value: Any) -> Any:  # noqa: ANN401
    """Settings as they were read from TOML, with `none` as absence."""
    match value:
        case "none":
            return None
        case dict():
            return {key: without_none(below) for key, below in value.items()}
        case list():
            return [without_none(below) for below in value]
        case _:
            return value
