"""`/datasets/{name}/rebuilds`: what can be asked for, once each, and what cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.event_store import EventStore, Proposal
from shared.events import RecordRemoved
from tests.integration.command.folding import Folding

PATH = "/datasets/deals/rebuilds"


@pytest.fixture
def engine(folding: Folding) -> AsyncEngine:
    return folding.engine


async def asked(client: httpx.AsyncClient, **wish: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=wish)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{PATH}/{body['id']}"
    return body


async def kept(engine: AsyncEngine, rebuild_id: str) -> sa.RowMapping:
    async with engine.connect() as connection:
        found = await connection.execute(sa.text("SELECT * FROM store.rebuilds WHERE id = :id"), {"id": rebuild_id})
        return found.mappings().one()


async def test_what_is_asked_for_is_kept_with_who_asked(client: httpx.AsyncClient, engine: AsyncEngine) -> None:
    for purpose in ("rebuild", "verify"):
        row = await kept(engine, (await asked(client, purpose=purpose))["id"])
        assert (row["purpose"], row["dataset"], row["accept_differences"]) == (purpose, "deals", False)
        assert row["asked_by"]
    row = await kept(engine, (await asked(client, accept_differences=True))["id"])
    assert (row["purpose"], row["accept_differences"]) == ("rebuild", True)


async def test_the_same_key_asks_once(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "nightly"}
    first, again = [(await client.post(PATH, json={}, headers=headers)).json()["id"] for _ in range(2)]
    assert first == again


async def test_until_is_a_position_or_all_that_was_recorded_before_a_time(
    client: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    store = EventStore(engine)
    await store.append_all("deals", [Proposal(event=RecordRemoved(key=str(at)), actor="ann") for at in range(3)])
    now = datetime.now(UTC)
    wishes = {"one": 1, "before": (now - timedelta(days=1)).isoformat(), "after": (now + timedelta(days=1)).isoformat()}
    found = {
        name: (await kept(engine, (await asked(client, purpose="as-of", name=name, until=until))["id"]))[
            "until_position"
        ]
        for name, until in wishes.items()
    }
    assert found == {"one": 1, "before": 0, "after": 3}


@pytest.mark.parametrize(
    ("wish", "status", "says"),
    [
        ({"purpose": "as-of", "until": 1}, 400, "has a name"),
        ({"name": "march"}, 400, "has a name"),
        ({"until": 1}, 400, "as-of"),
        ({"purpose": "as-of", "name": "march", "until": 10**6}, 400, "ends at"),
        ({"purpose": "as-of", "name": "march", "until": "2026-03-01T00:00:00"}, 400, "offset"),
        ({"purpose": "as-of", "name": "March 1"}, 400, ""),
        ({"purpose": "everything"}, 400, ""),
        ({"unknown": 1}, 400, ""),
    ],
)
async def test_what_does_not_fit_together_is_refused(
    client: httpx.AsyncClient, wish: dict[str, Any], status: int, says: str
) -> None:
    answer = await client.post(PATH, json=wish)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text


async def test_a_name_is_taken_until_it_is_dropped(client: httpx.AsyncClient) -> None:
    first = await asked(client, purpose="as-of", name="may")
    taken = await client.post(PATH, json={"purpose": "as-of", "name": "may"})
    assert (taken.status_code, "drop it" in taken.json()["detail"]) == (409, True)
    for _ in range(2):
        assert (await client.delete(f"{PATH}/{first['id']}")).status_code == 200
    await asked(client, purpose="as-of", name="may")


@pytest.mark.parametrize("path", ["/datasets/daels/rebuilds", f"{PATH}/1", f"{PATH}/{'0' * 32}"])
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    is_list = path.endswith("rebuilds")
    answer = await (client.post(path, json={}) if is_list else client.delete(path))
    assert answer.status_code == 404
    if not is_list:
        assert (await client.post(f"{path}/restore")).status_code == 404


async def test_what_is_served_is_not_cancelled_and_what_replaced_nothing_is_not_taken_back(
    client: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    own = f"{PATH}/{(await asked(client))['id']}"
    assert (await client.post(f"{own}/restore")).status_code == 409
    made = """
        INSERT INTO read.generations (dataset, generation, state, purpose, rebuild_id, replaced)
        VALUES ('deals', 2, 'live', 'rebuild', :id, 1)
    """
    async with engine.begin() as connection:
        of = {"id": own.rpartition("/")[2]}
        await connection.execute(sa.text(made), of)
        await connection.execute(sa.text("INSERT INTO read.rebuilds VALUES (:id, 'deals', 2)"), of)
        old = (
            "INSERT INTO read.generations (dataset, generation, state, purpose) VALUES ('deals', 1, 'retired', 'first')"
        )
        await connection.execute(sa.text(old))
    refused = await client.delete(own)
    assert (refused.status_code, "restore" in refused.json()["detail"]) == (409, True)
    assert (await client.post(f"{own}/restore")).status_code == 202
