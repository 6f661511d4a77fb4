"""`POST /{dataset}/uploads` of files in which rows share a key: one record, and nothing is said twice or lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.files import account, accounts, debt, debts
from tests.steps import Api


def duplicates(api: Api, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is said of rows that are there twice."""
    found: list[dict[str, Any]] = []
    url = f"/uploads/{report['id']}/errors?outcome=duplicate&limit=1000"
    while url:
        page = api.get(url)
        found, url = found + page["results"], page["next"]
    return found


@pytest.mark.parametrize("between", [0, 300, 3000], ids=["one chunk", "open segment", "own segment"])
def test_of_rows_with_the_same_key_the_last_one_counts(api: Api, source: str, between: int) -> None:
    key = uuid4()
    rows = [
        debt(name="Two\nlines"),
        debt(key, name="First"),
        *(debt() for _ in range(between // 2)),
        debt(str(key).upper(), name="Second"),
        *(debt() for _ in range(between // 2)),
        debt(key, name="Last"),
    ]
    report = api.upload("debts", debts(*rows), source=source)

    assert report["rows"] == {
        "read": 4 + between,
        "accepted": 2 + between,
        "duplicate": 2,
        "rejected": 0,
        "blank": 0,
    }
    assert api.get(f"/debts/{key}")["name"] == "Last"
    assert api.count("debts", source=source) == report["records"] == 2 + between
    said = duplicates(api, report)
    assert [(one["row"], one["line"]) for one in said] == [(3, 4), (4 + between // 2, 5 + between // 2)]
    assert {(one["field"], one["code"]) for one in said} == {("debt_id", "duplicate-key")}
    last = len(rows) + 1
    message = f"row {last} of the same file has the same debt_id and counts instead"
    assert {one["message"] for one in said} == {message}
    assert api.get(f"/uploads/{report['id']}/errors")["results"] == []


@pytest.mark.parametrize("count", [500, 3000], ids=["open segment", "own segment"])
def test_a_file_of_one_key_is_one_record(api: Api, source: str, count: int) -> None:
    key = uuid4()
    report = api.upload("debts", debts(*(debt(key, name=f"Number {number}") for number in range(count))), source=source)

    assert (report["rows"]["accepted"], report["rows"]["duplicate"], report["records"]) == (1, count - 1, 1)
    assert api.get(f"/debts/{key}")["name"] == f"Number {count - 1}"
    assert api.count("debts", source=source) == 1
    assert [one["row"] for one in duplicates(api, report)] == list(range(2, count + 1))


def test_a_rejected_row_takes_the_place_of_none(api: Api, source: str) -> None:
    key = uuid4()
    report = api.upload("debts", debts(debt(key, name="Good"), debt(key, name="Bad", debtAmount="x")), source=source)

    assert (report["rows"]["accepted"], report["rows"]["rejected"], report["rows"]["duplicate"]) == (1, 1, 0)
    assert api.get(f"/debts/{key}")["name"] == "Good"


def consumers(api: Api, key: UUID) -> list[str]:
    """The names of an account's consumers."""
    return [one["name"] for one in api.get(f"/accounts/{key}")["consumers"]]


@pytest.mark.parametrize("between", [0, 3000], ids=["one chunk", "many chunks"])
def test_rows_of_an_account_are_its_consumers_wherever_they_are(api: Api, source: str, between: int) -> None:
    key, others = uuid4(), [uuid4() for _ in range(between)]
    half = between // 2
    rows = [
        account(key, "Ann"),
        *(account(other, "Someone") for other in others[:half]),
        account(str(key).upper(), "Bob"),
        *(account(other, "Someone") for other in others[half:]),
        account(key, "Cid"),
    ]
    report = api.upload("accounts", accounts(*rows), source=source)

    assert report["rows"]["accepted"] == between + 3
    assert report["records"] == api.count("accounts", source=source) == between + 1
    assert consumers(api, key) == ["Ann", "Bob", "Cid"]
    assert all(consumers(api, other) == ["Someone"] for other in others[:: max(half, 1)])


@pytest.mark.parametrize("between", [0, 3000], ids=["one chunk", "many chunks"])
def test_the_same_consumer_of_an_account_counts_once(api: Api, source: str, between: int) -> None:
    key = uuid4()
    others = [account(uuid4(), "Someone") for _ in range(between)]
    without_ssn = [*account(key, "Ann")[:-1], ""]
    twice = [account(key, "Ann"), without_ssn]
    padded = [f" {cell} " for cell in twice[0]]
    report = api.upload("accounts", accounts(*twice, *others, *twice, padded), source=source)

    assert (report["rows"]["accepted"], report["rows"]["duplicate"]) == (between + 2, 3)
    assert consumers(api, key) == ["Ann", "Ann"]
    said = [(one["row"], one["code"], one["message"]) for one in duplicates(api, report)]
    assert said == [
        (between + 4, "duplicate-key", "says the same as row 2"),
        (between + 5, "duplicate-key", "says the same as row 3"),
        (between + 6, "duplicate-key", "says the same as row 2"),
    ]


@pytest.mark.parametrize("between", [0, 3000], ids=["one chunk", "many chunks"])
def test_a_row_that_contradicts_its_account_is_rejected(api: Api, source: str, between: int) -> None:
    key = uuid4()
    rows = [
        account(key, "Ann", balance="10"),
        *(account(uuid4(), "Someone") for _ in range(between)),
        account(key, "Bob", balance="10.01"),
        account(key, "Cid", status="paid_in_full"),
        account(key, "Dan", balance="010.00", status="Inactive"),
    ]
    report = api.upload("accounts", accounts(*rows), source=source)

    assert (report["rows"]["accepted"], report["rows"]["rejected"]) == (between + 2, 2)
    found = api.get(f"/accounts/{key}")
    assert (found["balance"], found["status"]) == ("10.00", "INACTIVE")
    assert consumers(api, key) == ["Ann", "Dan"]
    errors = api.errors(report)
    assert [(one["row"], one["line"], one["code"]) for one in errors] == [
        (row, 2 * row - 2, "conflicting-value") for row in (between + 3, between + 4)
    ]
    message = "says otherwise than row 2 of the same client_reference_no about balance, status"
    assert {one["message"] for one in errors} == {message}


def test_rejected_rows_of_accounts_can_be_fetched(api: Api, source: str) -> None:
    key = uuid4()
    rows = [account(key, "Ann"), account(key, "Bob", balance="11"), account(uuid4(), "Cid", status="GONE")]
    report = api.upload("accounts", accounts(*rows), source=source)
    lines = api.http.get(f"/uploads/{report['id']}/errors.csv").text

    assert "Bob" in lines
    assert "Cid" in lines
    assert "Ann" not in lines
