"""Connections that stay at hand between statements; *read table* -> query.

To give one back to asyncpg's pool, and to take it from there again, costs as much as a short statement does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import asyncpg
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.database import IDLE_S, POOL_WAIT_S

Row = asyncpg.Record


class AtHand:
    """The connections of one pool, `size` of them at most; the one that was used last is given out first."""

    def __init__(self, pool: asyncpg.Pool[Row], size: int) -> None:
        self._pool = pool
        self._places = asyncio.Semaphore(size)
        self._free: list[tuple[float, asyncpg.pool.PoolConnectionProxy[Row]]] = []
        self._good: set[asyncpg.pool.PoolConnectionProxy[Row]] = set()  # Of those in use: not expired meanwhile.

    async def take(self) -> asyncpg.pool.PoolConnectionProxy[Row]:
        """A connection of one's own until it is given back; none that is known to have ended, or that rested for long.

        Raises SQLAlchemy's TimeoutError where none is free for long, and what asyncpg raises.
        """
        if not self._places.locked() and (connection := self._at_rest()) is not None:
            await self._places.acquire()  # At once.
        else:
            connection = await self._wait()
        self._good.add(connection)
        return connection

    async def _wait(self) -> asyncpg.pool.PoolConnectionProxy[Row]:
        try:
            async with asyncio.timeout(POOL_WAIT_S):
                await self._places.acquire()
                try:
                    return self._at_rest() or await self._pool.acquire()
                except BaseException:
                    self._places.release()
                    raise
        except TimeoutError as error:
            raise PoolTimeoutError(f"All connections are in use; waited for {POOL_WAIT_S} s.") from error

    async def give_back(self, connection: asyncpg.pool.PoolConnectionProxy[Row], *, at_rest: bool) -> None:
        """Let others have it, after some care where it may not be at rest."""
        try:
            is_good = connection in self._good
            self._good.discard(connection)
            if at_rest and is_good:
                self._free.append((time.monotonic(), connection))
            else:
                await self._pool.release(connection)
        finally:
            self._places.release()

    def _at_rest(self) -> asyncpg.pool.PoolConnectionProxy[Row] | None:
        while self._free:
            since, connection = self._free.pop()
            if time.monotonic() - since < IDLE_S and not _has_ended(connection):
                return connection
            end(connection)
        return None

    async def expire(self) -> None:
        """Give out none of those that are there by now any more, once they are given back."""
        self._good.clear()
        self._end_free()
        await self._pool.expire_connections()

    async def close(self) -> None:
        """End all, those in use as soon as they are given back."""
        self._good.clear()
        self._end_free()
        await self._pool.close()

    def _end_free(self) -> None:
        while self._free:
            end(self._free.pop()[1])


def end(connection: asyncpg.pool.PoolConnectionProxy[Row]) -> None:
    """Let its pool make another one in its place; that has already seen to it where it was told of the end."""
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.terminate()


def _has_ended(connection: asyncpg.pool.PoolConnectionProxy[Row]) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True
