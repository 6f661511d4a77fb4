"""Things that run side by side end when they are told to."""

from __future__ import annotations

import asyncio

import pytest

from shared.tasks import together


async def test_whoever_is_cancelled_while_one_of_his_fails_is_cancelled() -> None:
    ending, may_end = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        raise ValueError

    async def ends_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    running = asyncio.create_task(together(ends_slowly(), fails()))
    await ending.wait()
    running.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await running
