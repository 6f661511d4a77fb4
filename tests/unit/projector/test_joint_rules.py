"""Rules between two fields of a record, held when a correction gives only one of them."""

from __future__ import annotations

import pytest

from projector.joint_rules import broken_rules
from shared.datasets.debts import dataset as debts
from shared.datasets.transactions import dataset as transactions
from shared.events import Values

BUY = '{"transaction_type": "BUY", "amount": "12.50"}'
SELL = '{"transaction_type": "SELL", "amount": "-12.50"}'


@pytest.mark.parametrize(
    ("record", "changes"),
    [(BUY, {"amount": "-1.00"}), (SELL, {"transaction_type": "BUY"})],
    ids=["amount alone", "type alone"],
)
def test_a_change_that_the_rest_of_the_record_does_not_bear_is_told(record: str, changes: Values) -> None:
    (error,) = broken_rules(transactions, record, changes)

    assert (error["field"], error["code"]) == ("amount", "minimum")


@pytest.mark.parametrize("changes", [{"amount": "-1.00", "transaction_type": "SELL"}, {"amount": "0.00"}, {}])
def test_a_change_that_fits_the_record_is_good(changes: Values) -> None:
    assert broken_rules(transactions, BUY, changes) == []


def test_a_dataset_without_such_rules_reads_no_record() -> None:
    assert broken_rules(debts, "no JSON", {"name": "Ann"}) == []
