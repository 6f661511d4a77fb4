"""What OpenAPI says of an upload; *HTTP* -> command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from litestar.openapi.spec import Operation, Parameter, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.openapi.spec.media_type import OpenAPIMediaType

from command_api.bodies import CHOICES
from command_api.describing import value_of
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.http.examples import NONE, example_of

EXAMPLE_DAY = datetime(2026, 1, 31, tzinfo=UTC)

WISHES = {
    "source": "The partner that the file comes from; a filter on every record.",
    "file_name": "How the file is called, where neither the form nor Content-Disposition says so.",
    "encoding": "The file's encoding, such as cp1251, where it is not UTF-8 and has no byte order mark.",
    "sheet": "The sheet of a workbook that is to be read, where it is not the first one.",
    "delimiter": "The character between cells, where it is none of comma, semicolon, tab and bar.",
    "review": "true: show first what the file would change, and wait for `POST /uploads/{id}/publish`.",
    "on_error": "abort: a file with a rejected row fails as a whole; skip, the default: the other rows enter.",
}


TYPES = (
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/gzip",
    "application/zip",
)
"""What an upload may be."""


def upload_operation(dataset: Dataset) -> type[Operation]:
    """The operation of one dataset's upload route."""
    says = (
        f"A file of {dataset.title.lower()}: the form's file, or the body itself. CSV or an XLSX workbook; a CSV may be"
        " compressed with gzip, or be the one file in a ZIP archive. The bytes tell which it is."
    )
    body = file_body(says, TYPES, example_file(dataset))

    @dataclass
    class UploadOperation(Operation):
        def __post_init__(self) -> None:
            self.tags = [dataset.name]
            self.summary = f"Send a file of {dataset.title.lower()}"
            self.request_body = body
            self.parameters = [
                Parameter(name=name, param_in="query", description=says, schema=_schema(name))
                for name, says in WISHES.items()
            ]

    return UploadOperation


def file_body(says: str, types: Sequence[str] = TYPES[:1], example: str | None = None) -> RequestBody:
    """A body that is a file, by itself or in a form; the example is the text of a CSV."""
    file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
    form = Schema(type=OpenAPIType.OBJECT, properties={"file": file}, required=["file"])
    content = {"multipart/form-data": OpenAPIMediaType(schema=form), **dict.fromkeys(types, OpenAPIMediaType(file))}
    if example is not None:
        content["multipart/form-data"] = OpenAPIMediaType(schema=form, example={"file": example})
        content[TYPES[0]] = OpenAPIMediaType(schema=file, example=example)
    return RequestBody(content=content, description=says, required=True)


def example_file(dataset: Dataset) -> str | None:
    """The header and one good row; None where a rule of a column is one that no example is known for."""
    cells = [example_cell(field) for field in dataset.file_fields]
    labels = [(field.labels or (field.name,))[0] for field in dataset.file_fields]
    return None if None in cells else f"{','.join(labels)}\n{','.join(filter(None, cells))}\n"


def example_cell(field: Field) -> str | None:
    """A value of a field as its file writes it."""
    if field.kind in (Kind.DATE, Kind.TIMESTAMP):
        return EXAMPLE_DAY.strftime(field.formats[0].replace("%.f", ""))
    found = example_of(value_of(field).to_schema())
    return None if found is NONE else str(found)


def _schema(name: str) -> Schema:
    choices = list(CHOICES.get(name, ()))
    return Schema(type=OpenAPIType.STRING, enum=[*choices, ""] if choices else None)  # An empty one is not said.
