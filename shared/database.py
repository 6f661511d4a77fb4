"""Connections to PostgreSQL: SQLAlchemy engines for statements, asyncpg pools for COPY and LISTEN; an adapter."""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.errors import Unavailable

OUTAGES = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""What asyncpg raises while PostgreSQL is away, starting or shutting down."""


POOL_WAIT_S = 5.0
"""How long a request waits for a connection before it is told to come back."""

NOT_DURABLE = "off"
"""The `synchronous_commit` of rows that commit with their checkpoint: a crash loses both, replay brings both back."""


def make_engine(url: str, *, name: str, pool_size: int = 10, **settings: str) -> AsyncEngine:
    """An engine whose connections show as `name` in pg_stat_activity; a dead connection is replaced before use.

    `settings` are PostgreSQL's, for each session.
    """
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=POOL_WAIT_S,
        connect_args={"server_settings": {"application_name": name, "timezone": "UTC", **settings}},
    )


async def make_pool(url: str, *, name: str, size: int = 4, **settings: str) -> asyncpg.Pool[Any]:
    """A pool for COPY and LISTEN; `settings` are PostgreSQL's, for each session. Raises Unavailable."""
    try:
        return await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size,
            server_settings={"application_name": name, "timezone": "UTC", **settings},
        )
    except OUTAGES as error:
        raise Unavailable(f"PostgreSQL does not answer: {error}") from error
