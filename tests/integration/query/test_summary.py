"""`GET /{dataset}/summary`: counts and sums of a selection, against the plain model."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import httpx
import pytest

from query_api.summaries import MAX_GROUPS
from tests.integration.query.books import Books
from tests.integration.query.samples import Row, debt, players, sale

pytestmark = pytest.mark.usefixtures("tables")

PLAYERS = players(200)


@pytest.fixture(scope="module")
async def tables(books: Books) -> None:
    for name in ("players", "sales", "debts"):
        await books.create(name)
        await books.serve(name, position=7)
    await books.insert("players", PLAYERS)
    await books.insert("sales", [sale(number, units_sold=10**17) for number in range(1, 201)])
    await books.upload("debts", 1, source="acme")
    await books.insert("debts", [debt(1), debt(2, status="FAILED")], upload=1)
    await books.insert("debts", [debt(number, name=f"N {number}") for number in range(3, 1200)])


def model(rows: list[Row], field: str) -> dict[object, tuple[int, str | None]]:
    """Of each value of a field: how many rows have it, and the sum of their scores."""
    groups: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[field]].append(row)
    return {value: (len(group), total(group)) for value, group in groups.items()}


def total(rows: list[Row]) -> str | None:
    scores = [row["score"] for row in rows if isinstance(row["score"], Decimal)]
    return f"{sum(scores, Decimal(0)):.3f}" if scores else None


@pytest.mark.parametrize("field", ["team", "league", "nick"])
@pytest.mark.parametrize("league", [None, "Red"])
async def test_groups_are_those_of_the_plain_model(client: httpx.AsyncClient, field: str, league: str | None) -> None:
    rows = [row for row in PLAYERS if league in (None, row["league"])]
    narrowed = f"&league={league}" if league else ""
    answer = await client.get(f"/players/summary?group={field}{narrowed}")
    body = answer.json()
    assert answer.headers["position"] == "players:7"
    assert {one[field]: (one["count"], one["sums"]["score"]) for one in body["results"]} == model(rows, field)
    assert (body["total"], body["more"]) == ({"count": len(rows), "sums": {"score": total(rows)}}, False)
    counts = [one["count"] for one in body["results"]]
    assert counts == sorted(counts, reverse=True)


async def test_without_a_group_there_is_the_total_alone(client: httpx.AsyncClient) -> None:
    body = (await client.get("/debts/summary?source=acme")).json()
    assert body == {"total": {"count": 2, "sums": {"debt_amount": "3.00"}}}


async def test_sums_are_exact_and_chosen_by_name(client: httpx.AsyncClient) -> None:
    body = (await client.get("/sales/summary?sums=units_sold, total_profit")).json()
    assert body == {"total": {"count": 200, "sums": {"units_sold": str(200 * 10**17), "total_profit": "200.00"}}}


async def test_a_selection_of_nothing_has_no_sums(client: httpx.AsyncClient) -> None:
    nothing = {"count": 0, "sums": {"debt_amount": None}}
    for url in ("/debts/summary?group=status&name=nobody", "/accounts/summary?group=status"):
        body = (await client.get(url)).json()
        assert (body["results"], body["total"]["count"]) == ([], 0)
    assert (await client.get("/debts/summary?name=nobody")).json() == {"total": nothing}


async def test_of_too_many_groups_the_largest_are_answered(client: httpx.AsyncClient) -> None:
    body = (await client.get("/debts/summary?group=name")).json()
    assert (len(body["results"]), body["more"], body["total"]["count"]) == (MAX_GROUPS, True, 1199)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("group=debt_id", "group"),
        ("group=government_id", "group"),
        ("group=debt_amount", "group"),
        ("sums=name", "sums"),
        ("limit=1", "limit"),
        ("status=x", "status"),
    ],
)
async def test_what_cannot_be_summed_is_refused(client: httpx.AsyncClient, query: str, parameter: str) -> None:
    answer = await client.get(f"/debts/summary?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


async def test_openapi_types_the_measures(client: httpx.AsyncClient) -> None:
    operation = (await client.get("/schema/openapi.json")).json()["paths"]["/debts/summary"]["get"]
    (group,) = [one for one in operation["parameters"] if one["name"] == "group"]
    assert "status" in group["schema"]["enum"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["properties"]["total"]["properties"]["sums"]["properties"]["debt_amount"]["type"] == [
        "string",
        "null",
    ]
