"""Serves by the declarations that made what is served, whichever these are; *HTTP* -> command or query.

Routes, filters and documents are derived from declarations when an application is made. Here that is done again, beside
the requests that are under way, when another declaration is served: nobody is refused and nothing is mixed. A read that
finds out first (Redeclared) waits for the new application and is answered by that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from litestar import Litestar
from litestar.types import Message, Receive, Scope, Send
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.database import OUTAGES, make_engine
from shared.datasets.catalogue import Catalogue
from shared.declared import fingerprints, read_declared
from shared.http.ending import end_streams
from shared.http.problems import REDECLARED

logger = logging.getLogger(__name__)

POLL_S = 2.0
AWAY = (DBAPIError, PoolTimeoutError, *OUTAGES)
READS = ("GET", "HEAD")

Make = Callable[[Catalogue], Litestar]


class Running:
    """One application, from the start of its lifespan until its last request is over."""

    def __init__(self, app: Litestar, catalogue: Catalogue) -> None:
        self.app = app
        self.declared = fingerprints(catalogue)
        self._started, self._over, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._open = 0
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """In one task, because a lifespan ends in the task in which it began."""
        async with self.app.lifespan():
            self._started.set()
            await self._over.wait()

    async def start(self) -> None:
        """Return when it can answer; raises what its start raises."""
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait([started, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not self._started.is_set():
            started.cancel()
            self._task.result()

    async def stop(self) -> None:
        """End it when nobody waits for an answer any more; streams are told to come to theirs."""
        end_streams(self.app)
        await self._idle.wait()
        self._over.set()
        await self._task

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it answer one request; it does not end meanwhile."""
        self._open += 1
        self._idle.clear()
        try:
            await self.app(scope, receive, send)
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()


class Redeclaring:
    """The ASGI application around one that `make` makes of a catalogue; `own` is what the service was started with.

    One of these is made at once, so that what `make` raises, as BadSettings, is raised before anything starts.
    """

    def __init__(self, make: Make, own: Catalogue, database_url: str, service: str) -> None:
        self._make = make
        self._own = own
        self._first: Litestar | None = make(own)
        self._engine = make_engine(database_url, name=f"{service}-declarations", pool_size=1)
        self._refreshing = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()
        self._running: Running | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan."""
        if str(scope["type"]) == "lifespan":
            await self._live(receive, send)
            return
        running = await self._answer(scope, receive, send, last=False)
        if running is not None:
            await self.refresh(running)
            await self._answer(scope, receive, send, last=True)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, *, last: bool) -> Running | None:
        """Let the application answer; the one that could not, because something else is served by now."""
        running = self._running
        if running is None:
            raise RuntimeError("A request came before the start.")
        held = _Held(send, last or scope.get("method") not in READS)
        again: Any = {**scope, "state": dict(scope.get("state", {}))}
        await running.answer(again, receive, held.send)
        return running if held.is_refused else None

    def end_streams(self) -> None:
        """Let answers end that would not by themselves: nobody is to wait for them."""
        if self._running is not None:
            end_streams(self._running.app)

    async def refresh(self, known: Running | None = None) -> None:
        """Serve by the declarations that are kept now, unless somebody has seen to it since `known` answered."""
        async with self._refreshing:
            if known is not None and known is not self._running:
                return
            catalogue = await self._read()
            before = self._running
            if before is not None and before.declared == fingerprints(catalogue):
                return
            running = Running(await self._made(catalogue), catalogue)
            await running.start()
            self._running = running
            if before is not None:
                changed = [name for name, one in running.declared.items() if before.declared[name] != one]
                logger.info("action=redeclared datasets=%s", changed)
                task = asyncio.create_task(before.stop())
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    async def _made(self, catalogue: Catalogue) -> Litestar:
        first, self._first = self._first, None
        if first is not None and fingerprints(catalogue) == fingerprints(self._own):
            return first
        return await asyncio.to_thread(self._make, catalogue)

    async def _read(self) -> Catalogue:
        try:
            catalogue = await read_declared(self._engine, self._own)
        except AWAY:
            if self._running is not None:
                raise
            return self._own  # As soon as the database is back it says what is served.
        other = [name for name, one in catalogue.items() if one.fingerprint != self._own[name].fingerprint]
        if other:
            says = "served by the declarations that made them, until a rebuild is asked for"
            logger.warning("action=declared-otherwise datasets=%s says=%r", other, says)
        return catalogue

    async def _live(self, receive: Receive, send: Any) -> None:
        await receive()
        try:
            await self.refresh()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        looking = asyncio.create_task(self._look())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        looking.cancel()
        await asyncio.gather(looking, *self._ending, return_exceptions=True)
        if self._running is not None:
            await self._running.stop()
        await self._engine.dispose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.refresh()
            except AWAY as error:
                logger.warning("action=declarations-unknown error=%r", error)


class _Held:
    """Passes an answer on, unless it says that another declaration is served: then nothing is sent."""

    def __init__(self, send: Send, passes_all: bool) -> None:
        self._send = send
        self._passes_all = passes_all
        self.is_refused = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
            name = REDECLARED.lower().encode()
            headers = list(message["headers"])
            told = [one for one in headers if one[0].lower() != name]
            self.is_refused = len(told) < len(headers) and not self._passes_all
            message["headers"] = told
        if not self.is_refused:
            await self._send(message)
