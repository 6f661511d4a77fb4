"""Says that there is something new, of which dataset but not what: LISTEN/NOTIFY, coalesced, before a slow poll.

A lost wake-up costs time, never data: every waiter gives a timeout and then looks for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import asyncpg

from shared.database import OUTAGES

APPENDED = "appended"
"""The event store has new events."""
LOADED = "loaded"
"""An upload is ready to be published."""
FOLDED = "folded"
"""A checkpoint has moved."""

REBUILDS = "rebuilds"
"""A rebuild was asked for or cancelled, has moved, or has ended."""

DECIDED = "decided"
"""A person has retried or discarded an event that could not be applied."""

READ = "read"
"""Somebody reads records; told once a second at most."""

ALL = ""
"""In place of a dataset: of all of them."""

COALESCE_S = 0.01
RETRY_S = 1.0


class Bell:
    """One listener's ear on a channel; with `of` for one dataset only."""

    def __init__(self, of: str = ALL) -> None:
        self.of = of
        self._rung = asyncio.Event()

    def ring(self, *_: object) -> None:
        """Wake the listener, now or when it waits next."""
        self._rung.set()

    async def wait(self, timeout_s: float | None) -> None:
        """Return when the bell rings, or after `timeout_s`; rings since the last wait count."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), timeout_s)
        self._rung.clear()


class Wakeups:
    """One listening and ringing connection of a process; `run` keeps it alive until cancelled."""

    def __init__(self, url: str, channels: tuple[str, ...] = ()) -> None:
        self._url = url
        self._bells: dict[str, set[Bell]] = {channel: set() for channel in channels}
        self._due: set[tuple[str, str]] = set()
        self._ringing = asyncio.Event()

    @contextlib.contextmanager
    def listening(self, *channels: str, of: str = ALL) -> Iterator[Bell]:
        """A bell of one's own on a channel, or one for several; with `of` it hears of that dataset alone."""
        bell = Bell(of)
        for channel in channels:
            self._bells[channel].add(bell)
        try:
            yield bell
        finally:
            for channel in channels:
                self._bells[channel].discard(bell)

    def ring(self, channel: str, of: str = ALL) -> None:
        """Wake whoever listens to the channel: in this process now, in others at once or COALESCE_S after the last.

        Those who listen for one dataset are woken when it is about that one, or about all.
        """
        self._wake(channel, of)
        self._due.add((channel, of))
        self._ringing.set()

    def _wake(self, channel: str, of: str = ALL) -> None:
        for bell in self._bells.get(channel, ()):
            if of == ALL or bell.of in (ALL, of):
                bell.ring()

    async def run(self) -> None:
        """Listen and ring; reconnects for ever."""
        while True:
            with contextlib.suppress(*OUTAGES):
                await self._run_once()
            await asyncio.sleep(RETRY_S)

    async def _run_once(self) -> None:
        connection = await asyncpg.connect(self._url, server_settings={"application_name": "tablefold-wakeups"})
        connection.add_termination_listener(lambda _: self._ringing.set())
        try:
            for channel in self._bells:
                await connection.add_listener(channel, lambda *heard: self._wake(str(heard[2]), str(heard[3])))
                self._wake(channel)
            while not connection.is_closed():
                await self._ringing.wait()
                self._ringing.clear()
                due, self._due = self._due, set()
                for channel, of in due:
                    await connection.execute("SELECT pg_notify($1, $2)", channel, of)
                await asyncio.sleep(COALESCE_S)
        finally:
            await connection.close(timeout=1)
