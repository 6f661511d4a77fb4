"""Real files of the root systems, and the answers that are known of them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from tests.steps import Api
from tests.unit.datasets.files import seed


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


def test_atlan_a_file_of_100_000_teams_is_taken_whole(api: Api, source: str) -> None:
    report = api.upload("teams", seed("team_data.csv"), source=source)

    assert (report["state"], report["rows"]["accepted"], report["records"]) == ("published", 100_000, 100_000)
    assert api.count("teams", source=source) == 100_000
    (team,) = api.get("/teams", source=source, team_name="sossetceh", limit=1)["results"]
    assert (team["manager_name"], team["manager_phone_number"], team["row"]) == ("Martin Mason", "(674) 566-5530", 2)


def test_deals_767_rows_add_up_per_customer(api: Api, source: str) -> None:
    report = api.upload("deals", seed("deals.csv"), source=source)

    assert (report["state"], report["rows"]["accepted"]) == ("published", 767)
    spent: Counter[str] = Counter()
    for deal in api.records("deals", source=source):
        spent[deal["customer"]] += int(Decimal(deal["total"]))
    assert spent.most_common(3) == [("resplendent", 451_731), ("bellwether", 217_794), ("uvulaperfly117", 120_419)]
    assert (len(spent), spent.total()) == (18, 1_509_597)
    assert api.count("deals", source=source, date_from="2018-12-14", date_to="2018-12-14") == 2


def test_neo_95_of_100_clients_are_good_and_the_others_say_why(api: Api, source: str) -> None:
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


def test_neo_904_of_950_transactions_are_good_and_come_before_their_clients(api: Api, source: str) -> None:
    report = api.upload("transactions", seed("transactions.xlsx"), source=source)

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
