"""The real files of the root systems, row by row: what is accepted, and why the rest is not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from shared.datasets.catalogue import load_catalogue
from tests.unit.datasets.files import counted, read, seed

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("dataset", "name", "rows", "accepted"),
    [
        ("clients", "clients.csv", 100, 95),
        ("transactions", "transactions.xlsx", 950, 904),
        ("deals", "deals.csv", 767, 767),
        ("teams", "team_data.csv", 100_000, 100_000),
        ("debts", "debts.csv", 2_053, 2_053),
        ("accounts", "consumers_balances.csv", 1_000, 1_000),
        ("sales", "10000_Sales_Records.csv", 10_000, 10_000),
    ],
)
def test_a_real_file_has_as_many_good_rows_as_is_known_of_it(dataset: str, name: str, rows: int, accepted: int) -> None:
    parsed = read(CATALOGUE[dataset], seed(name))

    assert (parsed.good.height, parsed.rejects.height, parsed.blank) == (accepted, rows - accepted, 0)


def test_the_five_bad_clients_have_one_reason_each() -> None:
    parsed = read(CATALOGUE["clients"], seed("clients.csv"))

    found = parsed.errors.select("row", "field", "code", "value").rows()
    assert found == [
        (2, "client_id", "required", ""),
        (3, "name", "required", ""),
        (4, "email", "pattern", "invalid-email"),
        (5, "date_of_birth", "type-error", "invalid-date"),
        (6, "account_balance", "type-error", "invalid-balance"),
    ]


def test_the_46_bad_transactions_have_all_their_reasons() -> None:
    parsed = read(CATALOGUE["transactions"], seed("transactions.xlsx"))

    assert counted(parsed.errors) == {
        ("transaction_date", "type-error"): 31,
        ("transaction_id", "required"): 29,
        ("amount", "type-error"): 24,
        ("transaction_type", "enum"): 16,
        ("transaction_type", "required"): 11,
        ("currency", "required"): 9,
        ("currency", "max-length"): 5,
        ("amount", "minimum"): 1,
    }
    assert set(parsed.good["transaction_type"]) == {"BUY", "SELL"}
    assert set(parsed.good["currency"]) == {"EUR", "GBP", "USD"}
    assert (parsed.good["transaction_date"].min(), parsed.good["transaction_date"].max()) == (
        date(2023, 11, 9),
        date(2024, 11, 7),
    )


def test_the_deals_add_up_and_keep_their_microseconds() -> None:
    parsed = read(CATALOGUE["deals"], seed("deals.csv"))

    totals = parsed.good.select("customer", parsed.good["total"].cast(int))
    assert totals["total"].sum() == 1_509_597
    best = totals.group_by("customer").sum().sort("total", descending=True).head(2).rows()
    assert best == [("resplendent", 451_731), ("bellwether", 217_794)]
    assert parsed.good["date"][0] == datetime(2018, 12, 14, 8, 29, 52, 506_166, tzinfo=UTC)
    assert parsed.good["item"].n_unique() == 25
