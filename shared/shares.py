"""How often somebody may call, counted for all processes together; beside the flow.

A process takes a hundredth of a limit at once and spends it by itself, so that a call seldom costs a statement. In any
window all processes together let through at most the limit, and one share more for each process; of limits of up to a
hundred calls a share is one call, and the limit is exact.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Final

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import OUTAGES, is_outage

SHARES: Final = 100
"""A limit has at most so many shares."""

PATIENCE_S: Final = 5.0
"""How long a call waits for a share; then, and while the database is away, calls are not counted."""

AWAY_S: Final = 5.0
"""How long nobody asks a database that did not answer."""

MOST_KEPT: Final = 10_000

TAKE = text("""
    INSERT INTO limits.shares AS s (subject, policy, taken_at) VALUES (:subject, :policy, ARRAY[clock_timestamp()])
    ON CONFLICT (subject, policy) DO UPDATE SET taken_at = array_append(ARRAY(
        SELECT one FROM unnest(s.taken_at) AS one WHERE one > clock_timestamp() - make_interval(secs => :window_s)
    ), clock_timestamp())
    WHERE (
        SELECT count(*) FROM unnest(s.taken_at) AS one WHERE one > clock_timestamp() - make_interval(secs => :window_s)
    ) < :shares
    RETURNING cardinality(taken_at) AS taken,
              extract(epoch FROM taken_at[1] - clock_timestamp())::float8 + :window_s AS more_in_s
""")

WAIT = text("""
    SELECT extract(epoch FROM min(one) - clock_timestamp())::float8 + :window_s
    FROM limits.shares AS s, unnest(s.taken_at) AS one
    WHERE subject = :subject AND policy = :policy AND one > clock_timestamp() - make_interval(secs => :window_s)
""")

FORGET = text("DELETE FROM limits.shares WHERE taken_at[cardinality(taken_at)] < now() - interval '1 day'")


class Limit(msgspec.Struct, frozen=True):
    """At most `calls` in any `window_s` seconds, from 1 to 86,400."""

    calls: int
    window_s: int

    @property
    def share(self) -> int:
        """How many calls a process takes at once."""
        return -(-self.calls // SHARES)

    @property
    def shares(self) -> int:
        """How many there are in a window."""
        return -(-self.calls // self.share)


class Left(msgspec.Struct, frozen=True):
    """Whether a call may be made, how many more may, and in how many seconds, from 1, further ones come."""

    allowed: bool
    calls: int
    more_in_s: int


class Shares:
    """Spends what this process has taken, and takes more where that is spent."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._budgets: dict[tuple[str, str], _Budget] = {}
        self._asks_again_at = 0.0

    async def spend(self, subject: str, policy: str, limit: Limit) -> Left:
        """Spend one call of a subject under a policy."""
        budget = self._budget(subject, policy)
        if (left := budget.spend()) is not None:
            return left
        async with budget.taking:
            while (left := budget.spend()) is None:
                if not await self._take(budget, {"subject": subject, "policy": policy}, limit):
                    return Left(True, 0, 1)
        return left

    async def forget(self) -> None:
        """Remove who has not called for a day."""
        async with self._engine.begin() as connection:
            await connection.execute(FORGET)

    def _budget(self, subject: str, policy: str) -> _Budget:
        name = (subject, policy)
        if name not in self._budgets:
            if len(self._budgets) >= MOST_KEPT:
                self._budgets.clear()  # What was taken is lost to them, nothing is won.
            self._budgets[name] = _Budget()
        return self._budgets[name]

    async def _take(self, budget: _Budget, whose: dict[str, str], limit: Limit) -> bool:
        """A share for the budget, or how long it has to wait; False, and neither, while the database is away."""
        if time.monotonic() < self._asks_again_at:
            return False
        said = {**whose, "window_s": limit.window_s}
        try:
            async with asyncio.timeout(PATIENCE_S), self._engine.begin() as connection:
                row = (await connection.execute(TAKE, {**said, "shares": limit.shares})).one_or_none()
                wait_s = None if row else float((await connection.execute(WAIT, said)).scalar_one() or 0)
        except (DBAPIError, PoolTimeoutError, *OUTAGES) as error:
            if not is_outage(error):
                raise
            self._asks_again_at = time.monotonic() + AWAY_S
            return False
        if row is None:
            budget.wait(wait_s or 0)
        else:  # Only now: whoever waits for nothing would spend it while it is being committed.
            budget.add(limit, int(row.taken), float(row.more_in_s))
        return True


class _Budget:
    """What is left of a share; times are of the monotonic clock."""

    def __init__(self) -> None:
        self.taking = asyncio.Lock()
        self._calls = 0
        self._others = 0
        self._lapses_at = 0.0
        self._more_at = 0.0
        self._waits = False

    def spend(self) -> Left | None:
        """What is left after one call more, or None where another share is to be asked for."""
        now = time.monotonic()
        more_in_s = max(1, math.ceil(self._more_at - now))
        if self._calls and now < self._lapses_at:
            self._calls -= 1
            return Left(True, self._others + self._calls, more_in_s)
        return Left(False, 0, more_in_s) if self._waits and now < self._more_at else None

    def add(self, limit: Limit, taken: int, more_in_s: float) -> None:
        """A share, when `taken` of them are taken."""
        before = limit.share * (taken - 1)
        now = time.monotonic()
        self._calls = min(limit.share, limit.calls - before)
        self._others = limit.calls - before - self._calls
        self._lapses_at, self._more_at, self._waits = now + limit.window_s, now + more_in_s, False

    def wait(self, more_in_s: float) -> None:
        """There is no share before that."""
        self._more_at, self._waits = time.monotonic() + more_in_s, True
