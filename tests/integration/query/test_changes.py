"""`GET /{dataset}/changes/{position}`."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.query.books import Books

RECORD = {"order_id": 1, "unit_price": "1.00"}


@pytest.fixture(scope="module", autouse=True)
async def tables(books: Books) -> None:
    await books.create("sales")
    await books.serve("sales", position=9)
    await books.outcome("sales", 4, code="applied", key="1", version=4, record=RECORD)
    await books.outcome("sales", 5, code="stale", key="1", version=4, record=RECORD)
    await books.outcome("sales", 6, code="rejected", detail={"errors": [{"column": "Order ID", "code": "required"}]})
    await books.execute("INSERT INTO read.outcomes VALUES ('sales', 2, 7, 'applied')")


async def test_a_command_that_is_not_folded_yet_is_pending(client: httpx.AsyncClient) -> None:
    answer = await client.get("/sales/changes/10")
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["position"]) == (200, "1", "sales:9")
    rest = dict.fromkeys(("code", "key", "version", "record", "detail"))
    assert answer.json() == {"state": "pending", **rest}


async def test_a_command_that_was_applied_tells_the_record(client: httpx.AsyncClient) -> None:
    answer = await client.get("/sales/changes/4")
    assert (answer.status_code, answer.headers["position"]) == (200, "sales:9")
    assert "retry-after" not in answer.headers
    said = {"code": "applied", "key": "1", "version": 4, "record": RECORD, "detail": None}
    assert answer.json() == {"state": "applied", **said}


async def test_a_command_that_was_refused_tells_why(client: httpx.AsyncClient) -> None:
    stale = (await client.get("/sales/changes/5")).json()
    assert (stale["state"], stale["code"], stale["version"], stale["record"]) == ("refused", "stale", 4, RECORD)
    rejected = (await client.get("/sales/changes/6")).json()
    errors = [{"column": "Order ID", "code": "required"}]
    assert (rejected["state"], rejected["code"], rejected["detail"]) == ("refused", "rejected", {"errors": errors})


async def test_a_command_becomes_known_when_it_is_folded(client: httpx.AsyncClient, books: Books) -> None:
    assert (await client.get("/sales/changes/11")).json()["state"] == "pending"
    await books.outcome("sales", 11, code="applied")
    assert (await client.get("/sales/changes/11")).json()["state"] == "pending"
    await books.fold("sales", 11)
    assert (await client.get("/sales/changes/11")).json()["state"] == "applied"
    await books.fold("sales", 9)


@pytest.mark.parametrize(
    ("position", "says"),
    [("7", "no command"), ("3", "no command"), ("0", "no position"), ("x", "no position"), ("9" * 40, "no position")],
)
async def test_what_is_no_command_or_of_long_ago_is_404(client: httpx.AsyncClient, position: str, says: str) -> None:
    answer = await client.get(f"/sales/changes/{position}")
    assert answer.status_code == 404
    assert says in answer.json()["detail"]


async def test_a_dataset_without_read_tables_has_everything_before_it(client: httpx.AsyncClient) -> None:
    assert (await client.get("/accounts/changes/1")).json()["state"] == "pending"


async def test_a_key_named_like_it_is_a_key(client: httpx.AsyncClient) -> None:
    answer = await client.get("/sales/changes")
    assert answer.status_code == 404


async def test_the_document_tells_of_it(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    answers = paths["/sales/changes/{position}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answers["properties"]["state"]["enum"] == ["pending", "applied", "refused", "parked"]
    asked = paths["/sales/{key}/history"]["get"]["parameters"]
    assert {one["name"] for one in asked if one["in"] != "header"} == {"key", "after", "limit", "as_of"}
