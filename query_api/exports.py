"""`GET /{dataset}` as CSV, NDJSON or Parquet: the whole selection of one snapshot; read table -> *query* -> HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from litestar.datastructures.headers import Accept
from sqlalchemy.ext.asyncio import AsyncConnection

from query_api.attachments import attachment
from query_api.blocks import Blocks, Sink
from query_api.cells import Shape, as_is, formula_safe, json_value, plain
from query_api.columns import PROVENANCE, column_names
from query_api.compiling import AnySelect, compiled, driver
from query_api.ordering import order_by
from query_api.pages import LIMIT
from query_api.pushed import WRITE_S, Push, Pushed, Start, Write
from query_api.selections import Selection
from query_api.snapshots import make_reader, snapshot
from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.errors import BadParameter, Unavailable
from shared.http.positions import HEADER
from shared.selection.parameters import Parameter, Query

if TYPE_CHECKING:
    from query_api.records import Records

AT_ONCE = 4
"""Most exports at the same time in one process; each holds one connection."""
RETRY_AFTER_S = 5
MAX_S = 3600
"""An export that takes longer is ended: its snapshot holds back what PostgreSQL may clean up."""

JSON = "application/json"
APPLICATION = "tablefold-exports"


class Format(msgspec.Struct, frozen=True):
    """A kind of file: what its cells are made of, how PostgreSQL copies them out, and what makes blocks of that."""

    name: str
    media_type: str
    shape: Shape
    copy: Mapping[str, Any]
    sink: Callable[[Write, Dataset, Sequence[str]], Sink]


def _blocks(write: Write, _dataset: Dataset, _names: Sequence[str]) -> Sink:
    return Blocks(write)


def _row_groups(write: Write, dataset: Dataset, names: Sequence[str]) -> Sink:
    from query_api.parquet import RowGroups  # Here, because pyarrow takes 60 MB of memory, which few need.

    row = Field(name="row", kind=Kind.INTEGER, required=False)
    fields = {field.name: field for field in (*dataset.fields, row)}
    return RowGroups(write, {name: fields.get(name) for name in names})


NO_QUOTES = {"format": "csv", "quote": "\x01", "delimiter": "\x02"}
"""CSV of one column that is never quoted: neither character can stand in JSON as PostgreSQL writes it."""

FORMATS = {
    one.name: one
    for one in (
        Format("csv", "text/csv", formula_safe, {"format": "csv", "header": True}, _blocks),
        Format("ndjson", "application/x-ndjson", json_value, NO_QUOTES, _blocks),
        Format("parquet", "application/vnd.apache.parquet", as_is, {"format": "csv"}, _row_groups),
    )
}
MEDIA_TYPES = {one.media_type: one for one in FORMATS.values()}

FORMAT = Parameter(
    name="format",
    kind=Kind.CHOICE,
    description="A file of the whole selection in place of a page, as with Accept; `limit` then has no maximum.",
    choices=("json", *FORMATS),
)
RAW = Parameter(
    name="raw",
    kind=Kind.CHOICE,
    description="`1`: CSV cells exactly as they are; else a text that a spreadsheet would run has a ' before it.",
    choices=("1", "0"),
)
EXPORTING = {one.name: one for one in (FORMAT, RAW)}
ANY_LIMIT = msgspec.structs.replace(LIMIT, default=None, maximum=None)
OF_PAGES = ("cursor", "offset", "count")


def asked(query: Query, accept: str) -> Format | None:
    """The format that is asked for by `format` or else by Accept; None for pages of JSON. Raises BadParameter."""
    found = FORMATS.get(str(query.one("format"))) if query.has("format") else _accepted(accept)
    if query.has("raw") and (found is None or found.name != "csv"):
        raise BadParameter("raw", "raw is for CSV alone; ask for it with format=csv.")
    for name in OF_PAGES if found else ():
        if query.has(name):
            raise BadParameter(name, f"{name} is for pages; an export holds the whole selection, or `limit` of it.")
    return found


def _accepted(accept: str) -> Format | None:
    if not any(media_type in accept for media_type in MEDIA_TYPES):
        return None
    return MEDIA_TYPES.get(Accept(accept).best_match([JSON, *MEDIA_TYPES], JSON))


class Exports:
    """Streams selections on connections of their own, so many at a time; memory does not grow with the selection."""

    def __init__(self, url: str, at_once: int = AT_ONCE, write_s: float = WRITE_S) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._write_s = write_s
        self._engine = make_reader(
            url,
            MAX_S * 1000,
            name=APPLICATION,
            pool_size=at_once,
            client_connection_check_interval="500",  # A query whose caller is gone ends, even while it sorts.
        )

    async def close(self) -> None:
        await self._engine.dispose()

    def answer(self, records: Records, query: Query, form: Format) -> Pushed:
        """The selection as a file; raises BadParameter."""
        query = msgspec.structs.replace(query, known={**query.known, "limit": ANY_LIMIT})
        names = query.listed("fields") or column_names(records.dataset)
        headers = {**attachment(f"{records.dataset.name}.{form.name}"), "Vary": "Accept"}
        return Pushed(self._push(records, query, form, names), form.media_type, headers, self._write_s)

    def _push(self, records: Records, query: Query, form: Format, names: Sequence[str]) -> Push:
        async def push(start: Start) -> None:
            if self._slots.locked():
                raise Unavailable("As many exports as there may be are running; try again.", RETRY_AFTER_S)
            async with self._slots, snapshot(self._engine) as connection:
                found = await records.select(connection, query)
                sink = form.sink(start({HEADER: str(found.position)}), records.dataset, names)
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
    shape = plain if form.name == "csv" and query.one("raw") == "1" else form.shape
    cells = _cells(dataset, found.table, shape, form)
    rows = sa.select(*(cells[name].label(name) for name in names)).where(*found.conditions)
    if found.served.generation is None:
        rows = sa.select(*(sa.cast(sa.null(), cells[name].type).label(name) for name in names)).where(sa.false())
    elif set(names) & set(PROVENANCE):
        rows = rows.select_from(_with_uploads(dataset, found))
    limit = query.one("limit")
    if found.served.generation is not None and (query.has("sort") or limit is not None):
        rows = rows.order_by(*order_by(found.order))
    rows = rows.limit(limit if isinstance(limit, int) else None)
    if form.name != "ndjson":
        return rows
    record = rows.subquery("record")
    return sa.select(sa.func.row_to_json(sa.literal_column("record"))).select_from(record)


def _cells(dataset: Dataset, table: sa.Table, shape: Shape, form: Format) -> dict[str, sa.ColumnElement[Any]]:
    cells = {field.name: shape(table.c[field.name], field.kind) for field in dataset.fields}
    if dataset.members:
        members = table.c[dataset.members.name]
        cells[dataset.members.name] = members if form.name == "ndjson" else sa.cast(members, sa.Text())
    provenance = {"source": shape(uploads.c.source, Kind.TEXT), "upload": uploads.c.id, "row": table.c.row}
    return {**cells, **provenance}


def _with_uploads(dataset: Dataset, found: Selection) -> sa.FromClause:
    of_record = (uploads.c.dataset == dataset.name) & (uploads.c.generation == found.served.generation)
    return found.table.outerjoin(uploads, of_record & (uploads.c.number == found.table.c.upload))
