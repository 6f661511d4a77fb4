"""Notes beside a checkpoint how far its log goes, for those who read no log; log -> *projection* -> read table."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database import each_alone

NOTE_S = 1.0
"""How often the owner of a lane looks how far the log goes."""

NOTE = text("""
    WITH log AS (SELECT coalesce((SELECT position FROM store.heads WHERE dataset = :dataset), 0) AS head)
    UPDATE read.checkpoints AS checkpoint SET head = log.head, head_seen_at = clock_timestamp(), waiting_since = (
        SELECT recorded_at FROM store.events WHERE dataset = :dataset AND position = checkpoint.position + 1
    )
    FROM log
    WHERE checkpoint.dataset = :dataset AND checkpoint.generation = :generation AND checkpoint.epoch = :epoch AND (
        checkpoint.head IS DISTINCT FROM log.head OR waiting_since IS NOT NULL OR log.head > checkpoint.position
        OR head_seen_at < clock_timestamp() - interval '3 seconds'
    )
""")
"""Where nothing has changed, one write in three seconds says that the head is still known."""


async def note_head(connection: AsyncConnection, dataset: str, generation: int, epoch: int) -> None:
    """Write down the last position of the store, and when the first event that is not folded was recorded."""
    await connection.execute(NOTE, {"dataset": dataset, "generation": generation, "epoch": epoch})


async def keep_noting(engine: AsyncEngine, dataset: str, generation: int, epoch: int) -> None:
    """Until cancelled; changes nothing once the lane has a newer owner."""
    alone = each_alone(engine)
    while True:
        await asyncio.sleep(NOTE_S)
        async with alone.connect() as connection:
            await note_head(connection, dataset, generation, epoch)
