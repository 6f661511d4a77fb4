"""Runs things side by side; beside the flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


async def together(*work: Coroutine[None, None, None]) -> None:
    """Run all until they end. When one fails the others are cancelled and awaited, and its error is raised as it is.

    A caller who is cancelled meanwhile gets that, not the error: otherwise he would try again, and never end.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as failures:
        caller = asyncio.current_task()
        if caller is not None and caller.cancelling():
            raise asyncio.CancelledError from failures
        raise failures.exceptions[0] from None


@asynccontextmanager
async def beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run all beside the block; at its end they are cancelled, and what they had raised is passed over."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
