"""Lets a read wait until the caller's own writes are folded; *HTTP -> query*."""

from __future__ import annotations

import asyncio
import re

from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.snapshots import read_served, snapshot
from shared.datasets.catalogue import Catalogue
from shared.errors import Behind
from shared.http.positions import READ_AFTER, Position, read_position
from shared.http.problems import AnyRequest
from shared.selection.parameters import unknown

WAIT_S = 2
MAX_WAIT_S = 10
POLL_S = (0.010, 0.050)
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,4})\"?\s*(?:$|[,;])", re.IGNORECASE)


class Waiter:
    """Keeps the promise of `Read-After`: a read is at least as new as that, or a 503; never silently stale."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue) -> None:
        self._engine = engine
        self._catalogue = catalogue

    async def wait(self, request: AnyRequest) -> None:
        """Return once the position that the request names, if any, is folded; raises Behind or BadParameter."""
        text = request.headers.get(READ_AFTER)
        if text is None:
            return
        wanted = read_position(text)
        if wanted.dataset not in self._catalogue:
            raise unknown("dataset", wanted.dataset, tuple(self._catalogue), READ_AFTER)
        await self._reach(wanted, wait_s(request.headers.get("Prefer", "")))

    async def _reach(self, wanted: Position, patience_s: int) -> None:
        clock = asyncio.get_running_loop().time
        deadline, pause_s = clock() + patience_s, POLL_S[0]
        while (lag := wanted.position - await self._position(wanted.dataset)) > 0:
            if clock() + pause_s > deadline:
                raise Behind(str(wanted), lag)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, POLL_S[1])

    async def _position(self, dataset: str) -> int:
        async with snapshot(self._engine) as connection:
            return (await read_served(connection, dataset)).position


def wait_s(prefer: str) -> int:
    """The patience that a `Prefer` header asks for, in seconds, from 0 to 10; 2 where it does not."""
    found = _WAIT.search(prefer)
    return min(int(found[1]), MAX_WAIT_S) if found else WAIT_S
