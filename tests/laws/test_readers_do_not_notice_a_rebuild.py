"""Readers see no mix, no pause and no error while a dataset is rebuilt, flipped and flipped back, whoever is killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli.stack import Stack
from tests.files import table
from tests.laws.conftest import Tables
from tests.steps import PACE_S, Api, eventually

LABELS = (
    *("Region", "Country", "Item Type", "Sales Channel", "Order Priority", "Order Date", "Order ID", "Ship Date"),
    *("Units Sold", "Unit Price", "Unit Cost", "Total Revenue", "Total Cost", "Total Profit"),
)
COUNTRIES = [f"Country {uuid4()}" for _ in range(5)]
ROWS = 4000
LONGEST_S = 2.0
"""The longest that one read may take on a busy machine: far less than a rebuild."""


def sold(at: int, order_id: int | None = None, countries: Sequence[str] = COUNTRIES) -> list[str]:
    """A row of sales; each country has its turn."""
    order = str(order_id or uuid4().int % 10**15)
    said = ("Nowhere", countries[at % len(countries)], "Salt", "Online", "H", "5/1/2014", order, "5/2/2014")
    return [*said, "1", "10.00", "6.00", "10.00", "6.00", "4.00"]


def bytes_of(*rows: list[str]) -> bytes:
    """A file of sales."""
    return table(LABELS, rows).encode()


class Reader:
    """Reads a list and a ranking all the time; every answer is held to what can be true."""

    def __init__(self, api: Api, source: str) -> None:
        self._api = Api(api.url, api.token)
        self._source = source
        self.counts: list[int] = []
        self.revenue: list[Decimal] = []
        self.positions: list[int] = []
        self.longest_s = 0.0

    def read_until(self, done: Event) -> None:
        """Read again and again, and once more at the end."""
        while not done.wait(PACE_S):
            self._read()
        self._read()
        self._api.http.close()

    def _read(self) -> None:
        page = self._get("/sales", source=self._source, limit=1, count="exact")
        self.counts.append(page["count"]["value"])
        ranking = self._get("/sales/rankings/by-country", limit=1000)
        revenues = [Decimal(one["revenue"]) for one in ranking["results"] if one["country"] in COUNTRIES]
        self.revenue.append(sum(revenues, Decimal(0)))

    def _get(self, path: str, **parameters: str | int) -> Any:
        began = time.monotonic()
        answer = self._api.http.get(path, params=parameters)
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        assert answer.status_code == 200, answer.text
        self.positions.append(int(answer.headers["Position"].rpartition(":")[2]))
        return answer.json()


@contextmanager
def reading(api: Api, source: str, work: Callable[[Event], None]) -> Iterator[Reader]:
    """Readers and a worker beside what the block does; whatever one of them asserts is raised at its end."""
    done, readers = Event(), [Reader(api, source) for _ in range(2)]
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(one.read_until, done) for one in readers] + [pool.submit(work, done)]
        try:
            yield readers[0]
        finally:
            done.set()
        for one in running:
            one.result()


def rebuilt(api: Api, path: str = "", **wish: object) -> dict[str, Any]:
    """Ask for a rebuild and follow it to its end."""
    answer = api.http.post(f"/datasets/sales/rebuilds{path}", json=wish)
    assert answer.status_code == 202, answer.text
    return followed(api, answer.json()["links"]["self"])


def followed(api: Api, own: str) -> dict[str, Any]:
    """A rebuild as soon as it is over."""

    def over() -> dict[str, Any] | None:
        answer = api.http.get(own)
        assert answer.status_code in (200, 503), answer.text
        found: dict[str, Any] = answer.json()
        return found if found.get("state", "waiting") not in ("waiting", "building") else None

    return eventually(over, 90)


def test_while_people_edit_and_a_file_is_loaded(api: Api, source: str) -> None:
    keys = [uuid4().int % 10**15 for _ in range(ROWS)]
    api.upload("sales", bytes_of(*(sold(at, key) for at, key in enumerate(keys))), source=source)
    edits = 0

    def edit(done: Event) -> None:
        nonlocal edits
        client = Api(api.url, api.token)
        while not done.wait(PACE_S):
            path = f"/sales/{keys[edits % 50]}"
            answer = client.http.patch(
                path, json={"total_revenue": f"{10 + edits % 2}.00"}, headers={"Prefer": "wait=10"}
            )
            assert answer.status_code == 200, answer.text
            edits += 1
        client.http.close()

    with reading(api, source, edit) as reader:
        upload_id = api.send("sales", bytes_of(*(sold(at) for at in range(ROWS))), source=source)
        first = rebuilt(api)
        api.follow(upload_id.json()["id"])
        second = rebuilt(api, f"/{first['id']}/restore")

    assert (first["state"], second["state"]) == ("live", "live"), (first["failure"], second["failure"])
    assert second["generation"] == first["replaced"]
    assert first["compared"]["equal"]
    assert second["compared"]["equal"]
    assert set(reader.counts) <= {ROWS, 2 * ROWS}
    assert reader.counts == sorted(reader.counts)
    wrong = [revenue for revenue in reader.revenue if not 10 * ROWS <= revenue <= 20 * ROWS + 50]
    assert wrong == []
    assert reader.positions == sorted(reader.positions)
    assert reader.longest_s < LONGEST_S
    assert edits > 5, "nobody edited meanwhile"


@pytest.mark.parametrize("at_least", [1, 3])
def test_a_killed_builder_is_followed_by_another(
    api: Api, mended: Stack, source: str, tables: Tables, at_least: int
) -> None:
    files = [bytes_of(*(sold(at) for at in range(1500))) for _ in range(4)]
    for content in files:
        api.upload("sales", content, source=source)
    before = api.count("sales", source=source)
    answer = api.http.post("/datasets/sales/rebuilds", json={})

    def begun() -> bool | None:
        folded = """
            SELECT position FROM read.generations JOIN read.checkpoints USING (dataset, generation)
            WHERE rebuild_id = $1
        """
        found = tables.fetch(folded, UUID(answer.json()["id"]))
        return True if found and found[0]["position"] >= at_least else None

    eventually(begun)
    for name in ("projector-1", "projector-2"):
        mended.processes[name].kill()
    mended.revive()
    row = followed(api, answer.json()["links"]["self"])

    assert row["state"] == "live", (row["failure"], row["compared"])
    assert api.count("sales", source=source) == before == 6000
