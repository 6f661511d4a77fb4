"""Looking up what is served: once for many who ask, and never before one of them asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from query_api.moments import Moment, Moments
from query_api.prepared import Prepared
from shared.datasets.catalogue import shipped
from shared.selection.parameters import Query

CATALOGUE = shipped()
DEBTS, SALES = CATALOGUE["debts"], CATALOGUE["sales"]
ANY = Query("/debts", (), {})


class Slow:
    """In place of a database: answers with how many questions have begun, when it is let."""

    def __init__(self, **fingerprints: str) -> None:
        self.begun = 0
        self.let = asyncio.Event()
        self._fingerprints = fingerprints

    async def fetch(self, _: str, names: Sequence[str], *_named: str) -> list[dict[str, object]]:
        self.begun += 1
        position = self.begun
        await self.let.wait()
        return [
            {"dataset": name, "generation": 1, "position": position, "fingerprint": self._fingerprints.get(name)}
            for name in names
        ]


def moments_of(database: Slow) -> Moments:
    return Moments(cast(Prepared, database))


async def begun(task: asyncio.Task[Any]) -> asyncio.Task[Any]:
    """The task once it waits for the database."""
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_who_asks_while_another_looks_waits_for_the_next_look_and_shares_it() -> None:
    database = Slow()
    moments = moments_of(database)
    first = await begun(asyncio.create_task(moments.now([DEBTS], ANY)))
    later = [await begun(asyncio.create_task(moments.now([DEBTS], ANY))) for _ in range(20)]
    assert database.begun == 1
    database.let.set()
    assert await first == (Moment("debts", 1, 1),)
    assert set(await asyncio.gather(*later)) == {(Moment("debts", 1, 2),)}
    assert database.begun == 2
    assert await moments.now([DEBTS], ANY) == (Moment("debts", 1, 3),)


async def test_who_leaves_takes_nothing_from_others() -> None:
    database = Slow()
    moments = moments_of(database)
    one, other = [await begun(asyncio.create_task(moments.now([DEBTS], ANY))) for _ in range(2)]
    third = await begun(asyncio.create_task(moments.now([DEBTS], ANY)))
    one.cancel()
    other.cancel()
    database.let.set()
    assert await third == (Moment("debts", 1, 2),)


async def test_an_error_is_raised_to_all_who_share_it_and_to_nobody_after_them() -> None:
    class Broken(Slow):
        async def fetch(self, *_: Any) -> list[dict[str, object]]:
            self.begun += 1
            raise OSError("away")

    database = Broken()
    moments = moments_of(database)
    for found in await asyncio.gather(*(moments.now([DEBTS], ANY) for _ in range(3)), return_exceptions=True):
        assert isinstance(found, OSError)
    assert database.begun == 1
    with pytest.raises(OSError, match="away"):
        await moments.now([DEBTS], ANY)


async def test_what_another_declaration_made_is_left_to_the_read_itself() -> None:
    for fingerprint, known in (("another", False), (DEBTS.fingerprint, True)):
        database = Slow(debts=fingerprint)
        database.let.set()
        found = await moments_of(database).now([SALES, DEBTS], ANY)
        assert (found is not None) is known
