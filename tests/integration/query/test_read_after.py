"""`Read-After`: a read waits for the caller's own writes or says that it cannot."""

from __future__ import annotations

import asyncio

import httpx
import pytest

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


@pytest.mark.parametrize("value", ["57", "debts", "nothing:1", "debts:x"])
async def test_a_header_that_cannot_be_read_is_refused_by_its_name(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.get("/debts", headers={"Read-After": value})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "Read-After")
