"""A connection that ended while nobody used it is replaced before anybody does; real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from cli.servers.postgres import Postgres
from shared import database
from shared.database import each_alone, make_engine
from tests.alone import postgres_alone

END_OTHERS = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :name")
NAME = "tested"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres_alone("connections") as running:
        yield running


@pytest.fixture
async def engine(server: Postgres) -> AsyncIterator[AsyncEngine]:
    made = make_engine(server.url, name=NAME, pool_size=1)
    yield made
    await made.dispose()


async def connection_of(engine: AsyncEngine) -> asyncpg.Connection:
    """The pool's connection, after a statement over it."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    return driver


async def end_sessions(server: Postgres) -> None:
    other = make_engine(server.url, name="ends", pool_size=1)
    async with other.connect() as connection:
        assert (await connection.execute(END_OTHERS, {"name": NAME})).scalar_one() == 1
        while (await connection.execute(END_OTHERS, {"name": NAME})).scalar_one():
            await connection.rollback()
    await other.dispose()


async def test_it_is_used_again_while_it_lives(engine: AsyncEngine) -> None:
    assert await connection_of(engine) is await connection_of(engine)


async def test_what_was_seen_to_end_is_replaced(server: Postgres, engine: AsyncEngine) -> None:
    """Its session is gone from PostgreSQL before the client has read that it is: only then is it looked for."""
    ended = asyncio.Event()
    before = await connection_of(engine)
    before.add_termination_listener(lambda _: ended.set())
    await end_sessions(server)
    async with asyncio.timeout(10):
        await ended.wait()
    assert await connection_of(engine) is not before


@pytest.mark.parametrize("asked_after_s", [-1.0, 3600.0])
async def test_one_that_nobody_used_for_long_is_asked(
    server: Postgres, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, asked_after_s: float
) -> None:
    """Its end was not noticed: what lies between dropped it without a word."""
    monkeypatch.setattr(database, "ASKED_AFTER_S", asked_after_s)
    before = await connection_of(engine)
    await end_sessions(server)
    async with asyncio.timeout(10):
        monkeypatch.setattr("asyncpg.Connection.is_closed", lambda _: False)
        if asked_after_s < 0:
            assert await connection_of(engine) is not before
        else:
            with pytest.raises((DBAPIError, *database.OUTAGES)) as refused:
                await connection_of(engine)
            assert database.is_outage(refused.value)


@pytest.mark.parametrize("alone", [True, False])
async def test_a_statement_alone_is_its_own_transaction(engine: AsyncEngine, alone: bool) -> None:
    began = text("SELECT now()")
    async with (each_alone(engine) if alone else engine).connect() as connection:
        first = (await connection.execute(began)).scalar_one()
        assert ((await connection.execute(began)).scalar_one() > first) is alone
