"""`GET /{dataset}/{key}/{other}`: the records of another dataset that refer to one; read table -> *query* -> HTTP.

Derived from the `Refers` of declarations, with the filters and the paging that the other dataset's own list has.
"""

from __future__ import annotations

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, list_body
from query_api.as_of import AS_OF
from query_api.caching import Asked, Caching, Made
from query_api.columns import chosen
from query_api.cursors import Cursors
from query_api.formats import EXPORTING
from query_api.links import link_header
from query_api.moments import Moment, moment_of
from query_api.openapi import described, key_of
from query_api.pages import Page, empty_page, read_page, read_paging
from query_api.records import Body, Records, read_key
from query_api.routing import readable
from query_api.schemas import list_schema, record_schema
from query_api.snapshots import snapshot
from query_api.waiting import Waiter
from shared.datasets.fields import Field
from shared.errors import NotFound
from shared.http.problems import AnyRequest
from shared.selection.filters import bound
from shared.selection.parameters import Query, read_query, short
from shared.selection.values import Value
from shared.served import read_served


class Referring:
    """Reads the records of one dataset, `records`, by what they refer to: a live record of another, `target`."""

    def __init__(self, records: Records, target: Records, engine: AsyncEngine, cursors: Cursors) -> None:
        self.records = records
        self.target = target
        self.fields = referring_fields(records, target)
        others = {field.parameter for field in self.fields} | EXPORTING.keys() | {AS_OF.name}
        self.parameters = {name: one for name, one in records.parameters.items() if name not in others}
        self._engine = engine
        self._cursors = cursors

    async def page(self, text: str, query: Query) -> tuple[Page, list[Body], tuple[Moment, ...]]:
        """One page of what refers to that key, and how far both datasets are folded in it.

        Raises BadParameter, and NotFound where the key is no live record's.
        """
        paging, key = read_paging(query, self._cursors), read_key(self.target.dataset, text)
        async with snapshot(self._engine) as connection:
            found = await self.records.select(connection, query)
            moments = (found.moment, await moment_of_target(connection, self.target, key, text))
            if found.served.generation is None:
                return empty_page(paging), [], moments
            columns = found.table.c
            refers = sa.or_(*(columns[field.name] == bound(field.kind, key) for field in self.fields))
            wanted = found.table.select().where(*found.conditions, refers)
            page = await read_page(connection, query, wanted, found.order, paging)
            return page, await self.records.bodies(connection, found.served, page.rows), moments


async def moment_of_target(connection: AsyncConnection, target: Records, key: Value, text: str) -> Moment:
    """The moment of a dataset that has a live record with this key; raises NotFound where it has none."""
    name = target.dataset.name
    served = await read_served(connection, target.dataset)
    if served.generation is None or await target.find(connection, served, key) is None:
        raise NotFound(f"There is no record in {name} with {target.dataset.key} {short(text)}.")
    return moment_of(target.dataset, served)


def referring_fields(records: Records, target: Records) -> tuple[Field, ...]:
    """The fields of a dataset's records that hold keys of another."""
    return tuple(field for field in records.dataset.fields if field.refers == target.dataset.name)


def referring_routes(
    all_records: dict[str, Records], engine: AsyncEngine, cursors: Cursors, waiter: Waiter, caching: Caching
) -> list[HTTPRouteHandler]:
    """A route for each dataset and each other one that it refers to."""
    return [
        _route(Referring(records, target, engine, cursors), waiter, caching)
        for records in all_records.values()
        for target in all_records.values()
        if referring_fields(records, target)
    ]


def _route(referring: Referring, waiter: Waiter, caching: Caching) -> HTTPRouteHandler:
    async def read_list(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], referring.parameters)
        await waiter.wait(request)

        async def make() -> Made:
            page, results, moments = await referring.page(request.path_params["key"], query)
            return Made(list_body(page, chosen(query, results)), moments, link_header(page))

        exact = referring.records.is_exact(query)
        return await caching.answer(request, Asked(query, (dataset, target), exact=exact), make)

    dataset, target = referring.records.dataset, referring.target.dataset
    operation = described(
        dataset.name,
        f"Records of {dataset.title.lower()} that refer to one of {target.title.lower()}",
        tuple(referring.parameters.values()),
        path=key_of(target),
        answers=list_schema(record_schema(dataset, whole=False)),
    )
    return readable(f"/{target.name}/{{key:str}}/{dataset.name}", read_list, operation)
