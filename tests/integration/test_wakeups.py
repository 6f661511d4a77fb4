"""Wake-ups between processes: who listens for one dataset is not woken about another; real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cli.servers.postgres import Postgres
from shared.tasks import beside
from shared.wakeups import LOADED, Bell, Wakeups

PATIENCE_S = 20.0


def is_rung(bell: Bell) -> bool:
    """Whether it would not be waited for."""
    return bell._rung.is_set()  # noqa: SLF001  # waiting takes the ring away


async def heard(bell: Bell) -> None:
    """Return once it has rung; fails where it does not."""
    async with asyncio.timeout(PATIENCE_S):
        await bell.wait(None)


@asynccontextmanager
async def running(server: Postgres) -> AsyncIterator[Wakeups]:
    """A process's wake-ups, from the moment at which they hear."""
    wakeups = Wakeups(server.url, (LOADED,))
    with wakeups.listening(LOADED) as bell:
        async with beside(wakeups.run()):
            await heard(bell)  # Whoever listens is woken when a connection was made.
            yield wakeups


@pytest.mark.parametrize("in_another_process", [False, True])
async def test_who_listens_for_one_dataset_hears_of_that_one_and_of_all(
    server: Postgres, in_another_process: bool
) -> None:
    async with running(server) as here, running(server) as there:
        hears = there if in_another_process else here
        with (
            hears.listening(LOADED, of="debts") as debts,
            hears.listening(LOADED, of="sales") as sales,
            hears.listening(LOADED) as everything,
        ):
            here.ring(LOADED, "debts")
            await heard(debts)
            await heard(everything)
            assert not is_rung(sales)
            here.ring(LOADED)
            for bell in (debts, sales, everything):
                await heard(bell)
