"""How fast a generation is built: a few loads at a time, fewer while somebody reads; log -> *projection*.

A load that is given out stands in the queue before those of files that come later. So a rebuild of whatever size has
only a few there, and one that shares processors with readers leaves them some.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from projector.readers import Readers
from shared.event_log import Load
from shared.settings import Settings


class Pace:
    """Decides which loads of one generation are given out; `share` is the part of the time in which it may work."""

    def __init__(self, settings: Settings, readers: Readers, share: float) -> None:
        self.most = settings.build_loads
        self._while_read = settings.build_loads_while_read
        self._again_s = settings.lease_s
        self._readers = readers
        self._share = share
        self._waiting: Sequence[Load] = ()
        self._given: set[Load] = set()
        self._moved_at = 0.0

    async def next(self, waiting: Sequence[Load]) -> list[Load]:
        """Those to be given out now, of the first `most` that are not done.

        All that are under way come again when none was done for the life of a lease. Rests where one was done.
        """
        now = asyncio.get_running_loop().time()
        if waiting != self._waiting:
            if self._given & {*self._waiting} - {*waiting}:
                await self.rest(now - self._moved_at)
            self._waiting, self._moved_at = waiting, asyncio.get_running_loop().time()
        elif now - self._moved_at > self._again_s:
            self._given, self._moved_at = set(), now
        more = [one for one in waiting if one not in self._given]
        under_way = len(waiting) - len(more)
        more = more[: max(0, self._at_once - under_way)]
        self._given |= {*more}
        return more

    async def rest(self, worked_s: float) -> None:
        """Do nothing for as long as that work calls for."""
        await asyncio.sleep(worked_s * (1 - self._share) / self._share)

    @property
    def _at_once(self) -> int:
        return 1 if self._share < 1 else self._while_read if self._readers.are_here else self.most
