"""What OpenAPI says of the writing of records, derived from their declaration; *HTTP* -> command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from litestar.openapi.spec import OpenAPIResponse, Operation, Parameter, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.openapi.spec.media_type import OpenAPIMediaType

from command_api.json_bodies import JSON, MERGE_PATCH
from command_api.narrowing import narrowed
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.http.problems import MEDIA_TYPE

Properties = dict[str, Reference | Schema]
Answers = Mapping[str, str]

TEXT, OBJECT = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.OBJECT)

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

VERSION = '"[1-9][0-9]{0,17}"'

PREFER = Parameter(
    name="Prefer",
    param_in="header",
    description="wait=N: seconds to wait for the outcome, up to 10, 2 unless said. respond-async: not at all.",
    schema=TEXT,
)
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description="The same key with the same request is one command, and is answered in the same way.",
    schema=Schema(type=OpenAPIType.STRING, pattern="^[!#-~]{1,255}$"),
)
IF_MATCH = Parameter(
    name="If-Match",
    param_in="header",
    description='The versions that the change is meant for, as "57"; any other is a 412 with the record as it is.',
    schema=Schema(type=OpenAPIType.STRING, pattern=f"^([*]|{VERSION}(, {VERSION})*)$"),
)

ACCEPTED_LATER = {"202": "Appended, but not applied yet; `Location` tells later what became of it."}
REFUSED = {
    "404": "There is no such record.",
    "409": "The first request with this idempotency key has no answer yet.",
    "412": "The record has another version; `current` is the record now.",
    "422": "The values do not fit; `errors` points to each. Or the idempotency key belongs to another request.",
}


class Descriptions:
    """The operations that write single records of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        key = Parameter(
            name="key", param_in="path", description=f"The record's {dataset.key}.", required=True, schema=TEXT
        )
        one = [key, IF_MATCH]
        tag, title = dataset.name, dataset.title.lower()
        taken = {"409": "The key is taken.", "422": REFUSED["422"]}
        whole = _body(JSON, record_schema(dataset, whole=True), "A record.")
        part = _body(JSON, record_schema(dataset, whole=False), "The fields given replace the record's.")
        merge = _body(MERGE_PATCH, record_schema(dataset, whole=False), "A merge patch: null takes a value away.")
        self.add = operation(tag, f"Add a record to {title}", [], {"201": "It is there now.", **taken}, whole)
        done = {"200": "It is so now.", **REFUSED}
        self.replace = operation(tag, f"Correct a record of {title}", one, done, part)
        self.patch = operation(tag, f"Correct a record of {title} by a merge patch", one, done, merge)
        self.remove = operation(tag, f"Remove a record from {title}", one, done, None)


def record_schema(dataset: Dataset, *, whole: bool) -> Schema:
    """A record as a body has it; only a whole one needs all its fields."""
    schema = _object(dataset.fields, whole=whole)
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
    properties: Properties = {field.name: _value(field) for field in fields}
    return Schema(
        type=OpenAPIType.OBJECT, properties=properties, required=required or None, additional_properties=False
    )


def _value(field: Field) -> Schema:
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
    tag: str, summary: str, parameters: list[Parameter], answers: Answers, body: RequestBody | None
) -> type[Operation]:
    """The operation of a command that waits for its outcome; `answers` are its statuses beside 202."""

    @dataclass
    class RecordOperation(Operation):
        def __post_init__(self) -> None:
            self.tags = [tag]
            self.summary = summary
            self.request_body = body
            self.parameters = [*parameters, PREFER, IDEMPOTENCY_KEY]
            self.responses = {code: _answer(code, says) for code, says in {**answers, **ACCEPTED_LATER}.items()}

    return RecordOperation


def _answer(code: str, says: str) -> OpenAPIResponse:
    media_type = "application/json" if code < "300" else MEDIA_TYPE
    return OpenAPIResponse(description=says, content={media_type: OpenAPIMediaType(schema=OBJECT)})
