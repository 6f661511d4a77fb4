"""A connection that ended while nobody used it is replaced before anybody does; real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

import query_api.at_hand
from cli.servers.postgres import Postgres
from projector.making import make_table
from query_api.at_hand import AtHand
from shared import database
from shared.database import each_alone, make_engine
from tests.alone import postgres_alone

END_OTHERS = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :name")
NAME = "tested"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres_alone() as running:
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


@pytest.fixture
async def at_hand(server: Postgres) -> AsyncIterator[AtHand]:
    pool = await asyncpg.create_pool(server.url, min_size=0, max_size=2, server_settings={"application_name": NAME})
    made = AtHand(pool, 2)
    yield made
    await made.close()


async def pid_of(at_hand: AtHand) -> int:
    connection = await at_hand.take()
    found = int(await connection.fetchval("SELECT pg_backend_pid()"))
    await at_hand.give_back(connection, at_rest=True)
    return found


async def test_one_at_hand_is_used_again_unless_it_has_ended_or_rested_for_long(
    server: Postgres, at_hand: AtHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = [await pid_of(at_hand) for _ in range(3)]
    assert len({*pids}) == 1
    ended = asyncio.Event()
    connection = await at_hand.take()
    connection.add_termination_listener(lambda _: ended.set())
    await at_hand.give_back(connection, at_rest=True)
    await end_sessions(server)
    async with asyncio.timeout(10):
        await ended.wait()
    pids.append(await pid_of(at_hand))
    monkeypatch.setattr(query_api.at_hand, "IDLE_S", 0)
    pids.append(await pid_of(at_hand))
    monkeypatch.undo()
    await at_hand.expire()
    pids.append(await pid_of(at_hand))
    connection = await at_hand.take()
    await at_hand.expire()
    await at_hand.give_back(connection, at_rest=True)
    pids.append(await pid_of(at_hand))
    assert len({*pids}) == 5


async def test_the_end_waits_for_one_that_is_in_use(at_hand: AtHand) -> None:
    connection = await at_hand.take()
    ending = asyncio.create_task(at_hand.close())
    await asyncio.sleep(0)
    assert await connection.fetchval("SELECT 1") == 1
    await at_hand.give_back(connection, at_rest=True)
    async with asyncio.timeout(10):
        await ending


async def test_who_finds_none_at_hand_waits_for_one_that_is_given_back_however_it_was_left(
    at_hand: AtHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [await at_hand.take(), await at_hand.take()]
    waiting = [asyncio.create_task(pid_of(at_hand)) for _ in range(4)]
    cancelled = asyncio.create_task(taken[0].execute("SELECT pg_sleep(60)"))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    await at_hand.give_back(taken[0], at_rest=False)
    taken[1].terminate()
    await at_hand.give_back(taken[1], at_rest=False)
    assert all(await asyncio.gather(*waiting))
    taken = [await at_hand.take(), await at_hand.take()]
    monkeypatch.setattr(query_api.at_hand, "POOL_WAIT_S", 0.1)
    with pytest.raises(PoolTimeoutError):
        await at_hand.take()
    for each in taken:
        await at_hand.give_back(each, at_rest=True)


async def test_what_is_prepared_stays_prepared_while_tables_are_made(engine: AsyncEngine) -> None:
    asked = text("SELECT 'this one' AS one")
    named = text("SELECT name FROM pg_prepared_statements WHERE statement = :statement")
    names = []
    async with engine.connect() as connection:
        for table in ("made_here", "made_then"):
            await connection.execute(asked)
            names.append((await connection.scalars(named, {"statement": asked.text})).all())
            await make_table(connection, sa.Table(table, sa.MetaData(), sa.Column("one", sa.Integer)))
    assert len(names[0]) == 1
    assert names[0] == names[1]
