"""Signs of life, and what is done about those who give none; beside the flow.

A projector that stands still (stopped, swapped out, cut off) may do so within a transaction, or holding the lock under
which an upload is finished: its sessions stay, and so do their locks. So the others end its sessions in PostgreSQL when
it has given no sign of life for the life of a lease and STILL_S. Should it go on later, its connections are closed,
as after a restart of PostgreSQL, and what it had not committed was never done.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import OUTAGES, each_alone

logger = logging.getLogger(__name__)

SIGN_OF_LIFE_S = 3.0
STILL_S = 10.0
"""Who gives no sign of life for so long, and for the life of a lease, stands still."""

LIFE: Final = "tablefold-projector-life"
LANES: Final = "tablefold-projector"
STORE: Final = "tablefold-projector-store"
REBUILDS: Final = "tablefold-projector-rebuild"
COMPACTION: Final = "tablefold-projector-compaction"
LOADS: Final = "tablefold-loader"
SESSIONS: Final = (LIFE, LANES, STORE, REBUILDS, COMPACTION, LOADS)
"""What a projector is called in `pg_stat_activity`, before its name."""

SEEN = text("""
    INSERT INTO read.projectors (name, seen_at) VALUES (:name, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at
""")

GONE = text("DELETE FROM read.projectors WHERE name = :name OR seen_at < clock_timestamp() - interval '1 hour'")

END_SESSIONS = text("""
    SELECT count(pg_terminate_backend(session.pid)), string_agg(DISTINCT still.name, ' ')
    FROM read.projectors AS still CROSS JOIN unnest(CAST(:sessions AS text[])) AS kind
    JOIN pg_stat_activity AS session
        ON session.application_name = kind || '-' || still.name AND session.datname = current_database()
    WHERE still.seen_at < clock_timestamp() - CAST(:still_s AS double precision) * interval '1 s'
        AND still.name <> :name
""")


def called(kind: str, name: str) -> str:
    """What the sessions of one projector are called."""
    return f"{kind}-{name}"


async def show_life(engine: AsyncEngine, name: str, lease_s: float) -> None:
    """Say again and again that this projector lives, and end the sessions of those that do not say so any more.

    On connections of its own, so that no crowd of lanes keeps it from that.
    """
    alone = each_alone(engine)
    while True:
        try:
            async with alone.connect() as connection:
                await connection.execute(SEEN, {"name": name})
            await end_sessions(alone, name, max(lease_s, STILL_S))
        except (DBAPIError, PoolTimeoutError, *OUTAGES) as error:
            logger.warning("action=database-away error=%r", error)
        await asyncio.sleep(min(SIGN_OF_LIFE_S, lease_s / 3))


async def end_sessions(engine: AsyncEngine, name: str, still_s: float) -> int:
    """End the sessions of other projectors that have given no sign of life for that long; how many."""
    asked = {"name": name, "still_s": still_s, "sessions": list(SESSIONS)}
    async with engine.connect() as connection:
        ended, names = (await connection.execute(END_SESSIONS, asked)).one()
    if ended:
        logger.warning("action=sessions-ended projectors=%r sessions=%d", names, ended)
    return int(ended)
