"""Things that run side by side end when they are told to."""

from __future__ import annotations

import asyncio

import pytest

from shared import tasks
from shared.tasks import beside, together


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


async def test_whoever_has_one_that_fails_gets_its_error_and_may_try_again() -> None:
    ended = asyncio.Event()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("once more")

    async def goes_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    for _ in range(2):
        ended.clear()
        with pytest.raises(ValueError, match="once more"):
            await together(goes_on(), fails())
        assert ended.is_set()
    await together()


async def test_the_error_of_one_is_raised_as_it_is_and_the_others_end() -> None:
    ended = asyncio.Event()

    async def fails() -> None:
        raise ValueError("mine")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ValueError, match="mine"):
        await together(waits(), fails())
    assert ended.is_set()


async def test_whoever_is_cancelled_is_even_where_the_others_then_raise() -> None:
    async def raises_when_it_is_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("while ending") from None

    running = asyncio.create_task(together(raises_when_it_is_cancelled()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_one_that_takes_its_cancelling_for_something_else_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "AGAIN_S", 0.01)
    passed_over: list[str] = []

    async def goes_on(name: str) -> None:
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                passed_over.append(name)
        await asyncio.Event().wait()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("mine")

    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match="mine"):
            await together(goes_on("one"), goes_on("two"), fails())
        async with beside(goes_on("three")):
            await asyncio.sleep(0)
    assert sorted(passed_over) == sorted(3 * ["one", "two", "three"])
