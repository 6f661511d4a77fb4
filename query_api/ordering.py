"""Sort keys, and the condition that continues a sorted list after a given row; *HTTP -> query*.

NULLs stand last in both directions, so "after NULL" means only the keys behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.errors import BadParameter
from shared.selection.filters import Column, Condition, bound
from shared.selection.parameters import Parameter, Query, unknown
from shared.selection.values import Value


class SortKey(msgspec.Struct, frozen=True):
    """One column of an order; the last key of an order is unique."""

    name: str
    column: Column
    kind: Kind
    descending: bool = False
    nullable: bool = False

    @property
    def bound_as(self) -> str:
        """What a cursor's value of this column is called in a statement."""
        return f"cursor_{self.name}"


Order = tuple[SortKey, ...]

SORT = Parameter(
    name="sort",
    kind=Kind.TEXT,
    description="Fields to sort by, with commas between them and - before a descending one. Records without a value "
    "come last, ties are broken by the key.",
)


def sort_parameter(dataset: Dataset) -> Parameter:
    """`sort` with the fields that it may name."""
    names = tuple(sign + field.name for field in dataset.fields for sign in ("", "-"))
    return msgspec.structs.replace(SORT, listed=names)


def record_order(query: Query, dataset: Dataset, records: sa.FromClause) -> Order:
    """What `sort` asks for, ties broken by the record's key. Raises BadParameter."""
    fields = {field.name: field for field in dataset.fields}
    text = query.one("sort") if "sort" in query.known else None
    named = [] if text is None else str(text).split(",")
    found = [_named(name, fields, records) for name in named]
    names = [key.name for key in found]
    if len(set(names)) < len(names):
        raise BadParameter("sort", "sort names a field twice; name it once.")
    rest = [name for name in dataset.key_columns if name not in names]
    return (*found, *(_key_column(name, fields, records) for name in rest))


def _named(text: str, fields: dict[str, Field], records: sa.FromClause) -> SortKey:
    name = text.strip().removeprefix("-")
    if name not in fields:
        raise unknown("field to sort by", name, tuple(fields), "sort")
    field = fields[name]
    return SortKey(name, records.c[name], field.kind, text.strip().startswith("-"), field.nullable)


def _key_column(name: str, fields: dict[str, Field], records: sa.FromClause) -> SortKey:
    kind = fields[name].kind if name in fields else Kind.INTEGER
    return SortKey(name, records.c[name], kind, nullable=name not in fields)


def order_by(order: Order, backward: bool = False) -> list[sa.ColumnElement[object]]:
    """ORDER BY; plain where PostgreSQL's own place for NULLs is the right one, so that indexes serve it."""
    return [_ordered(key, backward) for key in order]


def _ordered(key: SortKey, backward: bool) -> sa.ColumnElement[object]:
    column = key.column.desc() if key.descending is not backward else key.column.asc()
    if not (key.nullable and key.descending):
        return column
    return column.nulls_first() if backward else column.nulls_last()


def order_of(rows: sa.CTE, order: Order) -> Order:
    """The same order, of other rows with the same columns."""
    return tuple(msgspec.structs.replace(key, column=rows.c[key.name]) for key in order)


def beyond(order: Order, values: Sequence[Value | None], backward: bool = False) -> Condition:
    """The rows after the row with these values, or before it."""
    key, value = order[0], values[0]
    strict = _strictly(key, value, backward)
    if len(order) == 1:
        return strict
    return (
        _same(key, value) & beyond(order[1:], values[1:], backward) | strict
        if value is None
        else (_from(key, value, backward) & (strict | beyond(order[1:], values[1:], backward)))
    )


def _strictly(key: SortKey, value: Value | None, backward: bool) -> Condition:
    if value is None:
        return key.column.is_not(None) if backward else sa.false()
    other = bound(key.kind, value, key.bound_as)
    passed = key.column < other if key.descending is not backward else key.column > other
    return passed | key.column.is_(None) if key.nullable and not backward else passed


def _from(key: SortKey, value: Value, backward: bool) -> Condition:
    other = bound(key.kind, value, key.bound_as)
    passed = key.column <= other if key.descending is not backward else key.column >= other
    return passed | key.column.is_(None) if key.nullable and not backward else passed


def _same(key: SortKey, value: Value | None) -> Condition:
    return key.column.is_(None) if value is None else key.column == bound(key.kind, value, key.bound_as)
