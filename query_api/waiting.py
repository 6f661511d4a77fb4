"""Lets a read wait until the caller's own writes are folded; *HTTP -> query*."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.snapshots import POSITIONS, snapshot
from shared.bounds import Bound
from shared.datasets.catalogue import Catalogue
from shared.errors import Behind
from shared.http.callers import header_of
from shared.http.positions import READ_AFTER, Position, read_positions
from shared.http.preferences import wait_s
from shared.http.problems import AnyRequest
from shared.selection.parameters import unknown
from shared.wakeups import FOLDED, READ, Wakeups

POLL_S = 0.1
"""How often those who wait look without a bell: while it is lost, or where a replica comes after it."""

TELL_S = 1.0
"""Projectors are told of reads no more often."""

MOST_WAITING = 500
"""So many reads of one process may wait; it is one look for all of them, but each holds a connection of its caller."""


class Checkpoints:
    """Reads how far datasets are folded, once for all who ask while another reading is under way."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = asyncio.Lock()
        self._next: asyncio.Task[Mapping[str, int]] | None = None

    async def positions(self) -> Mapping[str, int]:
        """Positions by dataset, read after the call; raises what the database raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._read())
        return await asyncio.shield(self._next)

    async def _read(self) -> Mapping[str, int]:
        async with self._reading:
            self._next = None  # Whoever asks from now on asks for something newer.
            async with snapshot(self._engine) as connection:
                return {row.dataset: row.position for row in await connection.execute(POSITIONS)}


class Waiter:
    """Keeps the promise of `Read-After`: a read is at least as new as that, or a 503; never silently stale.

    Tells projectors that somebody reads, so that what is only built gives way.
    """

    def __init__(self, checkpoints: Checkpoints, wakeups: Wakeups, catalogue: Catalogue) -> None:
        self._checkpoints = checkpoints
        self._wakeups = wakeups
        self._catalogue = catalogue
        self._told_at = -math.inf
        self._bound = Bound(MOST_WAITING, "As many reads as may wait for their positions do.")

    async def wait(self, request: AnyRequest) -> None:
        """Return once every position that the request names is folded; raises Behind or BadParameter, or Unavailable
        where too many wait.
        """
        self._tell()
        text = header_of(request.scope, READ_AFTER.lower().encode())
        if text is None:
            return
        wanted = read_positions(text)
        for one in wanted:
            if one.dataset not in self._catalogue:
                raise unknown("dataset", one.dataset, tuple(self._catalogue), READ_AFTER)
        with self._bound.entered():
            await self._reach(wanted, wait_s(request.headers.get("Prefer", "")))

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told_at >= TELL_S:
            self._told_at = now
            self._wakeups.ring(READ)

    async def _reach(self, wanted: Sequence[Position], patience_s: int) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience_s
        with self._wakeups.listening(FOLDED) as bell:
            while behind := _behind(wanted, await self._checkpoints.positions()):
                left_s = deadline - clock()
                if left_s <= 0:
                    raise behind[0]
                await bell.wait(min(left_s, POLL_S))


def _behind(wanted: Sequence[Position], folded: Mapping[str, int]) -> list[Behind]:
    """What is still missing, as errors."""
    lags = ((one, one.position - folded.get(one.dataset, 0)) for one in wanted)
    return [Behind(str(one), lag) for one, lag in lags if lag > 0]
