"""Neo: clients and their transactions, from CSV and XLSX."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from tests.files import table
from tests.steps import Api
from tests.systems.walks import Line, Steps, Walk, lines_of, real_or_sample
from tests.unit.datasets.files import SEEDS, seed

LINES = lines_of("Neo")
CLIENT = ("client_id", "name", "email", "date_of_birth", "country", "account_balance")
TRANSACTION = ("transaction_id", "client_id", "transaction_type", "transaction_date", "amount", "currency")


def client(key: object) -> bytes:
    """A file of one client."""
    return table(CLIENT, [[str(key), "Ann", f"Client9{key}@Example.com", "1980-01-01", "USA", "5000"]]).encode()


def transactions(key: object, *days: str) -> bytes:
    """A file with a transaction of one client on each of these days."""
    return table(TRANSACTION, [[str(uuid4()), str(key), "buy", day, "1.50", "eur"] for day in days]).encode()


@pytest.fixture
def walk(api: Api, source: str, tmp_path: Path) -> Walk:
    content = real_or_sample("transactions.xlsx", "transactions", tmp_path)
    return Walk(api, source, api.upload("transactions", content, source=source), content)


def load_clients(walk: Walk, line: Line) -> None:
    report = walk.sent(line, client(uuid4()) + b",,nobody,never,,much\n")
    assert (report["rows"]["accepted"], report["rows"]["rejected"]) == (1, 1)
    assert {one["field"] for one in walk.api.errors(report)} == set(CLIENT) - {"country"}


def load_transactions(walk: Walk, line: Line) -> None:
    assert walk.sent(line, transactions(uuid4(), "2024-01-01"))["records"] == 1
    assert walk.ask(line, content=walk.content).json()["id"] == walk.report["id"]


def by_balance(walk: Walk, line: Line) -> None:
    key = str(uuid4())
    walk.api.upload("clients", client(key), source=walk.source)
    assert [(one["client_id"], one["account_balance"]) for one in walk.got(line)["results"]] == [(key, "5000.00")]


def by_email(walk: Walk, line: Line) -> None:
    key = str(uuid4())
    walk.api.upload("clients", client(key), source=walk.source)
    assert [one["email"] for one in walk.got(line)["results"]] == [f"client9{key}@example.com"]


def of_client(walk: Walk, line: Line) -> None:
    key = str(uuid4())
    days = ["2023-12-31", "2024-01-01", "2024-12-31", "2025-01-01"]
    walk.api.upload("transactions", transactions(key, *days), source=walk.source)
    assert walk.ask(line, of=key).status_code == 404
    walk.api.upload("clients", client(key), source=walk.source)
    found = walk.got(line, of=key)["results"]
    assert sorted(one["transaction_date"] for one in found) == days[1:3]


def jobs(walk: Walk, line: Line) -> None:
    (job,) = walk.got(line)["results"]
    assert (job["id"], job["state"], job["rows"]) == (walk.report["id"], "published", walk.report["rows"])


def statistics(walk: Walk, line: Line) -> None:
    key, big = str(uuid4()), "900000000.50"
    rows = [[str(uuid4()), key, kind, "2024-01-01", amount, "eur"] for kind, amount in (("buy", big), ("sell", "-2"))]
    rows.append([str(uuid4()), key, "buy", "2031-01-01", "7", "usd"])
    sent = walk.api.upload("transactions", table(TRANSACTION, rows).encode(), source=walk.source)
    (mine,) = [one for one in walk.got(line)["results"] if one["client_id"] == key]
    assert mine == {"client_id": key, "currency": "EUR", "spent": big, "gained": "2.00", "count": 2}
    walk.api.withdraw(sent["id"])
    assert not [one for one in walk.got(line)["results"] if one["client_id"] == key]


def errors(walk: Walk, line: Line) -> None:
    bad = walk.api.upload("transactions", transactions(uuid4(), "invalid-date"), source=walk.source)
    (error,) = walk.got(line, of=bad["id"])["results"]
    assert (error["row"], error["field"], error["value"]) == (2, "transaction_date", "invalid-date")


STEPS: Steps = dict(
    zip(
        (line.there for line in LINES),
        (load_clients, load_transactions, by_balance, by_email, of_client, jobs, statistics, errors),
        strict=True,
    )
)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_line_of_the_guide_works(walk: Walk, line: Line) -> None:
    STEPS[line.there](walk, line)


def workbook() -> bytes:
    path = SEEDS / "transactions.xlsx"
    if not path.exists():
        pytest.skip("transactions.xlsx is not at hand; it may not be shipped")
    return path.read_bytes()


def test_95_of_100_clients_are_good_and_the_others_say_why(api: Api, source: str) -> None:
    report = api.upload("clients", seed("clients.csv"), source=source)

    assert report["rows"] == {"read": 100, "accepted": 95, "rejected": 5, "duplicate": 0, "blank": 0}
    assert [(one["row"], one["field"], one["code"]) for one in api.errors(report)] == [
        (2, "client_id", "required"),
        (3, "name", "required"),
        (4, "email", "pattern"),
        (5, "date_of_birth", "type-error"),
        (6, "account_balance", "type-error"),
    ]
    assert len(api.records("clients", source=source, email="CLIENT9")) == 11
    between = api.records("clients", source=source, min_balance="68184.1", max_balance="68184.10")
    assert [one["account_balance"] for one in between] == ["68184.10"]


def test_904_of_950_transactions_are_good_and_come_before_their_clients(api: Api, source: str) -> None:
    report = api.upload("transactions", workbook(), source=source)

    assert report["rows"] == {"read": 950, "accepted": 904, "rejected": 46, "duplicate": 0, "blank": 0}
    assert Counter((one["field"], one["code"]) for one in api.errors(report)) == {
        ("transaction_date", "type-error"): 31,
        ("transaction_id", "required"): 29,
        ("amount", "type-error"): 24,
        ("transaction_type", "enum"): 16,
        ("transaction_type", "required"): 11,
        ("currency", "required"): 9,
        ("currency", "max-length"): 5,
        ("amount", "minimum"): 1,
    }
    found = api.records("transactions", source=source, client_id="39efdef1-4ce2-4a85-9f2e-80914500a661")
    last = max(one["transaction_date"] for one in found)
    assert len(found) == 9
    assert last in {one["transaction_date"] for one in api.records("transactions", source=source, end_date=last)}
    in_euros = api.records("transactions", source=source, currency="eur")
    assert {one["currency"] for one in in_euros} == {"EUR"}


def test_a_client_has_totals_for_each_currency(api: Api, source: str) -> None:
    key = str(uuid4())
    api.upload("clients", client(key), source=source)
    rows = [
        [str(uuid4()), key, kind, "2024-03-01", amount, currency]
        for kind, amount, currency in (("buy", "10", "eur"), ("sell", "-4.50", "eur"), ("buy", "0.25", "usd"))
    ]
    bought = api.upload("transactions", table(TRANSACTION, rows).encode(), source=source)
    path = f"/clients/{key}/transactions/totals"

    assert api.get(path)["results"] == [
        {"currency": "EUR", "spent": "10.00", "gained": "4.50", "count": 2},
        {"currency": "USD", "spent": "0.25", "gained": "0.00", "count": 1},
    ]
    api.http.delete(f"/uploads/{bought['id']}", headers={"Prefer": "wait=10"})
    assert api.get(path)["results"] == []
    assert api.http.get(f"/clients/{uuid4()}/transactions/totals").status_code == 404
