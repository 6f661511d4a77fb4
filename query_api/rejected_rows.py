"""`GET /uploads/{id}/errors.csv`: the rejected rows as a file to fix and send back; read table -> *query* -> HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.attachments import attachment, begun
from query_api.formats import RAW
from query_api.openapi import UPLOAD_ID, described
from query_api.routing import readable
from query_api.row_errors import OUTCOME, has_outcome
from query_api.snapshots import snapshot
from query_api.uploads import declared, find_upload
from query_api.waiting import Waiter
from shared.datasets.catalogue import Catalogue
from shared.http.problems import AnyRequest
from shared.read_tables import rejects_table, row_errors_table
from shared.selection.parameters import read_query
from shared.tabular.formulas import SAFE, guarded, unguarded

BATCH_ROWS = 2000
OWN_COLUMNS = ("_row", "_line", "_errors")


class RejectedRows:
    """Reads rejected rows in batches, each in a transaction of its own: a slow client holds no connection."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue) -> None:
        self._engine = engine
        self._catalogue = catalogue

    async def find(self, text: str) -> sa.RowMapping:
        """The upload with that id; raises NotFound."""
        async with snapshot(self._engine) as connection:
            return await find_upload(connection, text)

    async def csv(self, upload: sa.RowMapping, outcome: str, *, raw: bool = False) -> AsyncIterator[bytes]:
        """RFC 4180 in UTF-8: the file's own columns in its order, then `_row`, `_line`, `_errors` and `_safe`.

        Cells beyond the header stand behind those four, so that nothing of a row is lost. What a spreadsheet would run
        is guarded; a raw file has its cells as they are, and no `_safe`.
        """
        labels: list[str] = list(upload["header"]["columns"])
        mark, beside = ((), ()) if raw else ((SAFE,), ("",))
        wanted = self._batch(upload, outcome)
        rows = await self._rows(wanted, -1)
        shape = _shape(raw=raw, is_safe=SAFE in upload["header"]["ignored"])
        yield written([[*labels, *OWN_COLUMNS, *mark]], shape)
        while rows:
            yield written([fitted(row["cells"], len(labels), (*_own(row), *beside)) for row in rows], shape)
            rows = await self._rows(wanted, rows[-1]["row"])

    async def _rows(self, wanted: sa.Select[tuple[object, ...]], last: int) -> Sequence[sa.RowMapping]:
        async with snapshot(self._engine) as connection:
            return (await connection.execute(wanted, {"last": last})).mappings().all()

    def _batch(self, upload: sa.RowMapping, outcome: str) -> sa.Select[tuple[object, ...]]:
        """The rows with that outcome after row `last`, each with all that is said of it."""
        dataset, generation = declared(self._catalogue, upload["dataset"]), upload["generation"]
        rejects, errors = rejects_table(dataset, generation), row_errors_table(dataset, generation)
        batch = (
            sa.select(rejects.c.row, rejects.c.line, rejects.c.cells)
            .where(rejects.c.upload == upload["number"], has_outcome(rejects, outcome))
            .where(rejects.c.row > sa.bindparam("last", type_=sa.Integer))
            .order_by(rejects.c.row)
            .limit(BATCH_ROWS)
            .cte("batch")
        )
        said = sa.func.coalesce(errors.c.label + ": ", "") + errors.c.message
        joined = pg.aggregate_order_by(sa.literal("; "), errors.c.label, errors.c.code)
        first, last = (sa.select(end(batch.c.row)).scalar_subquery() for end in (sa.func.min, sa.func.max))
        all_said = (
            sa.select(errors.c.row, sa.func.string_agg(said, joined).label("errors"))
            .where(errors.c.upload == upload["number"], errors.c.row.between(first, last))
            .group_by(errors.c.row)
            .subquery()
        )
        return (
            sa.select(batch, all_said.c.errors).outerjoin(all_said, all_said.c.row == batch.c.row).order_by(batch.c.row)
        )


def _own(row: sa.RowMapping) -> tuple[object, ...]:
    return row["row"], row["line"], row["errors"] or ""


def fitted(cells: Sequence[str], width: int, own: tuple[object, ...]) -> list[object]:
    """The cells of a row padded to the header's width, our own columns, then the cells that it has too many."""
    return [*cells[:width], *[""] * (width - len(cells)), *own, *cells[width:]]


def _shape(*, raw: bool, is_safe: bool) -> Callable[[str], str]:
    """What becomes of a cell; those of a file of ours that came back are guarded already."""
    if is_safe:
        return unguarded if raw else lambda cell: guarded(unguarded(cell))
    return str if raw else guarded


def written(rows: Sequence[Sequence[object]], shape: Callable[[str], str] = str) -> bytes:
    """Rows as CSV in UTF-8 with CRLF."""
    text = io.StringIO()
    csv.writer(text).writerows([shape(str(cell)) for cell in row] for row in rows)
    return text.getvalue().encode()


def rejected_row_routes(reader: RejectedRows, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The rejected rows of one upload as CSV."""

    async def read_csv(request: AnyRequest) -> Stream:
        known = {OUTCOME.name: OUTCOME, RAW.name: RAW}
        query = read_query(request.scope["path"], request.scope["query_string"], known)
        outcome, raw = str(query.one(OUTCOME.name)), query.one(RAW.name) == "1"
        await waiter.wait(request)
        upload = await reader.find(request.path_params["upload_id"])
        headers = attachment(f"{upload['file_name'].removesuffix('.csv')}-errors.csv")
        return Stream(await begun(reader.csv(upload, outcome, raw=raw)), media_type="text/csv", headers=headers)

    says = "The rejected rows, as a file to fix and send back"
    operation = described("uploads", says, (OUTCOME, RAW), path=UPLOAD_ID)
    return [readable("/uploads/{upload_id:str}/errors.csv", read_csv, operation)]
