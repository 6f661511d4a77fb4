"""`GET /parked`, and what a dataset tells of its lane."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.query.books import Books

PLANT = """
    INSERT INTO read.parked (dataset, generation, position, type, keys, state, reason, behind, actor, recorded_at,
        ended_position, ended_by)
    VALUES (:dataset, :generation, :position, 'record-corrected', CAST(:keys AS text[]), :state, :reason, :behind,
        'ann', now(), :ended, :by)
"""
UPLOAD = "0b7f1d9e-6c0f-4a35-9d61-2f6a4a1c0e01"


async def plant(books: Books, dataset: str, position: int, state: str, **said: Any) -> None:
    """An event that waits or has waited."""
    usual = {"generation": 1, "keys": [], "reason": None, "behind": None, "ended": None, "by": None}
    await books.execute(PLANT, **{**usual, "dataset": dataset, "position": position, "state": state, **said})


@pytest.fixture(scope="module", autouse=True)
async def tables(books: Books) -> None:
    for name in ("sales", "debts", "accounts"):
        await books.create(name)
        await books.serve(name, position=9)
    await plant(books, "sales", 4, "parked", keys=["record 7"], reason="KeyError at projector/editing.py:97")
    await plant(books, "sales", 5, "behind", keys=["record 7"], behind=4)
    await plant(books, "sales", 6, "discarded", keys=["record 8"], reason="KeyError", ended=8, by="pat")
    await plant(books, "sales", 2, "parked", generation=2)
    await plant(books, "debts", 3, "parked", keys=[f"row {UPLOAD}:4", f"upload {UPLOAD}"], reason="KeyError")


async def positions(client: httpx.AsyncClient, query: str = "") -> list[tuple[str, int]]:
    answer = await client.get(f"/parked{query}")
    assert answer.status_code == 200, answer.text
    return [(one["dataset"], one["position"]) for one in answer.json()["results"]]


async def test_it_has_what_waits_in_what_is_served_by_dataset_and_position(client: httpx.AsyncClient) -> None:
    assert await positions(client) == [("debts", 3), ("sales", 4), ("sales", 5)]


async def test_filters_narrow_it_by_dataset_and_state(client: httpx.AsyncClient) -> None:
    assert await positions(client, "?dataset=sales&dataset=accounts") == [("sales", 4), ("sales", 5)]
    assert await positions(client, "?state=behind") == [("sales", 5)]
    assert await positions(client, "?state=discarded&state=retried") == [("sales", 6)]
    for wrong in ("?state=lost", "?dataset=nobody", "?limit=0", "?by=ann"):
        assert (await client.get(f"/parked{wrong}")).status_code == 400


async def test_pages_follow_each_other(client: httpx.AsyncClient) -> None:
    first = (await client.get("/parked?limit=2")).json()
    second = (await client.get(first["next"])).json()
    assert [one["position"] for page in (first, second) for one in page["results"]] == [3, 4, 5]
    assert (first["count"], second["next"]) == ({"value": 3, "relation": "eq"}, None)


async def test_one_tells_what_it_waits_with_and_what_can_be_done(client: httpx.AsyncClient) -> None:
    debts, parked, behind = (await client.get("/parked")).json()["results"]
    assert debts["keys"] == [{"upload": UPLOAD, "row": 4}, {"upload": UPLOAD}]
    assert (parked["keys"], parked["reason"]) == ([{"order_id": "7"}], "KeyError at projector/editing.py:97")
    own = "/parked/sales/4"
    assert parked["links"] == {"change": "/sales/changes/4", "retry": f"{own}/retry", "discard": own}
    assert (behind["behind"], behind["links"]) == (4, {"change": "/sales/changes/5"})


async def test_a_dataset_tells_what_waits_and_whether_its_lane_stands(client: httpx.AsyncClient, books: Books) -> None:
    found = (await client.get("/datasets/sales")).json()
    assert (found["stopped"], found["parked"]) == (None, {"parked": 1, "behind": 1})
    stop = "UPDATE read.checkpoints SET stopped_at = now(), stopped_reason = 'too many' WHERE dataset = 'sales'"
    await books.execute(stop)
    found = (await client.get("/datasets/sales")).json()
    assert found["stopped"]["reason"] == "too many"
