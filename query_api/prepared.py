"""Statements over asyncpg itself, each prepared once on a connection and one round trip; *read table* -> query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from query_api.snapshots import REPLACED, TIMEOUT_S
from shared.database import IDLE_S, LOST, POOL_WAIT_S, patience_s, session_timeouts
from shared.errors import Replaced

Row = asyncpg.Record

EACH_PLANNED, ONE_PLAN = "force_custom_plan", "force_generic_plan"
"""How a statement is planned: for the values of each execution, or once, where none of them changes the best plan."""


class _Clean(asyncpg.Connection):
    """Nothing of a session is ever changed here, so that nothing is to be reset before the next one has it."""

    def get_reset_query(self) -> str:
        """Of asyncpg: what is sent when a connection is given back."""
        return ""


class Prepared:
    """Pools of connections that cannot write, one for each way to plan; each is made with its first statement."""

    def __init__(
        self, url: str, timeout_s: float = TIMEOUT_S, *, name: str = "tablefold-query-api", size: int = 8
    ) -> None:
        self._url = url
        self._size = size
        self._timeout_s = timeout_s
        self._settings = {
            "application_name": name,
            "timezone": "UTC",
            "default_transaction_read_only": "on",
            **session_timeouts(timeout_s),
        }
        self._pools: dict[str, asyncpg.Pool[Row]] = {}
        self._making = asyncio.Lock()

    async def close(self) -> None:
        """End all connections."""
        for pool in self._pools.values():
            await pool.close()

    async def fetch(self, statement: str, *values: object, plans: str = ONE_PLAN) -> Sequence[Row]:
        """The rows of one statement, all of one moment.

        Asked a second time, on a new connection, where the one at hand was lost. Raises Replaced for tables that were
        just replaced, SQLAlchemy's TimeoutError where no connection is free for long, and what asyncpg raises.
        """
        pool = self._pools.get(plans) or await self._make(plans)
        try:
            return await _fetch(pool, statement, values)
        except TimeoutError:
            raise  # A PostgreSQL that does not answer does not either the second time.
        except LOST:
            await pool.expire_connections()
        return await _fetch(pool, statement, values)

    async def _make(self, plans: str) -> asyncpg.Pool[Row]:
        async with self._making:
            if plans not in self._pools:
                self._pools[plans] = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    max_inactive_connection_lifetime=IDLE_S,
                    max_cacheable_statement_size=0,  # Any: it names each column of each segment.
                    command_timeout=patience_s(self._timeout_s),
                    connection_class=_Clean,
                    server_settings={**self._settings, "plan_cache_mode": plans},
                )
            return self._pools[plans]


async def _fetch(pool: asyncpg.Pool[Row], statement: str, values: Sequence[object]) -> Sequence[Row]:
    try:
        async with asyncio.timeout(POOL_WAIT_S):  # asyncpg's own takes a task.
            connection = await pool.acquire()
    except TimeoutError as error:
        raise PoolTimeoutError(f"All connections are in use; waited for {POOL_WAIT_S} s.") from error
    try:
        return await connection.fetch(statement, *values)
    except LOST:
        connection.terminate()
        raise
    except asyncpg.PostgresError as error:
        if error.sqlstate in REPLACED:
            raise Replaced("The read tables were replaced while they were read; ask again.") from error
        raise
    finally:
        await pool.release(connection)
