"""`GET /uploads/{id}/errors`: what is wrong with each rejected row; read table -> *query* -> HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, answer
from query_api.cursors import Cursor, Cursors, read_values
from query_api.links import link_header
from query_api.openapi import UPLOAD_ID, described
from query_api.ordering import Order, SortKey
from query_api.pages import COUNT, CURSOR, LIMIT, Counting, Page, count_rows
from query_api.routing import readable
from query_api.snapshots import snapshot
from query_api.uploads import declared, find_upload
from query_api.waiting import Waiter
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.errors import BadParameter
from shared.http.problems import AnyRequest
from shared.read_tables import row_errors_table
from shared.selection.filters import Condition
from shared.selection.parameters import Parameter, Query, read_query


class Outcome(StrEnum):
    """What became of a row that was not taken as it came."""

    REJECTED = "rejected"
    FIXED = "fixed"
    REMOVED = "removed"
    DUPLICATE = "duplicate"
    ALL = "all"


OUTCOME = Parameter(
    name="outcome",
    kind=Kind.CHOICE,
    description="Rows that are rejected still, that a person fixed or removed since, or whose key came twice.",
    choices=tuple(Outcome),
    default=Outcome.REJECTED,
)

PARAMETERS = {
    one.name: one
    for one in (
        Parameter(name="code", kind=Kind.TEXT, description="Only errors with this code."),
        Parameter(name="column", kind=Kind.TEXT, description="Only errors of this column: its label or its field."),
        OUTCOME,
        LIMIT,
        CURSOR,
        COUNT,
    )
}


def errors_of(dataset: Dataset, generation: int, upload: int, query: Query) -> sa.Select[tuple[object, ...]]:
    """The errors of an upload that the query selects."""
    errors = row_errors_table(dataset, generation)
    names = ("field", "value", "code", "message")
    wanted = sa.select(
        errors.c.row, errors.c.line, errors.c.label.label("column"), *(errors.c[name] for name in names)
    ).where(errors.c.upload == upload)
    wanted = wanted.where(has_outcome(errors, str(query.one("outcome"))))
    if (code := query.one("code")) is not None:
        wanted = wanted.where(errors.c.code == code)
    if (column := query.one("column")) is not None:
        wanted = wanted.where((errors.c.label == column) | (errors.c.field == column))
    return wanted


def has_outcome(rows: sa.Table, outcome: str) -> Condition:
    """What a row of `rejects` or `row_errors` must meet to be among those asked for."""
    return sa.true() if outcome == Outcome.ALL else rows.c.outcome == outcome


class RowErrors:
    """Reads the errors of uploads."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, cursors: Cursors) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._cursors = cursors

    async def page(self, text: str, query: Query) -> Page:
        """One page of the errors of an upload, ordered by row; raises NotFound or BadParameter."""
        limit, counting = query.integer("limit"), Counting(str(query.one("count")))
        async with snapshot(self._engine) as connection:
            upload = await find_upload(connection, text)
            dataset = declared(self._catalogue, upload["dataset"])
            wanted = errors_of(dataset, upload["generation"], upload["number"], query)
            rows, following = await self._read(connection, query, wanted, limit)
            count = await count_rows(connection, wanted, counting)
        return Page(rows, following, None, count)

    async def _read(
        self, connection: AsyncConnection, query: Query, wanted: sa.Select[tuple[object, ...]], limit: int
    ) -> tuple[Sequence[sa.RowMapping], str | None]:
        """A cursor names a row and how many of its errors are behind us: a row's errors have no key of their own."""
        columns = wanted.selected_columns
        row, passed = _where_to_begin(self._cursors.read(query), (SortKey("row", columns["row"], Kind.INTEGER), PASSED))
        sorted_by = [columns[name] for name in ("row", "column", "code", "value", "message")]
        page = wanted.where(columns["row"] >= row).order_by(*sorted_by).offset(passed or None).limit(limit + 1)
        found = (await connection.execute(page)).mappings().all()
        rows = found[:limit]
        if len(found) <= limit:
            return rows, None
        last = rows[-1]["row"]
        behind = sum(one["row"] == last for one in rows) + (passed if last == row else 0)
        return rows, query.link(cursor=self._cursors.write(query, False, (last, behind)))


PASSED = SortKey("passed", sa.literal(0), Kind.INTEGER)


def _where_to_begin(cursor: Cursor | None, order: Order) -> tuple[int, int]:
    if cursor is None:
        return 0, 0
    row, passed = read_values(cursor, order)
    if not isinstance(row, int) or not isinstance(passed, int) or not 0 <= row < 2**31 or not 0 <= passed < 2**31:
        raise BadParameter("cursor", "cursor: it does not fit this list; begin without it.")
    return row, passed


def row_error_routes(reader: RowErrors, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The errors of one upload as JSON."""

    async def read_errors(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], PARAMETERS)
        await waiter.wait(request)
        page = await reader.page(request.path_params["upload_id"], query)
        body = {"results": [dict(row) for row in page.rows], "next": page.next, "count": page.count}
        return answer(body, headers=link_header(page))

    operation = described(
        "uploads",
        "What is wrong with each rejected row",
        tuple(PARAMETERS.values()),
        path=UPLOAD_ID,
    )
    return [readable("/uploads/{upload_id:str}/errors", read_errors, operation)]
