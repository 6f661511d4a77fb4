"""`GET /{dataset}/rankings` and `GET /{dataset}/rankings/{name}`, on real group tables with their triggers."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from projector.generations import ensure_live
from query_api.ranked import ranked
from query_api.snapshots import make_reader
from shared.database import make_engine
from shared.datasets.catalogue import Catalogue
from shared.datasets.rankings import AnyRanking
from shared.served import Served
from shared.settings import Settings
from tests.integration.query.books import Books

Row = Mapping[str, object]
DAY = "2024-05-17T10:00:00Z"


def client_number(number: int) -> str:
    return str(UUID(int=number))


def deal(customer: str, item: str, total: str) -> Row:
    return {"customer": customer, "item": item, "total": total, "quantity": 1, "date": DAY}


def transaction(number: int, client: int, kind: str, amount: str, currency: str) -> Row:
    return {
        "transaction_id": client_number(number),
        "client_id": client_number(client),
        "transaction_type": kind,
        "transaction_date": "2024-05-17",
        "amount": amount,
        "currency": currency,
    }


def account(number: int, status: str, balance: str) -> Row:
    return {"client_reference_no": client_number(number), "status": status, "balance": balance, "consumers": []}


def debt(number: int, government_id: str, amount: str) -> Row:
    person = {"name": "Ann", "government_id": government_id, "email": "ann@example.com", "status": "PROCESSED"}
    return {**person, "debt_id": client_number(number), "debt_amount": amount, "debt_due_date": "2024-05-17"}


def sale(number: int, country: str, item_type: str, units: int, revenue: str) -> Row:
    texts = {"region": "r", "country": country, "item_type": item_type, "sales_channel": "c", "order_priority": "H"}
    money = dict.fromkeys(("unit_price", "unit_cost", "total_cost"), "1.00")
    days = {"order_date": "2017-07-01", "ship_date": "2017-07-02"}
    return {
        **texts,
        **money,
        **days,
        "order_id": number,
        "units_sold": units,
        "total_revenue": revenue,
        "total_profit": "-1.50",
    }


ROWS: dict[str, Sequence[Row]] = {
    "deals": [
        deal("ann", "Ruby", "10.00"),
        deal("ann", "Opal", "90.25"),
        deal("bob", "Ruby", "100.25"),
        deal("cat", "Agate", "300.00"),
        deal("cat", "Topaz", "1.00"),
        deal("dan", "Topaz", "0.50"),
    ],
    "transactions": [
        transaction(1, 1, "BUY", "10.00", "EUR"),
        transaction(2, 1, "SELL", "-4.50", "EUR"),
        transaction(3, 1, "SELL", "0.25", "EUR"),
        transaction(4, 2, "BUY", "10.00", "EUR"),
        transaction(5, 3, "BUY", "99.00", "EUR"),
        transaction(6, 1, "BUY", "7.00", "USD"),
    ],
    "accounts": [
        account(1, "INACTIVE", "5.00"),
        account(2, "INACTIVE", "7.00"),
        account(3, "IN_COLLECTION", "1.00"),
        account(4, "INACTIVE", "7.00"),
    ],
    "debts": [debt(1, "0123", "5.00"), debt(2, "0123", "6.00"), debt(3, "0456", "10.99"), debt(4, "0789", "1.00")],
    "sales": [
        sale(1, "Chad", "Fruits", 3, "9.00"),
        sale(2, "Chad", "Meat", 4, "1.00"),
        sale(3, "Peru", "Meat", 5, "20.00"),
    ],
}
"""Records of the datasets that ship with a ranking."""


pytestmark = pytest.mark.usefixtures("writer")


@pytest.fixture(scope="module")
async def writer(settings: Settings, catalogue: Catalogue) -> AsyncIterator[Writer]:
    writer = Writer(settings, catalogue)
    for name, rows in ROWS.items():
        await writer.insert(name, rows)
    yield writer
    await writer.close()


class Writer:
    """Inserts records as a fold does: into the open segment."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._engine = make_engine(settings.database_url, name="tests", pool_size=2)
        self._catalogue = catalogue
        self._numbers = itertools.count(2)

    async def close(self) -> None:
        await self._engine.dispose()

    async def insert(self, name: str, rows: Sequence[Row]) -> None:
        table = f"{name}_1.segment_0"
        full = [{**row, "segment": 0, "row": next(self._numbers), "upload": 1} for row in rows]
        query = f"SELECT * FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))"
        values = {"rows": msgspec.json.encode(full).decode()}
        async with self._engine.begin() as connection:
            await ensure_live(connection, self._catalogue[name])
            await connection.execute(sa.text(f"INSERT INTO {table} {query}"), values)
        async with self._engine.begin() as connection:
            for table in ("segment_0", *(await connection.scalars(GROUP_TABLES, {"schema": f"{name}_1"}))):
                await connection.exec_driver_sql(f"ANALYZE {name}_1.{table}")


GROUP_TABLES = sa.text("SELECT tablename FROM pg_tables WHERE schemaname = :schema AND tablename LIKE 'ranking%'")


async def results(client: httpx.AsyncClient, path: str, **parameters: str | int) -> Any:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


async def test_the_customers_that_spent_most_and_the_stones_that_two_of_them_share(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/deals/rankings/top-customers")

    listed = [
        {"username": "cat", "spent_money": "301.00", "gems": ["Topaz"]},
        {"username": "ann", "spent_money": "100.25", "gems": ["Ruby"]},
        {"username": "bob", "spent_money": "100.25", "gems": ["Ruby"]},
        {"username": "dan", "spent_money": "0.50", "gems": ["Topaz"]},
    ]
    assert answer.json() == {"results": listed, "response": listed, "next": None, "previous": None, "count": None}
    assert answer.headers["Position"] == "deals:0"


async def test_fewer_customers_share_less(client: httpx.AsyncClient) -> None:
    found = await results(client, "/deals/rankings/top-customers", limit=2)
    assert [(one["username"], one["gems"]) for one in found] == [("cat", []), ("ann", [])]


async def test_clients_are_ranked_in_each_currency_alone(client: httpx.AsyncClient) -> None:
    found = await results(client, "/transactions/rankings/top-clients", currency="EUR", limit=2)
    assert found == [
        {"client_id": client_number(3), "currency": "EUR", "spent": "99.00", "gained": "0.00", "count": 1},
        {"client_id": client_number(1), "currency": "EUR", "spent": "10.00", "gained": "4.75", "count": 3},
    ]


async def test_without_a_currency_the_first_of_each_are_listed(client: httpx.AsyncClient) -> None:
    found = await results(client, "/transactions/rankings/top-clients", limit=1)
    assert [(one["currency"], one["spent"]) for one in found] == [("EUR", "99.00"), ("USD", "7.00")]


async def test_one_client_is_found_in_all_currencies(client: httpx.AsyncClient) -> None:
    found = await results(client, "/transactions/rankings/top-clients", client_id=client_number(1))
    assert [(one["currency"], one["spent"], one["count"]) for one in found] == [("EUR", "10.00", 3), ("USD", "7.00", 1)]


async def test_records_are_ranked_by_status(client: httpx.AsyncClient) -> None:
    found = await results(client, "/accounts/rankings/highest-balances", status="inactive")
    assert found == [
        {"client_reference_no": client_number(2), "status": "INACTIVE", "balance": "7.00"},
        {"client_reference_no": client_number(4), "status": "INACTIVE", "balance": "7.00"},
        {"client_reference_no": client_number(1), "status": "INACTIVE", "balance": "5.00"},
    ]
    each = await results(client, "/accounts/rankings/highest-balances", limit=1)
    assert [(one["status"], one["balance"]) for one in each] == [("INACTIVE", "7.00"), ("IN_COLLECTION", "1.00")]


async def test_totals_that_are_not_kept_are_added_up(client: httpx.AsyncClient) -> None:
    found = await results(client, "/debts/rankings/top-debtors", limit=2)
    assert found == [
        {"government_id": "0123", "debt_amount": "11.00", "debts": 2},
        {"government_id": "0456", "debt_amount": "10.99", "debts": 1},
    ]
    (one,) = await results(client, "/debts/rankings/top-debtors", government_id="0789")
    assert one["debt_amount"] == "1.00"


async def test_sums_of_integers_are_integers(client: httpx.AsyncClient) -> None:
    assert await results(client, "/sales/rankings/by-country") == [
        {"country": "Peru", "revenue": "20.00", "profit": "-1.50", "units": 5},
        {"country": "Chad", "revenue": "10.00", "profit": "-3.00", "units": 7},
    ]
    assert [one["item_type"] for one in await results(client, "/sales/rankings/by-item-type")] == ["Meat", "Fruits"]


async def test_a_ranking_is_exactly_cacheable(client: httpx.AsyncClient, writer: Writer, books: Books) -> None:
    path = "/sales/rankings/by-country"
    first = await client.get(path)
    tag = first.headers["ETag"]
    again = await client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert (await client.get(f"{path}?limit=1")).headers["ETag"] != tag

    await writer.insert("sales", [sale(4, "Chad", "Meat", 1, "100.00")])
    await books.fold("sales", 7)

    later = await client.get(path, headers={"If-None-Match": tag})
    assert (later.status_code, later.headers["Position"]) == (200, "sales:7")
    assert later.json()["results"][0]["country"] == "Chad"
    assert later.headers["ETag"] != tag


async def test_it_is_as_new_as_the_caller_asks(client: httpx.AsyncClient) -> None:
    headers = {"Read-After": "deals:5", "Prefer": "wait=0"}
    assert (await client.get("/deals/rankings/top-customers", headers=headers)).status_code == 503


async def test_rankings_are_listed_as_they_are_declared(client: httpx.AsyncClient) -> None:
    (one,) = (await client.get("/transactions/rankings")).json()["results"]
    assert (one["name"], one["order"], one["per"], one["extras"]) == ("top-clients", "spent", "currency", [])
    assert [column["name"] for column in one["columns"]] == ["client_id", "currency", "spent", "gained", "count"]
    assert {parameter["name"] for parameter in one["parameters"]} == {"client_id", "currency", "limit", "as_of"}
    assert one["links"] == {"self": "/transactions/rankings/top-clients"}
    (one,) = (await client.get("/debts/rankings")).json()["results"]
    assert one["columns"][0] == {"name": "government_id", "kind": "text", "sensitive": True}
    assert (await client.get("/players/rankings")).json() == {"results": []}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/deals/rankings/top-customers?limit=0", 400),
        ("/deals/rankings/top-customers?customer=ann", 400),
        ("/accounts/rankings/highest-balances?status=lost", 400),
        ("/transactions/rankings/top-clients?client_id=7", 400),
        ("/deals/rankings/lowest", 404),
        ("/players/rankings/any", 404),
    ],
)
async def test_what_is_not_known_is_refused(client: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


MANY = 5_000


@pytest.fixture(scope="module")
async def many(writer: Writer) -> None:
    """So many groups and records that the planner takes the index."""
    for name in ("accounts", "deals", "transactions"):
        await writer.insert(name, list(_many(name)))


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("name", "chosen", "index"),
    [
        ("deals", {}, "ranking_top_customers_ranked"),
        ("transactions", {"currency": "EUR"}, "ranking_top_clients_ranked"),
        ("transactions", {}, "ranking_top_clients_ranked"),
        ("accounts", {"status": "INACTIVE"}, "segment_0_status_balance"),
        ("accounts", {}, "segment_0_status_balance"),
    ],
)
async def test_a_top_n_is_an_index_scan(
    settings: Settings, catalogue: Catalogue, name: str, chosen: Mapping[str, str], index: str
) -> None:
    dataset = catalogue[name]
    ranking: AnyRanking = dataset.rankings[0]
    statement = ranked(dataset, ranking, Served(1, 0, {0: 0})).first(
        5, {key: sa.literal(value) for key, value in chosen.items()}
    )
    dialect = pg.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy does not say
    compiled = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    engine = make_reader(settings.reads_from)
    async with engine.connect() as connection:
        plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {compiled}")).scalars())
    await engine.dispose()

    assert re.search(rf"Index (Only )?Scan (Backward )?using {index}", plan), plan
    assert "Seq Scan" not in plan, plan
    if name == "deals" or "currency" in chosen:
        assert "Sort" not in plan, plan


def _many(name: str) -> Iterator[Row]:
    for number in range(1_000_000, 1_000_000 + MANY):
        match name:
            case "deals":
                yield deal(f"c{number}", "Ruby", f"{number % 997}.00")
            case "transactions":
                yield transaction(number, number, "BUY", f"{number % 997}.00", "EUR" if number % 3 else "USD")
            case _:
                yield account(number, "INACTIVE" if number % 3 else "IN_COLLECTION", f"{number % 997}.00")
