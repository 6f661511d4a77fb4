"""Runs things side by side; beside the flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager

AGAIN_S = 5.0
"""After so long a task is cancelled again: where what it waits for fails in the moment in which it is cancelled, it may
have taken the one for the other."""


async def together(*work: Coroutine[None, None, None]) -> None:
    """Run all until they end. When one fails the others are cancelled and awaited, and its error is raised as it is.

    A caller who is cancelled meanwhile gets that, not the error: otherwise he would try again, and never end.
    """
    tasks = [asyncio.create_task(one) for one in work]
    waiting = set(tasks)
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        await end_all(tasks)


@asynccontextmanager
async def beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run all beside the block; at its end they are cancelled, and what they had raised is passed over."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        await end_all(tasks)


async def end_all(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel them; ends with them, also where the caller is cancelled here. What they raise is passed over."""

    async def cancel() -> None:
        while True:
            for task in tasks:
                task.cancel()
            await asyncio.sleep(AGAIN_S)

    cancelling = asyncio.create_task(cancel())
    try:
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        cancelling.cancel()
