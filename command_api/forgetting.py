"""Removes counts that are too old to count; beside the flow."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Protocol

from sqlalchemy.exc import DBAPIError

from shared.database import OUTAGES

EVERY_S: Final = 3600


class Forgetful(Protocol):
    """Keeps counts that grow old."""

    async def forget(self) -> None:
        """Remove those that count no more; raises what the database raises."""


async def forget(*all_of_them: Forgetful) -> None:
    """Let each of them forget now and every hour, until cancelled; an hour without the database is passed over."""
    while True:
        for one in all_of_them:
            with contextlib.suppress(DBAPIError, *OUTAGES):  # The next time will do.
                await one.forget()
        await asyncio.sleep(EVERY_S)
