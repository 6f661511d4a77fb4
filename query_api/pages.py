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
    rows = found[:limit][::-1] if backward else found[:limit]
    following, preceding = neighbours(
        query, paging, [[row[key.name] for key in order] for row in (*rows[:1], *rows[-1:])], more=len(found) > limit
    )
    count = known_count(paging, len(found))
    if count is None:
        count = await count_rows(connection, selection, paging.counting)
    return Page(rows, following, preceding, count)


def known_count(paging: Paging, found: int) -> Count | None:
    """The count where a page tells it, of which so many rows were found; None where it does not, or none is wanted."""
    shown = min(found, paging.limit)
    whole = paging.cursor is None and found <= paging.limit and (shown > 0 or not paging.offset)
    return Count(paging.offset + shown, "eq") if whole and paging.counting is not Counting.NONE else None


def neighbours(
    query: Query, paging: Paging, edges: Sequence[Sequence[object]], *, more: bool
) -> tuple[str | None, str | None]:
    """The URLs of the next and the previous page, where there are such.

    `edges` are the sort values of the first and the last row that are shown, or nothing; `more` is whether there are
    rows beyond, in the direction in which the page was read.
    """
    cursor = paging.cursor
    backward = cursor is not None and cursor.backward
    follows = bool(cursor.values) if cursor is not None and backward else more
    precedes = more if backward else paging.offset > 0 or cursor is not None
    return (
        _link(query, paging.cursors, edges[-1:], backward=False) if follows else None,
        _link(query, paging.cursors, edges[:1], backward=True) if precedes else None,
    )


def _link(query: Query, cursors: Cursors, edge: Sequence[Sequence[object]], *, backward: bool) -> str:
    """Beyond that row; where the page is empty, from the list's other end."""
    if not edge and not backward:
        return query.link()
    return query.link(cursor=cursors.write(query, backward, edge[0] if edge else []))


def counted(selection: sa.Select[tuple[object, ...]], counting: Counting) -> sa.Select[int]:
    """How many rows a selection has, exactly or one more than are counted."""
    narrowed = selection.with_only_columns(sa.literal(1), maintain_column_froms=True)
    some = narrowed.limit(constant(CAPPED_AT + 1) if counting is Counting.CAPPED else None).subquery("counted")
    return sa.select(sa.func.count()).select_from(some)


def constant(number: int) -> sa.ColumnElement[int]:
    """A number that stands in the SQL: of a LIMIT that PostgreSQL does not know it expects a tenth of all rows."""
    return sa.literal_column(str(int(number)), sa.Integer())


def count_of(value: int, counting: Counting) -> Count:
    """What was counted, as it is said."""
    return Count(CAPPED_AT, "gte") if counting is Counting.CAPPED and value > CAPPED_AT else Count(value, "eq")


async def count_rows(
    connection: AsyncConnection, selection: sa.Select[tuple[object, ...]], counting: Counting
) -> Count | None:
    """How many rows a selection has, as far as is asked."""
    if counting is Counting.NONE:
        return None
    if counting is Counting.ESTIMATED:
        return Count(await estimated_rows(connection, selection), "estimate")
    return count_of((await connection.execute(counted(selection, counting))).scalar_one(), counting)
