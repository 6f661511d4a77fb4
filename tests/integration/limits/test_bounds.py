"""What one process does at most at the same time, and for how long: who comes above is told to come back."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

import command_api.commanding
import command_api.uploads
import query_api.at_hand
import query_api.prepared
import query_api.waiting
import shared.database
from shared.settings import Settings
from tests.files import debt, debts
from tests.integration.limits.conftest import Apis
from tests.signing import UNLIMITED

BODY = {"debt_amount": "1.00"}
KEY = "/debts/123e4567-e89b-42d3-a456-426614174000"


@asynccontextmanager
async def locked(settings: Settings, table: str) -> AsyncIterator[None]:
    """Nobody can read the table meanwhile."""
    engine = shared.database.make_engine(settings.database_url, name="tests", pool_size=1)
    async with engine.begin() as connection:
        await connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield
    await engine.dispose()


async def events(settings: Settings) -> int:
    engine = shared.database.make_engine(settings.database_url, name="tests", pool_size=1)
    async with engine.connect() as connection:
        found = int((await connection.execute(text("SELECT count(*) FROM store.events"))).scalar_one())
    await engine.dispose()
    return found


def is_busy(answer: httpx.Response) -> bool:
    """Whether it is the answer to one who came above a bound."""
    said = answer.status_code, answer.json().get("type"), answer.headers.get("retry-after")
    return said == (503, "/problems/unavailable", "1") and "lag_events" not in answer.json()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that lets connections in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"postgresql://tablefold@127.0.0.1:{listening.getsockname()[1]}/tablefold"


async def test_a_query_that_takes_too_long_is_ended_and_503(apis: Apis, settings: Settings) -> None:
    client = await apis.queries(query_timeout_s=0.2)
    assert (await client.get("/debts")).status_code == 200
    async with locked(settings, "read.datasets"):
        answer = await client.get("/debts")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/query-timeout")
    assert (await client.get("/debts")).status_code == 200


async def test_a_command_that_takes_too_long_is_ended_and_may_be_sent_again(apis: Apis, settings: Settings) -> None:
    client = await apis.commands(command_timeout_s=0.3)
    said = {"Idempotency-Key": "once", "Prefer": "respond-async"}
    async with locked(settings, "store.heads"):
        late = await client.patch(KEY, json=BODY, headers=said)
    assert is_busy(late)
    assert await events(settings) == 0
    assert (await client.patch(KEY, json=BODY, headers=said)).status_code == 202
    assert await events(settings) == 1


async def test_a_database_that_lets_in_and_says_nothing_is_503(apis: Apis, silent: str) -> None:
    client = await apis.queries(query_timeout_s=0.2, database_url=silent, rate_limits=UNLIMITED)
    answer = await client.get("/debts")
    assert is_busy(answer)


async def test_connections_are_bounded_and_whoever_gets_none_is_told_so(
    apis: Apis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.database, "POOL_WAIT_S", 0.2)
    client = await apis.queries(query_timeout_s=1.5)
    assert (await client.get("/uploads")).status_code == 200
    async with locked(settings, "read.uploads"):
        answers = await asyncio.gather(*(client.get("/uploads") for _ in range(14)))
    kinds = sorted(one.json()["type"].rpartition("/")[2] for one in answers)
    assert kinds == ["query-timeout"] * 10 + ["unavailable"] * 4
    assert {one.headers.get("retry-after") for one in answers if is_busy(one)} == {"1"}


async def test_connections_of_prepared_statements_are_bounded_as_well(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_api.at_hand, "POOL_WAIT_S", 0.2)
    prepared = query_api.prepared.Prepared(settings.database_url, 1.5, size=2)
    asked = "SELECT dataset FROM read.datasets"
    assert list(await prepared.fetch(asked)) == []
    async with locked(settings, "read.datasets"):
        found = await asyncio.gather(*(prepared.fetch(asked) for _ in range(5)), return_exceptions=True)
    await prepared.close()
    assert Counter(map(type, found)) == {asyncpg.QueryCanceledError: 2, PoolTimeoutError: 3}


async def test_reads_that_wait_are_bounded(apis: Apis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_api.waiting, "MOST_WAITING", 2)
    client = await apis.queries()
    waits = {"Read-After": "debts:9", "Prefer": "wait=1"}
    answers = await asyncio.gather(*(client.get("/debts", headers=waits) for _ in range(5)))
    assert {one.status_code for one in answers} == {503}
    assert sorted(map(is_busy, answers)) == [False, False, True, True, True]
    assert (await client.get("/debts")).status_code == 200


async def test_commands_that_wait_are_bounded_and_those_above_are_not_accepted(
    apis: Apis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_api.commanding, "MOST_WAITING", 2)
    client = await apis.commands()
    waits = {"Prefer": "wait=1"}
    answers = await asyncio.gather(*(client.patch(KEY, json=BODY, headers=waits) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [202, 202, 503, 503, 503]
    assert sum(map(is_busy, answers)) == 3
    assert await events(settings) == 2


async def test_files_that_come_at_the_same_time_are_bounded(
    apis: Apis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_api.uploads, "MOST_RECEIVED", 1)
    client = await apis.commands()
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        begun.set()
        await may_end.wait()
        yield debts(debt())

    slow = asyncio.create_task(client.post("/debts/uploads", content=slowly()))
    await begun.wait()
    assert is_busy(await client.post("/debts/uploads", content=debts(debt())))
    may_end.set()
    assert (await slow).status_code == 202
    assert (await client.post("/debts/uploads", content=debts(debt()))).status_code == 202
    assert await events(settings) == 2
