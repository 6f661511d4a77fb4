"""`/parked` on a running Tablefold: what cannot be applied waits, is retried or discarded; a burst stops the lane."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from cli.stack import Stack
from tests.files import debt, debts
from tests.integration.people.conftest import People
from tests.laws.conftest import Tables
from tests.steps import Api, eventually

PLANT = """
    WITH head AS (UPDATE store.heads SET position = position + 1 WHERE dataset = $1 RETURNING position)
    INSERT INTO store.events (dataset, position, event_id, type, version, actor, correlation_id, recorded_at, data)
    SELECT $1, position, gen_random_uuid(), 'record-corrected', 99, 'ann', gen_random_uuid(), now(), CAST($2 AS json)
    FROM head RETURNING position
"""
MEND = "UPDATE store.events SET version = 1 WHERE dataset = $1 AND position = $2"
"""As if the projector had been updated meanwhile, and knew that version."""


@pytest.fixture
def tables(stack: Stack) -> Tables:
    return Tables(stack.environment["TABLEFOLD_DATABASE_URL"])


@pytest.fixture
def people(api: Api) -> Any:
    found = People(api)
    yield found
    found.close()


def plant(tables: Tables, dataset: str, key: str, **changes: str) -> int:
    """The position of a correction that a newer Tablefold has written."""
    data = {"type": "record-corrected", "key": key, "changes": changes, "expected": None}
    return int(tables.value(PLANT, dataset, msgspec.json.encode(data).decode()))


def parked(api: Api, dataset: str, position: int, **asked: str) -> dict[str, Any] | None:
    """What is told of an event that waits, or None."""
    found = api.get("/parked", dataset=dataset, limit=1000, **asked)["results"]
    return next((one for one in found if one["position"] == position), None)


def test_what_cannot_be_applied_waits_with_what_is_behind_it_until_somebody_decides(
    api: Api, source: str, tables: Tables, people: People
) -> None:
    first, second = uuid4(), uuid4()
    api.upload("debts", debts(debt(first), debt(second)), source=source)
    viewer, publisher = people.new("viewer"), people.new("publisher")

    planted = plant(tables, "debts", str(first), name="Mended")
    told = eventually(lambda: parked(viewer, "debts", planted))
    assert (told["state"], told["type"], told["keys"]) == ("parked", "record-corrected", [{"debt_id": str(first)}])
    assert "has version 99, and 1 is the newest" in told["reason"]
    assert told["links"]["retry"] == f"/parked/debts/{planted}/retry"

    behind = publisher.http.patch(f"/debts/{first}", json={"email": "new@example.org"})
    assert (behind.status_code, behind.json()["message"]) == (202, "Accepted, but it waits")
    position = behind.json()["position"]
    assert f"behind debts:{planted}" in behind.json()["reason"]
    assert viewer.get(behind.headers["location"])["state"] == "parked"
    told = eventually(lambda: parked(viewer, "debts", position))
    assert (told["state"], told["behind"], told["reason"]) == ("behind", planted, None)
    assert publisher.http.patch(f"/debts/{second}", json={"email": "new@example.org"}).status_code == 200
    assert viewer.get("/datasets/debts")["parked"]["parked"] >= 1

    assert viewer.http.post(f"/parked/debts/{planted}/retry").status_code == 403
    assert viewer.http.delete(f"/parked/debts/{planted}", params={"reason": "x"}).status_code == 403
    again = publisher.http.post(f"/parked/debts/{planted}/retry")
    assert (again.status_code, "still cannot be applied" in again.json()["detail"]) == (409, True)
    out_of_turn = publisher.http.post(f"/parked/debts/{position}/retry")
    assert (out_of_turn.status_code, f"behind debts:{planted}" in out_of_turn.json()["detail"]) == (409, True)

    tables.fetch(MEND, "debts", planted)
    applied = publisher.http.post(f"/parked/debts/{planted}/retry", headers={"Prefer": "wait=10"})
    assert (applied.status_code, applied.json()["message"]) == (200, "Applied"), applied.text
    assert applied.json()["record"]["government_id"].startswith("*")
    eventually(lambda: parked(viewer, "debts", position, state="retried"))
    record = viewer.get(f"/debts/{first}")
    assert (record["name"], record["email"]) == ("Mended", "new@example.org")
    for one in (planted, position):
        assert viewer.get(f"/debts/changes/{one}")["state"] == "applied"
    assert publisher.http.post(f"/parked/debts/{planted}/retry").status_code == 404
    assert verified(api, "debts")


def test_what_is_discarded_is_never_applied_and_nothing_waits_for_it(api: Api, source: str, tables: Tables) -> None:
    key = uuid4()
    api.upload("debts", debts(debt(key, name="Ann")), source=source)
    planted = plant(tables, "debts", str(key), name="Nobody")
    eventually(lambda: parked(api, "debts", planted))
    position = api.http.patch(f"/debts/{key}", json={"email": "new@example.org"}).json()["position"]

    own = f"/parked/debts/{planted}"
    for reason, status in ({}, 400), ({"reason": " "}, 400), ({"reason": "x" * 501}, 400), ({"reason": "Twice"}, 200):
        assert api.http.delete(own, params=reason, headers={"Prefer": "wait=10"}).status_code == status
    told = parked(api, "debts", planted, state="discarded")
    assert told is not None
    assert (told["ended_by"], told["ended_reason"], told["links"]) == (
        "tester",
        "Twice",
        {"change": f"/debts/changes/{planted}"},
    )
    eventually(lambda: parked(api, "debts", position, state="retried"))
    record = api.get(f"/debts/{key}")
    assert (record["name"], record["email"]) == ("Ann", "new@example.org")
    assert api.http.delete(own, params={"reason": "Again"}).status_code == 404
    assert verified(api, "debts")


@pytest.mark.parametrize("position", ["0", "x", "1.5", "99999999999999999999", "%C2%B2"])
def test_what_is_no_position_is_not_found(api: Api, position: str) -> None:
    assert api.http.post(f"/parked/debts/{position}/retry").status_code == 404
    assert api.http.delete(f"/parked/debts/{position}", params={"reason": "x"}).status_code == 404


def test_who_may_see_one_dataset_sees_what_waits_there(people: People) -> None:
    somebody = people.new("none", dataset_roles={"clients": "viewer"})
    assert somebody.get("/parked")["results"] == []
    assert somebody.get("/parked", dataset="debts", state="retried")["results"] == []


def test_a_burst_stops_the_lane_until_somebody_decides(api: Api, tables: Tables) -> None:
    isbn = str(uuid4())[:17]
    assert api.http.post("/books", json={"isbn": isbn, "title": "One"}).status_code == 201
    planted = [plant(tables, "books", f"{isbn[:14]}{at:02}", title="x") for at in range(11)]

    def stopped() -> dict[str, Any] | None:
        found: dict[str, Any] | None = api.get("/datasets/books")["stopped"]
        return found

    told = eventually(stopped)
    assert f"nor can books:{planted[-1]}" in told["reason"]
    assert parked(api, "books", planted[-2]) is not None
    assert parked(api, "books", planted[-1]) is None
    late = api.http.patch(f"/books/{isbn}", json={"title": "Two"})
    assert (late.status_code, api.get(f"/books/{isbn}")["title"]) == (202, "One")

    reason = {"reason": "A newer one wrote it"}
    decided = api.http.delete(f"/parked/books/{planted[0]}", params=reason, headers={"Prefer": "wait=8"})
    assert decided.status_code == 200, "it goes on at once, and not when it would try again by itself"
    eventually(lambda: True if api.get(f"/books/{isbn}")["title"] == "Two" else None)
    assert api.get("/datasets/books")["stopped"] is None
    assert eventually(lambda: parked(api, "books", planted[-1]))["state"] == "parked"
    for one in planted[1:]:
        assert api.http.delete(f"/parked/books/{one}", params=reason, headers={"Prefer": "wait=10"}).status_code == 200
    assert api.get("/parked", dataset="books")["results"] == []


def verified(api: Api, dataset: str) -> bool:
    """Whether all that is served is what the log says, what waits included."""
    asked = api.http.post(f"/datasets/{dataset}/rebuilds", json={"purpose": "verify"})
    assert asked.status_code == 202, asked.text

    def over() -> dict[str, Any] | None:
        found: dict[str, Any] = api.get(asked.headers["location"])
        return None if found["state"] in ("waiting", "building") else found

    found = eventually(over, 120)
    assert found["state"] == "verified", found
    return True
