"""JSON schemas of what is told of changes: histories and outcomes; *HTTP* -> query."""

from __future__ import annotations

from litestar.openapi.spec import Reference, Schema
from litestar.openapi.spec.enums import OpenAPIType

from query_api.schemas import URL
from query_api.story import RESTORED
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.http.schemas import TEXT, Properties, object_schema, value_schema, values_schemas
from shared.read_tables import Change, Ending

NULL = Schema(type=OpenAPIType.NULL)
ENDED: Properties = {
    "position": value_schema(Kind.INTEGER),
    "at": value_schema(Kind.TIMESTAMP),
    "kind": value_schema(Kind.CHOICE, tuple(Ending)),
    "actor": value_schema(Kind.TEXT, nullable=True),
    "upload": value_schema(Kind.UUID, nullable=True),
}


def _pair(schema: Schema | Reference) -> Schema:
    """What a value was, and what it became."""
    either = Schema(any_of=[schema, NULL])
    return object_schema({"from": either, "to": either})


def history_schema(dataset: Dataset) -> Schema:
    """What happened to a record, and what has become of it."""
    values = values_schemas(dataset)
    record = Schema(any_of=[object_schema(values), NULL])
    pairs: Properties = {name: _pair(one) for name, one in values.items()}
    entry: Properties = {
        "position": value_schema(Kind.INTEGER),
        "at": value_schema(Kind.TIMESTAMP, nullable=True),
        "change": value_schema(Kind.CHOICE, tuple(dict.fromkeys((*Change, RESTORED, *Ending)))),
        "changes": Schema(type=OpenAPIType.OBJECT, properties=pairs),
        "record": record,
        **{name: value_schema(Kind.TEXT, nullable=True) for name in ("actor", "source", "file")},
        "upload": value_schema(Kind.UUID, nullable=True),
        **{name: value_schema(Kind.INTEGER, nullable=True) for name in ("row", "line")},
        "ended": Schema(any_of=[object_schema(ENDED), NULL]),
    }
    properties: Properties = {
        "key": TEXT,
        "state": value_schema(Kind.CHOICE, ("live", *Ending)),
        "version": value_schema(Kind.INTEGER, nullable=True),
        "results": Schema(type=OpenAPIType.ARRAY, items=object_schema(entry)),
        "next": URL,
    }
    return object_schema(properties)


def change_schema() -> Schema:
    """What became of a command."""
    properties: Properties = {
        "state": value_schema(Kind.CHOICE, ("pending", "applied", "refused", "parked")),
        **{name: value_schema(Kind.TEXT, nullable=True) for name in ("code", "key")},
        "version": value_schema(Kind.INTEGER, nullable=True),
        **{name: Schema(type=[OpenAPIType.OBJECT, OpenAPIType.NULL]) for name in ("record", "detail")},
    }
    return object_schema(properties)
