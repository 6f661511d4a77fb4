"""`GET /{dataset}/changes/{position}`: what became of a command; read table -> *query* -> HTTP."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.answers import Answer, answer
from query_api.openapi import described
from query_api.routing import readable
from query_api.snapshots import snapshot
from query_api.told import change_schema
from query_api.waiting import Waiter
from shared.books import outcomes
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.errors import NotFound
from shared.http.positions import Position
from shared.http.problems import AnyRequest
from shared.http.schemas import value_schema
from shared.selection.parameters import read_query, short
from shared.served import read_served

Body = dict[str, object]

SAID = ("code", "key", "version", "record", "detail")
APPLIED = "applied"
PARKED = "parked"


class Changes:
    """Reads the outcomes of commands of one dataset."""

    def __init__(self, dataset: Dataset, engine: AsyncEngine) -> None:
        self.dataset = dataset
        self._engine = engine

    async def one(self, text: str) -> tuple[Body, Position]:
        """What became of the command whose event has that position; raises NotFound for what is none or long ago."""
        if not text.isascii() or not text.isdigit() or not 0 < int(text[:19]) < 2**63:
            raise NotFound(f"{short(text)} is no position; take it from the Location or Position of a command.")
        position = int(text)
        async with snapshot(self._engine) as connection:
            served = await read_served(connection, self.dataset)
            folded = Position(self.dataset.name, served.position)
            if position > served.position:
                return {"state": "pending", **dict.fromkeys(SAID)}, folded
            wanted = sa.select(*(outcomes.c[name] for name in SAID)).where(
                outcomes.c.dataset == self.dataset.name,
                outcomes.c.generation == served.generation,
                outcomes.c.position == position,
            )
            row = (await connection.execute(wanted)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"{self.dataset.name}:{position} is no command, or one of long ago; the history knows more.")
        return {"state": row["code"] if row["code"] in (APPLIED, PARKED) else "refused", **row}, folded


def change_routes(changes: Changes, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The outcome of one command."""
    name = changes.dataset.name

    async def read_one(request: AnyRequest) -> Answer:
        read_query(request.scope["path"], request.scope["query_string"], {})
        await waiter.wait(request)
        body, folded = await changes.one(request.path_params["position"])
        return answer(body, folded, {"Retry-After": "1"} if body["state"] == "pending" else {})

    position = replace(value_schema(Kind.INTEGER), minimum=1)
    path = {"position": ("The position of the command's event.", position)}
    operation = described(name, "What became of a command", path=path, answers=change_schema())
    return [readable(f"/{name}/changes/{{position:str}}", read_one, operation)]
