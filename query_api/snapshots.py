"""One consistent look at the read tables, with the position that it shows; read table -> *query*."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.books import checkpoints, datasets, segments
from shared.database import make_engine
from shared.errors import Unavailable
from shared.read_tables import OPEN_SEGMENT

TIMEOUT_MS = 5000
"""A statement that takes longer is cancelled."""

REPLACED = frozenset({"42P01", "3F000"})
"""SQLSTATEs of a table or schema that is gone: its generation was dropped after we had looked which one is live."""

LIVE = (
    sa.select(
        sa.func.array_agg(segments.c.number).label("numbers"), sa.func.array_agg(segments.c.position).label("positions")
    )
    .where(segments.c.dataset == datasets.c.dataset, segments.c.generation == datasets.c.generation)
    .where(segments.c.ended_position.is_(None))
    .correlate(datasets)
    .lateral("live")
)

SERVED = (
    sa.select(
        datasets.c.generation,
        sa.func.coalesce(checkpoints.c.position, 0).label("position"),
        LIVE.c.numbers,
        LIVE.c.positions,
    )
    .select_from(
        datasets.outerjoin(
            checkpoints,
            (checkpoints.c.dataset == datasets.c.dataset) & (checkpoints.c.generation == datasets.c.generation),
        ).join(LIVE, sa.true())
    )
    .where(datasets.c.dataset == sa.bindparam("dataset"))
)

POSITIONS = sa.select(datasets.c.dataset, checkpoints.c.position).join(
    checkpoints, (checkpoints.c.dataset == datasets.c.dataset) & (checkpoints.c.generation == datasets.c.generation)
)
"""How far every dataset is folded, in what is served of it."""


class Served(msgspec.Struct, frozen=True):
    """What is served of a dataset: its generation, None where it has no read tables yet, and how far that is folded.

    Records are to be read from `segments` alone: PostgreSQL shows an attached partition even to snapshots older than
    the attaching, for which what that transaction deleted is still there. `since` is the position of each: the version
    of its records where they do not say another.
    """

    generation: int | None
    position: int
    since: dict[int, int]

    @property
    def segments(self) -> tuple[int, ...]:
        """The numbers of the live segments."""
        return tuple(self.since)

    def version(self, row: sa.RowMapping) -> int:
        """The position of the event that made this version of a record."""
        found: int | None = row["position"]
        return self.since[row["segment"]] if found is None else found


def make_reader(
    url: str, timeout_ms: int = TIMEOUT_MS, *, name: str = "tablefold-query-api", pool_size: int = 10, **settings: str
) -> AsyncEngine:
    """An engine that cannot write, whose transactions are snapshots and whose statements end in time."""
    engine = make_engine(
        url,
        name=name,
        pool_size=pool_size,
        statement_timeout=str(timeout_ms),
        default_transaction_read_only="on",
        plan_cache_mode="force_custom_plan",  # What a filter finds depends on its value too much for one plan.
        **settings,
    )
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection on which all statements see the same moment; raises Unavailable where tables were just replaced."""
    try:
        async with engine.connect() as connection:
            yield connection
    except (DBAPIError, asyncpg.PostgresError) as error:
        if getattr(getattr(error, "orig", error), "sqlstate", None) in REPLACED:
            raise Unavailable("The read tables were replaced while they were read; ask again.") from error
        raise


async def read_served(connection: AsyncConnection, dataset: str) -> Served:
    """What of a dataset this snapshot serves."""
    row = (await connection.execute(SERVED, {"dataset": dataset})).one_or_none()
    if row is None:
        return Served(None, 0, {OPEN_SEGMENT: 0})
    live = dict(zip(row.numbers or (), row.positions or (), strict=True))
    return Served(row.generation, row.position, live or {OPEN_SEGMENT: 0})
