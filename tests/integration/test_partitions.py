"""Segments that are partitioned by a date: transactions, in steps of five years."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cli.stack import Stack
from query_api.app import make_app
from query_api.prepared import Prepared
from shared.datasets.catalogue import load_catalogue
from shared.settings import Settings
from tests.alone import client_of
from tests.files import table
from tests.laws.conftest import Tables
from tests.signing import signed
from tests.steps import Api

LABELS = ("transaction_id", "client_id", "transaction_type", "transaction_date", "amount", "currency")
YEARS = (1999, 2009, 2010, 2014, 2015, 2020, 2024, 2025, 2029, 2030, 2077)
PARTS = ("before", "before", "2010", "2010", "2015", "2020", "2020", "2025", "2025", "2030", "2030")
SIZES = pytest.mark.parametrize("more", [0, 2000], ids=["open segment", "own segment"])
"""Further rows, so that an upload has a segment of its own."""

Row = list[str]


@pytest.fixture
def tables(stack: Stack) -> Tables:
    return Tables(stack.environment["TABLEFOLD_DATABASE_URL"])


def transaction(key: UUID, day: date | str, client: UUID | None = None, amount: str = "5.00") -> Row:
    return [str(key), str(client or uuid4()), "buy", str(day), amount, "eur"]


def fillers(count: int) -> list[Row]:
    return [transaction(uuid4(), date(2006, 1, 1) + timedelta(days=5 * index)) for index in range(count)]


def transactions(*rows: Row) -> bytes:
    return table(LABELS, rows).encode()


def partition(tables: Tables, key: UUID) -> str:
    """The partition in which the live record with a key lies."""
    found = tables.fetch("""
        SELECT record.tableoid::regclass::text FROM transactions_1.records AS record
        JOIN read.segments AS segment ON segment.dataset = 'transactions' AND segment.number = record.segment
        WHERE transaction_id = $1 AND segment.ended_position IS NULL
    """, key)  # fmt: skip
    (name,) = (row[0] for row in found)
    return str(name).rpartition("_")[2]


@SIZES
def test_records_lie_in_the_partition_of_their_date(api: Api, source: str, tables: Tables, more: int) -> None:
    keys = [uuid4() for _ in YEARS]
    rows = [transaction(key, f"{year}-12-31") for key, year in zip(keys, YEARS, strict=True)]
    report = api.upload("transactions", transactions(*rows, *fillers(more)), source=source)

    assert (report["state"], report["records"]) == ("published", len(YEARS) + more)
    assert tuple(partition(tables, key) for key in keys) == PARTS
    assert api.count("transactions", source=source) == len(YEARS) + more


@SIZES
def test_a_key_that_stands_twice_with_different_dates_is_found(api: Api, source: str, more: int) -> None:
    key = uuid4()
    days = ("2009-12-31", "2031-01-01", "2012-05-05", "2024-02-29")
    rows = [row for day in days for row in (transaction(key, day), *fillers(more // 4))]
    report = api.upload("transactions", transactions(*rows), source=source)

    read = len(days) + more
    assert report["rows"] == {"read": read, "accepted": read - 3, "rejected": 0, "duplicate": 3, "blank": 0}
    assert {one["code"] for one in api.errors(report)} == {"duplicate-key"}
    (kept,) = api.records("transactions", source=source, transaction_id=str(key))
    assert kept["transaction_date"] == "2024-02-29"


@SIZES
def test_a_later_file_takes_the_place_of_a_key_with_another_date(
    api: Api, source: str, tables: Tables, more: int
) -> None:
    key, filler = uuid4(), fillers(more)
    api.upload("transactions", transactions(transaction(key, "2011-01-01"), *filler), source=source)
    report = api.upload("transactions", transactions(transaction(key, "2031-01-01"), *filler), source=source)

    assert report["records_superseded"] == 1 + more
    assert partition(tables, key) == "2030"
    assert api.count("transactions", source=source) == 1 + more


@SIZES
def test_a_correction_moves_a_record_and_a_withdrawal_brings_all_back(
    api: Api, source: str, tables: Tables, more: int
) -> None:
    moved, again, filler = uuid4(), uuid4(), fillers(more)
    first = transactions(transaction(moved, "2011-01-01"), transaction(again, "2011-01-02"), *filler)
    api.upload("transactions", first, source=source)
    answer = api.http.patch(
        f"/transactions/{moved}", json={"transaction_date": "2029-12-31"}, headers={"Prefer": "wait=10"}
    )
    assert (answer.status_code, partition(tables, moved)) == (200, "2025")

    second = api.upload("transactions", transactions(transaction(again, "2030-01-01"), *filler), source=source)
    assert partition(tables, again) == "2030"
    told = api.withdraw(second["id"])
    assert (told["reversed"], told["restored"]) == (1 + more, 1 + more)
    assert (partition(tables, again), partition(tables, moved)) == ("2010", "2025")
    assert api.get(f"/transactions/{again}")["transaction_date"] == "2011-01-02"
    assert api.count("transactions", source=source) == 2 + more

    answer = api.http.delete(f"/transactions/{moved}", headers={"Prefer": "wait=10"})
    assert (answer.status_code, api.count("transactions", source=source)) == (200, 1 + more)


def test_a_cancelled_upload_leaves_no_partition_behind(api: Api, source: str, tables: Tables) -> None:
    content = transactions(*fillers(3000))
    waiting = api.send("transactions", content, source=source, review="true").json()["id"]
    number = api.until(waiting, "review")["number"]
    tree = f"SELECT to_regclass('transactions_1.segment_{number}')"
    assert tables.value(f"SELECT count(*) FROM pg_partition_tree('transactions_1.segment_{number}')") == 1 + 6
    api.withdraw(waiting)
    left = [tables.value(tree)]
    while left[-1] is not None and len(left) < 500:
        left.append(tables.value(tree))
    assert left[-1] is None
    found = "SELECT count(*) FROM pg_tables WHERE schemaname = 'transactions_1' AND tablename LIKE $1"
    assert tables.value(found, f"segment\\_{number}\\_%") == 0


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is sent to a database meanwhile with its values, by SQLAlchemy and over asyncpg itself."""
    sent: list[tuple[str, Any]] = []
    fetch = Prepared.fetch

    def note(*said: Any) -> None:
        sent.append((said[2], said[3]))

    async def noted(self: Prepared, statement: str, *values: object, **said: str) -> Any:
        sent.append((statement, values))
        return await fetch(self, statement, *values, **said)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Prepared, "fetch", noted)
        yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


async def asked(settings: Settings, path: str) -> list[tuple[str, Any]]:
    """The statements about transactions that the query API sends for a path."""
    with statements() as sent:
        async with client_of(make_app(settings, load_catalogue())) as client:
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
    return [one for one in sent if "transactions_1." in one[0] and "transaction_date" in one[0]]


def scanned(stack: Stack, tables: Tables, path: str, only: int) -> set[str]:
    """The partitions of one segment that PostgreSQL would look into to answer a path, by what they are called."""
    settings = signed(
        Settings(
            database_url=stack.environment["TABLEFOLD_DATABASE_URL"],
            amqp_url="",
            blobs_url=stack.environment["TABLEFOLD_BLOBS_URL"],
            cursor_key="k" * 32,
        )
    )
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(asyncio.run, asked(settings, path)).result()
    assert sent
    plans = [str(tables.value(f"EXPLAIN (FORMAT JSON) {statement}", *values)) for statement, values in sent]
    return {name for plan in plans for name in re.findall(rf'"Relation Name": "segment_{only}_(\w+)"', plan)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"before", "2010", "2015", "2020", "2025", "2030"}),
        ("start_date=2021-01-01&end_date=2024-12-31", {"2020"}),
        ("start_date=2019-12-31&end_date=2020-01-01", {"2015", "2020"}),
        ("end_date=2009-12-31", {"before"}),
        ("start_date=2030-01-01", {"2030"}),
    ],
)
def test_a_range_of_dates_reads_only_its_partitions(
    api: Api, stack: Stack, source: str, tables: Tables, query: str, expected: set[str]
) -> None:
    number = api.upload("transactions", transactions(*fillers(3000)), source=source)["number"]
    client = uuid4()
    api.upload("clients", table(CLIENT, [[str(client), "Ann", "ann@example.com", "1980-01-01"]]).encode())

    for path in ("/transactions", f"/clients/{client}/transactions"):
        assert scanned(stack, tables, f"{path}?count=none&{query}", number) == expected


CLIENT = ("client_id", "name", "email", "date_of_birth")
