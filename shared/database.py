"""Connections to PostgreSQL: SQLAlchemy engines for statements, asyncpg pools for COPY and LISTEN; an adapter."""

from __future__ import annotations

import time
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from shared.errors import Unavailable

OUTAGES = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""What asyncpg raises while PostgreSQL is away, starting or shutting down; InternalClientError where a connection is
used in the moment between PostgreSQL's last word on it and its end."""

OUTAGE_STATES = frozenset({"25P03", "53300", "57P01", "57P02", "57P03"})
"""SQLSTATEs, beside class 08, of a server that is full, starting or shutting down, or that gave up a session."""

POOL_WAIT_S = 5.0
"""How long a request waits for a connection before it is told to come back."""

CONNECT_S = 60.0
"""How long a server may take to let a connection in, at most."""

IDLE_S = 60
"""A process that stands still within a transaction for longer loses it, so that its locks hold up nobody."""

ASKED_AFTER_S = 10.0
"""A connection that nobody used for so long is asked whether it lives: what lies between may have forgotten it."""

RETURNED = "tablefold_returned_at"
"""Where a connection of a pool notes since when nobody uses it."""

NOT_DURABLE = "off"
"""The `synchronous_commit` of rows that commit with their checkpoint: a crash loses both, replay brings both back."""


def is_outage(error: Exception) -> bool:
    """Whether an error means that PostgreSQL or a connection to it is away, and not that a statement was wrong."""
    raised = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(raised, "sqlstate", None) or ""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    cause = getattr(raised, "__cause__", None)
    caused = isinstance(raised, (*OUTAGES, PoolTimeoutError)) or isinstance(cause, OUTAGES)
    return lost or caused or state.startswith("08") or state in OUTAGE_STATES


def make_engine(
    url: str, *, name: str, pool_size: int = 10, timeout_s: float | None = None, **settings: str
) -> AsyncEngine:
    """An engine whose connections show as `name` in pg_stat_activity; a dead connection is replaced before use.

    With `timeout_s` PostgreSQL ends a statement that takes longer; where it does not answer at all, twice as long and
    a second are waited for it. `settings` are PostgreSQL's, for each session. Its errors never tell the values of a
    statement: they are logged.
    """
    patience: dict[str, float] = {}
    if timeout_s is not None:
        settings = {**session_timeouts(timeout_s), **settings}
        patience = {"command_timeout": patience_s(timeout_s), "timeout": min(patience_s(timeout_s), CONNECT_S)}
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # Whoever has prepared a statement already is asked again.
        pool_timeout=POOL_WAIT_S,
        hide_parameters=True,
        connect_args={"server_settings": {"application_name": name, "timezone": "UTC", **settings}, **patience},
    )
    _replace_the_dead(engine)
    return engine


def session_timeouts(timeout_s: float) -> dict[str, str]:
    """The settings with which PostgreSQL itself ends a statement that takes longer, and a transaction that rests."""
    return {
        "statement_timeout": str(int(1000 * timeout_s)),
        "idle_in_transaction_session_timeout": str(1000 * IDLE_S),
    }


def patience_s(timeout_s: float) -> float:
    """How long a statement is waited for where PostgreSQL, which would have ended it, does not answer at all."""
    return 2 * timeout_s + 1


def each_alone(engine: AsyncEngine) -> AsyncEngine:
    """The same connections; each statement is a transaction of its own, and costs one way to PostgreSQL, not three."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _replace_the_dead(engine: AsyncEngine) -> None:
    """Give out no connection whose end was noticed; that costs nothing, as asking PostgreSQL each time would."""
    dialect = engine.sync_engine.dialect

    def note(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[RETURNED] = time.monotonic()

    def check(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        idle_s = time.monotonic() - entry.info.get(RETURNED, time.monotonic())
        try:
            alive = entry.driver_connection is not None and not entry.driver_connection.is_closed()
            if alive and idle_s > ASKED_AFTER_S:
                dialect.do_ping(connection)
        except (dialect.loaded_dbapi.Error, *OUTAGES) as error:
            raise DisconnectionError from error
        if not alive:
            raise DisconnectionError

    event.listen(engine.sync_engine, "checkin", note)
    event.listen(engine.sync_engine, "checkout", check)


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
