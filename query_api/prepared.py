"""Statements over asyncpg itself, each prepared once on a connection and one round trip; *read table* -> query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from query_api.snapshots import REPLACED, TIMEOUT_S
from shared.database import IDLE_S, OUTAGES, POOL_WAIT_S
from shared.errors import Unavailable

Row = asyncpg.Record


class _Clean(asyncpg.Connection):
    """Nothing of a session is ever changed here, so that nothing is to be reset before the next one has it."""

    def get_reset_query(self) -> str:
        """Of asyncpg: what is sent when a connection is given back."""
        return ""


class Prepared:
    """A pool of connections that cannot write; it is made with the first statement. `settings` are PostgreSQL's."""

    def __init__(
        self,
        url: str,
        timeout_s: float = TIMEOUT_S,
        *,
        name: str = "tablefold-query-api",
        size: int = 10,
        **settings: str,
    ) -> None:
        self._url = url
        self._size = size
        self._timeout_s = timeout_s
        self._settings = {
            "application_name": name,
            "timezone": "UTC",
            "default_transaction_read_only": "on",
            "statement_timeout": str(int(1000 * timeout_s)),
            "idle_in_transaction_session_timeout": str(1000 * IDLE_S),
            **settings,
        }
        self._pool: asyncpg.Pool[Row] | None = None
        self._making = asyncio.Lock()

    async def close(self) -> None:
        """End all connections."""
        if self._pool is not None:
            await self._pool.close()

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """The rows of one statement, all of one moment.

        Asked a second time where the connection was lost. Raises Unavailable for tables that were just replaced, and
        what asyncpg raises.
        """
        pool = self._pool or await self._make()
        for again in (True, False):
            try:
                async with pool.acquire(timeout=POOL_WAIT_S) as connection:
                    return await connection.fetch(statement, *values)
            except OUTAGES:
                if not again:
                    raise
            except asyncpg.PostgresError as error:
                if error.sqlstate in REPLACED:
                    raise Unavailable("The read tables were replaced while they were read; ask again.") from error
                raise
        raise AssertionError("The second time returns or raises.")

    async def _make(self) -> asyncpg.Pool[Row]:
        async with self._making:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    command_timeout=2 * self._timeout_s + 1,
                    connection_class=_Clean,
                    server_settings=self._settings,
                )
            return self._pool
