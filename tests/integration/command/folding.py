"""What a projector would write about commands, by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.database import make_engine

OUTCOME = """
    INSERT INTO read.outcomes (dataset, generation, position, code, key, version, record, detail)
    VALUES (:dataset, 1, :position, :code, :key, :version, CAST(:record AS json), CAST(:detail AS json))
"""


class Folding:
    """Checkpoints and outcomes of datasets in generation 1."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url, name="tests", pool_size=2)

    async def close(self) -> None:
        await self.engine.dispose()

    async def execute(self, statement: str, **values: object) -> list[Any]:
        async with self.engine.begin() as connection:
            found = await connection.execute(sa.text(statement), values)
            return list(found) if found.returns_rows else []

    async def begin(self, dataset: str) -> None:
        """Serve generation 1 of a dataset, of which nothing is folded."""
        await self.execute("INSERT INTO read.datasets VALUES (:dataset, 1)", dataset=dataset)
        await self.execute("INSERT INTO read.checkpoints VALUES (:dataset, 1, 0, NULL, 1, now())", dataset=dataset)
        await self.execute("INSERT INTO store.heads VALUES (:dataset, 0)", dataset=dataset)

    async def next_position(self, dataset: str = "debts") -> int:
        """The position of the next event."""
        ((position,),) = await self.execute("SELECT position FROM store.heads WHERE dataset = :it", it=dataset)
        return int(position) + 1

    async def appended(self, position: int, dataset: str = "debts") -> None:
        """Return once there is an event at a position."""
        while await self.next_position(dataset) <= position:  # noqa: ASYNC110  # there is nobody who could tell
            await asyncio.sleep(0.01)

    async def outcome(self, position: int, code: str = "applied", dataset: str = "debts", **said: object) -> None:
        """Write what became of the event at a position, be it there or not; whoever waits is woken."""
        values = {"key": None, "version": None, "record": None, "detail": None, **said}
        for name in ("record", "detail"):
            values[name] = None if values[name] is None else msgspec.json.encode(values[name]).decode()
        await self.execute(OUTCOME, dataset=dataset, position=position, code=code, **values)
        await self.execute("SELECT pg_notify('folded', '')")

    async def fold_to(self, position: int, dataset: str = "debts") -> None:
        """Move the checkpoint."""
        await self.execute(
            "UPDATE read.checkpoints SET position = :position WHERE dataset = :dataset",
            dataset=dataset,
            position=position,
        )

    async def event(self, position: int, dataset: str = "debts") -> dict[str, Any]:
        """The data of the event at a position."""
        ((data,),) = await self.execute(
            "SELECT data FROM store.events WHERE dataset = :dataset AND position = :position",
            dataset=dataset,
            position=position,
        )
        return dict(data)
