"""What became of a command: event -> fold -> *outcome* -> HTTP. Waits for it; never decides from it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.books import checkpoints, datasets, outcomes
from shared.database import OUTAGES, each_alone
from shared.errors import Conflict
from shared.http.positions import Position
from shared.wakeups import FOLDED, Wakeups

POLL_S = 0.02
"""Between two looks while somebody waits and nothing rings: who began to wait after the ring for its fold."""

Waiting = dict[Position, list["asyncio.Future[Outcome]"]]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an event was folded: `code` is `applied`, or why it was not: not-found, exists, stale, rejected, conflict.

    `record` and `version` are the record's afterwards, as far as there is one; `detail` is what else is to be told.
    """

    code: str
    key: str | None = None
    version: int | None = None
    record: Any = None
    detail: Any = None


class Outcomes:
    """One watcher for all requests of a process that wait for their own position; `run` until cancelled."""

    def __init__(self, engine: AsyncEngine, wakeups: Wakeups) -> None:
        self._engine = each_alone(engine)
        self._wakeups = wakeups
        self._waiting: Waiting = {}
        self._asked = asyncio.Event()

    async def wait(self, position: Position, patience_s: float) -> Outcome | None:
        """The outcome of the event at a position, or None when it is not folded within `patience_s`."""
        decided: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(position, []).append(decided)
        self._asked.set()
        try:
            async with asyncio.timeout(patience_s):
                return await decided
        except TimeoutError:
            return None
        finally:
            self._forget(position, decided)

    async def now(self, position: Position) -> Outcome | None:
        """The outcome of the event at a position, or None while it is not folded; raises Conflict for one forgotten."""
        same = (checkpoints.c.dataset == datasets.c.dataset) & (checkpoints.c.generation == datasets.c.generation)
        folded = (
            sa.select(checkpoints.c.position)
            .select_from(checkpoints.join(datasets, same))
            .where(datasets.c.dataset == position.dataset)
        )
        async with self._engine.connect() as connection:
            reached = (await connection.execute(folded)).scalar_one_or_none() or 0
        found = (await self._read([position])).get(position)
        if found is None and reached >= position.position:
            says = f"This was answered at {position}, too long ago to say how. Read the record, or use a new key."
            raise Conflict(says)
        return found

    async def between(self, dataset: str, first: int, last: int) -> dict[int, Outcome]:
        """The outcomes of the events from `first` to `last` (inclusive), as far as they are folded and still kept."""
        found = await self._select((outcomes.c.dataset == dataset) & outcomes.c.position.between(first, last))
        return {position.position: outcome for position, outcome in found.items()}

    async def run(self) -> None:
        """Look whenever something was folded or somebody began to wait."""
        with self._wakeups.listening(FOLDED) as bell:
            while True:
                await self._asked.wait()
                await self._look()
                if self._waiting:
                    await bell.wait(POLL_S)
                else:
                    self._asked.clear()

    async def _look(self) -> None:
        wanted = list(self._waiting)
        if not wanted:
            return
        try:
            found = await self._read(wanted)
        except (DBAPIError, *OUTAGES):
            return  # Whoever waits is told in time that it takes longer; the next look may succeed.
        for position, outcome in found.items():
            for decided in self._waiting.pop(position, []):
                if not decided.done():
                    decided.set_result(outcome)

    async def _read(self, wanted: list[Position]) -> dict[Position, Outcome]:
        places = [(one.dataset, one.position) for one in wanted]
        return await self._select(sa.tuple_(outcomes.c.dataset, outcomes.c.position).in_(places))

    async def _select(self, which: sa.ColumnElement[bool]) -> dict[Position, Outcome]:
        same = (outcomes.c.dataset == datasets.c.dataset) & (outcomes.c.generation == datasets.c.generation)
        names = ("code", "key", "version", "record", "detail")
        statement = sa.select(outcomes.c.dataset, outcomes.c.position, *(outcomes.c[name] for name in names))
        statement = statement.select_from(outcomes.join(datasets, same)).where(which)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return {Position(row[0], row[1]): Outcome(**dict(zip(names, row[2:], strict=True))) for row in rows}

    def _forget(self, position: Position, decided: asyncio.Future[Outcome]) -> None:
        waiting = self._waiting.get(position, [])
        if decided in waiting:
            waiting.remove(decided)
            if not waiting:
                self._waiting.pop(position, None)
