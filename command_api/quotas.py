"""How many bytes somebody may send in a day of UTC, counted for all processes together; *HTTP -> command*.

What is announced is counted before anything is read or stored, the rest piece by piece while it comes; what was not
kept in the end is given back. A crash in between gives nothing back for that day.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.auth.callers import Caller
from shared.database import OUTAGES
from shared.errors import OverQuota, TooLarge
from shared.http.problems import AnyRequest

STEP_BYTES: Final = 16 * 1024**2
"""So much is counted at once of a body that does not announce its length."""

COUNT = text("""
    WITH quota AS (
        SELECT coalesce((SELECT upload_bytes_per_day FROM store.users WHERE user_id = :user), :usual) AS size_bytes
    )
    INSERT INTO limits.uploaded AS u (user_id, day, size_bytes)
    SELECT :user, coalesce(CAST(:day AS date), (clock_timestamp() AT TIME ZONE 'UTC')::date), :more
    FROM quota WHERE :more <= quota.size_bytes
    ON CONFLICT (user_id, day) DO UPDATE SET size_bytes = u.size_bytes + excluded.size_bytes
    WHERE u.size_bytes + excluded.size_bytes <= (SELECT size_bytes FROM quota)
    RETURNING day
""")

GIVE_BACK = text("UPDATE limits.uploaded SET size_bytes = size_bytes - :less WHERE user_id = :user AND day = :day")

LEFT = text("""
    SELECT coalesce(s.upload_bytes_per_day, :usual) AS quota_bytes, coalesce(u.size_bytes, 0) AS used_bytes,
           extract(epoch FROM now.utc::date + interval '1 day' - now.utc)::float8 AS tomorrow_in_s
    FROM store.users AS s CROSS JOIN (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS utc) AS now
    LEFT JOIN limits.uploaded AS u ON u.user_id = s.user_id AND u.day = coalesce(CAST(:day AS date), now.utc::date)
    WHERE s.user_id = :user
""")

FORGET = text("DELETE FROM limits.uploaded WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - 1")


class Meter:
    """Counts one body; whoever holds it says `keep` once the file is in the log."""

    def __init__(self, engine: AsyncEngine, usual_bytes: int, caller: Caller) -> None:
        self._engine = engine
        self._usual_bytes = usual_bytes
        self._user = caller.user_id
        self._day: date | None = None
        self._counted_bytes = 0
        self._received_bytes = 0
        self._kept = False

    async def announce(self, size_bytes: int) -> None:
        """Count a whole body; raises OverQuota, or TooLarge where it would be too much on any day."""
        if size_bytes and not await self._count(size_bytes):
            await self._refuse(size_bytes)

    async def metered(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same body, counted as far as that was not done; raises like `announce`."""
        async for block in body:
            self._received_bytes += len(block)
            missing = self._received_bytes - self._counted_bytes
            if missing > 0 and not (await self._count(max(STEP_BYTES, missing)) or await self._count(missing)):
                await self._refuse(missing)
            yield block

    def keep(self) -> None:
        """What was received stays."""
        self._kept = True

    async def settle(self) -> None:
        """Give back what was counted and not kept; where the database is away, that stays counted."""
        too_much = self._counted_bytes - (self._received_bytes if self._kept else 0)
        if too_much:
            with contextlib.suppress(DBAPIError, *OUTAGES):
                async with self._engine.begin() as connection:
                    said = {"user": self._user, "day": self._day, "less": too_much}
                    await connection.execute(GIVE_BACK, said)

    async def _count(self, more_bytes: int) -> bool:
        """The day is that on which the body begins."""
        said = {"user": self._user, "day": self._day, "more": more_bytes, "usual": self._usual_bytes}
        async with self._engine.begin() as connection:
            day: date | None = (await connection.execute(COUNT, said)).scalar_one_or_none()
        if day is None:
            return False
        self._day = day
        self._counted_bytes += more_bytes
        return True

    async def _refuse(self, more_bytes: int) -> None:
        async with self._engine.connect() as connection:
            said = {"user": self._user, "day": self._day, "usual": self._usual_bytes}
            left = (await connection.execute(LEFT, said)).one()
        if max(more_bytes, self._received_bytes) > left.quota_bytes:
            says = f"The body is longer than the {left.quota_bytes} bytes that you may send in a day."
            raise TooLarge("format-error", f"{says} Ask an administrator for more.")
        raise OverQuota(left.quota_bytes, left.used_bytes, int(left.tomorrow_in_s) + 1)


class Quotas:
    """Counts what everybody sends; `bytes_per_day` is for whom nothing else is said."""

    def __init__(self, engine: AsyncEngine, bytes_per_day: int) -> None:
        self._engine = engine
        self._bytes_per_day = bytes_per_day

    @contextlib.asynccontextmanager
    async def counted(self, caller: Caller, request: AnyRequest) -> AsyncIterator[Meter]:
        """A meter for the body of a request, settled when the block ends; raises like `announce`."""
        meter = Meter(self._engine, self._bytes_per_day, caller)
        announced = request.headers.get("content-length", "")
        await meter.announce(int(announced) if announced.isascii() and announced.isdigit() else 0)
        try:
            yield meter
        finally:
            await asyncio.shield(meter.settle())

    async def forget(self) -> None:
        """Remove days that are over."""
        async with self._engine.begin() as connection:
            await connection.execute(FORGET)
