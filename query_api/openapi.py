"""What OpenAPI says of the routes, derived from their declared parameters; *HTTP* -> query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Reference, Schema
from litestar.openapi.spec import Parameter as Described
from litestar.openapi.spec.enums import OpenAPIType

from shared.datasets.declaration import Dataset
from shared.datasets.fields import INTEGER_DIGITS, Kind
from shared.http.schemas import OBJECT, value_schema
from shared.selection.parameters import Parameter
from shared.selection.values import DECIMAL_TEXT

UPLOAD_ID = {"upload_id": ("The id of the upload.", value_schema(Kind.UUID))}
"""The path of everything about one upload."""

MOST = 10**INTEGER_DIGITS - 1


def described(
    tag: str,
    summary: str,
    parameters: tuple[Parameter, ...] = (),
    path: Mapping[str, tuple[str, Schema]] | None = None,
    answers: Schema = OBJECT,
) -> type[Operation]:
    """An operation with these query parameters, path parameters (name -> what it is) and this JSON as its answer.

    All else is told in `documented.py`.
    """

    @dataclass
    class Derived(Operation):
        def __post_init__(self) -> None:
            self.tags = [tag]
            self.summary = summary
            self.parameters = _path_parameters(path or {}) + [_query_parameter(one) for one in parameters]
            content = {"application/json": OpenAPIMediaType(schema=answers)}
            self.responses = {"200": OpenAPIResponse(description=summary, content=content)}

    return Derived


def key_of(dataset: Dataset) -> dict[str, tuple[str, Schema]]:
    """The path of everything about one record."""
    name = dataset.key_columns[0]
    return {"key": (f"The record's {name}.", value_schema(dataset.field(name).kind))}


def _path_parameters(path: Mapping[str, tuple[str, Schema]]) -> list[Described | Reference]:
    return [
        Described(name=name, param_in="path", description=says, required=True, schema=schema)
        for name, (says, schema) in path.items()
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
