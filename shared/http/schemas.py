"""JSON schemas of values and records as they are answered, derived from declarations; *command or query -> HTTP*."""

from __future__ import annotations

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
DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"
MASKED = "With asterisks in place of letters and digits, unless the token has the scope `sensitive:read`."


def value_schema(kind: Kind, choices: tuple[str, ...] = (), *, nullable: bool = False) -> Schema:
    """One value; a decimal is a string, so that no digit of it is lost."""
    name, form = TYPES[kind]
    pattern = DECIMAL if kind is Kind.DECIMAL else None
    types = [name, OpenAPIType.NULL] if nullable else name
    enum = [*choices, None] if choices and nullable else list(choices)
    return Schema(type=types, format=form, pattern=pattern, enum=enum or None)


def object_schema(properties: Properties) -> Schema:
    """An object that has all of these."""
    return Schema(type=OpenAPIType.OBJECT, properties=properties, required=list(properties))


def array_schema(items: Schema) -> Schema:
    """A list of these."""
    return Schema(type=OpenAPIType.ARRAY, items=items)


def field_schema(field: Field) -> Schema:
    """A value of a field as it is answered, masked where it is sensitive."""
    if not field.sensitive:
        return value_schema(field.kind, field.choices, nullable=field.nullable)
    return masked_schema(field.kind, nullable=field.nullable)


def masked_schema(kind: Kind, *, nullable: bool = False) -> Schema:
    """A sensitive value: any text in place of what it is."""
    types = dict.fromkeys((TYPES[kind][0], OpenAPIType.STRING, *([OpenAPIType.NULL] if nullable else [])))
    return Schema(type=[*types], description=MASKED)


def values_schemas(dataset: Dataset) -> Properties:
    """The fields and members of a record."""
    properties = _properties(dataset.fields)
    if members := dataset.members:
        properties[members.name] = array_schema(object_schema(_properties(members.fields)))
    return properties


def _properties(fields: tuple[Field, ...]) -> Properties:
    return {field.name: field_schema(field) for field in fields}
