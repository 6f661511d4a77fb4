"""Pages and records that PostgreSQL writes in one statement: the same as those that are put together here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.at_hand import Row
from query_api.cursors import Cursors
from query_api.prepared import ONE_PLAN, Prepared
from query_api.records import Records
from query_api.snapshots import make_reader
from query_api.unpublished import records_of
from shared.datasets.catalogue import Catalogue
from shared.errors import Redeclared, Replaced
from shared.selection.parameters import read_query
from shared.settings import Settings
from tests.integration.query.books import Books
from tests.integration.query.conftest import CURSOR_KEY
from tests.integration.query.samples import NICKS, account, consumer, debt, player

SEEN = datetime(2024, 3, 1, 23, 59, 59, 500, tzinfo=UTC)
PLAYERS = [
    player(
        number,
        nick=NICKS[number % len(NICKS)],
        league=(None, "Red", "Blue")[number % 3],
        score=None if number % 4 == 0 else Decimal(number).scaleb(-3),
        born=(None, date.max, date(2000, 1, 1))[number % 3],
        seen=None if number % 5 == 0 else SEEN.replace(day=1 + number % 7, microsecond=number),
    )
    for number in range(1, 60)
]
ODD = consumer('Zoë "Ж" \\ \x7f\u2028', "1 Main St\nTown\t", "111-22-3333")

QUERIES = {
    "players": (
        "",
        "limit=7&sort=-score",
        "limit=7&sort=score,-nick&count=exact",
        "limit=1000&sort=-seen&count=none",
        "limit=5&offset=3",
        "limit=5&offset=900",
        "league=Red&league=Blue&sort=born&limit=4",
        "nick=%25&limit=3",
        "score_is_null=true&limit=2&sort=-seen",
        "min_score=0.010&max_score=0.030&count=exact",
        "seen_from=2024-03-02&seen_to=2024-03-04&limit=6&sort=seen",
        "seen=2024-03-03&limit=2",
        "fields=version,score,upload&limit=3&sort=nick",
        "number=5",
        "nick=nobody",
        "nick=nobody&offset=4",
        "number=12345678901234567&count=exact",
    ),
    "debts": ("", "status=PROCESSED&limit=2", "sort=-debt_amount&limit=3", "max_debt_amount=2.5", "name=Name%201"),
    "accounts": ("", "consumer_name=zo&limit=1", "fields=consumers", "ssn=111-22-3333", "sort=-balance&limit=1"),
}


class Counted(Prepared):
    """Counts its statements."""

    sent = 0

    async def fetch(self, statement: str, *values: object, plans: str = ONE_PLAN) -> Sequence[Row]:
        self.sent += 1
        return await super().fetch(statement, *values, plans=plans)


@pytest.fixture(scope="module")
async def tables(books: Books) -> UUID:
    for name in ("players", "debts", "accounts"):
        await books.create(name)
        await books.serve(name, position=9)
    upload_id = await books.upload("debts", 3, source="acme")
    await books.segment("debts", 3, position=4)
    await books.insert("debts", [debt(number, segment=3) for number in range(10, 14)], upload=3)
    await books.insert("debts", [debt(number, position=number, change="added") for number in range(1, 4)])
    await books.insert("players", PLAYERS)
    await books.insert("accounts", [account(1, [ODD, consumer("Ann")]), account(2, [])])
    return upload_id


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = make_reader(settings.database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def prepared(settings: Settings) -> AsyncIterator[Counted]:
    prepared = Counted(settings.database_url)
    yield prepared
    await prepared.close()


async def read(records: Records, path: str, query: str) -> Any:
    made = await records.made(read_query(path, query.encode(), records.parameters))
    body = msgspec.json.decode(msgspec.json.encode(made.body))
    return body, made.moments, made.headers


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("name", "query"), [(name, one) for name, each in QUERIES.items() for one in each])
async def test_every_page_is_the_same_and_takes_one_statement(
    engine: AsyncEngine, prepared: Counted, catalogue: Catalogue, name: str, query: str
) -> None:
    cursors = Cursors(CURSOR_KEY)
    plain, quick = Records(catalogue[name], engine, cursors), Records(catalogue[name], engine, cursors, prepared)
    forth, path = [f"/{name}?{query}"], f"/{name}"
    for url in forth:
        found = await read(plain, path, url.partition("?")[2])
        for _ in range(2):
            before = prepared.sent
            assert await read(quick, path, url.partition("?")[2]) == found
            assert prepared.sent == before + 1
        forth += [one for one in (found[0]["next"], found[0]["previous"]) if one and one not in forth][:2]
        if len(forth) > 12:
            break


@pytest.mark.parametrize(("name", "number"), [("debts", 1), ("debts", 10), ("accounts", 1), ("accounts", 2)])
async def test_a_record_is_the_same(
    engine: AsyncEngine, prepared: Counted, catalogue: Catalogue, tables: UUID, name: str, number: int
) -> None:
    query, key = read_query("/x", b"", {}), str(UUID(int=number))
    plain = await records_of(catalogue[name], engine, Cursors(CURSOR_KEY), None).one(key, query)
    quick = await records_of(catalogue[name], engine, Cursors(CURSOR_KEY), prepared).one(key, query)
    bodies = [msgspec.json.decode(msgspec.json.encode(one.body)) for one in (plain, quick)]
    assert bodies[0] == bodies[1]
    assert (quick.version, quick.moment) == (plain.version, plain.moment)
    assert bodies[1].get("upload") == (str(tables) if number == 10 else None)


@pytest.mark.usefixtures("tables")
async def test_sensitive_members_stand_under_their_names(
    engine: AsyncEngine, prepared: Counted, catalogue: Catalogue
) -> None:
    records = Records(catalogue["accounts"], engine, Cursors(CURSOR_KEY), prepared)
    made = await records.made(read_query("/accounts", b"", records.parameters))
    assert msgspec.json.encode(made.body).count(b'"ssn":') == 2


@pytest.mark.usefixtures("tables")
async def test_it_follows_segments_and_generations(
    engine: AsyncEngine, prepared: Counted, catalogue: Catalogue, books: Books
) -> None:
    records = Records(catalogue["debts"], engine, Cursors(CURSOR_KEY), prepared)

    async def keys() -> tuple[int, list[int], list[int]]:
        body, moments, _ = await read(records, "/debts", "")
        found = body["results"]
        return moments[0].position, [UUID(one["debt_id"]).int for one in found], [one["version"] for one in found]

    assert (await keys())[1] == [1, 2, 3, 10, 11, 12, 13]
    await books.segment("debts", 5, position=10)
    await books.insert("debts", [debt(20, segment=5)])
    await books.fold("debts", 10)
    assert (await keys())[::2] == (10, [1, 2, 3, 4, 4, 4, 4, 10])
    await books.execute("UPDATE read.segments SET ended_position = 11 WHERE dataset = 'debts' AND number = 3")
    await books.fold("debts", 11)
    assert (await keys())[:2] == (11, [1, 2, 3, 20])

    await books.create("debts", 2)
    await books.insert("debts", [debt(30)], generation=2)
    await books.serve("debts", 2, position=11)
    await books.execute("DROP SCHEMA debts_1 CASCADE")
    assert (await keys())[1] == [30]
    await books.execute("DROP SCHEMA debts_2 CASCADE")
    with pytest.raises(Replaced):
        await keys()


async def test_another_declaration_is_told(
    engine: AsyncEngine, prepared: Counted, catalogue: Catalogue, books: Books
) -> None:
    await books.create("clients")
    await books.serve("clients")
    records = Records(catalogue["clients"], engine, Cursors(CURSOR_KEY), prepared)
    await read(records, "/clients", "")
    await books.execute(
        "INSERT INTO read.generations (dataset, generation, state, purpose, fingerprint)"
        " VALUES ('clients', 1, 'live', 'first', 'other')"
    )
    with pytest.raises(Redeclared):
        await read(records, "/clients", "")
