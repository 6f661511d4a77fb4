"""Outcomes become answers; without one in time the answer is 202."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.command.folding import Folding

DEBT = {"name": "Ana", "government_id": "1", "email": "a@b.c", "debt_amount": "5", "debt_due_date": "2026-03-31"}
KEY = "123e4567-e89b-42d3-a456-426614174000"
RECORD = {"debt_id": KEY, **DEBT, "status": "PROCESSED"}


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ({"code": "applied", "version": 9, "record": RECORD}, 200, {"version": 9, "record": RECORD}),
        ({"code": "not-found"}, 404, {"type": "/problems/not-found", "detail": "Debt not found"}),
        (
            {"code": "stale", "version": 9, "record": {"a": 1}},
            412,
            {"type": "/problems/stale-version", "current": {"a": 1}, "version": 9},
        ),
        ({"code": "conflict", "detail": {"reason": "No."}}, 409, {"type": "/problems/conflict", "detail": "No."}),
        (
            {
                "code": "rejected",
                "detail": {
                    "errors": [
                        {
                            "column": "debtAmount",
                            "field": "debt_amount",
                            "code": "minimum",
                            "value": "-1",
                            "message": "no",
                        },
                        {"column": "a/b", "field": None, "code": "enum", "value": "", "message": "no"},
                        {"column": None, "field": None, "code": "blank-row", "value": "", "message": "Blank."},
                    ]
                },
            },
            422,
            {
                "errors": [
                    {"pointer": "/debt_amount", "code": "minimum", "detail": "debt_amount no"},
                    {"pointer": "/a~1b", "code": "enum", "detail": "a/b no"},
                    {"pointer": "", "code": "blank-row", "detail": "Blank."},
                ]
            },
        ),
    ],
    ids=lambda value: value["code"] if isinstance(value, dict) and "code" in value else "",
)
async def test_every_outcome_has_its_answer(
    client: httpx.AsyncClient, folding: Folding, said: dict[str, Any], status: int, told: dict[str, object]
) -> None:
    position = await folding.next_position()
    await folding.outcome(position, **said)
    answer = await client.put(f"/debts/{KEY}", json={"name": "x"})

    assert answer.status_code == status, answer.text
    assert told.items() <= answer.json().items()
    assert answer.headers["Position"] == f"debts:{position}"
    assert answer.headers.get("ETag") == ('"9"' if status == 200 else None)


async def test_an_event_says_what_was_asked_in_canonical_text(client: httpx.AsyncClient, folding: Folding) -> None:
    position = await folding.next_position()
    changes = {"debt_amount": " +5 ", "status": "failed", "debt_due_date": "2026-03-31"}
    headers = {"Prefer": "respond-async", "If-Match": '"3", W/"4", "x", "5"'}
    await client.patch(f"/debts/{KEY.upper()}", json=changes, headers=headers)

    assert await folding.event(position) == {
        "type": "record-corrected",
        "key": KEY,
        "changes": {"debt_amount": "5.00", "status": "FAILED", "debt_due_date": "2026-03-31"},
        "expected": [3, 5],
    }


async def test_an_added_record_has_all_its_fields_in_its_event(client: httpx.AsyncClient, folding: Folding) -> None:
    position = await folding.next_position()
    await client.post("/debts", json={**DEBT, "debt_id": KEY.upper()}, headers={"Prefer": "respond-async"})

    expected = {**DEBT, "debt_id": KEY, "debt_amount": "5.00", "status": "PROCESSED"}
    assert await folding.event(position) == {"type": "record-added", "key": KEY, "values": expected}


async def test_a_removal_names_the_versions_that_it_means(client: httpx.AsyncClient, folding: Folding) -> None:
    position = await folding.next_position()
    await client.delete(f"/debts/{KEY}", headers={"Prefer": "respond-async", "If-Match": "*"})
    await client.delete(f"/debts/{KEY}", headers={"Prefer": "respond-async", "If-Match": 'W/"5"'})

    assert await folding.event(position) == {"type": "record-removed", "key": KEY, "expected": None}
    assert (await folding.event(position + 1))["expected"] == []


@pytest.mark.parametrize(("prefer", "patience_s"), [("wait=0", 0), ("wait=1", 1), ("respond-async, wait=9", 0)])
async def test_without_an_outcome_in_time_the_answer_says_where_it_will_be(
    client: httpx.AsyncClient, folding: Folding, prefer: str, patience_s: int
) -> None:
    position = await folding.next_position()
    began = time.monotonic()
    answer = await client.put(f"/debts/{KEY}", json={"name": "x"}, headers={"Prefer": prefer})
    took_s = time.monotonic() - began

    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/debts/changes/{position}"
    assert answer.headers["Position"] == f"debts:{position}"
    assert answer.headers["Retry-After"] == "1"
    assert patience_s <= took_s < patience_s + 1


async def test_an_outcome_that_comes_while_one_waits_is_the_answer(client: httpx.AsyncClient, folding: Folding) -> None:
    position = await folding.next_position()
    waiting = asyncio.create_task(client.put(f"/debts/{KEY}", json={"name": "x"}, headers={"Prefer": "wait=10"}))
    async with asyncio.timeout(10):
        await folding.appended(position)
    await folding.outcome(position, version=position, record=RECORD)

    answer = await waiting
    assert (answer.status_code, answer.json()["version"]) == (200, position)


async def test_a_bad_body_appends_nothing(client: httpx.AsyncClient, folding: Folding) -> None:
    position = await folding.next_position()
    assert (await client.put(f"/debts/{KEY}", json={"debt_amount": "x"})).status_code == 422
    assert (await client.put("/debts/x", json={"name": "x"})).status_code == 404
    assert (await client.put(f"/debts/{KEY}", json={"name": "x"}, headers={"If-Match": "x"})).status_code == 400
    assert await folding.next_position() == position


async def test_the_same_key_is_still_running_until_its_event_is_folded(
    client: httpx.AsyncClient, folding: Folding
) -> None:
    headers = {"Idempotency-Key": str(uuid4()), "Prefer": "wait=0"}
    position = await folding.next_position()
    first = await client.put(f"/debts/{KEY}", json={"name": "x"}, headers=headers)
    assert first.status_code == 202

    soon = await client.put(f"/debts/{KEY}", json={"name": "x"}, headers=headers)
    assert (soon.status_code, soon.json()["type"]) == (409, "/problems/still-running")
    assert (soon.headers["Retry-After"], soon.headers["Position"]) == ("1", f"debts:{position}")

    await folding.outcome(position, version=position, record=RECORD)
    later = await client.put(f"/debts/{KEY}", json={"name": "x"}, headers=headers)
    assert (later.status_code, later.headers["Idempotency-Replayed"]) == (200, "true")
    assert await folding.next_position() == position + 1


async def test_who_did_not_wait_is_answered_in_the_same_way_again(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": str(uuid4()), "Prefer": "respond-async"}
    first = await client.put(f"/debts/{KEY}", json={"name": "x"}, headers=headers)
    again = await client.put(f"/debts/{KEY}", json={"name": "x"}, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")


async def test_an_outcome_that_was_forgotten_is_not_invented(client: httpx.AsyncClient, folding: Folding) -> None:
    headers = {"Idempotency-Key": str(uuid4()), "Prefer": "wait=0"}
    position = await folding.next_position()
    await client.put(f"/debts/{KEY}", json={"name": "x"}, headers=headers)
    await folding.fold_to(position)

    again = await client.put(f"/debts/{KEY}", json={"name": "x"}, headers=headers)
    await folding.fold_to(0)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")
    assert "too long ago" in again.json()["detail"]


async def test_every_route_is_described(client: httpx.AsyncClient) -> None:
    described = (await client.get("/schema/commands/openapi.json")).json()["paths"]
    assert set(described["/debts/{key}"]) == {"put", "patch", "delete"}
    body = described["/debts"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "status" not in body["required"]
    assert body["properties"]["debt_amount"]["minimum"] == 0
    assert body["additionalProperties"] is False
    assert "If-Match" in {one["name"] for one in described["/debts/{key}"]["patch"]["parameters"]}
    assert "application/merge-patch+json" in described["/debts/{key}"]["patch"]["requestBody"]["content"]
    assert "Idempotency-Key" in {one["name"] for one in described["/debts/uploads"]["post"]["parameters"]}
