"""`POST /{dataset}/uploads`: cells that stand for a value are that value, the others are row errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from shared.tabular.row_errors import CODES
from tests.files import DEBT_LABELS, account, accounts, debt, table
from tests.integration.uploads.cells import AMERICAN_DATES, AMOUNTS, DATES, NBSP, TIMES, WHOLE
from tests.steps import Api

Cells = Mapping[str, object]

SALE = {
    "Order ID": "1",
    "Region": "Europe",
    "Country": "Latvia",
    "Item Type": "Fruits",
    "Sales Channel": "Online",
    "Order Priority": "H",
    "Order Date": "1/2/2003",
    "Ship Date": "1/2/2003",
    "Units Sold": "1",
    "Unit Price": "1.00",
    "Unit Cost": "1.00",
    "Total Revenue": "-1.00",
    "Total Cost": "1.00",
    "Total Profit": "1.00",
}
numbers = count(7_000_000)
"""Keys of sales that no other test has."""


def assert_told(api: Api, report: Mapping[str, Any], column: str, cells: Cells) -> None:
    """Of a file that has these cells in its rows, in order, exactly those that are named with a code are rejected."""
    wrong = [(row, column, code, cell[:200]) for row, (cell, code) in enumerate(cells.items(), 2) if code in CODES]
    assert [(one["row"], one["column"], one["code"], one["value"]) for one in api.errors(report)] == wrong
    assert (report["rows"]["read"], report["rows"]["rejected"]) == (len(cells), len(wrong))


def good(cells: Cells, keys: Sequence[str]) -> dict[str, object]:
    """The values that are taken, by the keys of their rows."""
    return {key: value for key, value in zip(keys, cells.values(), strict=True) if value not in CODES}


def sales(*rows: Mapping[str, str]) -> bytes:
    """A file of sales."""
    return table(list(SALE), [list({**SALE, **row}.values()) for row in rows]).encode()


@pytest.mark.parametrize(
    ("label", "field", "cells"),
    [
        ("debtAmount", "debt_amount", AMOUNTS),
        ("debtDueDate", "debt_due_date", DATES),
    ],
)
def test_cells_of_debts_are_taken_exactly_or_rejected(
    api: Api, source: str, label: str, field: str, cells: Cells
) -> None:
    keys = [str(uuid4()) for _ in cells]
    rows = [debt(key, **{label: cell}) for key, cell in zip(keys, cells, strict=True)]
    report = api.upload("debts", table(DEBT_LABELS, rows).encode(), source=source)

    assert_told(api, report, label, cells)
    assert {one["debt_id"]: one[field] for one in api.records("debts", source=source)} == good(cells, keys)


@pytest.mark.parametrize(
    ("label", "field", "cells"),
    [
        ("pages", "pages", WHOLE),
        ("lent at", "lent_at", TIMES),
    ],
)
def test_cells_of_books_are_taken_exactly_or_rejected(
    api: Api, source: str, label: str, field: str, cells: Cells
) -> None:
    keys = [uuid4().hex[:17] for _ in cells]
    rows = [[key, "A book", cell] for key, cell in zip(keys, cells, strict=True)]
    report = api.upload("books", table(["isbn", "title", label], rows).encode(), source=source)

    assert_told(api, report, label, cells)
    found = {one["isbn"]: one[field] for one in api.records("books", source=source)}
    assert {key: value[:19] if isinstance(value, str) else value for key, value in found.items()} == good(cells, keys)


def test_american_dates_may_be_padded_or_not(api: Api, source: str) -> None:
    keys = [str(next(numbers)) for _ in AMERICAN_DATES]
    rows = [{"Order ID": key, "Order Date": cell} for key, cell in zip(keys, AMERICAN_DATES, strict=True)]
    report = api.upload("sales", sales(*rows), source=source)

    assert_told(api, report, "Order Date", AMERICAN_DATES)
    found = {str(one["order_id"]): one["order_date"] for one in api.records("sales", source=source)}
    assert found == good(AMERICAN_DATES, keys)


def test_a_row_tells_all_that_is_wrong_with_it(api: Api, source: str) -> None:
    row = {"Order ID": "-1", "Region": "x" * 101, "Order Date": "soon", "Units Sold": "", "Unit Price": "1.005"}
    errors = api.errors(api.upload("sales", sales({"Order ID": str(next(numbers))}, row), source=source))

    assert {one["row"] for one in errors} == {3}
    assert {(one["column"], one["field"], one["code"], one["message"]) for one in errors} == {
        ("Order ID", "order_id", "minimum", "must be at least 0"),
        ("Region", "region", "max-length", "must have at most 100 characters"),
        ("Order Date", "order_date", "type-error", "must be an existing date written MM/DD/YYYY"),
        ("Units Sold", "units_sold", "required", "must not be empty"),
        (
            "Unit Price",
            "unit_price",
            "type-error",
            "must be a number such as 1234.50, at most 2 digits after the point",
        ),
    }


@pytest.mark.parametrize("white", [NBSP, " ", "\t", "\u3000", f" {NBSP}\n"])
def test_white_space_around_any_cell_is_cut(api: Api, source: str, white: str) -> None:
    key = str(uuid4())
    row = [f"{white}{cell}{white}" for cell in debt(key, name=f"Zoë{NBSP}X")]
    report = api.upload("debts", table(DEBT_LABELS, [row]).encode(), source=source)

    assert report["rows"]["accepted"] == 1
    found = api.get(f"/debts/{key}")
    assert (found["name"], found["debt_amount"], found["debt_due_date"]) == (f"Zoë{NBSP}X", "12.50", "2024-02-29")


def test_a_choice_may_be_written_in_any_case(api: Api, source: str) -> None:
    cells: dict[str, object] = {
        **dict.fromkeys(["PENDING", "pending", "PenDing", f" Pending{NBSP}"], "PENDING"),
        "failed": "FAILED",
        "": "PROCESSED",
        **dict.fromkeys(["PENDıNG", "PEND ING", "DONE", "0"], "enum"),
    }
    keys = [str(uuid4()) for _ in cells]
    rows = [[*debt(key), cell] for key, cell in zip(keys, cells, strict=True)]
    report = api.upload("debts", table([*DEBT_LABELS, "Status"], rows).encode(), source=source)

    assert_told(api, report, "Status", cells)
    assert {one["debt_id"]: one["status"] for one in api.records("debts", source=source)} == good(cells, keys)
    assert api.errors(report)[0]["message"] == "must be one of PENDING, PROCESSED, FAILED"


@pytest.mark.parametrize("label", DEBT_LABELS)
def test_an_empty_cell_that_must_not_be_empty_is_told(api: Api, source: str, label: str) -> None:
    rows = [debt(), debt(**{label: ""}), debt(**{label: f" {NBSP}"}), debt()]
    report = api.upload("debts", table(DEBT_LABELS, rows).encode(), source=source)

    errors = [(one["row"], one["column"], one["code"], one["message"]) for one in api.errors(report)]
    assert errors == [(row, label, "required", "must not be empty") for row in (3, 4)]
    assert report["rows"]["accepted"] == 2


def test_text_is_bounded_by_its_characters_and_its_form(api: Api, source: str) -> None:
    rows = [
        debt(name="é" * 200),
        debt(name="é" * 201),
        debt(name="\U0001f600" * 200),
        debt(governmentId="1" * 33),
        *(debt(email=email) for email in ("no address", "a@b", "a@@b.c", "a@b.c, d@e.f", "é@ü.de")),
    ]
    report = api.upload("debts", table(DEBT_LABELS, rows).encode(), source=source)

    told = [(one["row"], one["column"], one["code"]) for one in api.errors(report)]
    emails = [(row, "email", "pattern") for row in (6, 7, 8, 9)]
    assert told == [(3, "name", "max-length"), (5, "governmentId", "max-length"), *emails]
    names = {one["name"] for one in api.records("debts", source=source)}
    assert names == {"é" * 200, "\U0001f600" * 200, "Ann Example"}


def test_keys_are_told_in_every_form_that_is_none(api: Api, source: str) -> None:
    upper = str(uuid4()).upper()
    bad = [upper.replace("-", ""), f"{{{upper}}}", upper[:-1], f"urn:uuid:{upper}", upper.replace("-", "–"), "17"]
    rows = [debt(upper), *(debt(debtId=key) for key in bad)]
    report = api.upload("debts", table(DEBT_LABELS, rows).encode(), source=source)

    told = [(one["row"], one["column"], one["code"], one["value"]) for one in api.errors(report)]
    assert told == [(row, "debtId", "type-error", key) for row, key in enumerate(bad, 3)]
    assert [one["debt_id"] for one in api.records("debts", source=source)] == [upper.lower()]


def test_members_of_accounts_are_held_to_their_form(api: Api, source: str) -> None:
    key = uuid4()
    row = account(key, "Ann")
    numbers = ["990112222", "990 11 2222", "٩٩٠-11-2222", "９９０-11-2222", "990-11-22222"]
    report = api.upload("accounts", accounts(row, *([*row[:-1], ssn] for ssn in numbers)), source=source)

    told = [(one["row"], one["column"], one["code"], one["value"]) for one in api.errors(report)]
    assert told == [(number, "ssn", "pattern", ssn) for number, ssn in enumerate(numbers, 3)]
    assert len(api.get(f"/accounts/{key}")["consumers"]) == 1
