"""Pages of `GET /{dataset}`: cursors, offsets, counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from operator import itemgetter

import httpx
import msgspec
import pytest

from query_api.app import make_app
from shared.datasets.catalogue import Catalogue
from shared.settings import Settings
from tests.alone import client_of
from tests.integration.query.books import Books
from tests.integration.query.samples import Row, debt, player, players

pytestmark = pytest.mark.usefixtures("tables")

PLAYERS = players(60)

SORTS = [
    "",
    "number",
    "-number",
    "score",
    "-score",
    "nick",
    "-nick",
    "seen,-born",
    "-seen,born,-team",
    "league,-score,nick,number",
    "-team,-league,-nick",
    "-born,-number",
]


@pytest.fixture(scope="module")
async def tables(books: Books) -> None:
    for name in ("players", "debts"):
        await books.create(name)
        await books.serve(name)
    await books.insert("players", PLAYERS)


def in_order(rows: list[Row], sort: str) -> list[object]:
    """The numbers of rows sorted as asked: no value last in both directions, ties by number."""
    found = sorted(rows, key=lambda row: str(row["number"]).zfill(9))
    for name in reversed([name for name in sort.split(",") if name]):
        field = name.removeprefix("-")
        known = [(row[field], row) for row in found if row[field] is not None]
        known.sort(key=itemgetter(0), reverse=name.startswith("-"))
        found = [row for _, row in known] + [row for row in found if row[field] is None]
    return [row["number"] for row in found]


async def walk(client: httpx.AsyncClient, url: str | None, direction: str) -> list[Mapping[str, object]]:
    """Every page from `url` on."""
    pages = []
    while url is not None:
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        url = pages[-1][direction]
        assert len(pages) < 200
    return pages


def keys(pages: list[Mapping[str, object]]) -> list[object]:
    return [record["number"] for page in pages for record in page["results"]]  # type: ignore[attr-defined] # JSON


@pytest.mark.parametrize("limit", [1, 7, 60])
@pytest.mark.parametrize("sort", SORTS)
async def test_a_walk_over_ties_and_nulls_is_the_sorted_list_both_ways(
    client: httpx.AsyncClient, sort: str, limit: int
) -> None:
    url = f"/players?limit={limit}" + (f"&sort={sort}" if sort else "")
    forward = await walk(client, url, "next")
    assert keys(forward) == in_order(PLAYERS, sort)
    assert all(len(page["results"]) == limit for page in forward[:-1])  # type: ignore[arg-type] # JSON
    assert forward[0]["previous"] is None
    back = await walk(client, str(forward[-1]["previous"]), "previous") if len(forward) > 1 else []
    assert keys(back[::-1]) == keys(forward[:-1])
    for page, following in pairwise(back):
        again = (await client.get(str(following["next"]))).json()
        assert again["results"] == page["results"]


async def test_a_walk_keeps_its_filters(client: httpx.AsyncClient) -> None:
    pages = await walk(client, "/players?league=red&league=blue&limit=3&sort=-score", "next")
    assert keys(pages) == in_order([row for row in PLAYERS if row["league"]], "-score")
    assert {page["count"]["value"] for page in pages} == {len(keys(pages))}  # type: ignore[index] # JSON


async def test_a_walk_neither_skips_nor_repeats_while_rows_come_and_go(client: httpx.AsyncClient, books: Books) -> None:
    def days(numbers: range) -> list[Row]:
        return [debt(number, debt_due_date=date(2030, 1, 1)) for number in numbers]

    await books.insert("debts", days(range(10, 20)))
    first = (await client.get("/debts?sort=debt_due_date&limit=4")).json()
    edge = first["results"][-1]["debt_id"]
    await books.execute("DELETE FROM debts_1.records WHERE debt_id = CAST(:key AS uuid)", key=edge)
    await books.insert("debts", days(range(1, 3)))
    pages = await walk(client, first["next"], "next")
    amounts = [record["debt_amount"] for page in pages for record in page["results"]]  # type: ignore[attr-defined] # JSON
    assert amounts == [f"{number}.00" for number in range(14, 20)]


async def test_an_offset_skips_and_leads_to_cursors(client: httpx.AsyncClient) -> None:
    expected = in_order(PLAYERS, "-score")
    page = (await client.get("/players?sort=-score&limit=10&offset=25")).json()
    assert keys([page]) == expected[25:35]
    assert "offset" not in page["next"] + page["previous"]
    assert keys([(await client.get(page["next"])).json()]) == expected[35:45]
    assert keys([(await client.get(page["previous"])).json()]) == expected[15:25]


async def test_beyond_the_end_previous_leads_to_the_last_page(client: httpx.AsyncClient) -> None:
    page = (await client.get("/players?limit=7&offset=1000")).json()
    assert (page["results"], page["next"], page["count"]) == ([], None, {"value": 60, "relation": "eq"})
    last = (await client.get(page["previous"])).json()
    assert keys([last]) == in_order(PLAYERS, "")[-7:]
    assert last["next"] is None
    assert keys([(await client.get(last["previous"])).json()]) == in_order(PLAYERS, "")[-14:-7]


async def test_before_the_beginning_next_leads_to_the_first_page(client: httpx.AsyncClient, books: Books) -> None:
    page = (await client.get("/players?limit=7&offset=7")).json()
    await books.clear("players")
    empty = (await client.get(page["previous"])).json()
    await books.insert("players", PLAYERS)
    assert (empty["results"], empty["previous"]) == ([], None)
    assert keys([(await client.get(empty["next"])).json()]) == in_order(PLAYERS, "")[:7]


async def test_a_cursor_fits_its_own_list_only(client: httpx.AsyncClient) -> None:
    cursor = (await client.get("/players?limit=1&sort=nick")).json()["next"].partition("cursor=")[2]
    assert (await client.get(f"/players?sort=nick&limit=9&count=none&cursor={cursor}")).status_code == 200
    for other in ("sort=-nick", "sort=nick&league=red", ""):
        answer = await client.get(f"/players?{other}&cursor={cursor}")
        assert (answer.status_code, answer.json()["parameter"]) == (400, "cursor")
    assert (await client.get(f"/debts?sort=name&cursor={cursor}")).status_code == 400
    assert (await client.get(f"/players?sort=nick&cursor={cursor[:-3]}")).status_code == 400


async def test_a_cursor_outlives_a_rebuild(client: httpx.AsyncClient, books: Books) -> None:
    following = (await client.get("/players?limit=5&sort=-score")).json()["next"]
    await books.create("players", generation=2)
    await books.insert("players", PLAYERS, generation=2)
    await books.serve("players", generation=2)
    after = keys([(await client.get(following)).json()])
    await books.serve("players", generation=1)
    assert after == in_order(PLAYERS, "-score")[5:10]


@pytest.mark.parametrize(
    ("counting", "count"),
    [
        ("", {"value": 10_000, "relation": "gte"}),
        ("&count=capped", {"value": 10_000, "relation": "gte"}),
        ("&count=exact", {"value": 10_062, "relation": "eq"}),
        ("&count=none", None),
        ("&team=many&count=capped", {"value": 10_000, "relation": "gte"}),
        ("&team=x&count=capped", {"value": sum(row["team"] == "x" for row in PLAYERS), "relation": "eq"}),
    ],
)
async def test_counting_goes_as_far_as_is_asked(
    client: httpx.AsyncClient, books: Books, counting: str, count: object
) -> None:
    await books.insert("players", [player(number, team="many") for number in range(1000, 11_002)])
    answer = await client.get(f"/players?limit=1{counting}")
    await books.execute("DELETE FROM players_1.records WHERE number >= 1000")
    assert answer.json()["count"] == count


async def test_an_estimate_says_that_it_is_one(client: httpx.AsyncClient, books: Books) -> None:
    await books.insert("players", [player(number, team="many") for number in range(1000, 3000)])
    await books.execute("ANALYZE players_1.records")
    for query, about in (("", 2060), ("&team=many", 2000), ("&team=many&max_score=0&league=red&nick=x", 1)):
        answer = await client.get(f"/players?limit=1&count=estimated{query}")
        counted = answer.json()["count"]
        if about > 1:
            assert counted["relation"] == "estimate"
            assert abs(counted["value"] - about) < about / 10
        else:
            assert counted == {"value": 0, "relation": "eq"}
    await books.execute("DELETE FROM players_1.records WHERE number >= 1000")


async def test_links_lead_to_the_neighbours(client: httpx.AsyncClient) -> None:
    whole = await client.get("/players?limit=100")
    assert "link" not in whole.headers
    second = await client.get("/players?limit=7&offset=7&team_is_null=false&sort=-nick")
    assert second.links["next"]["url"] == second.json()["next"]
    assert second.links["prev"]["url"] == second.json()["previous"]
    assert set(second.links) == {"next", "prev"}


async def test_a_cursor_that_another_key_signed_is_refused(
    client: httpx.AsyncClient, settings: Settings, catalogue: Catalogue
) -> None:
    other = msgspec.structs.replace(settings, cursor_key="f" * 32)
    async with client_of(make_app(other, catalogue)) as elsewhere:
        foreign = (await elsewhere.get("/players?limit=1")).json()["next"]
    answer = await client.get(foreign)
    assert (answer.status_code, answer.json()["parameter"]) == (400, "cursor")


async def test_exactly_ten_thousand_are_counted_exactly(client: httpx.AsyncClient, books: Books) -> None:
    await books.insert("players", [player(number, team="many") for number in range(1000, 11_000)])
    answer = await client.get("/players?limit=1&team=many")
    await books.execute("DELETE FROM players_1.records WHERE number >= 1000")
    assert answer.json()["count"] == {"value": 10_000, "relation": "eq"}
