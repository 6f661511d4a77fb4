"""One consistent look at the read tables, with the position that it shows; read table -> *query*."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.books import checkpoints, datasets
from shared.database import make_engine
from shared.errors import Replaced

TIMEOUT_S = 5.0
"""A statement that takes longer is cancelled."""

REPLACED = frozenset({"42P01", "3F000"})
"""SQLSTATEs of a table or schema that is gone: its generation was dropped after we had looked which one is live."""

POSITIONS = sa.select(datasets.c.dataset, checkpoints.c.position).join(
    checkpoints, (checkpoints.c.dataset == datasets.c.dataset) & (checkpoints.c.generation == datasets.c.generation)
)
"""How far every dataset is folded, in what is served of it."""


def make_reader(
    url: str, timeout_s: float = TIMEOUT_S, *, name: str = "tablefold-query-api", pool_size: int = 10, **settings: str
) -> AsyncEngine:
    """An engine that cannot write, whose transactions are snapshots and whose statements end in time."""
    engine = make_engine(
        url,
        name=name,
        pool_size=pool_size,
        timeout_s=timeout_s,
        default_transaction_read_only="on",
        plan_cache_mode="force_custom_plan",  # What a filter finds depends on its value too much for one plan.
        **settings,
    )
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection on which all statements see the same moment; raises Replaced where tables were just replaced."""
    try:
        async with engine.connect() as connection:
            yield connection
    except (DBAPIError, asyncpg.PostgresError) as error:
        if getattr(getattr(error, "orig", error), "sqlstate", None) in REPLACED:
            raise Replaced("The read tables were replaced while they were read; ask again.") from error
        raise
