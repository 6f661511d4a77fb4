"""How each kind of field stands in an exported file, as SQL: PostgreSQL writes the cells; read table -> *query*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from shared.datasets.fields import Kind
from shared.tabular.formulas import FORMULA, GUARD, PLAIN_NUMBER

Column = sa.ColumnElement[Any]
Shape = Callable[[Column, Kind], Column]


def plain(column: Column, kind: Kind) -> Column:
    """A value as it is; a time in ISO 8601 with a Z, as in JSON answers."""
    if kind is not Kind.TIMESTAMP:
        return column
    text = sa.func.btrim(sa.cast(sa.func.to_json(column), sa.Text()), '"')
    return sa.func.replace(text, "+00:00", "Z")


def formula_safe(column: Column, kind: Kind) -> Column:
    """As `plain`, but a text that a spreadsheet would run is guarded; numbers stay numbers."""
    if kind not in (Kind.TEXT, Kind.CHOICE):
        return plain(column, kind)
    runs = column.regexp_match(FORMULA) & ~column.regexp_match(PLAIN_NUMBER)
    return sa.case((runs, sa.literal(GUARD) + column), else_=column)


def json_value(column: Column, kind: Kind) -> Column:
    """As JSON answers have it: a decimal as text, so that no digit is lost."""
    return sa.cast(column, sa.Text()) if kind is Kind.DECIMAL else plain(column, kind)


def as_is(column: Column, _kind: Kind) -> Column:
    """The value itself, for a format that has types."""
    return column
