"""What OpenAPI says of what can be done about uploads, and to many records at once; *HTTP* -> command."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.openapi.spec import Operation, Parameter, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.openapi.spec.media_type import OpenAPIMediaType

from command_api.describing import ACCEPTED, operation, record_schema
from command_api.json_bodies import MERGE_PATCH
from command_api.narrowing import MOST
from command_api.openapi import WISHES, file_body
from command_api.selecting import MAX_AFFECTED
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.http.schemas import TEXT, value_schema
from shared.selection.parameters import Parameter as Declared
from shared.selection.values import DECIMAL_TEXT

UPLOAD = Parameter(
    name="upload_id",
    param_in="path",
    description="The id of the upload.",
    required=True,
    schema=value_schema(Kind.UUID),
)
ROW = Parameter(
    name="row",
    param_in="path",
    description="The row's number in its file; the header is 1.",
    required=True,
    schema=Schema(type=OpenAPIType.INTEGER, minimum=2),
)

PUBLISH = operation("uploads", "Publish an upload that waits for review", [UPLOAD], None)
WITHDRAW = operation("uploads", "Withdraw an upload: as if it had never been sent", [UPLOAD], None)
CORRECT_ROW = operation("uploads", "Correct a rejected row", [UPLOAD, ROW], None)


def fix_rows(wishes: Iterable[str]) -> type[Operation]:
    """The operation that takes a file of fixes, with these parameters."""
    said = [Parameter(name=name, param_in="query", description=WISHES[name], schema=TEXT) for name in wishes]
    body = file_body("The rejected rows as `errors.csv` has them, with better cells.")
    return operation("uploads", "Correct rejected rows by a file", [UPLOAD, *said], body)


def correct_many(dataset: Dataset, parameters: Iterable[Declared]) -> type[Operation]:
    """The operation that corrects all records that match."""
    schema = record_schema(dataset, whole=False)
    schema.properties = {name: one for name, one in (schema.properties or {}).items() if name != dataset.key}
    content = {one: OpenAPIMediaType(schema=schema) for one in MERGE_PATCH}
    body = RequestBody(content=content, description="A merge patch: null takes a value away.", required=True)
    said = [
        Parameter(
            name=one.name,
            param_in="query",
            description=one.description,
            schema=_of(one),
            required=one.name == MAX_AFFECTED.name,
        )
        for one in parameters
    ]
    return operation(dataset.name, f"Correct all matching records of {dataset.title.lower()}", said, body)


def _of(parameter: Declared) -> Schema:
    if parameter.kind is Kind.INTEGER:
        low, high = parameter.minimum, parameter.maximum
        return Schema(
            type=OpenAPIType.INTEGER,
            minimum=-MOST if low is None else low,
            maximum=MOST if high is None else high,
        )
    pattern = DECIMAL_TEXT if parameter.kind is Kind.DECIMAL else None
    choices = list(parameter.choices) or None
    return Schema(type=OpenAPIType.STRING, format=ACCEPTED[parameter.kind][1], enum=choices, pattern=pattern)
