"""One page of a list that is made of several, one after the other; read table -> *query* -> HTTP.

Each part is paged by its own keys: page 10,000 costs what page 1 costs, and no part is sorted with another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from query_api.cursors import Cursor, Cursors, read_values
from query_api.ordering import Order, beyond, order_by
from query_api.pages import Page, Paging, count_rows
from shared.errors import BadParameter
from shared.selection.parameters import Query


def joined(selections: Sequence[sa.Select[Any]]) -> sa.Select[Any]:
    """A row for each row of the selections, at least one."""
    each = [one.with_only_columns(sa.literal(1).label("one"), maintain_column_froms=True) for one in selections]
    return sa.select(sa.union_all(*each).subquery())


class Part(msgspec.Struct, frozen=True):
    """A selection that has every column of its order; parts stand in the descending order of their ranks."""

    rank: int
    selection: sa.Select[Any]
    order: Order


Found = tuple[Part, sa.RowMapping]


async def read_parts(
    connection: AsyncConnection, query: Query, parts: Sequence[Part], whole: sa.Select[Any], paging: Paging
) -> tuple[Page, list[Part]]:
    """Read one page, and of which part each of its rows is; `whole` has a row for each of all parts, to be counted.

    Raises BadParameter.
    """
    cursor, limit = paging.cursor, paging.limit
    backward = cursor is not None and cursor.backward
    found: list[Found] = []
    for part in _from_cursor(parts, cursor):
        wanted = part.selection.order_by(*order_by(part.order, backward)).limit(limit + 1 - len(found))
        if cursor is not None and cursor.values and _rank(cursor) == part.rank:
            values = read_values(msgspec.structs.replace(cursor, values=cursor.values[1:]), part.order)
            wanted = wanted.where(beyond(part.order, values, backward))
        found += [(part, row) for row in (await connection.execute(wanted)).mappings()]
        if len(found) > limit:
            break
    more = len(found) > limit
    shown = found[:limit][::-1] if backward else found[:limit]
    follows, precedes = (cursor is not None and bool(cursor.values), more) if backward else (more, cursor is not None)
    page = Page(
        [row for _, row in shown],
        _link(query, paging.cursors, shown[-1:], backward=False) if follows else None,
        _link(query, paging.cursors, shown[:1], backward=True) if precedes else None,
        await count_rows(connection, whole, paging.counting),
    )
    return page, [part for part, _ in shown]


def _from_cursor(parts: Sequence[Part], cursor: Cursor | None) -> Sequence[Part]:
    """The parts that the page may reach, in the order in which it is read."""
    backward = cursor is not None and cursor.backward
    ordered = sorted(parts, key=lambda part: part.rank, reverse=not backward)
    if cursor is None or not cursor.values:
        return ordered
    rank = _rank(cursor)
    return [part for part in ordered if (part.rank >= rank if backward else part.rank <= rank)]


def _rank(cursor: Cursor) -> int:
    try:
        return int(cursor.values[0] or "")
    except ValueError:
        raise BadParameter("cursor", "cursor: it does not fit this list; begin without it.") from None


def _link(query: Query, cursors: Cursors, edge: Sequence[Found], *, backward: bool) -> str:
    """Beyond that row; where the page is empty, from the list's other end."""
    if not edge and not backward:
        return query.link()
    values = [(part.rank, *(row[key.name] for key in part.order)) for part, row in edge]
    return query.link(cursor=cursors.write(query, backward, values[0] if values else ()))
