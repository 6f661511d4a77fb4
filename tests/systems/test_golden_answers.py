"""Real files of three of the five root systems, and the answers that are known of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.servers.folder import ROOT
from tests.steps import Api

SEEDS = ROOT.parent / "shared" / "seed-data"


def seed(name: str) -> bytes:
    """A real file, where it is at hand."""
    path: Path = SEEDS / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand; it may not be shipped")
    return path.read_bytes()


def test_aktos_1000_rows_are_763_accounts(api: Api, source: str) -> None:
    report = api.upload("accounts", seed("consumers_balances.csv"), source=source)

    assert (report["rows"]["accepted"], report["records"]) == (1000, 763)
    accounts = api.records("accounts", source=source)
    assert len(accounts) == 763
    assert sum(len(one["consumers"]) > 1 for one in accounts) == 178
    assert max(len(one["consumers"]) for one in accounts) == 5
    assert len({person["ssn"] for one in accounts for person in one["consumers"]}) == 719
    assert all("\n" in person["address"] for one in accounts for person in one["consumers"])


def test_aktos_filters_are_inclusive_and_know_every_consumer(api: Api, source: str) -> None:
    api.upload("accounts", seed("consumers_balances.csv"), source=source)
    accounts = api.records("accounts", source=source)
    named = [one for one in accounts if any("john" in person["name"].lower() for person in one["consumers"])]
    balances = sorted({one["balance"] for one in accounts}, key=float)
    low, high = balances[100], balances[200]

    found = api.records("accounts", source=source, consumer_name="JOHN")
    assert {one["client_reference_no"] for one in found} == {one["client_reference_no"] for one in named}
    between = api.records("accounts", source=source, min_balance=low, max_balance=high)
    assert len(between) == sum(float(low) <= float(one["balance"]) <= float(high) for one in accounts)
    assert {low, high} <= {one["balance"] for one in between}
    collecting = api.count("accounts", source=source, status="in_collection")
    assert collecting == sum(one["status"] == "IN_COLLECTION" for one in accounts) > 0


def test_aktos_a_changed_balance_changes_the_account(api: Api, source: str) -> None:
    content = seed("consumers_balances.csv")
    before = api.upload("accounts", content, source=source)
    changed = content.replace(b",59638.99,", b",1.00,")
    after = api.upload("accounts", changed, source=source)

    assert (before["records"], after["records"], after["records_superseded"]) == (763, 763, 763)
    assert api.count("accounts", source=source) == 763
    (one,) = api.records("accounts", source=source, max_balance="1.00")
    assert one["balance"] == "1.00"


def test_kanastra_2053_rows_are_1999_debts(api: Api, source: str) -> None:
    content = seed("debts.csv")
    report = api.upload("debts", content, source=source)

    assert report["rows"] == {"read": 2053, "accepted": 1999, "rejected": 0, "duplicate": 54, "blank": 0}
    assert len(api.errors(report, code="duplicate-key")) == 54
    assert api.count("debts", source=source, status="processed") == 1999
    again = api.send("debts", content, source=source)
    assert (again.status_code, again.json()["id"]) == (200, report["id"])


def test_atlan_both_ways_to_write_a_date_are_read(api: Api, source: str) -> None:
    report = api.upload("sales", seed("10000_Sales_Records.csv"), source=source)

    assert (report["state"], report["rows"]["accepted"]) == ("published", 10_000)
    assert api.count("sales", source=source, country="Tunisia") > 0
    assert api.count("sales", source=source, **{"from": "2010-01-01", "to": "2017-07-28"}) == 10_000
    padded = api.get("/sales/217971169")
    assert (padded["order_date"], padded["ship_date"]) == ("2015-12-21", "2015-12-21")
    mixed = api.get("/sales/990685975")
    assert (mixed["order_date"], mixed["ship_date"], mixed["total_profit"]) == ("2010-07-10", "2010-07-26", "75951.00")
