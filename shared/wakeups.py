"""Says that there is something new without saying what: LISTEN/NOTIFY, coalesced; a slow poll stands behind it.

A lost wake-up costs time, never data: every waiter gives a timeout and then looks for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import asyncpg

from shared.database import OUTAGES

COALESCE_S = 0.01
RETRY_S = 1.0


class Wakeups:
    """One listening and ringing connection of a process; `run` keeps it alive until cancelled."""

    def __init__(self, url: str, channels: tuple[str, ...] = ()) -> None:
        self._url = url
        self._bells = {channel: asyncio.Event() for channel in channels}
        self._due: set[str] = set()
        self._ringing = asyncio.Event()

    def ring(self, channel: str) -> None:
        """Wake whoever waits on the channel, in this process now and in others within COALESCE_S."""
        if channel in self._bells:
            self._bells[channel].set()
        self._due.add(channel)
        self._ringing.set()

    async def wait(self, channel: str, timeout_s: float) -> None:
        """Return when the channel rings, or after `timeout_s`; rings since the last wait count."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bells[channel].wait(), timeout_s)
        self._bells[channel].clear()

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
            for channel, bell in self._bells.items():
                await connection.add_listener(channel, _setter(bell))
                bell.set()
            while not connection.is_closed():
                await self._ringing.wait()
                await asyncio.sleep(COALESCE_S)
                self._ringing.clear()
                due, self._due = self._due, set()
                for channel in due:
                    await connection.execute("SELECT pg_notify($1, '')", channel)
        finally:
            await connection.close(timeout=1)


def _setter(bell: asyncio.Event) -> Any:
    def heard(*_: object) -> None:
        bell.set()

    return heard
