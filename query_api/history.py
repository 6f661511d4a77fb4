"""`GET /{dataset}/{key}/history`: every version of a record, oldest to newest; read table -> *query* -> HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, answer
from query_api.as_of import AS_OF, read_asked
from query_api.lines import Piece, find_pieces, read_lines
from query_api.openapi import described, key_of
from query_api.pages import LIMIT
from query_api.places import Place
from query_api.records import read_key, values_of
from query_api.routing import readable
from query_api.snapshots import snapshot
from query_api.story import Entry, changes_of, entries
from query_api.told import history_schema
from query_api.versions import versions
from query_api.waiting import Waiter
from shared.blobs import Blobs
from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.datasets.fields import INTEGER_DIGITS, Kind
from shared.errors import NotFound
from shared.http.positions import Position
from shared.http.problems import AnyRequest
from shared.selection.parameters import Parameter, Query, read_query, short
from shared.selection.values import Value, write_value
from shared.served import Served

Body = dict[str, object]
Rows = Sequence[sa.RowMapping]

AFTER = Parameter(
    name="after",
    kind=Kind.INTEGER,
    description="Only what happened after this position (exclusive); `next` gives it.",
    default="0",
    minimum=0,
    maximum=10**INTEGER_DIGITS - 1,
)
PARAMETERS = {one.name: one for one in (AFTER, LIMIT, AS_OF)}

NOTHING: Body = {"id": None, "source": None, "file_name": None}


class History:
    """Reads what happened to single records of one dataset."""

    def __init__(self, dataset: Dataset, engine: AsyncEngine, blobs: Blobs) -> None:
        self.dataset = dataset
        self._engine = engine
        self._blobs = blobs

    async def page(self, text: str, query: Query) -> tuple[Body, Position]:
        """What happened to the record with that key; raises NotFound where nothing was ever known of it."""
        key = read_key(self.dataset, text)
        after, limit = query.integer("after"), query.integer("limit")
        async with snapshot(self._engine) as connection:
            served = await read_asked(connection, self.dataset, query)
            rows, last = await self._versions(connection, served, key, after, limit)
            if last is None:
                raise NotFound(f"Nothing was ever known of {short(text)} in {self.dataset.name}.")
            told = entries(rows, [values_of(self.dataset, row) for row in rows])
            shown = [entry for entry in told if entry.position > after][: limit + 1]
            files = await self._files(connection, served, rows)
            pieces = await self._pieces(connection, served, shown[:limit])
        lines = await read_lines(self._blobs, pieces)
        live = last["ended_position"] is None
        body: Body = {
            "key": write_value(key),
            "state": "live" if live else last["ended_kind"],
            "version": last["position"] if live else None,
            "results": [self._body(entry, files, lines) for entry in shown[:limit]],
            "next": query.link(after=str(shown[limit - 1].position)) if len(shown) > limit else None,
        }
        return body, Position(self.dataset.name, served.position)

    async def _versions(
        self, connection: AsyncConnection, served: Served, key: Value, after: int, limit: int
    ) -> tuple[Rows, sa.RowMapping | None]:
        """Enough versions to tell `limit` entries and one more, the one before them included; and the last of all."""
        if served.generation is None:
            return [], None
        of_key = versions(self.dataset, served.generation, key)
        begun = of_key.c.position
        newest = of_key.select().order_by(begun.desc()).limit(1)
        last = (await connection.execute(newest)).mappings().one_or_none()
        if last is None:
            return [], None
        before = (await connection.execute(newest.where(begun <= after))).mappings().all() if after else []
        wanted = of_key.select().where(begun > after).order_by(begun).limit(limit + 2)
        return [*before, *(await connection.execute(wanted)).mappings()], last

    async def _files(self, connection: AsyncConnection, served: Served, rows: Rows) -> dict[int, Body]:
        numbers = {row[name] for row in rows for name in ("upload", "ended_by")} - {None}
        wanted = sa.select(uploads.c.number, *(uploads.c[name] for name in NOTHING)).where(
            uploads.c.dataset == self.dataset.name,
            uploads.c.generation == served.generation,
            uploads.c.number.in_(numbers),
        )
        found = (await connection.execute(wanted)).mappings() if numbers else ()
        return {row["number"]: {name: row[name] for name in NOTHING} for row in found}

    async def _pieces(self, connection: AsyncConnection, served: Served, told: Sequence[Entry]) -> list[Piece]:
        places = {(entry.upload, entry.row) for entry in told if entry.upload is not None and entry.row is not None}
        return await find_pieces(connection, self.dataset.name, served.generation or 0, places)

    def _body(self, entry: Entry, files: dict[int, Body], lines: dict[Place, int]) -> Body:
        file = files.get(entry.upload or 0, NOTHING)
        return {
            "position": entry.position,
            "at": entry.at,
            "change": entry.change,
            "changes": changes_of(entry.before, entry.record),
            "record": entry.record,
            "actor": entry.actor,
            "upload": file["id"],
            "source": file["source"],
            "file": file["file_name"],
            "row": entry.row,
            "line": lines.get((entry.upload or 0, entry.row or 0)),
            "ended": _ended(entry, files),
        }


def _ended(entry: Entry, files: dict[int, Body]) -> Body | None:
    ended = entry.ended
    if ended is None:
        return None
    by = files.get(ended["ended_by"], NOTHING) if isinstance(ended["ended_by"], int) else NOTHING
    return {
        "position": ended["ended_position"],
        "at": ended["ended_at"],
        "kind": ended["ended_kind"],
        "actor": ended["ended_actor"],
        "upload": by["id"],
    }


def history_routes(history: History, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The history of a record, where the dataset has a key."""
    dataset = history.dataset
    if dataset.key is None:
        return []

    async def read_page(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], PARAMETERS)
        await waiter.wait(request)
        return answer(*await history.page(request.path_params["key"], query))

    operation = described(
        dataset.name,
        f"What happened to one record of {dataset.title.lower()}",
        tuple(PARAMETERS.values()),
        path=key_of(dataset),
        answers=history_schema(dataset),
    )
    return [readable(f"/{dataset.name}/{{key:str}}/history", read_page, operation)]
