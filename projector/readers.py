"""Whether somebody reads: what is only built gives way to readers then; query -> *projection*.

What is built shares processors with those who read what is served, and has more time than they.
"""

from __future__ import annotations

import asyncio
import math
from typing import NoReturn

from shared.wakeups import READ, Wakeups

HERE_S = 3.0
"""So long after a read its reader counts as here; the query API tells of reads once a second."""


class Readers:
    """Knows when records were last read, wherever; `run` until cancelled."""

    def __init__(self, wakeups: Wakeups) -> None:
        self._wakeups = wakeups
        self._last = -math.inf

    @property
    def are_here(self) -> bool:
        """Whether records were read just now; for a moment also after a connection was made anew."""
        return asyncio.get_running_loop().time() - self._last < HERE_S

    async def run(self) -> NoReturn:
        """Listen."""
        with self._wakeups.listening(READ) as bell:
            while True:
                await bell.wait(None)
                self._last = asyncio.get_running_loop().time()
