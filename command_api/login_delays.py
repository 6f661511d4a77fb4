"""How soon somebody may try again to log in: later each time, and never not at all; *HTTP -> command*."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.errors import TooMany

FORGOTTEN_S: Final = 3600
"""Failures are forgotten when there was none for so long."""

TRY = text("""
    INSERT INTO store.login_failures AS f (subject, failures, failed_at) VALUES (:subject, 1, clock_timestamp())
    ON CONFLICT (subject) DO UPDATE
    SET failed_at = clock_timestamp(),
        failures = CASE WHEN f.failed_at < clock_timestamp() - make_interval(secs => :forgotten_s) THEN 1
                        ELSE f.failures + 1 END
    WHERE f.failed_at + make_interval(secs => CASE WHEN f.failures < :free THEN 0
        ELSE least(power(2, least(f.failures - :free, 20)), :most_s) END) <= clock_timestamp()
    RETURNING failures
""")

WAIT = text("""
    SELECT extract(epoch FROM failed_at - clock_timestamp())::float8
           + CASE WHEN failures < :free THEN 0 ELSE least(power(2, least(failures - :free, 20)), :most_s) END
    FROM store.login_failures WHERE subject = :subject
""")

SUCCEED = text("""
    UPDATE store.login_failures SET failures = CASE WHEN subject = :pair THEN 0 ELSE greatest(failures - 1, 0) END
    WHERE subject = ANY(:subjects)
""")

FORGET = text(
    "DELETE FROM store.login_failures WHERE failed_at < clock_timestamp() - make_interval(secs => :forgotten_s)"
)


class Delay(msgspec.Struct, frozen=True):
    """After `free` failures each try waits twice as long as the one before, from 1 s to `most_s`."""

    kind: str
    free: int
    most_s: int


DELAYS: Final = (Delay("pair", 5, 60), Delay("address", 100, 60), Delay("name", 100, 5))
"""For one name from one address, for all names from one address, for one name from everywhere.

The last is short: whoever tries a name from many addresses makes its owner wait for seconds, never locks him out.
"""


class LoginDelays:
    """Counts tries in the database, for all processes together."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, name: str, address: str) -> None:
        """Count a try as a failure, before it is known to be one; raises TooMany, and then it does not count."""
        wait_s = 0.0
        async with self._engine.connect() as connection:
            for delay, subject in zip(DELAYS, _subjects(name, address), strict=True):
                wait_s = max(wait_s, await _try(connection, delay, subject))
            if wait_s == 0:
                await connection.commit()
        if wait_s > 0:
            says = "There were too many tries to log in. Wait, then try again; nobody is locked out."
            raise TooMany(says, retry_after_s=max(1, math.ceil(wait_s)))

    async def succeed(self, name: str, address: str) -> None:
        """That try was none."""
        subjects = _subjects(name, address)
        async with self._engine.begin() as connection:
            await connection.execute(SUCCEED, {"pair": subjects[0], "subjects": list(subjects)})
            await connection.execute(FORGET, {"forgotten_s": FORGOTTEN_S})


async def _try(connection: AsyncConnection, delay: Delay, subject: str) -> float:
    """How many seconds are left to wait; 0 where the try may be made."""
    said = {"subject": subject, "free": delay.free, "most_s": delay.most_s}
    if (await connection.execute(TRY, {**said, "forgotten_s": FORGOTTEN_S})).one_or_none():
        return 0.0
    return max(0.01, float((await connection.execute(WAIT, said)).scalar_one()))


def _subjects(name: str, address: str) -> tuple[str, str, str]:
    return f"pair:{name}:{address}", f"address:{address}", f"name:{name}"
