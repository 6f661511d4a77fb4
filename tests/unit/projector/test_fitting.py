"""What the log says against a newer declaration: headers of files, and values of events."""

from __future__ import annotations

import msgspec
import pytest

from projector.fitting import Fitting, refitted
from shared.datasets.catalogue import shipped
from shared.datasets.declaration import Dataset
from shared.tabular.header import Header

DEBTS = shipped()["debts"]
COLUMNS = ("debtId", "e-mail address", "name", "")
HEADER = Header(COLUMNS, ("debt_id", None, "name", None), ("e-mail address",))


def labelled(name: str, *labels: str) -> Dataset:
    """Debts with these labels for one field."""
    fields = (msgspec.structs.replace(one, labels=labels) if one.name == name else one for one in DEBTS.fields)
    return msgspec.structs.replace(DEBTS, fields=tuple(fields))


def test_the_declaration_that_received_a_file_reads_it_as_it_was_read() -> None:
    assert refitted(HEADER, DEBTS) is HEADER


def test_a_column_that_nobody_knew_is_found_by_the_labels_of_now() -> None:
    newer = refitted(HEADER, labelled("email", "E-Mail  Address"))

    assert newer == Header(COLUMNS, ("debt_id", "email", "name", None), ())


def test_a_field_that_is_gone_is_ignored_and_a_column_keeps_the_field_that_it_has() -> None:
    without = msgspec.structs.replace(DEBTS, fields=tuple(one for one in DEBTS.fields if one.name != "name"))
    assert refitted(HEADER, without).fields == ("debt_id", None, None, None)
    assert refitted(HEADER, labelled("email", "name", "e-mail address")).fields == ("debt_id", "email", "name", None)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"debt_amount": "12.50", "status": "PROCESSED"}, []),
        ({"debt_amount": "-1.00"}, ["minimum"]),
        ({"name": None}, ["required"]),
        ({"status": "GONE", "no_field_any_more": "x"}, ["enum"]),
    ],
)
def test_changes_are_held_to_the_rules(changes: dict[str, str | None], codes: list[str]) -> None:
    assert [one["code"] for one in Fitting(DEBTS).errors(dict(changes))] == codes


def test_a_record_gets_the_defaults_of_fields_that_it_did_not_know_and_lacks_those_that_it_must_have() -> None:
    values, errors = Fitting(DEBTS).whole({"debt_id": "00000000-0000-0000-0000-000000000001", "name": "Ann"})

    assert values["status"] == "PROCESSED"
    assert {one["field"] for one in errors} == {"government_id", "email", "debt_amount", "debt_due_date"}
