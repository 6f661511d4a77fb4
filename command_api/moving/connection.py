"""One connection to the event store, for reading or writing all of it; beside the flow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from shared.database import OUTAGES
from shared.errors import Unavailable

Connection: TypeAlias = "asyncpg.Connection[Any]"


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[Connection]:
    """Raises Unavailable whenever PostgreSQL is or goes away."""
    try:
        connection = await asyncpg.connect(
            database_url, server_settings={"application_name": "moving", "timezone": "UTC"}
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=1)
    except OUTAGES as error:
        raise Unavailable(f"PostgreSQL does not answer: {error}") from error
