"""What OpenAPI says of an upload; *HTTP* -> command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar.openapi.spec import Operation, Parameter, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.openapi.spec.media_type import OpenAPIMediaType

from command_api.bodies import CHOICES
from shared.datasets.declaration import Dataset

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
    body = file_body(says, TYPES)

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


def file_body(says: str, types: Sequence[str] = TYPES[:1]) -> RequestBody:
    """A body that is a file, by itself or in a form."""
    file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
    form = Schema(type=OpenAPIType.OBJECT, properties={"file": file}, required=["file"])
    content = {"multipart/form-data": OpenAPIMediaType(schema=form), **dict.fromkeys(types, OpenAPIMediaType(file))}
    return RequestBody(content=content, description=says, required=True)


def _schema(name: str) -> Schema:
    choices = list(CHOICES.get(name, ()))
    return Schema(type=OpenAPIType.STRING, enum=choices or None)
