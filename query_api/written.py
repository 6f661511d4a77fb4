"""Records in one prepared statement, which PostgreSQL writes as JSON, with the moment that they are of; *query*.

A statement is made once for all queries of a shape: the same filters, sort, fields and edge, whatever their values. It
reads records from the segments that were live when it was made, and says which are live when it is run: where these
have become others, it is made anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.cells import json_value, record_cells, with_uploads
from query_api.columns import column_names
from query_api.compiling import Compiled, compile_for
from query_api.cursors import read_values
from query_api.live_records import live_records
from query_api.moments import Moment, moment_of
from query_api.ordering import Order, beyond, order_by, order_of, record_order
from query_api.pages import Counting, Paging, constant, counted
from query_api.prepared import EACH_PLANNED, ONE_PLAN, Prepared
from query_api.snapshots import snapshot
from shared.datasets.declaration import Dataset
from shared.errors import Replaced
from shared.selection.comparing import Comparison, Shape, comparisons, conditions
from shared.selection.filters import PROVENANCE, Filters, bound
from shared.selection.parameters import Query
from shared.selection.values import Value
from shared.served import SERVED, Served, read_served, served_of

MOST_KEPT = 256
"""So many statements are kept for one dataset."""

TIMES = 3
"""So often it is tried while segments become others meanwhile."""

RANGES = (Shape.AT_LEAST, Shape.AT_MOST, Shape.BEFORE, Shape.WITHIN, Shape.EQUALS)

Statement = tuple[Compiled, Order]


class Written(msgspec.Struct, frozen=True):
    """The records of a page as JSON, with commas between, and how many rows were found: one more where there are more.

    `first` and `last` are the sort values of the records at its edges, `version` is that of a single one, `count` what
    was counted of all, None where `found` tells it.
    """

    moment: Moment
    records: bytes
    found: int
    first: Sequence[object]
    last: Sequence[object]
    version: int | None
    count: int | None


class Writing:
    """Reads pages and single records of what is served of one dataset."""

    def __init__(self, dataset: Dataset, filters: Filters, engine: AsyncEngine, prepared: Prepared) -> None:
        self._dataset = dataset
        self._filters = filters
        self._engine = engine
        self._prepared = prepared
        self._columns = column_names(dataset)
        self._served: Served | None = None
        self._kept: OrderedDict[object, Statement] = OrderedDict()

    async def page(self, query: Query, paging: Paging) -> Written | None:
        """One page; None where it takes more than one statement. Raises BadParameter."""
        others = (*PROVENANCE, "as_of")
        if any(name in others for name, _ in query.pairs) or paging.counting is Counting.ESTIMATED:
            return None
        given = comparisons(query, self._filters)
        values = {name: value for one in given for name, value in one.bound.items()}
        names = query.listed("fields") or self._columns
        cursor = paging.cursor
        edge = None if cursor is None else (cursor.backward, tuple(one is None for one in cursor.values))
        numbers = (paging.limit, paging.offset, paging.counting)
        shape = ((*((one.filter.parameter.name, one.shape) for one in given),), query.one("sort"), names, edge, numbers)

        def make(served: Served) -> Statement:
            table = live_records(self._dataset, served)
            wanted = table.select().where(*conditions(query, self._filters, table, self._dataset, None))
            order = record_order(query, self._dataset, table)
            return self._made(served, wanted, order, paging, names), order

        def bind(order: Order) -> dict[str, Any]:
            if cursor is None or not cursor.values:
                return values
            at = zip(order, read_values(cursor, order), strict=True)
            return {**values, **{key.bound_as: value for key, value in at if value is not None}}

        return await self._read(shape, make, bind, self._plans(query, paging, given))

    def _plans(self, query: Query, paging: Paging, given: Sequence[Comparison]) -> str:
        """One plan for all values where a page is read along the index of its sort, from wherever it begins.

        A count, an offset and any other filter find much or little: each is planned for what it finds.
        """
        first = str(query.one("sort") or self._dataset.key).split(",")[0].strip().removeprefix("-")
        along = all(one.shape in RANGES and one.filter.field.name == first for one in given)
        is_counted = paging.counting is not Counting.NONE and bool(given)
        return ONE_PLAN if along and not is_counted and not paging.offset else EACH_PLANNED

    async def one(self, key: Value) -> Written | None:
        """The record with that key, or no row."""
        name = self._dataset.key_columns[0]

        def make(served: Served) -> Statement:
            table = live_records(self._dataset, served)
            same = table.c[name] == bound(self._dataset.field(name).kind, key, "key")
            wanted = table.select().where(same).limit(constant(1)).cte("page")
            return self._written(served, wanted, wanted, (), self._columns, None), ()

        return await self._read(None, make, lambda _: {"key": key}, ONE_PLAN)

    def _made(self, served: Served, wanted: Any, order: Order, paging: Paging, names: Sequence[str]) -> Compiled:
        cursor = paging.cursor
        backward = cursor is not None and cursor.backward
        rows = (
            wanted.order_by(*order_by(order, backward)).limit(constant(paging.limit + 1)).offset(paging.offset or None)
        )
        if cursor is not None and cursor.values:
            rows = rows.where(beyond(order, read_values(cursor, order), backward))
        page = rows.cte("page")
        read = order_by(order_of(page, order), backward)
        shown = page.select().order_by(*read).limit(constant(paging.limit)).cte("shown")
        count = None
        if paging.counting is not Counting.NONE:
            found = sa.select(sa.func.count()).select_from(page).scalar_subquery()
            is_told = (found <= paging.limit) & (found > (0 if paging.offset else -1))
            all_of_it = counted(wanted, paging.counting).scalar_subquery()
            count = all_of_it if cursor is not None else sa.case((is_told, None), else_=all_of_it)
        return self._written(served, page, shown, order_of(shown, order), names, count)

    def _written(
        self, served: Served, page: Any, shown: Any, order: Order, names: Sequence[str], count: Any
    ) -> Compiled:
        """What is `shown` of the rows of a page, which may be one more."""
        cells = record_cells(self._dataset, shown, served, json_value, members_as_text=False)
        by = order_by(order)
        rows = sa.select(*(cells[name].label(name) for name in names))
        record = rows.select_from(with_uploads(self._dataset, shown, served)).order_by(*by).subquery("record")
        text = sa.cast(sa.func.row_to_json(sa.literal_column("record")), sa.Text())
        texts = sa.func.array(sa.select(text).select_from(record).scalar_subquery())
        version = sa.null() if order else sa.select(cells["version"]).scalar_subquery()
        return compile_for(
            self._engine.dialect,
            sa.select(
                SERVED.cte("live"),
                sa.func.convert_to(sa.func.array_to_string(texts, ","), "UTF8").label("records"),
                sa.select(sa.func.count()).select_from(page).scalar_subquery().label("found"),
                *_edge(order, "first", by),
                *_edge(order, "last", order_by(order, backward=True)),
                version.label("version"),
                (sa.null() if count is None else count).label("count"),
            ),
        )

    async def _read(self, shape: object, make: Any, bind: Any, plans: str) -> Written | None:
        for _ in range(TIMES):
            if self._served is None:
                await self._look()
            served = self._served
            if served is None:
                return None
            statement, order = self._statement(shape, served, make)
            values = statement.values({"dataset": self._dataset.name, **bind(order)})
            try:
                rows = await self._prepared.fetch(statement.sql, *values, plans=plans)
            except Replaced:
                self._serve(None)
                continue
            if not rows:
                return None
            row: Mapping[str, Any] = dict(rows[0])
            found = served_of(row, self._dataset)
            if found.same_segments(served):
                first, last = ([row[f"{edge}_{at}"] for at in range(len(order))] for edge in ("first", "last"))
                moment = moment_of(self._dataset, found)
                return Written(moment, row["records"], row["found"], first, last, row["version"], row["count"])
            self._serve(found)
        return None

    def _statement(self, shape: object, served: Served, make: Any) -> Statement:
        if (known := self._kept.get(shape)) is not None:
            self._kept.move_to_end(shape)
            return known
        made: Statement = make(served)
        self._kept[shape] = made
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return made

    async def _look(self) -> None:
        async with snapshot(self._engine) as connection:
            self._serve(await read_served(connection, self._dataset))

    def _serve(self, served: Served | None) -> None:
        """Statements of other segments are of no use any more."""
        self._served = None if served is None or served.generation is None else served
        self._kept.clear()


def _edge(order: Order, edge: str, by: Sequence[sa.ColumnElement[object]]) -> list[sa.Label[Any]]:
    """The values of the sort keys in the first row by that order."""
    rows = (sa.select(key.column).order_by(*by).limit(constant(1)) for key in order)
    return [one.scalar_subquery().label(f"{edge}_{at}") for at, one in enumerate(rows)]
