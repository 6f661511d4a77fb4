"""Lanes are shared evenly among the projectors that live; beside the flow, by PostgreSQL's clock alone.

Every projector asks for the same figures and comes to the same answer: with `n` projectors and `l` lanes each is to own
`l / n` of them, and the first `l % n` by name one more. Who has too many lets go as long as somebody else has too few;
who has enough takes none as long as somebody else has too few. A projector that gives no sign of life counts no more.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import each_alone
from shared.errors import Fenced

LOOKS_PER_LEASE = 5
"""How often, in the life of a lease, a projector looks whether a lane is free or to be let go."""
KNOWN_LOOKS = 0.5
"""For how long, in pauses between looks, all lanes of a projector go by what one of them has seen."""

OWNED = text("""
    SELECT projector.name, array_remove(array_agg(lease.name ORDER BY lease.name), NULL)
    FROM (
        SELECT name FROM read.projectors
        WHERE seen_at > clock_timestamp() - CAST(:lease_s AS double precision) * interval '1 s'
        UNION SELECT :own
    ) AS projector
    LEFT JOIN read.leases AS lease
        ON lease.owner = projector.name AND lease.expires_at >= clock_timestamp() AND lease.name = ANY(:lanes)
    GROUP BY projector.name
""")

Owned = Mapping[str, Collection[str]]
"""By projector, the leases that it holds."""


class Surplus(Fenced):
    """A lane is let go, so that another projector can have it."""


def share_of(name: str, projectors: Collection[str], lanes: int) -> int:
    """How many lanes a projector is to own; all together they own each lane once."""
    least, more = divmod(lanes, len(projectors))
    return least + (sorted(projectors).index(name) < more)


def is_wanted(name: str, owned: Owned, lanes: int) -> bool:
    """Whether another projector than that one owns fewer lanes than it is to own."""
    return any(len(held) < share_of(other, owned.keys(), lanes) for other, held in owned.items() if other != name)


def may_take(name: str, owned: Owned, lanes: int) -> bool:
    """Whether a projector takes a lane that is free."""
    return len(owned[name]) < share_of(name, owned.keys(), lanes) or not is_wanted(name, owned, lanes)


def is_surplus(name: str, lease: str, owned: Owned, lanes: int) -> bool:
    """Whether a projector is to let go of that lane: the last ones by name, so that all agree which."""
    kept = sorted(owned[name])[: share_of(name, owned.keys(), lanes)]
    return lease in owned[name] and lease not in kept and is_wanted(name, owned, lanes)


class Balance:
    """What one projector, `name`, may own of the `lanes`, which are names of leases that live for `lease_s`.

    What was seen is believed for `known_looks` pauses; nothing is taken before a look at that moment.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        name: str,
        lanes: Collection[str],
        lease_s: float,
        known_looks: float = KNOWN_LOOKS,
    ) -> None:
        self._engine = each_alone(engine)
        self._name = name
        self._lanes = sorted(lanes)
        self._lease_s = lease_s
        self._known_s = known_looks * self.pause_s
        self._taking, self._looking = asyncio.Lock(), asyncio.Lock()
        self._seen: Owned = {}
        self._seen_at = -math.inf

    @property
    def pause_s(self) -> float:
        """How long to wait before the next look."""
        return self._lease_s / LOOKS_PER_LEASE

    @property
    def taking(self) -> asyncio.Lock:
        """Held from the look to the taking, so that a projector does not take two lanes where one is its share."""
        return self._taking

    async def is_held(self, lease: str) -> bool:
        """Whether somebody owns a lane, as far as was seen a moment ago."""
        return any(lease in held for held in (await self._seen_lately()).values())

    async def may_take(self) -> bool:
        """Whether one more lane would be ours; to be asked while `taking` is held."""
        return may_take(self._name, await self._look(), len(self._lanes))

    async def is_surplus(self, lease: str) -> bool:
        """Whether somebody else is to have a lane that we own."""
        return is_surplus(self._name, lease, await self._seen_lately(), len(self._lanes))

    async def watch(self, lease: str) -> None:
        """Raise Surplus when somebody else is to have the lane that we own."""
        while True:
            await asyncio.sleep(self.pause_s)
            if await self.is_surplus(lease):
                raise Surplus(f"{lease} is for another projector.")

    async def _seen_lately(self) -> Owned:
        async with self._looking:
            if time.monotonic() - self._seen_at >= self._known_s:
                await self._look()
            return self._seen

    async def _look(self) -> Owned:
        asked = {"own": self._name, "lanes": self._lanes, "lease_s": self._lease_s}
        async with self._engine.connect() as connection:
            self._seen = {name: tuple(leases) for name, leases in await connection.execute(OWNED, asked)}
        self._seen_at = time.monotonic()
        return self._seen
