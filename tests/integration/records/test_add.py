"""`POST /{dataset}`."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import httpx
import pytest

from tests.integration.records.debts import account, added, debt, pointers, read
from tests.steps import PLAIN_HTTP, Api, bearer


def test_an_added_record_is_answered_with_its_version_and_is_there(api: Api) -> None:
    body = debt(debt_amount="+007.5", debt_due_date="2026-03-31", name="  Ana  Souza ")
    answer = api.http.post("/debts", json=body)

    assert answer.status_code == 201, answer.text
    told = answer.json()
    expected = {**body, "name": "Ana  Souza", "debt_amount": "7.50", "status": "PROCESSED"}
    assert told["message"] == "Debt created successfully"
    assert told["record"] == expected
    assert answer.headers["ETag"] == f'"{told["version"]}"'
    assert answer.headers["Location"] == f"/debts/{body['debt_id']}"
    assert answer.headers["Position"] == f"debts:{told['version']}"
    there = read(api, answer, answer.headers["Location"]).json()
    assert {name: there[name] for name in expected} == expected


def test_numbers_may_be_numbers_and_lose_no_digit(api: Api) -> None:
    content = b'{"isbn": "%s", "title": "x", "price": 12345678901234567.125, "pages": 1e2}' % str(uuid4())[:17].encode()
    answer = api.http.post("/books", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 201, answer.text
    assert answer.json()["record"]["price"] == "12345678901234567.125"
    assert answer.json()["record"]["pages"] == 100


def test_every_kind_of_value_comes_back_as_the_query_api_writes_it(api: Api) -> None:
    isbn = str(uuid4())[:17]
    body = {
        "isbn": isbn,
        "title": "Ö",
        "genre": "POEMS",
        "price": "1",
        "bought": None,
        "lent_at": "2026-01-31 10:00:00",
    }
    answer = api.http.post("/books", json=body)

    assert answer.status_code == 201, answer.text
    there = read(api, answer, f"/books/{isbn}").json()
    told = answer.json()["record"]
    assert told == {name: there[name] for name in told}
    assert (told["genre"], told["price"], told["pages"]) == ("poems", "1.000", None)
    assert told["lent_at"] == "2026-01-31T10:00:00Z"


def test_members_are_a_list_in_which_equal_ones_count_once(api: Api) -> None:
    one, two = {"name": "Jo Doe", "address": None, "ssn": "123-45-6789"}, {"name": "Al Roe"}
    answer = api.http.post("/accounts", json=account(consumers=[one, two, one]))

    assert answer.status_code == 201, answer.text
    assert answer.json()["record"]["consumers"] == [one, {"name": "Al Roe", "address": None, "ssn": None}]


def test_a_key_that_is_taken_is_a_conflict_and_changes_nothing(api: Api) -> None:
    body = debt()
    added(api, "debts", body)
    answer = api.http.post("/debts", json={**body, "debt_id": body["debt_id"].upper(), "name": "Other"})

    assert answer.status_code == 409, answer.text
    assert "exists already" in answer.json()["detail"]
    assert answer.headers["Position"].startswith("debts:")
    assert read(api, answer, f"/debts/{body['debt_id']}").json()["name"] == "Ana Souza"


def test_of_many_who_add_the_same_key_one_succeeds(api: Api) -> None:
    body = debt()

    async def all_at_once() -> list[httpx.Response]:
        shown = bearer(api.token)
        async with httpx.AsyncClient(
            base_url=api.url, headers=shown, trust_env=False, timeout=30, verify=PLAIN_HTTP
        ) as client:
            return await asyncio.gather(*(client.post("/debts", json=body) for _ in range(8)))

    assert Counter(answer.status_code for answer in asyncio.run(all_at_once())) == {201: 1, 409: 7}


def test_everything_that_is_wrong_is_pointed_to(api: Api) -> None:
    body = debt(name=None, email="nobody", debt_amount="-1", status="LATE", nam="x", version=5)
    del body["government_id"]

    assert pointers(api.http.post("/debts", json=body)) == {
        "/name": "required",
        "/email": "pattern",
        "/debt_amount": "minimum",
        "/status": "enum",
        "/nam": "unknown-label",
        "/version": "unknown-label",
        "/government_id": "required",
    }


def test_members_are_checked_one_by_one(api: Api) -> None:
    wrong = [{"name": "Jo", "ssn": "1"}, {"address": "x", "phone": "y"}, "Jo", {"name": ["Jo"], "a/b~c": 1}]

    assert pointers(api.http.post("/accounts", json=account(consumers=wrong))) == {
        "/consumers/0/ssn": "pattern",
        "/consumers/1/name": "required",
        "/consumers/1/phone": "unknown-label",
        "/consumers/2": "type-error",
        "/consumers/3/name": "type-error",
        "/consumers/3/a~1b~0c": "unknown-label",
    }
    assert pointers(api.http.post("/accounts", json=account(consumers={}))) == {"/consumers": "type-error"}
    assert pointers(api.http.post("/accounts", json=account(consumers=None))) == {"/consumers": "type-error"}


def test_an_unknown_field_is_told_the_nearest_known_one(api: Api) -> None:
    answer = api.http.post("/debts", json=debt(debt_amout="5"))
    (error,) = answer.json()["errors"]
    assert error["detail"] == "'debt_amout' is no field here; did you mean debt_amount?"


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 400, "no JSON"),
        (b"{", 400, "no JSON"),
        (b'{"name": NaN}', 400, "NaN is no number"),
        (b'{"name": "\xff"}', 400, "no JSON"),
        (b'{"name": "\\ud800"}', 400, "no JSON"),
        (b'{"name": "a\nb"}', 400, "no JSON"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"[]", 422, "points to each"),
        (b"null", 422, "points to each"),
        (b'"x"', 422, "points to each"),
        (b'{"\\u0000": "\\u0000"}', 422, "points to each"),
        (b'{"name": "' + b"x" * 1024 * 1024 + b'"}', 413, ""),
    ],
)
def test_a_body_that_is_no_record_is_a_problem(api: Api, content: bytes, status: int, says: str) -> None:
    answer = api.http.post("/debts", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


def test_a_name_that_is_given_twice_is_refused(api: Api) -> None:
    content = b'{"debt_id": "%s", "name": "a", "name": "b"}' % str(uuid4()).encode()
    answer = api.http.post("/debts", content=content, headers={"Content-Type": "application/json"})
    assert pointers(answer)["/name"] == "duplicate-label"


def test_of_a_body_full_of_errors_a_hundred_are_told(api: Api) -> None:
    answer = api.http.post("/debts", json={f"field {number}": 1 for number in range(30_000)})
    assert len(answer.json()["errors"]) == 100


def test_another_media_type_is_refused(api: Api) -> None:
    answer = api.http.post("/debts", content=b"name=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


def test_a_parameter_is_unknown(api: Api) -> None:
    answer = api.http.post("/debts?source=x", json=debt())
    assert (answer.status_code, answer.json()["parameter"]) == (400, "source")


def test_who_does_not_want_to_wait_is_told_where_to_ask(api: Api) -> None:
    body = debt()
    answer = api.http.post("/debts", json=body, headers={"Prefer": "respond-async"})

    assert answer.status_code == 202, answer.text
    position = answer.headers["Position"]
    assert answer.headers["Location"] == f"/debts/changes/{position.partition(':')[2]}"
    assert read(api, answer, f"/debts/{body['debt_id']}").json()["name"] == "Ana Souza"
