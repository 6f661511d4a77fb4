"""A walk from page to page while records come, go and change, against the plain model of a sorted list."""

from __future__ import annotations

from decimal import Decimal
from itertools import cycle

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.query.books import Books
from tests.integration.query.samples import Row, player, players

pytestmark = pytest.mark.usefixtures("tables")

BEGIN = players(24)
"""Odd numbers stay as they are; even ones may go or change at any time."""

SCORES = (None, Decimal(-2), Decimal(0), Decimal(5))
changes = st.one_of(
    st.tuples(st.just("remove"), st.integers(1, 12).map(lambda half: 2 * half), st.none()),
    st.tuples(st.just("change"), st.integers(1, 12).map(lambda half: 2 * half), st.sampled_from(SCORES)),
    st.tuples(st.just("add"), st.integers(1, 20).map(lambda half: 100 + 2 * half), st.sampled_from(SCORES)),
)
sorts = st.sampled_from(["", "score", "-score", "-team,score", "league,-born,-number", "-seen,nick"])


@pytest.fixture(scope="module")
async def tables(books: Books) -> None:
    await books.create("players")
    await books.serve("players")


async def apply(books: Books, change: tuple[str, int, Decimal | None]) -> None:
    kind, number, score = change
    if kind != "change":
        await books.execute("DELETE FROM players_1.records WHERE number = :number", number=number)
    if kind == "add":
        await books.insert("players", [player(number, score=score, team="x", league="Red")])
    if kind == "change":
        await books.execute(
            "UPDATE players_1.records SET score = :score, team = 'y' WHERE number = :number", score=score, number=number
        )


def stayed(rows: list[Row]) -> list[object]:
    return [row["number"] for row in rows if int(str(row["number"])) % 2]


async def whole(client: httpx.AsyncClient, sort: str) -> list[object]:
    """What stayed, in the order in which one page of everything has it."""
    answer = await client.get(f"/players?limit=1000&sort={sort}" if sort else "/players?limit=1000")
    return stayed(answer.json()["results"])


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(sort=sorts, limit=st.integers(1, 6), batches=st.lists(st.lists(changes, max_size=4), min_size=1, max_size=5))
async def test_a_walk_while_rows_change_neither_repeats_nor_skips_a_record_that_stayed(
    client: httpx.AsyncClient,
    books: Books,
    sort: str,
    limit: int,
    batches: list[list[tuple[str, int, Decimal | None]]],
) -> None:
    await books.clear("players")
    await books.insert("players", BEGIN)
    url: str | None = f"/players?limit={limit}&count=none" + (f"&sort={sort}" if sort else "")
    seen: dict[str, list[object]] = {"next": [], "previous": []}
    coming = cycle(batches)
    last = None
    for direction, found in seen.items():
        for _ in range(200):
            if url is None:
                break
            page = (await client.get(url)).json()
            numbers = stayed(page["results"])
            found += numbers if direction == "next" else numbers[::-1]
            last, url = page, page[direction]
            for change in next(coming):
                await apply(books, change)
        assert url is None
        url = last["previous"] if last else None
        if direction == "next":
            passed_again = stayed(last["results"]) if last else []
    expected = await whole(client, sort)
    assert seen["next"] == expected
    assert seen["previous"] == expected[: len(expected) - len(passed_again)][::-1]
