"""`GET /{dataset}/{key}/{other}/totals`: what the records that refer to one come to; read table -> *query* -> HTTP.

Read from the groups that a ranking keeps of the field that refers: never stale, and one look into an index.
"""

from __future__ import annotations

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.answers import Answer
from query_api.caching import Asked, Caching, Made
from query_api.moments import Moment, moment_of
from query_api.openapi import described, key_of
from query_api.ranked import body_of, ranked, shown_columns
from query_api.rankings import row_schema
from query_api.records import Body, Records, read_key
from query_api.referring import moment_of_target
from query_api.routing import readable
from query_api.snapshots import snapshot
from query_api.waiting import Waiter
from shared.datasets.rankings import Ranking
from shared.http.problems import AnyRequest
from shared.http.schemas import array_schema, object_schema
from shared.selection.filters import bound
from shared.selection.parameters import read_query
from shared.served import read_served


class Totals:
    """Reads the kept groups of `ranking`, of the records in `records`, whose `group` field refers to `target`."""

    def __init__(self, records: Records, target: Records, ranking: Ranking, group: str, engine: AsyncEngine) -> None:
        self.records = records
        self.target = target
        self.ranking = ranking
        self.group = group
        self._engine = engine

    async def of(self, text: str) -> tuple[list[Body], tuple[Moment, ...]]:
        """A row for each group of that key, by what else they are grouped by; raises NotFound for an unknown key."""
        key = read_key(self.target.dataset, text)
        async with snapshot(self._engine) as connection:
            own = await read_served(connection, self.records.dataset)
            target = await moment_of_target(connection, self.target, key, text)
            moments = (moment_of(self.records.dataset, own), target)
            if own.generation is None:
                return [], moments
            groups = ranked(self.records.dataset, self.ranking, own)
            kind = self.records.dataset.field(self.ranking.group[self.group]).kind
            wanted = sa.select(*(groups.rows.c[name] for name in groups.shown))
            wanted = wanted.where(groups.rows.c[self.group] == bound(kind, key))
            order = groups.per or self.ranking.order
            rows = (await connection.execute(wanted.order_by(groups.rows.c[order]))).mappings().all()
        shown = [one for one in shown_columns(self.records.dataset, self.ranking) if one.name != self.group]
        return [body_of(shown, row) for row in rows], moments


def totals_routes(
    all_records: dict[str, Records], engine: AsyncEngine, waiter: Waiter, caching: Caching
) -> list[HTTPRouteHandler]:
    """A route for each field that refers to a dataset and by which a ranking keeps groups."""
    return [
        _route(Totals(records, all_records[field.refers], ranking, shown, engine), waiter, caching)
        for records in all_records.values()
        for ranking in records.dataset.rankings
        if isinstance(ranking, Ranking) and ranking.kept
        for shown, name in ranking.group.items()
        if (field := records.dataset.field(name)).refers in all_records
    ]


def _route(totals: Totals, waiter: Waiter, caching: Caching) -> HTTPRouteHandler:
    async def read_totals(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], {})
        await waiter.wait(request)

        async def make() -> Made:
            rows, moments = await totals.of(request.path_params["key"])
            return Made({"results": rows}, moments)

        return await caching.answer(request, Asked(query, (dataset, target)), make)

    dataset, target = totals.records.dataset, totals.target.dataset
    rows = object_schema({"results": array_schema(row_schema(dataset, totals.ranking, totals.group))})
    operation = described(dataset.name, f"{totals.ranking.title}: those of one", path=key_of(target), answers=rows)
    return readable(f"/{target.name}/{{key:str}}/{dataset.name}/totals", read_totals, operation)
