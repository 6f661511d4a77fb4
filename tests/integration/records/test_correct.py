"""`PUT` and `PATCH /{dataset}/{key}`."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.integration.records.debts import account, added, debt, pointers, read
from tests.steps import Api

DEBTS = """name,governmentId,email,debtAmount,debtDueDate,debtId
Elijah Santos,9558,janet95@example.com,7811,2024-01-19,{}
Samuel Orr,5486,linmichael@example.com,5662,2023-02-25,{}
"""


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_fields_given_replace_those_of_the_record_and_the_others_stay(api: Api, method: str) -> None:
    body = debt()
    version = added(api, "debts", body)
    answer = api.http.request(method, f"/debts/{body['debt_id']}", json={"debt_amount": "99", "status": "pending"})

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["message"] == "Debt updated successfully"
    assert told["record"] == {**body, "debt_amount": "99.00", "status": "PENDING"}
    assert told["version"] > version
    assert answer.headers["ETag"] == f'"{told["version"]}"'
    there = read(api, answer, f"/debts/{body['debt_id']}").json()
    assert {name: there[name] for name in told["record"]} == told["record"]


def test_a_record_of_a_file_is_corrected(api: Api, source: str) -> None:
    keys = [str(uuid4()), str(uuid4())]
    api.upload("debts", DEBTS.format(*keys).encode(), source=source)
    answer = api.http.put(f"/debts/{keys[0].upper()}", json={"debt_id": keys[0].upper(), "name": "Elijah S."})

    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["debt_amount"] == "7811.00"
    assert read(api, answer, f"/debts/{keys[0]}").json()["name"] == "Elijah S."
    assert sorted(one["name"] for one in api.records("debts", source=source)) == ["Elijah S.", "Samuel Orr"]


def test_a_rejected_row_is_repaired_by_its_key_or_refused_again(api: Api, source: str) -> None:
    keys = [str(uuid4()), str(uuid4())]
    report = api.upload("debts", DEBTS.format(*keys).replace(",5662,", ",-5,").encode(), source=source)
    assert report["rows"]["rejected"] == 1
    still = api.http.put(f"/debts/{keys[1]}", json={"name": "Sam Orr"})
    assert pointers(still) == {"/debt_amount": "minimum"}
    assert still.headers["Position"].startswith("debts:")

    answer = api.http.put(f"/debts/{keys[1]}", json={"debt_amount": 5})
    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["debt_amount"] == "5.00"
    assert {one["debt_id"] for one in api.records("debts", source=source)} == set(keys)


def test_a_merge_patch_takes_values_away(api: Api) -> None:
    isbn = str(uuid4())[:17]
    added(api, "books", {"isbn": isbn, "title": "x", "pages": 5, "genre": "novel"})
    content, headers = b'{"pages": null}', {"Content-Type": "application/merge-patch+json"}
    answer = api.http.patch(f"/books/{isbn}", content=content, headers=headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["pages"] is None
    assert answer.json()["record"]["genre"] == "novel"


def test_members_are_replaced_as_a_whole(api: Api) -> None:
    body = account()
    added(api, "accounts", body)
    answer = api.http.patch(f"/accounts/{body['client_reference_no']}", json={"consumers": [{"name": "Al Roe"}]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == "Account updated successfully"
    assert answer.json()["record"]["consumers"] == [{"name": "Al Roe", "address": None, "ssn": None}]


def test_what_is_not_there_is_not_found(api: Api) -> None:
    answer = api.http.put(f"/debts/{uuid4()}", json={"name": "x"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Debt not found")
    assert answer.headers["Position"].startswith("debts:")


def test_what_can_be_no_key_is_not_found(api: Api) -> None:
    answer = api.http.put("/debts/8291", json={"name": "x"})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Debt not found: '8291' can be no debt_id."


def test_the_key_is_the_path_s(api: Api) -> None:
    body = debt()
    added(api, "debts", body)
    path = f"/debts/{body['debt_id']}"
    assert pointers(api.http.put(path, json={"debt_id": str(uuid4())})) == {"/debt_id": "constraint-error"}
    assert pointers(api.http.put(path, json={"debt_id": body["debt_id"]})) == {"": "required"}
    assert pointers(api.http.put(path, json={})) == {"": "required"}


def test_everything_that_is_wrong_is_pointed_to_and_nothing_changes(api: Api) -> None:
    body = debt()
    added(api, "debts", body)
    path = f"/debts/{body['debt_id']}"
    wrong: dict[str, object] = {"name": None, "debt_amount": True, "debt_due_date": "31.12.2026", "x": {}}
    assert pointers(api.http.patch(path, json=wrong)) == {
        "/name": "required",
        "/debt_amount": "type-error",
        "/debt_due_date": "type-error",
        "/x": "unknown-label",
    }
    assert api.get(path)["debt_amount"] == "12.50"


def test_another_kind_of_patch_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json-patch+json"}
    answer = api.http.patch(f"/debts/{uuid4()}", content=b"[]", headers=headers)
    assert answer.status_code == 415
    assert "merge-patch" in answer.json()["detail"]


def test_a_rule_between_two_fields_is_held_when_only_one_is_given(api: Api) -> None:
    key = str(uuid4())
    body = {
        "transaction_id": key,
        "client_id": str(uuid4()),
        "transaction_type": "buy",
        "transaction_date": "2024-05-01",
        "amount": "10",
        "currency": "eur",
    }
    added(api, "transactions", body)
    answer = api.http.patch(f"/transactions/{key}", json={"amount": "-10"})

    assert answer.status_code == 422, answer.text
    assert pointers(answer) == {"/amount": "minimum"}
    assert api.http.patch(f"/transactions/{key}", json={"amount": "-10", "transaction_type": "SELL"}).status_code == 200
