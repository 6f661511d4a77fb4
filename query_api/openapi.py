"""What OpenAPI says of the routes, derived from their declared parameters; *HTTP* -> query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Reference, Schema
from litestar.openapi.spec import Parameter as Described
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from query_api.parameters import Parameter
from shared.datasets.fields import Kind
from shared.http.problems import MEDIA_TYPE

TYPES: dict[Kind, tuple[OpenAPIType, OpenAPIFormat | None]] = {
    Kind.TEXT: (OpenAPIType.STRING, None),
    Kind.CHOICE: (OpenAPIType.STRING, None),
    Kind.INTEGER: (OpenAPIType.INTEGER, None),
    Kind.DECIMAL: (OpenAPIType.STRING, None),
    Kind.DATE: (OpenAPIType.STRING, OpenAPIFormat.DATE),
    Kind.TIMESTAMP: (OpenAPIType.STRING, OpenAPIFormat.DATE_TIME),
    Kind.UUID: (OpenAPIType.STRING, OpenAPIFormat.UUID),
}


def described(
    tag: str, summary: str, parameters: tuple[Parameter, ...] = (), path: Mapping[str, str] | None = None
) -> type[Operation]:
    """An operation with these query parameters and path parameters (name -> what it is)."""

    @dataclass
    class Derived(Operation):
        def __post_init__(self) -> None:
            self.tags = [tag]
            self.summary = summary
            self.parameters = _path_parameters(path or {}) + [_query_parameter(one) for one in parameters]
            problem = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
            refused = OpenAPIResponse(description="A problem (RFC 9457).", content={MEDIA_TYPE: problem})
            self.responses = {**(self.responses or {}), "default": refused}

    return Derived


def _path_parameters(path: Mapping[str, str]) -> list[Described | Reference]:
    text = Schema(type=OpenAPIType.STRING)
    return [
        Described(name=name, param_in="path", description=says, required=True, schema=text)
        for name, says in path.items()
    ]


def _query_parameter(one: Parameter) -> Described:
    kind, form = TYPES[one.kind]
    schema = Schema(
        type=kind,
        format=form,
        enum=list(one.choices) or None,
        minimum=one.minimum,
        maximum=one.maximum,
        default=int(one.default) if one.default and one.kind is Kind.INTEGER else one.default,
    )
    many = Schema(type=OpenAPIType.ARRAY, items=schema)
    return Described(
        name=one.name, param_in="query", description=one.description, schema=many if one.repeatable else schema
    )
