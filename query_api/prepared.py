"""Statements over asyncpg itself, each prepared once on a connection and one round trip; *read table* -> query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from query_api.at_hand import AtHand, Row, end
from query_api.snapshots import REPLACED, TIMEOUT_S
from shared.database import OUTAGES, patience_s, session_timeouts
from shared.errors import Replaced

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
        self, url: str, timeout_s: float = TIMEOUT_S, *, name: str = "tablefold-query-api", size: int = 10
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
        self._pools: dict[str, AtHand] = {}
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
        except OUTAGES:
            await pool.expire()
        return await _fetch(pool, statement, values)

    async def _make(self, plans: str) -> AtHand:
        async with self._making:
            if plans not in self._pools:
                pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    max_cacheable_statement_size=0,  # Any: it names each column of each segment.
                    command_timeout=patience_s(self._timeout_s),
                    connection_class=_Clean,
                    server_settings={**self._settings, "plan_cache_mode": plans},
                )
                self._pools[plans] = AtHand(pool, self._size)
            return self._pools[plans]


async def _fetch(connections: AtHand, statement: str, values: Sequence[object]) -> Sequence[Row]:
    connection = await connections.take()
    at_rest = False
    try:
        found = await connection.fetch(statement, *values)
        at_rest = True
        return found
    except OUTAGES:
        end(connection)
        raise
    except asyncpg.PostgresError as error:
        if error.sqlstate in REPLACED:
            raise Replaced("The read tables were replaced while they were read; ask again.") from error
        raise
    finally:
        await connections.give_back(connection, at_rest=at_rest)
