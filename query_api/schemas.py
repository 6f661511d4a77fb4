"""JSON schemas of answers, derived from declarations; *HTTP* -> query."""

from __future__ import annotations

from dataclasses import replace

from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.http.schemas import TEXT, Properties, array_schema, object_schema, value_schema, values_schemas

URL = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL], format=OpenAPIFormat.URI_REFERENCE)
RELATIONS = ["eq", "gte", "estimate"]


def record_schema(dataset: Dataset, *, whole: bool = True) -> Schema:
    """A record with its members, version and provenance, of which `fields` may have chosen some where not `whole`.

    Where a declaration shows them, also a rejected row: with the texts of its cells, its line and its errors.
    """
    provenance = {"version": Kind.INTEGER, "source": Kind.TEXT, "upload": Kind.UUID, "row": Kind.INTEGER}
    known: Properties = {name: value_schema(kind, nullable=True) for name, kind in provenance.items()}
    record = object_schema({**values_schemas(dataset), **known})
    if not dataset.rejected_as:
        return record if whole else replace(record, required=None)
    own: Properties = {"version": Schema(type=OpenAPIType.NULL), "line": value_schema(Kind.INTEGER), "errors": ERRORS}
    rejected = object_schema({**texts_schemas(dataset), **known, **own})
    both = [record, rejected] if whole else [replace(one, required=None) for one in (record, rejected)]
    return Schema(any_of=[*both])


def list_schema(items: Schema, *, pages: bool = True) -> Schema:
    """A list with its neighbours and its count; one without `pages` has neither."""
    results = Schema(type=OpenAPIType.ARRAY, items=items)
    if not pages:
        nothing = Schema(type=OpenAPIType.NULL)
        return object_schema({"results": results, "next": nothing, "previous": nothing, "count": nothing})
    return object_schema({"results": results, "next": URL, "previous": URL, "count": COUNT})


def texts_schemas(dataset: Dataset) -> Properties:
    """The same of a rejected row: as its file writes them, or null."""
    properties: Properties = {field.name: CELL for field in dataset.fields}
    if members := dataset.members:
        properties[members.name] = array_schema(object_schema({field.name: CELL for field in members.fields}))
    return properties


CELL = value_schema(Kind.TEXT, nullable=True)
COUNT = Schema(
    any_of=[
        object_schema(
            {
                "value": Schema(type=OpenAPIType.INTEGER, minimum=0),
                "relation": Schema(type=OpenAPIType.STRING, enum=[*RELATIONS]),
            }
        ),
        Schema(type=OpenAPIType.NULL),
    ]
)
ERRORS = array_schema(
    object_schema({**dict.fromkeys(("column", "field"), CELL), **dict.fromkeys(("code", "value", "message"), TEXT)})
)
"""What is wrong with a rejected row among the records."""
