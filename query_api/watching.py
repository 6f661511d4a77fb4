"""One watcher for all who listen in a process: it reads each change once and hands it to everybody; query -> *HTTP*."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Collection
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from query_api.event_ids import Since
from query_api.listeners import Listener
from query_api.looks import Looking
from query_api.noticing import Memory
from shared.auth.callers import Caller
from shared.database import OUTAGES
from shared.errors import TablefoldError, Unauthenticated, Unavailable
from shared.tasks import together
from shared.wakeups import FOLDED, LOADED, REBUILDS, Wakeups

logger = logging.getLogger(__name__)

POLL_S: Final = 1.0
"""How often it looks without a bell: chunks and lags ring none."""
PAUSE_S: Final = 0.25
"""Between two looks, however often the bell rings."""
CHECK_S: Final = 2.0
"""How often it is asked whether those who listen still may."""

CHANNELS: Final = (FOLDED, LOADED, REBUILDS)
AWAY = (DBAPIError, PoolTimeoutError, Unavailable, *OUTAGES)


def cannot_follow() -> Unavailable:
    """What those are told who come while the database is away."""
    return Unavailable("What is followed here cannot be read just now. Come back with the last id.")


class Knowing(Protocol):
    """What is asked of `Standing`: who somebody is by now."""

    def look_again(self, shown: Collection[str]) -> Awaitable[None]:
        """Read anew how all these stand."""
        ...

    def caller(self, shown: str) -> Awaitable[Caller]:
        """Who shows that; raises Unauthenticated."""
        ...


class Watcher:
    """Looks while somebody listens, however many; `run` lives until it is cancelled."""

    def __init__(
        self,
        reader: Looking,
        standing: Knowing,
        wakeups: Wakeups,
        *,
        poll_s: float = POLL_S,
        pause_s: float = PAUSE_S,
        check_s: float = CHECK_S,
    ) -> None:
        self._reader = reader
        self._standing = standing
        self._wakeups = wakeups
        self._poll_s, self._pause_s, self._check_s = poll_s, pause_s, check_s
        self._listeners: set[Listener] = set()
        self._followed: Counter[UUID] = Counter()
        self._wanted = asyncio.Event()
        self._memory: Memory | None = None
        self._looked: asyncio.Future[Memory] | None = None
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def listening(self, listener: Listener) -> AsyncIterator[Since]:
        """Hand the listener what is under way now, and everything after that; how far that is.

        Raises Unavailable where the database cannot be read, or the service ends.
        """
        memory = await self._current()
        since = memory.since()
        self._listeners.add(listener)
        if listener.upload is not None:
            self._followed[listener.upload] += 1
        else:
            for happening in memory.state():
                listener.offer(happening)
        try:
            yield since
        finally:
            self._listeners.discard(listener)
            if listener.upload is not None:
                self._followed[listener.upload] -= 1
                self._followed += Counter()  # Without those that nobody follows any more.

    def close(self) -> None:
        """Let everybody go, and nobody in any more."""
        self._is_closed = True
        for listener in self._listeners:
            listener.end(_starts_anew())

    async def run(self) -> None:
        """Look while somebody listens, and ask whether he may."""
        await together(self._watch(), self._check())

    async def _current(self) -> Memory:
        if self._is_closed:
            raise _starts_anew()
        if self._memory is not None:
            return self._memory
        if self._looked is None:
            self._looked = asyncio.get_running_loop().create_future()
        self._wanted.set()
        return await asyncio.shield(self._looked)

    async def _watch(self) -> None:
        with self._wakeups.listening(*CHANNELS) as bell:
            while True:
                await self._wanted.wait()
                await self._look()
                await asyncio.sleep(self._pause_s)
                await bell.wait(self._poll_s)
                if not self._listeners and self._looked is None:
                    self._memory = None
                    self._wanted.clear()

    async def _look(self) -> None:
        memory, followed = self._memory or Memory(), frozenset(self._followed)
        try:
            found = memory.notice(await self._reader.look(memory.ask(followed)))
        except Exception as error:
            _report("cannot-follow", error)
            self._resolve(cannot_follow())
            return
        # Who has begun to follow an upload meanwhile reads himself how it stands, and later than this.
        listeners = [one for one in self._listeners if one.upload is None or one.upload in followed]
        for happening in found:
            for listener in listeners:
                listener.offer(happening)
        self._memory = memory
        self._resolve(memory)

    def _resolve(self, found: Memory | TablefoldError) -> None:
        looked, self._looked = self._looked, None
        if looked is None or looked.done():
            return
        if isinstance(found, Memory):
            looked.set_result(found)
        else:
            looked.set_exception(found)
            looked.exception()  # Known, also where those who wait for it are gone by now.

    async def _check(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self._check_s)
            try:
                await self._standing.look_again({one.shown for one in self._listeners})
                for listener in tuple(self._listeners):
                    await self._ask(listener)
            except Exception as error:  # Meanwhile nothing is read either.
                _report("cannot-check", error)

    async def _ask(self, listener: Listener) -> None:
        try:
            listener.caller = await self._standing.caller(listener.shown)
        except Unauthenticated as error:
            listener.end(error)


def _starts_anew() -> Unavailable:
    return Unavailable("The service starts anew. Come back with the last id.")


def _report(action: str, error: Exception) -> None:
    """Those who listen stay; the next look may succeed."""
    if isinstance(error, AWAY):
        logger.warning("action=%s error=%r", action, error)
    else:
        logger.error("action=%s", action, exc_info=error)
