"""`Read-After`: a read waits for the caller's own writes or says that it cannot."""

from __future__ import annotations

import asyncio

import asyncpg
import httpx
import pytest

from shared.settings import Settings
from shared.wakeups import FOLDED, READ
from tests.integration.query.books import Books
from tests.integration.query.samples import debt

KEY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module", autouse=True)
async def tables(books: Books) -> None:
    await books.create("debts")
    await books.serve("debts", position=5)
    await books.insert("debts", [debt(1)])


@pytest.mark.parametrize("url", ["/debts", f"/debts/{KEY}", "/uploads"])
async def test_what_is_folded_already_is_answered_at_once(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(url, headers={"Read-After": "debts:5", "Prefer": "wait=0"})
    assert answer.status_code == 200


@pytest.mark.parametrize("url", ["/debts", f"/debts/{KEY}", "/uploads"])
async def test_what_is_not_folded_in_time_is_503_with_the_lag(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(url, headers={"Read-After": "debts:57", "Prefer": "wait=0"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["lag_events"] == 52
    assert "52 events" in answer.json()["detail"]


async def test_a_dataset_without_read_tables_is_at_0(client: httpx.AsyncClient) -> None:
    headers = {"Prefer": "wait=0"}
    assert (await client.get("/sales", headers={**headers, "Read-After": "sales:0"})).status_code == 200
    assert (await client.get("/sales", headers={**headers, "Read-After": "sales:1"})).status_code == 503


async def test_a_read_waits_until_it_is_folded(client: httpx.AsyncClient, books: Books) -> None:
    asked = asyncio.create_task(client.get("/debts", headers={"Read-After": "debts:6", "Prefer": "wait=10"}))
    done, _ = await asyncio.wait({asked}, timeout=0.2)
    assert not done
    await books.fold("debts", 6)
    answer = await asked
    assert (answer.status_code, answer.headers["position"]) == (200, "debts:6")


async def test_a_read_may_wait_for_two_datasets(client: httpx.AsyncClient, books: Books) -> None:
    await books.serve("sales", position=3)
    said = {"debts:1, sales:3": 200, "sales:4,debts:1": 503, "sales:3,debts:1000": 503, "debts:1, nothing:1": 400}
    for value, status in said.items():
        answer = await client.get("/uploads", headers={"Read-After": value, "Prefer": "wait=0"})
        assert (value, answer.status_code) == (value, status)


@pytest.mark.parametrize("value", ["57", "debts", "nothing:1", "debts:x"])
async def test_a_header_that_cannot_be_read_is_refused_by_its_name(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.get("/debts", headers={"Read-After": value})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "Read-After")


async def test_those_who_wait_are_woken_by_the_bell(client: httpx.AsyncClient, books: Books) -> None:
    headers = {"Read-After": "debts:20", "Prefer": "wait=10"}
    asked = [asyncio.create_task(client.get("/debts", headers=headers)) for _ in range(32)]
    await asyncio.wait(asked, timeout=0.2)
    await books.fold("debts", 20)
    await books.execute(f"NOTIFY {FOLDED}")
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*asked)
    assert {(one.status_code, one.headers["position"]) for one in answers} == {(200, "debts:20")}


async def test_patience_is_as_long_as_asked_and_no_longer(client: httpx.AsyncClient) -> None:
    clock = asyncio.get_running_loop().time
    begun = clock()
    answer = await client.get("/debts", headers={"Read-After": "debts:99", "Prefer": "wait=1"})
    assert answer.status_code == 503
    assert 1 <= clock() - begun < 2


async def test_a_read_is_never_stale_while_much_is_written(client: httpx.AsyncClient, books: Books) -> None:
    """Each reader names a position that is being folded at that moment and must find the version of that position."""
    first, last = 100, 160
    await books.fold("debts", first)

    async def write() -> None:
        for position in range(first + 1, last + 1):
            await books.execute("UPDATE debts_1.records SET position = :position", position=position)
            await books.fold("debts", position)
            if position % 3:
                await books.execute(f"NOTIFY {FOLDED}")

    async def read(position: int) -> tuple[int, int]:
        headers = {"Read-After": f"debts:{position}", "Prefer": "wait=10"}
        answer = await client.get(f"/debts/{KEY}", headers=headers)
        assert answer.status_code == 200, answer.text
        return position, answer.json()["version"]

    readers = [read(position) for position in range(first + 1, last + 1) for _ in range(4)]
    writing = asyncio.create_task(write())
    found = await asyncio.gather(*readers)
    await writing
    assert all(version >= position for position, version in found)


async def test_projectors_are_told_that_somebody_reads(settings: Settings, client: httpx.AsyncClient) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = await asyncpg.connect(settings.database_url)
    await listening.add_listener(READ, lambda *said: heard.put_nowait(str(said[2])))
    try:
        for _ in range(2):  # Once for all that are read within a second, again after that.
            async with asyncio.timeout(20):
                while heard.empty():
                    await client.get("/debts", params={"limit": "1"})
                    await asyncio.sleep(0.02)
            told = 0
            while not heard.empty():
                assert heard.get_nowait() == READ
                told += 1
            assert told == 1
    finally:
        await listening.close()
