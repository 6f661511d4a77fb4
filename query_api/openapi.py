"""What OpenAPI says of the routes, derived from their declared parameters; *HTTP* -> query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Reference, Schema
from litestar.openapi.spec import Parameter as Described
from litestar.openapi.spec.enums import OpenAPIType

from query_api.problems import PROBLEM
from query_api.schemas import OBJECT, TEXT, value_schema
from shared.datasets.fields import INTEGER_DIGITS, Kind
from shared.selection.parameters import Parameter
from shared.selection.values import DECIMAL_TEXT

MOST = 10**INTEGER_DIGITS - 1


def described(
    tag: str,
    summary: str,
    parameters: tuple[Parameter, ...] = (),
    path: Mapping[str, str] | None = None,
    answers: Schema = OBJECT,
    media_type: str = "application/json",
    files: Iterable[str] = (),
) -> type[Operation]:
    """An operation with these query parameters, path parameters (name -> what it is) and this answer.

    `files` are the media types of files that it answers as well.
    """

    @dataclass
    class Derived(Operation):
        def __post_init__(self) -> None:
            self.tags = [tag]
            self.summary = summary
            self.parameters = _path_parameters(path or {}) + [_query_parameter(one) for one in parameters]
            content = {one: OpenAPIMediaType(schema=TEXT) for one in files}
            content[media_type] = OpenAPIMediaType(schema=answers)
            found = OpenAPIResponse(description=summary, content=content)
            self.responses = {"200": found, "default": PROBLEM}

    return Derived


def _path_parameters(path: Mapping[str, str]) -> list[Described | Reference]:
    return [
        Described(name=name, param_in="path", description=says, required=True, schema=TEXT)
        for name, says in path.items()
    ]


def _query_parameter(one: Parameter) -> Described:
    default = int(one.default) if one.default and one.kind is Kind.INTEGER else one.default
    low, high = (-MOST, MOST) if one.kind is Kind.INTEGER else (None, None)
    low, high = (low if one.minimum is None else one.minimum), (high if one.maximum is None else one.maximum)
    schema = replace(value_schema(one.kind, one.choices), minimum=low, maximum=high, default=default)
    if one.kind is Kind.DECIMAL:
        schema = replace(schema, pattern=DECIMAL_TEXT)
    if one.listed:
        schema = replace(schema, enum=list(one.listed))
    many = Schema(type=OpenAPIType.ARRAY, items=schema, min_items=1, unique_items=True if one.listed else None)
    described = Described(
        name=one.name,
        param_in="query",
        description=one.description,
        schema=many if one.repeatable or one.listed else schema,
    )
    return replace(described, style="form", explode=False) if one.listed else described
