"""JSON schemas of answers, derived from declarations; *HTTP* -> query."""

from __future__ import annotations

from dataclasses import replace

from litestar.openapi.spec import Reference, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind

Properties = dict[str, Reference | Schema]

TYPES: dict[Kind, tuple[OpenAPIType, OpenAPIFormat | None]] = {
    Kind.TEXT: (OpenAPIType.STRING, None),
    Kind.CHOICE: (OpenAPIType.STRING, None),
    Kind.INTEGER: (OpenAPIType.INTEGER, None),
    Kind.DECIMAL: (OpenAPIType.STRING, None),
    Kind.DATE: (OpenAPIType.STRING, OpenAPIFormat.DATE),
    Kind.TIMESTAMP: (OpenAPIType.STRING, OpenAPIFormat.DATE_TIME),
    Kind.UUID: (OpenAPIType.STRING, OpenAPIFormat.UUID),
}

OBJECT = Schema(type=OpenAPIType.OBJECT)
TEXT = Schema(type=OpenAPIType.STRING)
URL = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL], format=OpenAPIFormat.URI_REFERENCE)
COUNT = Schema(
    type=[OpenAPIType.OBJECT, OpenAPIType.NULL],
    properties={
        "value": Schema(type=OpenAPIType.INTEGER),
        "relation": Schema(type=OpenAPIType.STRING, enum=["eq", "gte", "estimate"]),
    },
)


def value_schema(kind: Kind, choices: tuple[str, ...] = (), *, nullable: bool = False) -> Schema:
    """One value; a decimal is a string, so that no digit of it is lost."""
    name, form = TYPES[kind]
    return Schema(type=[name, OpenAPIType.NULL] if nullable else name, format=form, enum=list(choices) or None)


def record_schema(dataset: Dataset) -> Schema:
    """A record with its members, version and provenance; a rejected row also has its line and its errors."""
    properties = values_schemas(dataset)
    provenance = {"version": Kind.INTEGER, "source": Kind.TEXT, "upload": Kind.UUID, "row": Kind.INTEGER}
    properties |= {name: value_schema(kind, nullable=True) for name, kind in provenance.items()}
    record = object_schema(properties)
    if dataset.rejected_as:
        errors = Schema(type=OpenAPIType.ARRAY, items=OBJECT)
        record.properties = {**properties, "line": value_schema(Kind.INTEGER), "errors": errors}
    return record


def list_schema(items: Schema) -> Schema:
    """A list with its neighbours and its count."""
    results = Schema(type=OpenAPIType.ARRAY, items=items)
    return object_schema({"results": results, "next": URL, "previous": URL, "count": COUNT})


def some_of(record: Schema) -> Schema:
    """A record of which `fields` may have chosen some."""
    return replace(record, required=None)


def object_schema(properties: Properties) -> Schema:
    """An object that has all of these."""
    return Schema(type=OpenAPIType.OBJECT, properties=properties, required=list(properties))


def values_schemas(dataset: Dataset) -> Properties:
    """The fields and members of a record."""
    properties = _properties(dataset.fields)
    if members := dataset.members:
        one = Schema(type=OpenAPIType.OBJECT, properties=_properties(members.fields))
        properties[members.name] = Schema(type=OpenAPIType.ARRAY, items=one)
    return properties


def _properties(fields: tuple[Field, ...]) -> Properties:
    return {field.name: value_schema(field.kind, field.choices, nullable=field.nullable) for field in fields}
