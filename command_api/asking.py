"""Writes what people ask projectors to build, and what they take back; *command*, beside the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.errors import BadParameter, Conflict, NotFound

ASK = text("""
    INSERT INTO store.rebuilds (id, dataset, purpose, name, until_position, restores, accept_differences, asked_by)
    VALUES (:id, :dataset, :purpose, :name, :until_position, :restores, :accept_differences, :asked_by)
    ON CONFLICT (id) DO NOTHING
""")

HEAD = text("SELECT coalesce(max(position), 0) FROM store.heads WHERE dataset = :dataset")

LAST_BEFORE = text("""
    SELECT min(position) - 1 FROM store.events WHERE dataset = :dataset AND recorded_at >= :time
""")

CANCEL = text("""
    UPDATE store.rebuilds SET cancelled_at = coalesce(cancelled_at, clock_timestamp()),
        cancelled_by = coalesce(cancelled_by, :actor)
    WHERE id = :id AND dataset = :dataset RETURNING purpose
""")

STATE = text("""
    SELECT made.state, made.rebuild_id, made.replaced, old.state AS replaced_state,
        old.dropped_at AS replaced_dropped_at
    FROM store.rebuilds AS asked
    LEFT JOIN read.rebuilds AS taken USING (id)
    LEFT JOIN read.generations AS made ON (made.dataset, made.generation) = (taken.dataset, taken.generation)
    LEFT JOIN read.generations AS old ON (old.dataset, old.generation) = (made.dataset, made.replaced)
    WHERE asked.id = :id AND asked.dataset = :dataset
""")

ENDED = {
    "live": "It is served. Take it back with POST .../restore.",
    "retired": "It was served, and another generation took its place.",
    "verified": "It is over: nothing differs.",
    "differs": "It is over: something differs.",
    "failed": "It is over: it has failed.",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for; `restores` is the rebuild that is to be taken back."""

    id: UUID
    dataset: str
    purpose: str
    asked_by: str
    name: str | None = None
    until_position: int | None = None
    restores: UUID | None = None
    accept_differences: bool = False


class Rebuilds:
    """What is asked for stands when these return; `announce` wakes the projectors."""

    def __init__(self, engine: AsyncEngine, announce: Callable[[], None]) -> None:
        self._engine = engine
        self._announce = announce

    async def ask(self, asked: Asked, until: int | datetime | None) -> Asked:
        """Keep a request; the same id again is the same request. Raises Conflict, NotFound or BadParameter."""
        async with self._engine.begin() as connection:
            if asked.purpose == "as-of":
                asked = msgspec.structs.replace(asked, until_position=await _position(connection, asked.dataset, until))
            if asked.restores is not None:
                await _check_restore(connection, asked.dataset, asked.restores)
            try:
                await connection.execute(ASK, msgspec.structs.asdict(asked))
            except IntegrityError:
                says = f"There is {asked.name!r} already: drop it first (DELETE), or choose another name."
                raise Conflict(says) from None
        self._announce()
        return asked

    async def cancel(self, dataset: str, rebuild_id: UUID, actor: str) -> None:
        """Call it off unless it is over; an as-of generation is dropped. Raises NotFound or Conflict."""
        of = {"dataset": dataset, "id": rebuild_id}
        async with self._engine.begin() as connection:
            if (await connection.execute(CANCEL, {**of, "actor": actor})).first() is None:
                raise _missing(dataset, rebuild_id)
            # A flip holds the row that was just written: either it was earlier, or it finds this.
            row = (await connection.execute(STATE, of)).one()
            if row.state in ENDED and row.rebuild_id == rebuild_id:
                raise Conflict(ENDED[row.state])
        self._announce()


async def _position(connection: AsyncConnection, dataset: str, until: int | datetime | None) -> int:
    """The last position that is meant: of a time, of all that was recorded before it."""
    head = int((await connection.execute(HEAD, {"dataset": dataset})).scalar_one())
    if until is None:
        return head
    if isinstance(until, datetime):
        found = (await connection.execute(LAST_BEFORE, {"dataset": dataset, "time": until})).scalar_one()
        return head if found is None else int(found)
    if until > head:
        raise BadParameter("until", f"until: the log of {dataset} ends at {head}.")
    return until


async def _check_restore(connection: AsyncConnection, dataset: str, rebuild_id: UUID) -> None:
    row = (await connection.execute(STATE, {"dataset": dataset, "id": rebuild_id})).one_or_none()
    if row is None:
        raise _missing(dataset, rebuild_id)
    if row.state != "live" or row.replaced_state != "retired" or row.replaced_dropped_at is not None:
        raise Conflict(
            "There is nothing to take back: it is not what is served, or what it replaced is dropped already."
        )


def _missing(dataset: str, rebuild_id: UUID) -> NotFound:
    return NotFound(f"There is no rebuild {rebuild_id} of {dataset}; GET /datasets/{dataset}/rebuilds lists them.")
