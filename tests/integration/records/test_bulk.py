"""`PATCH /{dataset}?filters&max_affected=N`."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.files import account, accounts, debt, debts
from tests.integration.records.debts import pointers
from tests.steps import Api


def patch(
    api: Api, path: str, changes: object, headers: dict[str, str] | None = None, /, **query: str
) -> httpx.Response:
    return api.http.patch(path, params=query, json=changes, headers={"Prefer": "wait=10", **(headers or {})})


def amounts(api: Api, source: str) -> list[str]:
    return sorted(one["debt_amount"] for one in api.records("debts", source=source))


def test_all_records_that_match_are_corrected_by_one_event(api: Api, source: str) -> None:
    rows = [debt(name=f"Cheap {number}", debtAmount=str(number)) for number in range(5)]
    api.upload("debts", debts(*rows, debt(debtAmount="100")), source=source)
    before = api.http.get("/debts").headers["Position"]
    answer = patch(api, "/debts", {"status": "pending"}, source=source, max_debt_amount="3", max_affected="4")

    assert (answer.status_code, answer.json()) == (
        200,
        {"message": "Records corrected", "corrected": 4, "missing": 0},
    ), answer.text
    position = answer.headers["Position"]
    assert int(position.removeprefix("debts:")) > int(before.removeprefix("debts:"))
    found = api.http.get("/debts", params={"source": source, "limit": "100"}, headers={"Read-After": position}).json()
    statuses = sorted((one["debt_amount"], one["status"]) for one in found["results"])
    assert [status for _, status in statuses] == ["PENDING"] * 2 + ["PROCESSED"] + ["PENDING"] * 2 + ["PROCESSED"]


def test_the_filters_are_those_of_the_list(api: Api, source: str) -> None:
    rows = [debt(name=name, debtAmount="1") for name in ("Ann Almeida", "Bob", "anna")]
    upload = api.upload("debts", debts(*rows), source=source)
    answer = patch(api, "/debts", {"debt_amount": 7}, upload=upload["id"], name="ANN", max_affected="10")

    assert answer.json()["corrected"] == 2
    assert amounts(api, source) == ["1.00", "7.00", "7.00"]


def test_members_can_be_filtered_by_and_replaced(api: Api, source: str) -> None:
    keys = [uuid4(), uuid4()]
    api.upload("accounts", accounts(account(keys[0], "Ann"), account(keys[1], "Bob")), source=source)
    consumers = [{"name": "Cid", "address": None, "ssn": None}]
    answer = patch(api, "/accounts", {"consumers": consumers}, source=source, consumer_name="ann", max_affected="5")

    assert answer.status_code == 200, answer.text
    assert api.get(f"/accounts/{keys[0]}")["consumers"] == consumers
    assert api.get(f"/accounts/{keys[1]}")["consumers"][0]["name"] == "Bob"


def test_more_than_max_affected_is_refused_whole(api: Api, source: str) -> None:
    api.upload("debts", debts(*(debt(debtAmount="1") for _ in range(5))), source=source)
    answer = patch(api, "/debts", {"debt_amount": "7"}, source=source, max_affected="4")

    assert answer.status_code == 409
    assert answer.json()["detail"] == "5 records match, more than max_affected=4. Nothing was changed."
    assert amounts(api, source) == ["1.00"] * 5


def test_nothing_that_matches_is_no_event(api: Api, source: str) -> None:
    answer = patch(api, "/debts", {"debt_amount": "7"}, source=source, max_affected="4")

    assert (answer.status_code, answer.json()["corrected"], answer.json()["missing"]) == (200, 0, 0)
    assert answer.headers["Position"].startswith("debts:")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"name": "x"}, "max_affected"),
        ({"max_affected": "5"}, ""),
        ({"name": "x", "max_affected": "0"}, "max_affected"),
        ({"name": "x", "max_affected": "10001"}, "max_affected"),
        ({"name": "x", "max_affected": "all"}, "max_affected"),
        ({"nmae": "x", "max_affected": "5"}, "nmae"),
        ({"name": "x", "max_affected": "5", "limit": "5"}, "limit"),
        ({"min_debt_amount": "much", "max_affected": "5"}, "min_debt_amount"),
    ],
)
def test_a_filter_and_a_bound_must_be_there_and_make_sense(api: Api, query: dict[str, str], parameter: str) -> None:
    answer = patch(api, "/debts", {"debt_amount": "7"}, **query)

    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


def test_a_body_is_checked_before_anything_is_looked_for(api: Api, source: str) -> None:
    wrong = {"debt_amount": "-1", "colour": "red", "name": None, "debt_id": str(uuid4())}
    assert pointers(patch(api, "/debts", wrong, source=source, max_affected="4")) == {
        "/debt_amount": "minimum",
        "/colour": "unknown-label",
        "/name": "required",
        "/debt_id": "constraint-error",
    }
    assert pointers(patch(api, "/debts", {}, source=source, max_affected="4")) == {"": "required"}


def test_the_same_key_corrects_once_whatever_matches_by_then(api: Api, source: str) -> None:
    api.upload("debts", debts(debt(debtAmount="1"), debt(debtAmount="1")), source=source)
    key = {"Idempotency-Key": str(uuid4())}
    query = {"source": source, "max_debt_amount": "5", "max_affected": "4"}
    first = patch(api, "/debts", {"debt_amount": "7"}, key, **query)
    api.upload("debts", debts(debt(debtAmount="2")), source=source)
    second = patch(api, "/debts", {"debt_amount": "7"}, key, **query)
    other = patch(api, "/debts", {"debt_amount": "8"}, key, **query)

    assert first.json()["corrected"] == 2
    assert (second.status_code, second.json()) == (200, first.json())
    assert (second.headers["Idempotency-Replayed"], other.status_code) == ("true", 422)
    assert amounts(api, source) == ["2.00", "7.00", "7.00"]


def test_that_nothing_matched_is_remembered_with_a_key(api: Api, source: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = patch(api, "/debts", {"debt_amount": "7"}, key, source=source, max_affected="4")
    api.upload("debts", debts(debt(debtAmount="1")), source=source)
    second = patch(api, "/debts", {"debt_amount": "7"}, key, source=source, max_affected="4")

    assert (first.json()["corrected"], second.json()) == (0, first.json())
    assert amounts(api, source) == ["1.00"]


def test_ten_thousand_records_are_one_event(api: Api, source: str) -> None:
    upload = api.upload("debts", debts(*(debt(debtAmount="1") for _ in range(10_000))), source=source)
    answer = patch(api, "/debts", {"debt_amount": "7"}, upload=upload["id"], max_affected="10000")

    assert (answer.status_code, answer.json()["corrected"]) == (200, 10_000), answer.text
    assert api.count("debts", source=source, min_debt_amount="7") == 10_000


def test_corrected_records_outlive_the_upload_that_brought_them(api: Api, source: str) -> None:
    upload = api.upload("debts", debts(debt(name="Kept"), debt(name="Gone")), source=source)
    patch(api, "/debts", {"debt_amount": "7"}, source=source, name="Kept", max_affected="1")
    told = api.withdraw(upload["id"])

    assert (told["reversed"], told["kept"]["person"]) == (1, 1)
    answer = patch(api, "/debts", {"debt_amount": "8"}, name="Kept", upload=upload["id"], max_affected="5")
    assert answer.json()["corrected"] == 1
