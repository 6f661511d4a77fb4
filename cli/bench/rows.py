"""What an endpoint would ask PostgreSQL that makes its JSON itself: the rows of a page or a record; beside the flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cli.bench.statements import Sent, Statement, alike
from query_api.cells import as_is, record_cells, with_uploads
from query_api.compiling import compile_for
from query_api.cursors import Cursors, read_values
from query_api.ordering import beyond, order_by, order_of, record_order
from query_api.pages import constant, read_paging
from query_api.records import Records, read_key
from query_api.snapshots import snapshot
from shared.selection.comparing import comparisons, conditions
from shared.selection.filters import bound
from shared.selection.parameters import Query, read_query
from shared.served import Served, read_served

PLANS = "auto"
"""As PostgreSQL plans prepared statements by itself."""

Values = dict[str, Any]
Reading = tuple[sa.Select[Any], Callable[[str], Values]]
"""A statement, and what gives the values for a path."""


async def rows_of(
    records: Records, engine: AsyncEngine, cursors: Cursors, paths: Sequence[str]
) -> tuple[Statement, list[dict[int, str]]]:
    """The one statement of all of these paths, which differ in values alone, and the varying values of each."""
    async with snapshot(engine) as connection:
        served = await read_served(connection, records.dataset)
    reading = _pages(records, served, cursors, paths[0]) if "?" in paths[0] else _ones(records, served, paths[0])
    statement, values_of = reading
    compiled = compile_for(engine.dialect, statement)
    sent: list[Sent] = [(compiled.sql, tuple(compiled.values(values_of(path))), PLANS) for path in paths]
    return alike(sent)


def _pages(records: Records, served: Served, cursors: Cursors, first: str) -> Reading:
    dataset, table, query = records.dataset, records.live(served), _query(records, first)
    order, paging = record_order(query, dataset, table), read_paging(query, cursors)
    rows = table.select().where(*conditions(query, records.filters, table, dataset, None))
    if paging.cursor is not None:
        rows = rows.where(beyond(order, read_values(paging.cursor, order), paging.cursor.backward))
    page = rows.order_by(*order_by(order)).limit(constant(paging.limit)).cte("page")

    def values_of(path: str) -> Values:
        asked = _query(records, path)
        values = {name: value for one in comparisons(asked, records.filters) for name, value in one.bound.items()}
        cursor = cursors.read(asked)
        at = zip(order, read_values(cursor, order), strict=True) if cursor else ()
        return {**values, **{key.bound_as: value for key, value in at}}

    return _shown(records, served, page).order_by(*order_by(order_of(page, order))), values_of


def _ones(records: Records, served: Served, first: str) -> Reading:
    dataset, table = records.dataset, records.live(served)
    name = dataset.key_columns[0]

    def values_of(path: str) -> Values:
        return {"key": read_key(dataset, path.rpartition("/")[2])}

    key = bound(dataset.field(name).kind, values_of(first)["key"], "key")
    rows = table.select().where(table.c[name] == key).limit(constant(1))
    return _shown(records, served, rows.cte("page")), values_of


def _query(records: Records, path: str) -> Query:
    own, _, said = path.partition("?")
    return read_query(own, said.encode(), records.parameters)


def _shown(records: Records, served: Served, page: sa.CTE) -> sa.Select[Any]:
    """All that a record is answered with."""
    cells = record_cells(records.dataset, page, served, as_is, members_as_text=False)
    shown = sa.select(*(cell.label(name) for name, cell in cells.items()))
    return shown.select_from(with_uploads(records.dataset, page, served))
