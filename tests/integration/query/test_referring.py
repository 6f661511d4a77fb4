"""`GET /{dataset}/{key}/{other}`: transactions of a client, derived from a declaration."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.query.books import Books, Row

ANN, BEN, CID = (UUID(int=number) for number in (1, 2, 3))
"""Ann has transactions, Ben is a client without any, Cid's came before he did."""


def client_of(key: UUID, name: str) -> Row:
    born, balance = date(1980, 1, 1), Decimal("1.00")
    said = {"client_id": key, "name": name, "email": f"{name}@example.com", "date_of_birth": born}
    return {**said, "country": None, "account_balance": balance}


def transaction(number: int, client: UUID, day: date, *, kind: str = "BUY", currency: str = "EUR") -> Row:
    return {
        "transaction_id": UUID(int=1000 + number),
        "client_id": client,
        "transaction_type": kind,
        "transaction_date": day,
        "amount": Decimal(number),
        "currency": currency,
    }


TRANSACTIONS = [
    transaction(1, ANN, date(2009, 12, 31)),
    transaction(2, ANN, date(2010, 1, 1), kind="SELL"),
    transaction(3, ANN, date(2024, 2, 29)),
    transaction(4, ANN, date(2024, 3, 1), currency="USD"),
    transaction(5, CID, date(2024, 3, 1)),
]


@pytest.fixture(scope="module", autouse=True)
async def tables(books: Books) -> None:
    for name, position in (("clients", 7), ("transactions", 9)):
        await books.create(name)
        await books.serve(name, position=position)
    await books.insert("clients", [client_of(ANN, "ann"), client_of(BEN, "ben")])
    await books.insert("transactions", TRANSACTIONS)


async def asked(client: httpx.AsyncClient, key: object, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/clients/{key}/transactions{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def amounts(body: dict[str, Any]) -> list[int]:
    return [int(float(one["amount"])) for one in body["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3, 4]),
        ("?start_date=2010-01-01", [2, 3, 4]),
        ("?end_date=2024-03-01", [1, 2, 3, 4]),
        ("?end_date=2024-02-29", [1, 2, 3]),
        ("?start_date=2024-02-29&end_date=2024-02-29", [3]),
        ("?start_date=2025-01-01", []),
        ("?currency=usd", [4]),
        ("?transaction_type=sell", [2]),
        ("?min_amount=2&max_amount=3", [2, 3]),
        ("?sort=-transaction_date&limit=2", [4, 3]),
        ("?offset=3", [4]),
    ],
)
async def test_filters_and_pages_are_those_of_the_transactions(
    client: httpx.AsyncClient, query: str, expected: list[int]
) -> None:
    assert amounts(await asked(client, ANN, query)) == expected


async def test_pages_follow_each_other_and_are_counted(client: httpx.AsyncClient) -> None:
    first = await asked(client, ANN, "?limit=3&count=exact")
    assert (amounts(first), first["count"]) == ([1, 2, 3], {"value": 4, "relation": "eq"})
    second = (await client.get(first["next"])).json()
    assert (amounts(second), second["next"]) == ([4], None)
    assert amounts((await client.get(second["previous"])).json()) == [1, 2, 3]


async def test_a_client_without_transactions_has_an_empty_list(client: httpx.AsyncClient) -> None:
    body = await asked(client, BEN)
    assert (body["results"], body["count"]["value"]) == ([], 0)


@pytest.mark.parametrize("key", [UUID(int=99), "nobody"])
async def test_an_unknown_client_is_404(client: httpx.AsyncClient, key: object) -> None:
    answer = await client.get(f"/clients/{key}/transactions")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "clients" in answer.json()["detail"]


async def test_transactions_are_found_when_their_client_arrives(client: httpx.AsyncClient, books: Books) -> None:
    assert (await client.get(f"/clients/{CID}/transactions")).status_code == 404
    await books.insert("clients", [client_of(CID, "cid")])
    assert amounts(await asked(client, CID)) == [5]


@pytest.mark.parametrize("path", [f"/clients/{ANN}/transactions", "/transactions"])
async def test_a_range_that_ends_before_it_begins_is_400(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"{path}?start_date=2024-03-01&end_date=2024-02-29")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "start_date")


async def test_the_client_is_not_a_filter_as_well(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/clients/{ANN}/transactions?client_id={BEN}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "client_id")


async def test_an_answer_is_of_one_moment_of_both_datasets(client: httpx.AsyncClient) -> None:
    path, headers = f"/clients/{ANN}/transactions", {"Prefer": "wait=0"}
    answer = await client.get(path)
    assert answer.headers["position"] == "transactions:9, clients:7"
    again = await client.get(path, headers={**headers, "Read-After": answer.headers["position"]})
    assert again.status_code == 200
    for later in ("transactions:9, clients:8", "transactions:10", "clients:8"):
        assert (await client.get(path, headers={**headers, "Read-After": later})).status_code == 503


async def test_it_is_documented_with_the_declared_names(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    operation = paths["/clients/{key}/transactions"]["get"]
    names = {one["name"] for one in operation["parameters"]}
    assert {"key", "start_date", "end_date", "currency", "limit", "cursor", "count"} <= names
    assert "client_id" not in names
    assert not [path for path in paths if path.endswith("/transactions") and not path.startswith(("/clients", "/tr"))]
