"""One example of everything that a JSON schema of ours describes; *HTTP*, for OpenAPI."""

from __future__ import annotations

import re
from typing import Any, Final

Schema = dict[str, Any]

NONE: Final = object()
"""No example could be made: of a pattern that only its author knows, say."""

BY_FORMAT: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T23:59:59Z",
    "uuid": "6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10",
    "decimal": "100.25",
    "uri-reference": "/debts?limit=50",
    "binary": NONE,
}
BY_NAME: Final = {
    "as_of": "year-end",
    "source": "north",
    "file_name": "debts.csv",
    "encoding": "cp1252",
    "sheet": "Sheet1",
    "delimiter": ",",
    "code": "type-error",
    "column": "debtAmount",
    "name": "highest",
}
"""Of parameters whose schema says little."""

TEXTS: Final = ("text", "ann@example.org", "(212) 555-0123", "123-45-6789", "100.25", "EUR", "debts:0", "debts", "42")
"""Tried in turn where a text has a pattern or bounds."""


def example_of(schema: Schema, components: Schema | None = None) -> Any:
    """An example that the schema takes, or NONE."""
    said = schema.get("example", NONE)
    if said is NONE and "const" in schema:
        said = schema["const"]
    if said is NONE and (name := str(schema.get("$ref", "")).rpartition("/")[2]):
        return example_of((components or {})[name], components)
    if said is not NONE:
        return said
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            others = [one for one in schema[choice] if one.get("type") != "null"]
            return example_of((others or schema[choice])[0], components)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    return _of_kind(kind[0] if isinstance(kind, list) else kind, schema, components)


def _of_kind(kind: str | None, schema: Schema, components: Schema | None) -> Any:
    match kind:
        case "string":
            return _text(schema)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return False
        case "null":
            return None
        case "array":
            item = example_of(schema.get("items", {}), components)
            return NONE if item is NONE else [item]
        case "object":
            return _object(schema, components)
        case _:
            return {}


def _text(schema: Schema) -> Any:
    if "format" in schema and "pattern" not in schema:
        return BY_FORMAT.get(schema["format"], NONE)
    low, high = schema.get("minLength", 0), schema.get("maxLength", 1000)
    fits = (one for one in TEXTS if low <= len(one) <= high and re.search(schema.get("pattern", ""), one))
    return next(fits, NONE)


def _number(schema: Schema) -> int:
    low, high = schema.get("minimum", 0), schema.get("maximum")
    least = max(low, 1)
    return int(least if high is None or least <= high else high)


def _object(schema: Schema, components: Schema | None) -> Any:
    """All that an example can be made of; of an object that takes any part of its properties, the first."""
    properties: Schema = schema.get("properties", {})
    names = list(properties)[: 1 if "minProperties" in schema else None]
    found = {name: example_of(properties[name], components) for name in names}
    missing = [name for name, one in found.items() if one is NONE]
    if set(missing) & set(schema.get("required", ())):
        return NONE
    return {name: one for name, one in found.items() if one is not NONE}
