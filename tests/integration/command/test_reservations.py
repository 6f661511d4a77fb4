"""A key that a long request holds, and who has it when that request is no more."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest

from command_api.reservations import Reservations
from shared.errors import StillRunning
from tests.integration.command.folding import Folding

LIFE_S = 0.6
HELD = "SELECT count(*) FROM store.reservations WHERE claim = :claim"


@pytest.fixture
def reservations(folding: Folding) -> Reservations:
    return Reservations(folding.engine, LIFE_S)


async def test_a_key_is_held_as_long_as_the_request_runs_and_free_afterwards(
    reservations: Reservations, folding: Folding
) -> None:
    claim = str(uuid4())
    async with reservations.held(claim):
        await asyncio.sleep(2 * LIFE_S)  # Long enough to expire, were it not renewed.
        with pytest.raises(StillRunning):
            async with reservations.held(claim):
                pass
    assert await folding.execute(HELD, claim=claim) == [(0,)]
    async with reservations.held(claim):
        pass


async def test_a_request_that_fails_frees_its_key(reservations: Reservations) -> None:
    claim = str(uuid4())
    with pytest.raises(ValueError, match="no"):
        async with reservations.held(claim):
            raise ValueError("no")
    async with reservations.held(claim):
        pass


async def test_a_crash_frees_its_key_in_time(reservations: Reservations, folding: Folding) -> None:
    claim = str(uuid4())
    await folding.execute(
        "INSERT INTO store.reservations VALUES (:claim, :owner, clock_timestamp() + interval '0.3 s')",
        claim=claim,
        owner=uuid4(),
    )
    with pytest.raises(StillRunning):
        async with reservations.held(claim):
            pass
    async with asyncio.timeout(5):
        while True:
            try:
                async with reservations.held(claim):
                    return
            except StillRunning:
                await asyncio.sleep(0.02)


async def test_who_overslept_does_not_free_what_another_holds(reservations: Reservations, folding: Folding) -> None:
    claim = str(uuid4())
    async with reservations.held(claim):
        await folding.execute(
            "UPDATE store.reservations SET owner = :owner, expires_at = 'infinity' WHERE claim = :claim",
            claim=claim,
            owner=uuid4(),
        )
    assert await folding.execute(HELD, claim=claim) == [(1,)]


async def test_without_a_key_nothing_is_held(reservations: Reservations) -> None:
    async with reservations.held(None), reservations.held(None):
        pass


async def test_a_file_that_is_refused_leaves_its_key_to_a_better_one(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    assert (await client.post("/debts/uploads", content=b"x\n1\n", headers=headers)).status_code == 422
    good = b"name,governmentId,email,debtAmount,debtDueDate,debtId\n"
    answer = await client.post("/debts/uploads", content=good + str(uuid4()).encode(), headers=headers)
    assert answer.status_code == 202, answer.text
    again = await client.post("/debts/uploads", content=good, headers=headers)
    assert (again.status_code, again.json()["type"]) == (422, "/problems/idempotency-key-reused")
