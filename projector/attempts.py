"""Counts the attempts to load a chunk before they are made; log -> *projection*: chunk -> staging.

A chunk that ends its process leaves nothing behind but its count. Whoever takes it next does nothing beside it, so that
nobody else's attempts are counted when it does so again; after MOST it is not tried any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg

from shared.database import OUTAGES

MOST = 3
"""So many processes may end while they load the same chunk."""
GIVE_BACK_S = 2.0

OTHERS = """
    SELECT attempts - CASE WHEN tried_by = $5 THEN 1 ELSE 0 END AS attempts, first_row, rows FROM read.chunks
    WHERE (dataset, generation, upload, number) = ($1, $2, $3, $4) AND done_by IS NULL
"""

COUNT = """
    UPDATE read.chunks SET attempts = attempts + 1, tried_by = $5
    WHERE (dataset, generation, upload, number) = ($1, $2, $3, $4) AND done_by IS NULL AND tried_by IS DISTINCT FROM $5
"""

GIVE_BACK = """
    UPDATE read.chunks SET attempts = attempts - 1, tried_by = NULL
    WHERE (dataset, generation, upload, number) = ($1, $2, $3, $4) AND done_by IS NULL AND tried_by = $5
"""

Key = tuple[str, int, int, int]
"""Dataset, generation, upload and number of a chunk."""


class Deadly(Exception):
    """The chunk has ended too many processes; says which rows it has."""


class Attempts:
    """The attempts of one process."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._process = uuid4()
        self._turns = Turns()

    @asynccontextmanager
    async def counted(self, key: Key) -> AsyncIterator[None]:
        """Count an attempt, committed before it begins; whatever it raises was no such end, and takes it back.

        Raises Deadly in place of one attempt more than MOST.
        """
        chunk = await self._pool.fetchrow(OTHERS, *key, self._process)
        if chunk is not None and chunk["attempts"] >= MOST:
            first, last = chunk["first_row"], chunk["first_row"] + chunk["rows"] - 1
            says = f"Chunk {key[3]}, rows {first} to {last}, ended the process that loaded it {MOST} times"
            raise Deadly(f"{says}: nobody tries it again. Send the file without what is wrong with them.")
        async with self._turns.taken(alone=chunk is not None and chunk["attempts"] > 0):
            await self._pool.execute(COUNT, *key, self._process)
            try:
                yield
            except BaseException:
                await self._give_back(key)
                raise

    async def _give_back(self, key: Key) -> None:
        with contextlib.suppress(TimeoutError, asyncpg.PostgresError, *OUTAGES):  # Then it counts: so be it.
            async with asyncio.timeout(GIVE_BACK_S):
                await self._pool.execute(GIVE_BACK, *key, self._process)


class Turns:
    """Work that goes on side by side, and work that has nothing beside it."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._running = 0
        self._is_alone = False

    @asynccontextmanager
    async def taken(self, *, alone: bool) -> AsyncIterator[None]:
        """Wait until there is nothing that forbids it."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_alone and not (alone and self._running))
            self._running += 1
            self._is_alone = alone
        try:
            yield
        finally:
            async with self._changed:
                self._running -= 1
                self._is_alone = False
                self._changed.notify_all()
