"""What OpenAPI says of the writing of records, derived from their declaration; *HTTP* -> command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from litestar.openapi.spec import OpenAPIResponse, Operation, Parameter, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.openapi.spec.media_type import OpenAPIMediaType

from command_api.json_bodies import JSON, MERGE_PATCH
from command_api.narrowing import narrowed
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.http.schemas import TEXT, Properties, object_schema, value_schema, values_schemas

ACCEPTED: dict[Kind, tuple[list[OpenAPIType], OpenAPIFormat | None]] = {
    Kind.TEXT: ([OpenAPIType.STRING], None),
    Kind.CHOICE: ([OpenAPIType.STRING], None),
    Kind.INTEGER: ([OpenAPIType.INTEGER, OpenAPIType.STRING], None),
    Kind.DECIMAL: ([OpenAPIType.STRING, OpenAPIType.NUMBER], None),
    Kind.DATE: ([OpenAPIType.STRING], OpenAPIFormat.DATE),
    Kind.TIMESTAMP: ([OpenAPIType.STRING], OpenAPIFormat.DATE_TIME),
    Kind.UUID: ([OpenAPIType.STRING], OpenAPIFormat.UUID),
}
"""What a body may say for a value of each kind."""


class Descriptions:
    """The operations that write single records of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        kind = value_schema(dataset.field(dataset.key_columns[0]).kind)
        says = f"The record's {dataset.key}."
        one = [Parameter(name="key", param_in="path", description=says, required=True, schema=kind)]
        tag, title = dataset.name, dataset.title.lower()
        answer = _answer_schema(dataset)
        whole = _body(JSON, record_schema(dataset, whole=True), "A record.")
        part = _body(JSON, record_schema(dataset, whole=False), "The fields given replace the record's.")
        merge = _body(MERGE_PATCH, record_schema(dataset, whole=False), "A merge patch: null takes a value away.")
        self.add = operation(tag, f"Add a record to {title}", [], whole, {"201": answer})
        done = {"200": answer}
        self.replace = operation(tag, f"Correct a record of {title}", one, part, done)
        self.patch = operation(tag, f"Correct a record of {title} by a merge patch", one, merge, done)
        self.remove = operation(tag, f"Remove a record from {title}", one, None, done)


def _answer_schema(dataset: Dataset) -> Schema:
    """What became of a command about one record; of one that is no more the version is null."""
    said: Properties = {
        "message": TEXT,
        "version": value_schema(Kind.INTEGER, nullable=True),
        "record": object_schema(values_schemas(dataset)),
    }
    return replace(object_schema(said), required=["message"])


def record_schema(dataset: Dataset, *, whole: bool) -> Schema:
    """A record as a body has it; only a whole one needs all its fields.

    The key of a part stands last, because its path says it already.
    """
    fields = dataset.fields if whole else tuple(sorted(dataset.fields, key=lambda field: field.name == dataset.key))
    schema = _object(fields, whole=whole)
    if members := dataset.members:
        each = _object(members.fields, whole=True)
        schema.properties = {
            **(schema.properties or {}),
            members.name: Schema(type=OpenAPIType.ARRAY, items=each),
        }
        schema.required = [*(schema.required or []), members.name] if whole else None
    return schema if whole else replace(schema, min_properties=1)


def _object(fields: tuple[Field, ...], *, whole: bool) -> Schema:
    required = [field.name for field in fields if field.required] if whole else []
    properties: Properties = {field.name: value_of(field) for field in fields}
    return Schema(
        type=OpenAPIType.OBJECT, properties=properties, required=required or None, additional_properties=False
    )


def value_of(field: Field) -> Schema:
    """A value of a field as a body may say it."""
    types, form = ACCEPTED[field.kind]
    schema = Schema(
        type=types if field.required else [*types, OpenAPIType.NULL],
        format=form,
        enum=list(field.choices) or None,
        default=field.default,
        max_length=field.max_length,
    )
    return narrowed(field, schema)


def _body(media_types: tuple[str, ...], schema: Schema, says: str) -> RequestBody:
    content = {one: OpenAPIMediaType(schema=schema) for one in media_types}
    return RequestBody(content=content, description=says, required=True)


def operation(
    tag: str,
    summary: str,
    parameters: list[Parameter],
    body: RequestBody | None,
    answers: Mapping[str, Schema] | None = None,
) -> type[Operation]:
    """The operation of a command; `answers` are JSON that is derived from a declaration, by status.

    All else is told in `documented.py`.
    """

    @dataclass
    class Derived(Operation):
        def __post_init__(self) -> None:
            self.tags = [tag]
            self.summary = summary
            self.request_body = body
            self.parameters = [*parameters]
            self.responses = {code: _answer(schema) for code, schema in (answers or {}).items()}

    return Derived


def _answer(schema: Schema) -> OpenAPIResponse:
    return OpenAPIResponse(description="", content={"application/json": OpenAPIMediaType(schema=schema)})
