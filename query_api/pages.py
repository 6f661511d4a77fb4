"""One page of a sorted list, its neighbours and its count; read table -> *query* -> HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from query_api.compiling import estimated_rows
from query_api.cursors import Cursor, Cursors, read_values
from query_api.ordering import Order, beyond, order_by
from shared.datasets.fields import Kind
from shared.errors import BadParameter
from shared.selection.parameters import Parameter, Query

MAX_OFFSET = 10_000
CAPPED_AT = 10_000


class Counting(StrEnum):
    """How far the records of a selection are counted."""

    CAPPED = "capped"
    EXACT = "exact"
    ESTIMATED = "estimated"
    NONE = "none"


class Count(msgspec.Struct, frozen=True):
    """How many there are; relation is `eq`, `gte` where counting stopped, or `estimate`."""

    value: int
    relation: str


class Paging(msgspec.Struct, frozen=True):
    """Which part of a list is asked for, by cursor or by offset, and what writes cursors to its neighbours."""

    limit: int
    offset: int
    cursor: Cursor | None
    counting: Counting
    cursors: Cursors


class Page(msgspec.Struct, frozen=True):
    """Rows in order, with links to the neighbouring pages where there are any."""

    rows: Sequence[sa.RowMapping]
    next: str | None
    previous: str | None
    count: Count | None


LIMIT = Parameter(
    name="limit",
    kind=Kind.INTEGER,
    description="The most results of one page.",
    default="50",
    minimum=1,
    maximum=1000,
)
CURSOR = Parameter(name="cursor", kind=Kind.TEXT, description="Where a page begins; take it from `next` or `previous`.")
OFFSET = Parameter(
    name="offset",
    kind=Kind.INTEGER,
    description=f"How many results to skip, at most {MAX_OFFSET}; further on, follow `next`.",
    default="0",
    minimum=0,
    maximum=MAX_OFFSET,
    remedy="follow `next` with its cursor",
)
COUNT = Parameter(
    name="count",
    kind=Kind.CHOICE,
    description=f"`capped` counts exactly up to {CAPPED_AT}, then says `gte`; `exact` may be slow; `estimated` is "
    "PostgreSQL's guess.",
    choices=tuple(Counting),
    default=Counting.CAPPED,
)


PAGING = {one.name: one for one in (LIMIT, CURSOR, OFFSET, COUNT)}


def read_paging(query: Query, cursors: Cursors) -> Paging:
    """Read `limit`, `cursor`, `count` and, where the endpoint has it, `offset`; raises BadParameter."""
    offset = query.integer("offset") if "offset" in query.known else 0
    if query.has("cursor") and "offset" in query.known and query.has("offset"):
        raise BadParameter("offset", "offset and cursor exclude each other; follow `next` without an offset.")
    counting = Counting(str(query.one("count"))) if "count" in query.known else Counting.NONE
    return Paging(query.integer("limit"), offset, cursors.read(query), counting, cursors)


def empty_page(paging: Paging) -> Page:
    """The page of a list that has nothing."""
    return Page([], None, None, None if paging.counting is Counting.NONE else Count(0, "eq"))


async def read_page(
    connection: AsyncConnection, query: Query, selection: sa.Select[tuple[object, ...]], order: Order, paging: Paging
) -> Page:
    """Read one page of a selection that has every column of the order; raises BadParameter."""
    cursor, limit = paging.cursor, paging.limit
    backward = cursor is not None and cursor.backward
    statement = selection.order_by(*order_by(order, backward)).limit(limit + 1).offset(paging.offset or None)
    if cursor is not None and cursor.values:
        statement = statement.where(beyond(order, read_values(cursor, order), backward))
    found = (await connection.execute(statement)).mappings().all()
    more = len(found) > limit
    rows = found[:limit][::-1] if backward else found[:limit]
    whole = cursor is None and not more and (bool(rows) or not paging.offset)
    known = Count(paging.offset + len(rows), "eq") if whole else None
    counted = paging.counting is not Counting.NONE
    begun = paging.offset > 0 or cursor is not None
    follows = bool(cursor.values) if cursor is not None and backward else more
    precedes = more if backward else begun
    return Page(
        rows,
        _link(query, paging.cursors, order, rows[-1:], backward=False) if follows else None,
        _link(query, paging.cursors, order, rows[:1], backward=True) if precedes else None,
        (known or await count_rows(connection, selection, paging.counting)) if counted else None,
    )


def _link(query: Query, cursors: Cursors, order: Order, edge: Sequence[sa.RowMapping], *, backward: bool) -> str:
    """Beyond that row; where the page is empty, from the list's other end."""
    if not edge and not backward:
        return query.link()
    values = [edge[0][key.name] for key in order] if edge else []
    return query.link(cursor=cursors.write(query, backward, values))


async def count_rows(
    connection: AsyncConnection, selection: sa.Select[tuple[object, ...]], counting: Counting
) -> Count | None:
    """How many rows a selection has, as far as is asked."""
    if counting is Counting.NONE:
        return None
    if counting is Counting.ESTIMATED:
        return Count(await estimated_rows(connection, selection), "estimate")
    capped = counting is Counting.CAPPED
    narrowed = selection.with_only_columns(sa.literal(1), maintain_column_froms=True)
    counted = narrowed.limit(CAPPED_AT + 1 if capped else None).subquery()
    value = (await connection.execute(sa.select(sa.func.count()).select_from(counted))).scalar_one()
    return Count(CAPPED_AT, "gte") if capped and value > CAPPED_AT else Count(value, "eq")
