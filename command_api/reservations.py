"""Long requests that came with an idempotency key, while they run; *HTTP -> command*.

A reservation that is not renewed expires, so that a crash frees its key. It only spares work: which of two requests
with one key counts is decided where the event is appended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import OUTAGES
from shared.errors import StillRunning

RESERVE = text("""
    INSERT INTO store.reservations AS reservation (claim, owner, expires_at)
    VALUES (:claim, :owner, clock_timestamp() + make_interval(secs => :life_s))
    ON CONFLICT (claim) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
    WHERE reservation.expires_at < clock_timestamp()
    RETURNING claim
""")

RENEW = text("""
    UPDATE store.reservations SET expires_at = clock_timestamp() + make_interval(secs => :life_s)
    WHERE claim = :claim AND owner = :owner
""")

RELEASE = text("DELETE FROM store.reservations WHERE claim = :claim AND owner = :owner")

FORGET = text("DELETE FROM store.reservations WHERE expires_at < clock_timestamp() - interval '1 day'")

LIFE_S = 30.0


class Reservations:
    """Reserves keys for requests of this process; `life_s` is how long a reservation lives without being renewed."""

    def __init__(self, engine: AsyncEngine, life_s: float = LIFE_S) -> None:
        self._engine = engine
        self._life_s = life_s

    @contextlib.asynccontextmanager
    async def held(self, claim: str | None) -> AsyncIterator[None]:
        """Hold a key, if there is one, while the block runs; raises StillRunning while another request has it."""
        if claim is None:
            yield
            return
        owner = uuid4()
        await self._reserve(claim, owner)
        renewing = asyncio.create_task(self._keep(claim, owner))
        try:
            yield
        finally:
            renewing.cancel()
            with contextlib.suppress(DBAPIError, *OUTAGES):  # It expires by itself, too.
                await asyncio.shield(self._release(claim, owner))

    async def _reserve(self, claim: str, owner: UUID) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(FORGET)
            values = {"claim": claim, "owner": owner, "life_s": self._life_s}
            if (await connection.execute(RESERVE, values)).scalar_one_or_none() is None:
                says = "A request with this Idempotency-Key is still being received. Ask again when it has its answer."
                raise StillRunning(says)

    async def _keep(self, claim: str, owner: UUID) -> None:
        while True:
            await asyncio.sleep(self._life_s / 3)
            with contextlib.suppress(DBAPIError, *OUTAGES):  # The next time may be in time.
                async with self._engine.begin() as connection:
                    await connection.execute(RENEW, {"claim": claim, "owner": owner, "life_s": self._life_s})

    async def _release(self, claim: str, owner: UUID) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(RELEASE, {"claim": claim, "owner": owner})
