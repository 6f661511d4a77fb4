"""`GET /{dataset}` and `GET /{dataset}/{key}`: records with their provenance; read table -> *query* -> HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, list_body, unchanged, versioned
from query_api.as_of import AS_OF, read_asked
from query_api.caching import Asked, Caching, Made
from query_api.columns import chosen, fields_parameter
from query_api.cursors import Cursors
from query_api.exports import Exports
from query_api.formats import EXPORTING, asked
from query_api.links import link_header
from query_api.live_records import live_records
from query_api.moments import Moment, moment_of
from query_api.openapi import described, key_of
from query_api.ordering import record_order, sort_parameter
from query_api.pages import (
    PAGING,
    Counting,
    Page,
    Paging,
    count_of,
    empty_page,
    known_count,
    neighbours,
    read_page,
    read_paging,
)
from query_api.prepared import Prepared
from query_api.routing import readable
from query_api.schemas import list_schema, record_schema
from query_api.selections import Selection
from query_api.snapshots import snapshot
from query_api.waiting import Waiter
from query_api.written import Writing, Written
from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.errors import BadSettings, NotFound
from shared.http.callers import header_of
from shared.http.problems import AnyRequest
from shared.selection.comparing import conditions
from shared.selection.filters import bound, filter_parameters, filters_of, in_case, uploads_meant
from shared.selection.parameters import Parameters, Query, read_query, short
from shared.selection.values import Value, read_value
from shared.served import Served

Body = dict[str, object]


ALIKE = {**EXPORTING, **PAGING, AS_OF.name: AS_OF}
"""Parameters that every list of records has."""


class One(msgspec.Struct, frozen=True):
    """What has a key, as JSON or to be encoded; `version` is None where it is no record."""

    body: object
    version: object
    moment: Moment


class Records:
    """Reads the records of one dataset; raises BadSettings where its declaration gives one name two meanings."""

    def __init__(
        self, dataset: Dataset, engine: AsyncEngine, cursors: Cursors, prepared: Prepared | None = None
    ) -> None:
        self.dataset = dataset
        self.filters = filters_of(dataset)
        self.parameters = _joined(
            dataset,
            filter_parameters(self.filters),
            {"sort": sort_parameter(dataset), "fields": fields_parameter(dataset), **ALIKE},
        )
        self._engine = engine
        self._cursors = cursors
        self._live: tuple[Served, sa.FromClause] | None = None
        self._writing = None if prepared is None else Writing(dataset, self.filters, engine, prepared)

    async def made(self, query: Query) -> Made:
        """The page that the query asks for, in one statement where that can be. Raises BadParameter."""
        paging = read_paging(query, self._cursors)
        written = await self._writing.page(query, paging) if self._writing and self.is_of_records(query) else None
        if written is not None:
            return _made(query, paging, written)
        page, results, moment = await self.page(query)
        return Made(list_body(page, chosen(query, results)), (moment,), link_header(page))

    async def page(self, query: Query) -> tuple[Page, list[Body], Moment]:
        """One page of what the query selects; empty where the dataset has no read tables yet. Raises BadParameter."""
        paging = read_paging(query, self._cursors)
        async with snapshot(self._engine) as connection:
            found = await self.select(connection, query)
            if found.served.generation is None:
                return empty_page(paging), [], found.moment
            wanted = found.table.select().where(*found.conditions)
            page = await read_page(connection, query, wanted, found.order, paging)
            return page, await self.bodies(connection, found.served, page.rows), found.moment

    def is_exact(self, query: Query) -> bool:
        """Whether the log alone decides what the query finds; raises BadParameter."""
        return query.one("count") != Counting.ESTIMATED

    async def select(self, connection: AsyncConnection, query: Query) -> Selection:
        """What the query selects in this snapshot; raises BadParameter."""
        served = await read_asked(connection, self.dataset, query)
        table = self.live(served)
        order = record_order(query, self.dataset, table)
        numbers = await self.numbers(connection, served, query)
        wanted = conditions(query, self.filters, table, self.dataset, numbers)
        return Selection(served, moment_of(self.dataset, served), table, wanted, order)

    def is_of_records(self, _query: Query) -> bool:
        """Whether the query finds nothing but records."""
        return True

    async def one(self, text: str, query: Query) -> One:
        """The record with that key; raises NotFound."""
        key = read_key(self.dataset, text)
        written = await self._writing.one(key) if self._writing and not query.pairs else None
        if written is not None and written.found:
            return One(msgspec.Raw(written.records), written.version, written.moment)
        async with snapshot(self._engine) as connection:
            served = await read_asked(connection, self.dataset, query)
            if served.generation is not None:
                found = await self.find(connection, served, key) or await self.find_other(connection, served, key)
                if found is not None:
                    return One(found, found["version"], moment_of(self.dataset, served))
        raise NotFound(f"There is no record in {self.dataset.name} with {self.dataset.key} {short(text)}.")

    async def find_other(self, _connection: AsyncConnection, _served: Served, _key: Value) -> Body | None:
        """What is shown where there is no record with that key."""
        return None

    async def find(self, connection: AsyncConnection, served: Served, key: Value) -> Body | None:
        """The live record with that key."""
        table, name = self.live(served), self.dataset.key_columns[0]
        wanted = table.select().where(table.c[name] == bound(self.dataset.field(name).kind, key)).limit(1)
        rows = (await connection.execute(wanted)).mappings().all()
        return next(iter(await self.bodies(connection, served, rows)), None)

    def live(self, served: Served) -> sa.FromClause:
        """The live records; the same object for as long as the same segments are live, which is what it is made of."""
        if self._live is None or not self._live[0].same_segments(served):
            self._live = served, live_records(self.dataset, served)
        return self._live[1]

    async def numbers(self, connection: AsyncConnection, served: Served, query: Query) -> list[int] | None:
        """The uploads that the query names, None where any may be meant."""
        meant = uploads_meant(query, self.dataset, served.generation or 0)
        return None if meant is None else list(await connection.scalars(meant))

    async def bodies(self, connection: AsyncConnection, served: Served, rows: Sequence[sa.RowMapping]) -> list[Body]:
        """Records as they are answered: fields, members, version and provenance."""
        numbers = {row["upload"] for row in rows} - {None}
        found: dict[int, Body] = {}
        if numbers:
            known = sa.select(uploads.c.number, uploads.c.id, uploads.c.source).where(
                uploads.c.dataset == self.dataset.name,
                uploads.c.generation == served.generation,
                uploads.c.number.in_(numbers),
            )
            for number, upload_id, source in await connection.execute(known):
                found[number] = {"source": source, "upload": upload_id}
        unknown: Body = {"source": None, "upload": None}
        return [self._body(row, served.version(row), found.get(row["upload"], unknown)) for row in rows]

    def _body(self, row: sa.RowMapping, version: int, provenance: Body) -> Body:
        return {**values_of(self.dataset, row), "version": version, **provenance, "row": row["row"]}


def _made(query: Query, paging: Paging, written: Written) -> Made:
    """The page of what PostgreSQL has written."""
    edges = (written.first, written.last) if written.found else ()
    following, preceding = neighbours(query, paging, edges, more=written.found > paging.limit)
    count = known_count(paging, written.found)
    if count is None and written.count is not None:
        count = count_of(written.count, paging.counting)
    page = Page([], following, preceding, count)
    results = msgspec.Raw(b"[%b]" % written.records)
    return Made({**list_body(page, []), "results": results}, (written.moment,), link_header(page))


def read_key(dataset: Dataset, text: str) -> Value:
    """The key that a path names, in the case in which it is stored; raises NotFound where it can be none."""
    name = dataset.key_columns[0]
    field = dataset.field(name)
    try:
        return in_case(field, [read_value(field.kind, text)])[0]
    except ValueError as error:
        raise NotFound(f"{short(text)} is no key of {dataset.name}: {name} is {error}.") from None


def values_of(dataset: Dataset, row: sa.RowMapping) -> Body:
    """Fields and members of a record, as declared."""
    body: Body = {field.name: row[field.name] for field in dataset.fields}
    if members := dataset.members:
        names = [field.name for field in members.fields]
        body[members.name] = [{name: member.get(name) for name in names} for member in row[members.name]]
    return body


def _joined(dataset: Dataset, filters: Parameters, paging: Parameters) -> Parameters:
    if taken := filters.keys() & paging.keys():
        raise BadSettings(f"Dataset {dataset.name!r} has a filter {', '.join(taken)}, which pages lists; rename it.")
    return {**filters, **paging}


def record_routes(records: Records, waiter: Waiter, exports: Exports, caching: Caching) -> list[HTTPRouteHandler]:
    """The routes of one dataset; a record has a URL of its own where the dataset has a key."""
    dataset = records.dataset

    async def read_list(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], records.parameters)
        form = asked(query, header_of(request.scope, b"accept") or "")
        await waiter.wait(request)
        if form:
            asked_for = Asked(query, (dataset,), form.media_type)
            known = await caching.known(request, asked_for)
            told = partial(caching.headers, request, asked_for)
            return unchanged(known) if known else exports.answer(records, query, form, told)
        first = not query.has("cursor") and not query.has("offset")
        asked_for = Asked(query, (dataset,), exact=records.is_exact(query), often=first)
        return await caching.answer(request, asked_for, partial(records.made, query))

    async def read_one(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], {AS_OF.name: AS_OF})
        await waiter.wait(request)
        one = await records.one(request.path_params["key"], query)
        return versioned(request, one.body, one.moment.folded, one.version)

    title, schema = dataset.title.lower(), record_schema(dataset)
    parameters = tuple(records.parameters.values())
    listing = described(
        dataset.name, f"Records of {title}", parameters, answers=list_schema(record_schema(dataset, whole=False))
    )
    routes = [readable(f"/{dataset.name}", read_list, listing)]
    if dataset.key:
        single = described(dataset.name, f"One record of {title}", (AS_OF,), key_of(dataset), answers=schema)
        routes.append(readable(f"/{dataset.name}/{{key:str}}", read_one, single))
    return routes
