"""`GET /parked`: events that could not be applied, and those that wait behind them; read table -> *query* -> HTTP."""

from __future__ import annotations

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, answer, list_body
from query_api.cursors import Cursors
from query_api.links import link_header
from query_api.openapi import described
from query_api.ordering import SortKey
from query_api.pages import COUNT, CURSOR, LIMIT, Page, read_page, read_paging
from query_api.routing import readable
from query_api.snapshots import snapshot
from query_api.waiting import Waiter
from shared.auth.callers import Caller, Role
from shared.books import datasets, parked
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.http.callers import caller_of
from shared.http.problems import AnyRequest
from shared.selection.parameters import Parameter, Query, read_query

Body = dict[str, object]

WAITING = ("parked", "behind")
STATES = (*WAITING, "retried", "discarded")

LIVE = sa.select(parked).join(
    datasets, (datasets.c.dataset == parked.c.dataset) & (datasets.c.generation == parked.c.generation)
)
"""What waits, or has waited, as the served generation of its dataset knows it."""

BY_POSITION = (
    SortKey("dataset", parked.c.dataset, Kind.TEXT),
    SortKey("position", parked.c.position, Kind.INTEGER),
)

TOLD = ("dataset", "position", "type", "state", "reason", "behind", "upload_id", "actor", "recorded_at")
ENDED = ("ended_position", "ended_at", "ended_by", "ended_reason")


async def count_waiting(connection: AsyncConnection, dataset: str) -> dict[str, int]:
    """How many events of a dataset cannot be applied, and how many wait behind those."""
    wanted = (
        LIVE.with_only_columns(parked.c.state, sa.func.count(), maintain_column_froms=True)
        .where(parked.c.dataset == dataset, parked.c.ended_position.is_(None))
        .group_by(parked.c.state)
    )
    found: dict[str, int] = {row[0]: row[1] for row in await connection.execute(wanted)}
    return {state: found.get(state, 0) for state in WAITING}


class Parked:
    """Reads the books of what waits."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, cursors: Cursors) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._cursors = cursors
        self.parameters = _parameters(catalogue)

    async def page(self, query: Query, caller: Caller) -> Page:
        """One page of what the caller may see; what waits unless the query asks for other states."""
        visible = [name for name in self._catalogue if caller.role_in(name).covers(Role.VIEWER)]
        wanted = LIVE.where(parked.c.dataset.in_(query.all("dataset") or visible), parked.c.dataset.in_(visible))
        wanted = wanted.where(parked.c.state.in_(query.all("state") or WAITING))
        paging = read_paging(query, self._cursors)
        async with snapshot(self._engine) as connection:
            return await read_page(connection, query, wanted, BY_POSITION, paging)

    def body(self, row: sa.RowMapping) -> Body:
        """One as it is answered; a key stands under the name of its field, so that sensitive ones are masked."""
        dataset = self._catalogue[row["dataset"]]
        own = f"/parked/{dataset.name}/{row['position']}"
        decisions = {"retry": f"{own}/retry", "discard": own} if row["state"] == "parked" else {}
        return {
            **{name: row[name] for name in TOLD},
            "keys": [key_body(dataset, key) for key in row["keys"]],
            **{name: row[name] for name in ENDED},
            "links": {"change": f"/{dataset.name}/changes/{row['position']}", **decisions},
        }


def key_body(dataset: Dataset, key: str) -> Body:
    """What an event waits with: a record, a rejected row or an upload."""
    kind, _, said = key.partition(" ")
    if kind == "row":
        upload_id, _, row = said.rpartition(":")
        return {"upload": upload_id, "row": int(row)}
    return {"upload": said} if kind == "upload" else {str(dataset.key): said}


def _parameters(catalogue: Catalogue) -> dict[str, Parameter]:
    own = (
        Parameter(
            name="dataset",
            kind=Kind.CHOICE,
            description="Only of these datasets.",
            choices=tuple(catalogue),
            repeatable=True,
        ),
        Parameter(
            name="state",
            kind=Kind.CHOICE,
            description="Only in these states; parked and behind unless said.",
            choices=STATES,
            repeatable=True,
        ),
    )
    return {one.name: one for one in (*own, LIMIT, CURSOR, COUNT)}


def parked_routes(reader: Parked, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The list of all datasets."""

    async def read_list(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], reader.parameters)
        await waiter.wait(request)
        page = await reader.page(query, caller_of(request))
        return answer(list_body(page, [reader.body(row) for row in page.rows]), headers=link_header(page))

    says = "Events that could not be applied, and those that wait behind them"
    operation = described("parked", says, tuple(reader.parameters.values()))
    return [readable("/parked", read_list, operation)]
