"""What the query API's connections may do, and what a caller sees when PostgreSQL does not serve them."""

from __future__ import annotations

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from litestar import Litestar
from sqlalchemy.exc import DBAPIError

from cli.servers.ports import free_port
from query_api.app import make_app
from query_api.snapshots import make_reader, snapshot
from shared.datasets.catalogue import Catalogue
from shared.settings import Settings
from tests.alone import client_of
from tests.integration.query.books import Books
from tests.integration.query.samples import debt


async def test_a_reader_cannot_write(settings: Settings) -> None:
    engine = make_reader(settings.database_url)
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with snapshot(engine) as connection:
            await connection.execute(sa.text("CREATE TABLE x ()"))
    await engine.dispose()


async def test_all_statements_of_a_snapshot_see_one_moment(settings: Settings, books: Books) -> None:
    engine = make_reader(settings.database_url)
    counted = sa.text("SELECT count(*) FROM read.projectors")
    async with snapshot(engine) as connection:
        before = (await connection.execute(counted)).scalar_one()
        await books.execute("INSERT INTO read.projectors (name, seen_at) VALUES ('a', now())")
        assert (await connection.execute(counted)).scalar_one() == before
    async with snapshot(engine) as connection:
        assert (await connection.execute(counted)).scalar_one() == before + 1
    await engine.dispose()


async def test_a_statement_ends_in_time(settings: Settings) -> None:
    engine = make_reader(settings.database_url, timeout_s=0.05)
    with pytest.raises(DBAPIError, match="statement timeout"):
        async with snapshot(engine) as connection:
            await connection.execute(sa.text("SELECT pg_sleep(10)"))
    await engine.dispose()


async def test_tables_that_were_just_dropped_are_503(client: httpx.AsyncClient, books: Books) -> None:
    await books.serve("debts", generation=9)
    answer = await client.get("/debts")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "replaced" in answer.json()["detail"]


async def test_a_lost_connection_is_replaced(client: httpx.AsyncClient, books: Books) -> None:
    await books.create("sales")
    await books.serve("sales")
    assert (await client.get("/sales")).status_code == 200
    await books.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'tablefold-query-api' AND datname = current_database()"
    )
    assert (await client.get("/sales")).status_code == 200


@pytest.mark.parametrize("url", ["/health", "/debts", "/uploads", "/debts/1"])
async def test_a_database_that_is_away_is_503(settings: Settings, catalogue: Catalogue, url: str) -> None:
    away = f"postgresql://tablefold@127.0.0.1:{free_port()}/tablefold"
    app: Litestar = make_app(msgspec.structs.replace(settings, database_url=away), catalogue)
    async with client_of(app) as client:
        answer = await client.get(url)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "/problems/unavailable"


async def test_the_read_database_is_preferred(settings: Settings, catalogue: Catalogue, books: Books) -> None:
    await books.create("players")
    await books.serve("players", position=4)
    away = f"postgresql://tablefold@127.0.0.1:{free_port()}/tablefold"
    split = msgspec.structs.replace(settings, database_url=away, read_database_url=settings.database_url)
    async with client_of(make_app(split, catalogue)) as client:
        assert (await client.get("/players")).headers["position"] == "players:4"


async def test_a_generation_flips_between_two_reads(client: httpx.AsyncClient, books: Books) -> None:
    for generation in (1, 2):
        await books.create("debts", generation)
        await books.insert("debts", [debt(generation)], generation=generation)
        await books.serve("debts", generation, position=generation)
        answer = await client.get("/debts")
        assert answer.headers["position"] == f"debts:{generation}"
        assert [one["debt_amount"] for one in answer.json()["results"]] == [f"{generation}.00"]
