"""`GET /{dataset}/rankings` and `GET /{dataset}/rankings/{name}`: who comes first; read table -> *query* -> HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, answer, list_body
from query_api.as_of import AS_OF, read_asked
from query_api.caching import Asked, Caching, Made
from query_api.moments import moment_of
from query_api.openapi import described
from query_api.pages import Page
from query_api.ranked import body_of, chosen_columns, chosen_value, ranked, shared_items, shown_columns
from query_api.routing import readable
from query_api.schemas import list_schema
from query_api.snapshots import snapshot
from query_api.waiting import Waiter
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.datasets.rankings import AnyRanking, Ranking
from shared.errors import NotFound
from shared.http.problems import AnyRequest
from shared.http.schemas import TEXT, Properties, masked_schema, object_schema, value_schema
from shared.selection.parameters import Parameter, Query, read_query, unknown
from shared.served import Served

Body = dict[str, object]
MOST = 1000


class Ranks:
    """Reads one ranking of a dataset."""

    def __init__(self, dataset: Dataset, ranking: AnyRanking, engine: AsyncEngine) -> None:
        self.dataset = dataset
        self.ranking = ranking
        self._engine = engine
        self._chosen = {field.parameter: (name, field) for name, field in chosen_columns(dataset, ranking).items()}
        self.parameters = {one.name: one for one in (*self._choosing(), self._limit(), AS_OF)}

    def _choosing(self) -> list[Parameter]:
        return [
            Parameter(name=parameter, kind=field.kind, description=f"Only this {name}.", choices=field.choices)
            for parameter, (name, field) in self._chosen.items()
        ]

    def _limit(self) -> Parameter:
        of_each = f" for each {self.ranking.per}" if self.ranking.per else ""
        says = f"How many come first{of_each}."
        return Parameter(
            name="limit",
            kind=Kind.INTEGER,
            description=says,
            default=str(self.ranking.limit),
            minimum=1,
            maximum=MOST,
        )

    @property
    def path(self) -> str:
        """Where it is read."""
        return f"/{self.dataset.name}/rankings/{self.ranking.name}"

    async def read(self, query: Query) -> Made:
        """The ranking as of now; raises BadParameter."""
        chosen = {name: self._read(query, parameter) for parameter, (name, _) in self._chosen.items()}
        given = {name: value for name, value in chosen.items() if value is not None}
        limit = query.integer("limit")
        async with snapshot(self._engine) as connection:
            served = await read_asked(connection, self.dataset, query)
            rows = await self._rows(connection, served, limit, given)
        listed = list_body(Page([], None, None, None), rows)
        also = {self.ranking.also: rows} if self.ranking.also else {}
        return Made({**listed, **also}, (moment_of(self.dataset, served),))

    def _read(self, query: Query, parameter: str) -> sa.ColumnElement[object] | None:
        value = query.one(parameter)
        return None if value is None else chosen_value(self._chosen[parameter][1], value)

    async def _rows(
        self, connection: AsyncConnection, served: Served, limit: int, chosen: dict[str, sa.ColumnElement[object]]
    ) -> list[Body]:
        if served.generation is None:
            return []
        found = ranked(self.dataset, self.ranking, served)
        rows = (await connection.execute(found.first(limit, chosen))).mappings().all()
        shown = shown_columns(self.dataset, self.ranking)
        bodies: list[Body] = [body_of(shown, row) for row in rows]
        if isinstance(self.ranking, Ranking) and rows:
            for extra in self.ranking.extras:
                statement = shared_items(self.dataset, self.ranking, extra, served.generation, rows)
                _share(bodies, extra, list(self.ranking.group), (await connection.execute(statement)).mappings().all())
        return bodies

    def body(self) -> Body:
        """The ranking as it is declared."""
        columns = [
            {"name": one.name, "kind": one.kind, **({"sensitive": True} if one.sensitive else {})}
            for one in shown_columns(self.dataset, self.ranking)
        ]
        return {
            "name": self.ranking.name,
            "title": self.ranking.title,
            "order": self.ranking.order,
            "per": self.ranking.per,
            "columns": columns,
            "extras": list(self.ranking.extras) if isinstance(self.ranking, Ranking) else [],
            "parameters": [
                {"name": one.name, "kind": one.kind, "description": one.description, "default": one.default}
                for one in self.parameters.values()
            ],
            "links": {"self": self.path},
        }


def _share(bodies: Sequence[Body], extra: str, group: Sequence[str], items: Sequence[sa.RowMapping]) -> None:
    """Give each listed group its items."""
    of_group: dict[tuple[object, ...], list[object]] = {}
    for item in items:
        of_group.setdefault(tuple(item[name] for name in group), []).append(item[extra])
    for body in bodies:
        body[extra] = of_group.get(tuple(body[name] for name in group), [])


def ranking_routes(dataset: Dataset, engine: AsyncEngine, waiter: Waiter, caching: Caching) -> list[HTTPRouteHandler]:
    """All rankings of a dataset, and each of them."""
    all_ranks = [Ranks(dataset, ranking, engine) for ranking in dataset.rankings]

    async def read_list(request: AnyRequest) -> Answer:
        read_query(request.scope["path"], request.scope["query_string"], {})
        return answer({"results": [ranks.body() for ranks in all_ranks]})

    async def refuse(request: AnyRequest) -> Answer:
        known = tuple(ranking.name for ranking in dataset.rankings)
        raise NotFound(str(unknown("ranking", request.path_params["name"], known, "")))

    listing = described(dataset.name, f"Rankings of {dataset.title.lower()}")
    by_name = described(dataset.name, "A ranking by its name", path={"name": ("One that is not listed.", TEXT)})
    return [
        readable(f"/{dataset.name}/rankings", read_list, listing),
        *(_ranking_route(ranks, waiter, caching) for ranks in all_ranks),
        readable(f"/{dataset.name}/rankings/{{name:str}}", refuse, by_name),
    ]


def _ranking_route(ranks: Ranks, waiter: Waiter, caching: Caching) -> HTTPRouteHandler:
    async def read_one(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], ranks.parameters)
        await waiter.wait(request)
        return await caching.answer(request, Asked(query, (ranks.dataset,), often=True), partial(ranks.read, query))

    schema = list_schema(row_schema(ranks.dataset, ranks.ranking), pages=False)
    if also := ranks.ranking.also:
        same = (schema.properties or {})["results"]
        schema = object_schema({**(schema.properties or {}), also: same})
    parameters = tuple(ranks.parameters.values())
    return readable(
        ranks.path, read_one, described(ranks.dataset.name, ranks.ranking.title, parameters, answers=schema)
    )


def row_schema(dataset: Dataset, ranking: AnyRanking, without: str = "") -> Schema:
    """One row of a ranking, `without` one of its columns."""
    columns = [one for one in shown_columns(dataset, ranking) if one.name != without]
    properties: Properties = {
        one.name: masked_schema(one.kind) if one.sensitive else value_schema(one.kind) for one in columns
    }
    if isinstance(ranking, Ranking):
        for extra, said in ranking.extras.items():
            items = value_schema(dataset.field(said.field).kind)
            properties[extra] = Schema(type=OpenAPIType.ARRAY, items=items)
    return object_schema(properties)
