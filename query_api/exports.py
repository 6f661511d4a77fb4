"""`GET /{dataset}` as CSV, NDJSON or Parquet: the whole selection of one snapshot; read table -> *query* -> HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from query_api.attachments import attachment
from query_api.blocks import Sink
from query_api.cells import plain, record_cells, with_uploads
from query_api.columns import PROVENANCE, column_names
from query_api.compiling import AnySelect, compiled, driver
from query_api.formats import ANY_LIMIT, Format
from query_api.moments import Moment
from query_api.ordering import order_by
from query_api.pushed import WRITE_S, Push, Pushed, Start
from query_api.selections import Selection
from query_api.snapshots import make_reader, snapshot
from shared.datasets.declaration import Dataset
from shared.errors import Unavailable
from shared.selection.parameters import Query
from shared.tabular.formulas import SAFE

if TYPE_CHECKING:
    from query_api.records import Records

AT_ONCE = 4
"""Most exports at the same time in one process; each holds one connection."""
RETRY_AFTER_S = 5
MAX_S = 3600
"""An export that takes longer is ended: its snapshot holds back what PostgreSQL may clean up."""

APPLICATION = "tablefold-exports"

Told = Callable[[Sequence[Moment]], dict[str, str]]
"""The headers of a file that shows these moments."""


class Exports:
    """Streams selections on connections of their own, so many at a time; memory does not grow with the selection."""

    def __init__(self, url: str, at_once: int = AT_ONCE, write_s: float = WRITE_S) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._write_s = write_s
        self._engine = make_reader(
            url,
            MAX_S,
            name=APPLICATION,
            pool_size=at_once,
            client_connection_check_interval="500",  # A query whose caller is gone ends, even while it sorts.
        )

    async def close(self) -> None:
        await self._engine.dispose()

    def answer(self, records: Records, query: Query, form: Format, told: Told) -> Pushed:
        """The selection as a file; raises BadParameter."""
        query = msgspec.structs.replace(query, known={**query.known, "limit": ANY_LIMIT})
        names = query.listed("fields") or (*column_names(records.dataset), *_mark(query, form))
        headers = {**attachment(f"{records.dataset.name}.{form.name}"), "Vary": "Accept, Authorization"}
        return Pushed(self._push(records, query, form, names, told), form.media_type, headers, self._write_s)

    def _push(self, records: Records, query: Query, form: Format, names: Sequence[str], told: Told) -> Push:
        async def push(start: Start) -> None:
            if self._slots.locked():
                raise Unavailable("As many exports as there may be are running; try again.", RETRY_AFTER_S)
            async with self._slots, snapshot(self._engine) as connection:
                found = await records.select(connection, query)
                sink = form.sink(start(told((found.moment,))), records.dataset, names)
                await _copy(connection, exported(records.dataset, found, query, form, names), form, sink)

        return push


async def _copy(connection: AsyncConnection, statement: AnySelect, form: Format, sink: Sink) -> None:
    sql, values = compiled(connection, statement)
    raw = await driver(connection)
    try:
        await raw.copy_from_query(sql, *values, output=sink.take, **form.copy)
        await sink.end()
    except BaseException:
        raw.terminate()  # Not given back: PostgreSQL may still be sending.
        await connection.invalidate()
        raise


def exported(dataset: Dataset, found: Selection, query: Query, form: Format, names: Sequence[str]) -> AnySelect:
    """The rows of the file, their cells in the form that it asks for.

    Without `sort` and `limit` they come in the order in which they lie: sorting millions is for those who ask.
    """
    shape = plain if query.one("raw") == "1" else form.shape
    cells = record_cells(dataset, found.table, found.served, shape, members_as_text=form.name != "ndjson")
    cells[SAFE] = sa.cast(sa.null(), sa.Text())
    rows = sa.select(*(cells[name].label(name) for name in names)).where(*found.conditions)
    if found.served.generation is None:
        rows = sa.select(*(sa.cast(sa.null(), cells[name].type).label(name) for name in names)).where(sa.false())
    elif set(names) & set(PROVENANCE):
        rows = rows.select_from(with_uploads(dataset, found.table, found.served))
    limit = query.one("limit")
    if found.served.generation is not None and (query.has("sort") or limit is not None):
        rows = rows.order_by(*order_by(found.order))
    rows = rows.limit(limit if isinstance(limit, int) else None)
    if form.name != "ndjson":
        return rows
    record = rows.subquery("record")
    return sa.select(sa.func.row_to_json(sa.literal_column("record"))).select_from(record)


def _mark(query: Query, form: Format) -> tuple[str, ...]:
    """The column by which a file of ours is known when it comes back; what names its own columns has those alone."""
    return (SAFE,) if form.name == "csv" and query.one("raw") != "1" else ()
