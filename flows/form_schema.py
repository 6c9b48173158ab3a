"""What the page shows of a flow's parameters, and what a server refuses before a run begins."""

from typing import Any

from prefect import Flow
from prefect.utilities.callables import ParameterSchema, parameter_schema


class FormSchema(ParameterSchema):
    """Parameters of a flow; others are refused, which would let a run crash."""

    additionalProperties: bool = False  # noqa: N815  # its name in JSON Schema


def form_schema(flow: Flow[..., Any]) -> FormSchema:
    """The schema of a flow's parameters, closed; a number that may be absent is a box that may stay empty.

    Prefect's own schema shows such a number as two tabs, `float` and `None`. Without a default the page sends nothing for an
    empty box, and the flow's own default holds.
    """
    own = parameter_schema(flow)
    properties = {name: _plain(shown) for name, shown in own.properties.items()}
    return FormSchema(
        title="Parameters",  # all of them given, since Prefect leaves out what is not
        type="object",
        properties=properties,
        required=own.required,
        definitions=own.definitions,
        additionalProperties=False,
    )


def _plain(shown: dict[str, Any]) -> dict[str, Any]:
    match shown:
        case {"anyOf": [dict(value), {"type": "null"}], "default": None, **others}:
            return {**others, **value}
        case _:
            return shown
