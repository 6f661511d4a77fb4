"""Filters, derived from declarations. What they find is asked of a real PostgreSQL in tests/integration/query."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import pytest

from shared.datasets.catalogue import load_catalogue
from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Kind, Lower, Parameter, Range, Upper, read_field
from shared.errors import BadSettings
from shared.selection.filters import Operator, filter_parameters, filters_of, in_case

CATALOGUE = load_catalogue()

SAID_BY_THE_ROOTS = {
    "accounts": ("min_balance", "max_balance", "status", "consumer_name", "source", "upload"),
    "debts": ("debt_id", "status", "name", "min_debt_amount", "debt_due_date_from", "debt_due_date_to"),
    "clients": ("name", "email", "country", "min_balance", "max_balance"),
    "transactions": ("client_id", "start_date", "end_date", "transaction_type", "currency"),
    "sales": ("from", "to", "country", "order_date", "ship_date_from", "min_total_profit"),
}


@pytest.mark.parametrize(("name", "parameters"), SAID_BY_THE_ROOTS.items())
def test_the_parameters_that_the_roots_have_are_there(name: str, parameters: tuple[str, ...]) -> None:
    assert set(parameters) <= filter_parameters(filters_of(CATALOGUE[name])).keys()


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_field_can_be_filtered_by(name: str) -> None:
    filtered = {one.field.name for one in filters_of(CATALOGUE[name]).values()}
    assert filtered == {field.name for field in CATALOGUE[name].file_fields}


@pytest.mark.parametrize(
    ("dataset", "parameter", "operator", "kind", "repeatable", "member"),
    [
        ("accounts", "consumer_name", Operator.CONTAINS, Kind.TEXT, False, True),
        ("accounts", "ssn", Operator.EQUALS, Kind.TEXT, False, True),
        ("accounts", "status", Operator.ANY_OF, Kind.CHOICE, True, False),
        ("accounts", "min_balance", Operator.AT_LEAST, Kind.DECIMAL, False, False),
        ("debts", "debt_id", Operator.EQUALS, Kind.UUID, False, False),
        ("sales", "to", Operator.AT_MOST, Kind.DATE, False, False),
    ],
)
def test_a_filter_follows_its_field(
    dataset: str, parameter: str, operator: Operator, kind: Kind, repeatable: bool, member: bool
) -> None:
    one = filters_of(CATALOGUE[dataset])[parameter]
    found = (one.operator, one.parameter.kind, one.parameter.repeatable, one.member)
    assert found == (operator, kind, repeatable, member)


def test_a_value_is_looked_for_in_the_case_in_which_it_is_stored() -> None:
    plain, lower, upper = (
        read_field("one", kind, None) for kind in (str, Annotated[str, Lower()], Annotated[str, Upper()])
    )
    assert [in_case(field, ["eUr"]) for field in (plain, lower, upper)] == [["eUr"], ["eur"], ["EUR"]]


class TwoRanges(Record, frozen=True, kw_only=True):
    one: Annotated[Decimal, Range("from", "to")]
    other: Annotated[datetime, Range("from", "until")]


class TakenField(Record, frozen=True, kw_only=True):
    upload: str


class TakenParameter(Record, frozen=True, kw_only=True):
    origin: Annotated[str, Parameter("source")]


@pytest.mark.parametrize("record", [TwoRanges, TakenField, TakenParameter])
def test_a_name_with_two_meanings_is_refused_at_the_start(record: type[Record]) -> None:
    with pytest.raises(BadSettings, match="rename"):
        filters_of(declare("things", record, title="Things", key=None))
