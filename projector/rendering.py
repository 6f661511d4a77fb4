"""A record as JSON text, made by PostgreSQL as the query API would write it; read table -> *projection*."""

from __future__ import annotations

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.read_tables import quoted


def record_json(dataset: Dataset, record: str) -> str:
    """The SQL expression of a record's fields and members as JSON; `record` is an alias.

    Decimals are strings, times ISO 8601 in UTC, for which the session's time zone must be UTC.
    """
    pairs = [f"'{field.name}', {_value(field, f'{record}.{quoted(field.name)}')}" for field in dataset.fields]
    if dataset.members:
        pairs.append(f"'{dataset.members.name}', {record}.{quoted(dataset.members.name)}")
    return f"json_build_object({', '.join(pairs)})"


def _value(field: Field, column: str) -> str:
    match field.kind:
        case Kind.DECIMAL:
            return f"CAST({column} AS text)"
        case Kind.TIMESTAMP:
            shown = f"to_char({column}, 'YYYY-MM-DD\"T\"HH24:MI:SS')"
            fraction = f"CASE WHEN {column} = date_trunc('second', {column}) THEN '' ELSE to_char({column}, '.US') END"
            return f"{shown} || {fraction} || 'Z'"
        case _:
            return column
