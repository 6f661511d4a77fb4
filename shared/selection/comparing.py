"""What filters become in SQL: conditions, and the values that these are bound to; *HTTP -> query*.

A condition has a shape, which is all of it but its values. A statement of conditions with the same shapes is the same
statement, so that it can be kept and bound to other values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.read_tables import column_type
from shared.selection.filters import BOUND, Column, Condition, Filter, Filters, Operator, in_case
from shared.selection.parameters import Query
from shared.selection.ranges import check_range
from shared.selection.values import Value


class Shape(StrEnum):
    """A condition without its values."""

    EQUALS = "equals"
    WITHIN = "at least the first, less than the second"
    CONTAINS = "contains"
    ANY_OF = "any of"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    BEFORE = "less than"
    IS_NULL = "is null"
    IS_NOT_NULL = "is not null"


Bound = sa.ColumnElement[Any]


class Comparison(msgspec.Struct, frozen=True):
    """A filter that a query uses, and what it is bound to."""

    filter: Filter
    shape: Shape
    values: tuple[Any, ...]

    @property
    def bound(self) -> dict[str, Any]:
        """The values by their names in the statement."""
        return {f"narrow_{self.filter.parameter.name}_{at}": value for at, value in enumerate(self.values)}

    def condition(self, column: Column) -> Condition:
        """What the column must meet."""
        kind = BOUND[self.filter.field.kind]
        types: dict[Shape, sa.types.TypeEngine[Any]] = {Shape.CONTAINS: sa.Text(), Shape.ANY_OF: sa.ARRAY(kind)}
        own = types.get(self.shape, kind)
        return CONDITIONS[self.shape](column, [sa.bindparam(name, one, own) for name, one in self.bound.items()])


def comparisons(query: Query, filters: Filters) -> list[Comparison]:
    """The filters that a query uses, in the order of their declaration.

    Raises BadParameter, also for a range that ends before it begins.
    """
    names = {name for name, _ in query.pairs}
    given = [one for name, one in filters.items() if name in names]
    for one in given:
        check_range(query, one.field)
    found = []
    for one in given:
        values = in_case(one.field, query.all(one.parameter.name))
        shape, bound = SHAPES[one.operator](one.field.kind, values)
        found.append(Comparison(one, shape, bound))
    return found


def conditions(
    query: Query, filters: Filters, records: sa.FromClause, dataset: Dataset, numbers: Sequence[int] | None
) -> list[Condition]:
    """What a record must meet; all conditions on members must hold for one and the same member.

    `numbers` are those of the uploads that it may come from, None means any. Raises BadParameter, also for a range that
    ends before it begins.
    """
    return list(_conditions(comparisons(query, filters), records, dataset, numbers))


def _conditions(
    given: Sequence[Comparison], records: sa.FromClause, dataset: Dataset, numbers: Sequence[int] | None
) -> Iterator[Condition]:
    for one in given:
        if not one.filter.member:
            yield one.condition(records.c[one.filter.field.name])
    of_members = [one for one in given if one.filter.member]
    if of_members and dataset.members:
        yield _some_member(records.c[dataset.members.name], of_members)
    if numbers is not None:
        yield records.c.upload == sa.any_(sa.literal(numbers, sa.ARRAY(sa.Integer)))


def _some_member(members: Column, given: Sequence[Comparison]) -> Condition:
    each = (
        sa.func.jsonb_array_elements(members).table_valued(sa.column("member", pg.JSONB), name="each").render_derived()
    )
    matches = []
    for one in given:
        field = one.filter.field
        matches.append(one.condition(sa.cast(each.c.member[field.name].astext, column_type(field))))
    return sa.select(sa.literal(1)).select_from(each).where(*matches).exists()


def _equals(kind: Kind, values: list[Value]) -> tuple[Shape, tuple[Any, ...]]:
    value = values[0]
    if kind is not Kind.TIMESTAMP or isinstance(value, datetime):
        return Shape.EQUALS, (value,)
    first, end = _midnight(value), _end_of_day(value)
    return (Shape.AT_LEAST, (first,)) if end is None else (Shape.WITHIN, (first, end))


def _contains(_kind: Kind, values: list[Value]) -> tuple[Shape, tuple[Any, ...]]:
    escaped = str(values[0]).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return Shape.CONTAINS, (f"%{escaped}%",)


def _any_of(_kind: Kind, values: list[Value]) -> tuple[Shape, tuple[Any, ...]]:
    return Shape.ANY_OF, (list(dict.fromkeys(values)),)


def _at_least(kind: Kind, values: list[Value]) -> tuple[Shape, tuple[Any, ...]]:
    value = values[0]
    whole_day = kind is Kind.TIMESTAMP and not isinstance(value, datetime)
    return Shape.AT_LEAST, (_midnight(value) if whole_day else value,)


def _at_most(kind: Kind, values: list[Value]) -> tuple[Shape, tuple[Any, ...]]:
    value = values[0]
    if kind is not Kind.TIMESTAMP or isinstance(value, datetime):
        return Shape.AT_MOST, (value,)
    end = _end_of_day(value)
    return (Shape.IS_NOT_NULL, ()) if end is None else (Shape.BEFORE, (end,))


def _is_null(_kind: Kind, values: list[Value]) -> tuple[Shape, tuple[Any, ...]]:
    return Shape.IS_NULL if values[0] == "true" else Shape.IS_NOT_NULL, ()


SHAPES: dict[Operator, Callable[[Kind, list[Value]], tuple[Shape, tuple[Any, ...]]]] = {
    Operator.EQUALS: _equals,
    Operator.CONTAINS: _contains,
    Operator.ANY_OF: _any_of,
    Operator.AT_LEAST: _at_least,
    Operator.AT_MOST: _at_most,
    Operator.IS_NULL: _is_null,
}


def _like(column: Column, bound: Sequence[Bound]) -> Condition:
    text = column if isinstance(column.type, sa.Text) else sa.cast(column, sa.Text())
    return text.ilike(bound[0], escape="\\")


CONDITIONS: dict[Shape, Callable[[Column, Sequence[Bound]], Condition]] = {
    Shape.EQUALS: lambda column, bound: column == bound[0],
    Shape.WITHIN: lambda column, bound: (column >= bound[0]) & (column < bound[1]),
    Shape.CONTAINS: _like,
    Shape.ANY_OF: lambda column, bound: column == sa.any_(bound[0]),
    Shape.AT_LEAST: lambda column, bound: column >= bound[0],
    Shape.AT_MOST: lambda column, bound: column <= bound[0],
    Shape.BEFORE: lambda column, bound: column < bound[0],
    Shape.IS_NULL: lambda column, _: column.is_(None),
    Shape.IS_NOT_NULL: lambda column, _: column.is_not(None),
}


def _end_of_day(value: Value) -> datetime | None:
    """The beginning of the next day; None where there is none."""
    return None if value == date.max else _midnight(value) + timedelta(days=1)


def _midnight(value: Value) -> datetime:
    if not isinstance(value, date):
        raise TypeError(f"{value!r} is no date.")
    return datetime.combine(value, time.min, UTC)
