"""Another generation is served, by one row; *projection* -> read table -> query.

While the lane of what is served is held, its checkpoint cannot move: both generations are at one position then. Readers
take no part in it: each snapshot of theirs has the one generation or the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.errors import Fenced

SERVED = text("""
    SELECT live.generation, checkpoint.position, coalesce(head.position, 0) AS head
    FROM read.datasets AS live JOIN read.checkpoints AS checkpoint USING (dataset, generation)
        LEFT JOIN store.heads AS head USING (dataset)
    WHERE live.dataset = :dataset
""")

LOCK_SERVED = text("SELECT generation FROM read.datasets WHERE dataset = :dataset FOR UPDATE")

HOLD = text("""
    SELECT position FROM read.checkpoints WHERE dataset = :dataset AND generation = :generation FOR UPDATE
""")

IS_CANCELLED = text("SELECT cancelled_at IS NOT NULL FROM store.rebuilds WHERE id = :id FOR UPDATE")

FENCE_BUILDER = text("""
    UPDATE read.checkpoints SET epoch = epoch + 1
    WHERE dataset = :dataset AND generation = :new AND position = :position AND epoch = :epoch
""")

FENCE_OWNER = text("""
    UPDATE read.checkpoints SET epoch = epoch + 1 WHERE dataset = :dataset AND generation = :old
""")

SERVE = text("UPDATE read.datasets SET generation = :new WHERE dataset = :dataset AND generation = :old")

LIVE = text("""
    UPDATE read.generations SET state = 'live', replaced = :old, left_s = 0, retired_at = NULL,
        ended_at = clock_timestamp()
    WHERE dataset = :dataset AND generation = :new AND state = 'building'
""")

RETIRE = text("""
    UPDATE read.generations SET state = 'retired', retired_at = clock_timestamp()
    WHERE dataset = :dataset AND generation = :old
""")

FREE_LEASE = text("""
    INSERT INTO read.leases AS lease (name, owner, epoch, expires_at)
    SELECT :lease, '', epoch, '-infinity' FROM read.checkpoints WHERE dataset = :dataset AND generation = :generation
    ON CONFLICT (name) DO UPDATE SET epoch = greatest(lease.epoch, excluded.epoch), expires_at = '-infinity'
""")


class Held(msgspec.Struct, frozen=True):
    """What is served of a dataset, and stays where it is until the transaction of `connection` is over."""

    connection: AsyncConnection
    generation: int
    position: int


class Cancelled(Exception):
    """The rebuild was called off at the last moment: nothing has changed."""


def lane_of(dataset: str, generation: int | None = None) -> str:
    """The name of the lease of a lane: of what is served, or of a generation that is being built."""
    return f"lane:{dataset}" if generation is None else f"lane:{dataset}:{generation}"


class Served(msgspec.Struct, frozen=True):
    """The generation of a dataset that is served, how far it is, and how far the log."""

    generation: int
    position: int
    head: int


async def served(engine: AsyncEngine, dataset: str) -> Served:
    """What is served right now."""
    async with engine.connect() as connection:
        row = (await connection.execute(SERVED, {"dataset": dataset})).one()
        return Served(row.generation, row.position, row.head)


@asynccontextmanager
async def holding(engine: AsyncEngine, dataset: str) -> AsyncIterator[Held]:
    """Keep what is served of a dataset at its position; nobody else can flip it meanwhile."""
    async with engine.begin() as connection:
        generation = (await connection.execute(LOCK_SERVED, {"dataset": dataset})).scalar_one()
        of = {"dataset": dataset, "generation": generation}
        position = (await connection.execute(HOLD, of)).scalar_one()
        yield Held(connection, generation, position)


async def flip(held: Held, dataset: str, generation: int, epoch: int, rebuild_id: object) -> None:
    """Serve another generation from the commit on; both lanes lose their owners, and find new ones.

    Epochs of a checkpoint only ever grow, whichever lease they come from: an owner who sleeps through all this finds
    none that is his. Raises Cancelled, or Fenced where the builder is not who it thinks it is.
    """
    connection, of = held.connection, {"dataset": dataset, "old": held.generation, "new": generation}
    if (await connection.execute(IS_CANCELLED, {"id": rebuild_id})).scalar_one():
        raise Cancelled
    fenced = await connection.execute(FENCE_BUILDER, {**of, "position": held.position, "epoch": epoch})
    if fenced.rowcount != 1:
        raise Fenced(f"Generation {generation} of {dataset} has a newer owner.")
    await connection.execute(FENCE_OWNER, of)
    for statement in (SERVE, LIVE, RETIRE):
        if (await connection.execute(statement, of)).rowcount != 1:
            raise Fenced(f"Generation {generation} of {dataset} is not the one to be served any more.")
    for lease, number in ((lane_of(dataset), generation), (lane_of(dataset, held.generation), held.generation)):
        await connection.execute(FREE_LEASE, {"lease": lease, "dataset": dataset, "generation": number})
