"""`GET /uploads`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.query.books import Books

pytestmark = pytest.mark.usefixtures("tables")

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def tables(books: Books) -> None:
    for name in ("debts", "sales"):
        await books.serve(name, generation=2)
    for number in range(1, 8):
        at = START + timedelta(minutes=number // 2)
        await books.upload("debts", number, 2, received_at=at, source="acme" if number % 2 else None)
    await books.upload("sales", 1, 2, received_at=START + timedelta(hours=1), state="loading", file_name="sales.csv")
    await books.upload("sales", 2, 3, received_at=START + timedelta(hours=2))


async def numbers(client: httpx.AsyncClient, url: str) -> list[tuple[str, int]]:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    return [(upload["dataset"], upload["number"]) for upload in answer.json()["results"]]


async def test_the_newest_stands_first_and_only_the_served_generation(client: httpx.AsyncClient) -> None:
    body = (await client.get("/uploads")).json()
    found = [(upload["dataset"], upload["number"]) for upload in body["results"]]
    assert found[0] == ("sales", 1)
    assert [number // 2 for _, number in found[1:]] == [3, 3, 2, 2, 1, 1, 0]
    assert body["count"] == {"value": 8, "relation": "eq"}
    assert (body["next"], body["previous"]) == (None, None)


async def test_a_walk_is_the_whole_list_both_ways(client: httpx.AsyncClient) -> None:
    whole = await numbers(client, "/uploads")
    pages, url = [], "/uploads?limit=3"
    while url:
        page = (await client.get(url)).json()
        pages.append([(upload["dataset"], upload["number"]) for upload in page["results"]])
        assert len(pages) <= len(whole)
        previous, url = page["previous"], page["next"]
    assert [one for page in pages for one in page] == whole
    assert await numbers(client, previous) == pages[-2]


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("/uploads?dataset=debts", 7),
        ("/uploads?dataset=accounts", 0),
        ("/uploads?source=acme", 4),
        ("/uploads?source=nobody", 0),
        ("/uploads?state=loading", 1),
        ("/uploads?state=loading&state=PUBLISHED", 8),
        ("/uploads?state=failed", 0),
        ("/uploads?dataset=debts&state=published&source=acme", 4),
    ],
)
async def test_filters_narrow_the_list(client: httpx.AsyncClient, url: str, count: int) -> None:
    assert len(await numbers(client, url)) == count


@pytest.mark.parametrize(
    ("url", "parameter"),
    [
        ("/uploads?dataset=debt", "dataset"),
        ("/uploads?state=gone", "state"),
        ("/uploads?offset=1", "offset"),
        ("/uploads?source=a&source=b", "source"),
        ("/uploads?cursor=abc", "cursor"),
        ("/uploads?limit=0", "limit"),
    ],
)
async def test_a_refusal_names_the_parameter(client: httpx.AsyncClient, url: str, parameter: str) -> None:
    answer = await client.get(url)
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)
