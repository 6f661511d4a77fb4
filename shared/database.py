"""Connections to PostgreSQL: SQLAlchemy engines for statements, asyncpg pools for COPY and LISTEN; an adapter."""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.errors import Unavailable

OUTAGES = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError)
"""What asyncpg raises while PostgreSQL is away, starting or shutting down."""


def make_engine(url: str, *, name: str, pool_size: int = 10, durable: bool = True) -> AsyncEngine:
    """An engine whose connections show as `name` in pg_stat_activity; a dead connection is replaced before use.

    `durable=False` is for rows that commit with their checkpoint: a crash may lose both, and replay brings both back.
    """
    settings = {"application_name": name, "timezone": "UTC", "synchronous_commit": "on" if durable else "off"}
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"server_settings": settings},
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
