"""`PUT /uploads/{id}/errors/{row}`."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.files import debt, debts
from tests.steps import Api


def fix(api: Api, upload: str, row: int | str, cells: object, **headers: str) -> httpx.Response:
    return api.http.put(f"/uploads/{upload}/errors/{row}", json=cells, headers={"Prefer": "wait=10", **headers})


def with_bad_row(api: Api, source: str, key: UUID, **cells: str) -> dict[str, Any]:
    """A published upload whose row 3 is bad."""
    return api.upload("debts", debts(debt(), debt(key, **cells), debt()), source=source)


@pytest.mark.parametrize("label", ["debtAmount", "debt_amount", "Debt Amount"])
def test_a_corrected_row_enters_as_a_record_of_its_upload(api: Api, source: str, label: str) -> None:
    key = uuid4()
    upload = with_bad_row(api, source, key, debtAmount="12,50")
    answer = fix(api, upload["id"], 3, {label: " 12.5 "})

    assert answer.status_code == 200, answer.text
    told = answer.json()
    position = answer.headers["Position"]
    assert (told["message"], f"debts:{told['version']}") == ("Row corrected", position)
    assert answer.headers["ETag"] == f'"{told["version"]}"'
    assert told["record"]["debt_amount"] == "12.50"
    record = api.http.get(f"/debts/{key}", headers={"Read-After": position}).json()
    assert (record["debt_amount"], record["upload"], record["row"]) == ("12.50", upload["id"], 3)
    assert {**record, **told["record"]} == record
    assert api.get(f"/uploads/{upload['id']}/errors")["results"] == []
    assert api.get(f"/uploads/{upload['id']}")["rows"] == {**upload["rows"], "accepted": 3, "rejected": 0}


def test_a_row_that_is_still_bad_stays_and_says_why(api: Api, source: str) -> None:
    key = uuid4()
    upload = with_bad_row(api, source, key, debtAmount="x", name="")
    answer = fix(api, upload["id"], 3, {"debtAmount": "-1"})

    assert answer.status_code == 422
    errors = {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    assert errors == {("/debt_amount", "minimum"), ("/name", "required")}
    assert answer.headers["Position"].startswith("debts:")
    assert api.get(f"/debts/{key}")["status"] == "FAILED"
    assert api.get(f"/uploads/{upload['id']}")["rows"] == upload["rows"]
    assert fix(api, upload["id"], 3, {"debtAmount": "1", "name": "Ann"}).status_code == 200


def test_a_row_can_be_corrected_once(api: Api, source: str) -> None:
    upload = with_bad_row(api, source, uuid4(), debtAmount="x")
    assert fix(api, upload["id"], 3, {"debtAmount": "1"}).status_code == 200
    again = fix(api, upload["id"], 3, {"debtAmount": "2"})

    assert (again.status_code, again.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize("row", [2, 1, 0, 99, 999_999_999, "x", "-3", "3.0", "9" * 12, "%D9%A3"])
def test_what_is_no_rejected_row_cannot_be_corrected(api: Api, source: str, row: int | str) -> None:
    upload = with_bad_row(api, source, uuid4(), debtAmount="x")

    assert fix(api, upload["id"], row, {"debtAmount": "1"}).status_code == 404


def test_cells_that_no_row_can_have_are_refused_before_anything_happens(api: Api, source: str) -> None:
    upload = with_bad_row(api, source, uuid4(), debtAmount="x")
    answer = fix(api, upload["id"], 3, {"debtAmount": 1, "colour": "red"})

    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/debtAmount", "/colour"]
    assert "Position" not in answer.headers
    assert fix(api, upload["id"], 3, {}).status_code == 422
    assert fix(api, upload["id"], 3, ["debtAmount"]).status_code == 422
    url = f"/uploads/{upload['id']}/errors/3"
    assert api.http.put(url, content=b'{"name": "\xff"}').status_code == 400
    assert api.http.put(url, content=b"name=Ann", headers={"Content-Type": "text/csv"}).status_code == 415


def test_the_same_key_corrects_once(api: Api, source: str) -> None:
    upload = with_bad_row(api, source, uuid4(), debtAmount="x")
    key = {"Idempotency-Key": str(uuid4())}
    first, second = (fix(api, upload["id"], 3, {"debtAmount": "1"}, **key) for _ in range(2))
    other = fix(api, upload["id"], 3, {"debtAmount": "2"}, **key)

    assert (first.status_code, second.status_code, first.json()) == (200, 200, second.json())
    assert second.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422


def test_a_field_that_the_file_has_no_column_for_is_held_to_its_rules(api: Api, source: str) -> None:
    key = uuid4()
    upload = with_bad_row(api, source, key, debtAmount="x")
    bad = fix(api, upload["id"], 3, {"debtAmount": "1", "status": "NOWHERE"})
    good = fix(api, upload["id"], 3, {"debtAmount": "1", "status": "pending"})

    assert (bad.status_code, good.status_code) == (422, 200)
    assert api.get(f"/debts/{key}")["status"] == "PENDING"


def test_withdrawing_the_upload_takes_its_corrected_rows_along(api: Api, source: str) -> None:
    key = uuid4()
    upload = with_bad_row(api, source, key, debtAmount="x")
    fix(api, upload["id"], 3, {"debtAmount": "1"})
    told = api.withdraw(upload["id"])

    assert told["reversed"] == 3
    assert api.http.get(f"/debts/{key}").status_code == 404
    assert fix(api, upload["id"], 3, {"debtAmount": "1"}).status_code == 409
