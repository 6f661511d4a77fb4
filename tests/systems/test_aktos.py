"""Aktos: collection accounts with many consumers, filtered by balance, status and consumer."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from tests.files import account, accounts
from tests.steps import Api
from tests.systems.walks import Line, Steps, Walk, lines_of, real_or_sample
from tests.unit.datasets.files import seed

LINES = lines_of("Aktos")


@pytest.fixture
def walk(api: Api, source: str, tmp_path: Path) -> Walk:
    content = real_or_sample("consumers_balances.csv", "accounts", tmp_path)
    return Walk(api, source, api.upload("accounts", content, source=source), content)


def upload(walk: Walk, line: Line) -> None:
    report = walk.sent(line, accounts(account(uuid4(), "Ann"), account(uuid4(), "Ben")))
    assert (report["state"], report["records"]) == ("published", 2)
    lacking = walk.ask(line, content=b"balance,status\n1,INACTIVE\n")
    assert lacking.status_code == 422
    assert lacking.json()["labels"][0] == "client_reference_no"


def listing(walk: Walk, line: Line) -> None:
    body = walk.got(line)
    assert body["count"]["value"] == walk.report["records"]
    assert {"client_reference_no", "balance", "status", "consumers"} <= body["results"][0].keys()


def paging(walk: Walk, line: Line) -> None:
    whole = [one["client_reference_no"] for one in walk.api.records("accounts", source=walk.source)]
    assert [one["client_reference_no"] for one in walk.got(line)["results"]] == whole[20:30]


def between(walk: Walk, line: Line) -> None:
    on_the_edges = accounts(
        *(account(uuid4(), "Eve", balance=one, status="IN_COLLECTION") for one in ("99.99", "100", "1000", "1000.01"))
    )
    walk.api.upload("accounts", on_the_edges, source=walk.source)
    found = walk.got(line)["results"]
    assert {"100.00", "1000.00"} <= {one["balance"] for one in found}
    assert all(100 <= Decimal(one["balance"]) <= 1000 and one["status"] == "IN_COLLECTION" for one in found)


def named(walk: Walk, line: Line) -> None:
    key = uuid4()
    rows = [account(key, name, balance="100.23", status="PAID_IN_FULL") for name in ("Ann", "JOHNNY Doe", "John Roe")]
    walk.api.upload("accounts", accounts(*rows), source=walk.source)
    found = walk.got(line)["results"]
    assert [len(one["consumers"]) for one in found if one["client_reference_no"] == str(key)] == [3]
    assert all(any("john" in person["name"].lower() for person in one["consumers"]) for one in found)


STEPS: Steps = dict(zip((line.there for line in LINES), (upload, listing, paging, between, named), strict=True))


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_line_of_the_guide_works(walk: Walk, line: Line) -> None:
    STEPS[line.there](walk, line)


def test_1000_rows_are_763_accounts(api: Api, source: str) -> None:
    report = api.upload("accounts", seed("consumers_balances.csv"), source=source)

    assert (report["rows"]["accepted"], report["records"]) == (1000, 763)
    accounts = api.records("accounts", source=source)
    assert len(accounts) == 763
    assert sum(len(one["consumers"]) > 1 for one in accounts) == 178
    assert max(len(one["consumers"]) for one in accounts) == 5
    assert len({person["ssn"] for one in accounts for person in one["consumers"]}) == 719
    assert all("\n" in person["address"] for one in accounts for person in one["consumers"])


def test_filters_are_inclusive_and_know_every_consumer(api: Api, source: str) -> None:
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


def test_a_changed_balance_changes_the_account(api: Api, source: str) -> None:
    content = seed("consumers_balances.csv")
    before = api.upload("accounts", content, source=source)
    changed = content.replace(b",59638.99,", b",1.00,")
    after = api.upload("accounts", changed, source=source)

    assert (before["records"], after["records"], after["records_superseded"]) == (763, 763, 763)
    assert api.count("accounts", source=source) == 763
    (one,) = api.records("accounts", source=source, max_balance="1.00")
    assert one["balance"] == "1.00"
