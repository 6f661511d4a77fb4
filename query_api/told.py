"""JSON schemas of what is told of changes: histories and outcomes; *HTTP* -> query."""

from __future__ import annotations

from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from query_api.schemas import OBJECT, TEXT, URL, Properties, object_schema, value_schema, values_schemas
from query_api.story import RESTORED
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.read_tables import Change, Ending


def history_schema(dataset: Dataset) -> Schema:
    """What happened to a record, and what has become of it."""
    record = Schema(type=[OpenAPIType.OBJECT, OpenAPIType.NULL], properties=values_schemas(dataset))
    entry: Properties = {
        "position": value_schema(Kind.INTEGER),
        "at": value_schema(Kind.TIMESTAMP, nullable=True),
        "change": value_schema(Kind.CHOICE, (*Change, RESTORED, Ending.REMOVED, Ending.WITHDRAWN)),
        "changes": OBJECT,
        "record": record,
        **{name: value_schema(Kind.TEXT, nullable=True) for name in ("actor", "source", "file")},
        "upload": value_schema(Kind.UUID, nullable=True),
        **{name: value_schema(Kind.INTEGER, nullable=True) for name in ("row", "line")},
        "ended": Schema(type=[OpenAPIType.OBJECT, OpenAPIType.NULL]),
    }
    properties: Properties = {
        "key": TEXT,
        "state": TEXT,
        "version": value_schema(Kind.INTEGER, nullable=True),
        "results": Schema(type=OpenAPIType.ARRAY, items=object_schema(entry)),
        "next": URL,
    }
    return object_schema(properties)


def change_schema() -> Schema:
    """What became of a command."""
    properties: Properties = {
        "state": value_schema(Kind.CHOICE, ("pending", "applied", "refused")),
        **{name: value_schema(Kind.TEXT, nullable=True) for name in ("code", "key")},
        "version": value_schema(Kind.INTEGER, nullable=True),
        **{name: Schema(type=[OpenAPIType.OBJECT, OpenAPIType.NULL]) for name in ("record", "detail")},
    }
    return object_schema(properties)
