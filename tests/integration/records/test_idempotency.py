"""`Idempotency-Key`: the same request twice is one command, and is answered in the same way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.records.debts import added, debt, pointers
from tests.steps import PLAIN_HTTP, Api, bearer, eventually

FILE = "name,governmentId,email,debtAmount,debtDueDate,debtId\nEli,9558,j@example.com,7811,2024-01-19,{}\n"


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def same(first: httpx.Response, again: httpx.Response) -> None:
    """The second answer is the first, and says that it is."""
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    told = ("Position", "ETag", "Location")
    assert [again.headers.get(name) for name in told] == [first.headers.get(name) for name in told]


def test_an_added_record_is_added_once(api: Api) -> None:
    body, headers = debt(), key()
    first = api.http.post("/debts", json=body, headers=headers)
    assert first.status_code == 201, first.text
    assert api.http.delete(f"/debts/{body['debt_id']}").status_code == 200

    same(first, api.http.post("/debts", json=body, headers=headers))
    assert api.http.get(f"/debts/{body['debt_id']}").status_code == 404


REQUESTS: dict[str, Callable[[Api, dict[str, Any], dict[str, str]], httpx.Response]] = {
    "put": lambda api, body, headers: api.http.put(f"/debts/{body['debt_id']}", json={"name": "x"}, headers=headers),
    "patch": lambda api, body, headers: api.http.patch(
        f"/debts/{body['debt_id']}", json={"name": "x"}, headers=headers
    ),
    "delete": lambda api, body, headers: api.http.delete(f"/debts/{body['debt_id']}", headers=headers),
    "conflict": lambda api, body, headers: api.http.post("/debts", json=body, headers=headers),
    "missing": lambda api, body, headers: api.http.put(
        f"/debts/{body['debt_id'][::-1].replace('-', '')}", json={"name": "x"}, headers=headers
    ),
    "stale": lambda api, body, headers: api.http.put(
        f"/debts/{body['debt_id']}", json={"name": "x"}, headers={**headers, "If-Match": '"1"'}
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_outcome_is_told_again(api: Api, name: str) -> None:
    body, headers = debt(), key()
    added(api, "debts", body)
    first = REQUESTS[name](api, body, headers)
    same(first, REQUESTS[name](api, body, headers))


def test_another_body_with_the_same_key_is_refused(api: Api) -> None:
    body, headers = debt(), key()
    added(api, "debts", body)
    path = f"/debts/{body['debt_id']}"
    assert api.http.put(path, json={"name": "x"}, headers=headers).status_code == 200
    other = api.http.put(path, json={"name": "y"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    stricter = api.http.put(path, json={"name": "x"}, headers={**headers, "If-Match": '"1"'})
    assert stricter.status_code == 422
    assert api.get(path)["name"] == "x"


def test_a_key_counts_for_its_method_and_path_alone(api: Api) -> None:
    bodies, headers = [debt(), debt()], key()
    assert [api.http.post("/debts", json=body, headers=key()).status_code for body in bodies] == [201, 201]
    for body in bodies:
        path = f"/debts/{body['debt_id']}"
        for send in (api.http.put, api.http.patch):
            answer = send(path, json={"name": "x"}, headers=headers)
            assert answer.status_code == 200, answer.text
            assert "Idempotency-Replayed" not in answer.headers


def test_a_request_that_was_refused_does_not_use_its_key(api: Api) -> None:
    body, headers = debt(), key()
    assert pointers(api.http.post("/debts", json={**body, "debt_amount": "x"}, headers=headers))
    assert api.http.post("/debts", json=body, headers=headers).status_code == 201


def test_of_requests_at_once_one_is_the_command_and_the_others_repeat_it_or_have_to_ask_again(api: Api) -> None:
    body, headers = debt(), key()
    version = added(api, "debts", body)

    async def all_at_once() -> list[httpx.Response]:
        shown = bearer(api.token)
        async with httpx.AsyncClient(
            base_url=api.url, headers=shown, trust_env=False, timeout=30, verify=PLAIN_HTTP
        ) as client:
            path = f"/debts/{body['debt_id']}"
            return await asyncio.gather(*(client.put(path, json={"name": "x"}, headers=headers) for _ in range(12)))

    answers = asyncio.run(all_at_once())
    assert {answer.status_code for answer in answers} <= {200, 409}
    done = [answer for answer in answers if answer.status_code == 200]
    assert Counter("Idempotency-Replayed" in answer.headers for answer in done)[False] == 1
    assert len({answer.json()["version"] for answer in done} - {version}) == 1
    for waits in (answer for answer in answers if answer.status_code == 409):
        assert (waits.json()["type"], waits.headers["Retry-After"]) == ("/problems/still-running", "1")


@pytest.mark.parametrize("bad", ["", "x" * 256, "a b", "a\tb", '"', '"a', '"a\\"b"', '" "', "é"])
def test_a_malformed_key_is_refused(api: Api, bad: str) -> None:
    headers = {"Idempotency-Key": bad.encode("latin-1")}
    answer = api.http.post("/debts", json=debt(), headers=headers)  # type: ignore[arg-type]  # bytes, as on the wire
    assert (answer.status_code, answer.json()["parameter"]) == (400, "Idempotency-Key")
    refused = api.http.post("/debts/uploads", content=FILE.encode(), headers=headers)  # type: ignore[arg-type]
    assert refused.status_code == 400


def test_a_key_may_stand_in_quotes(api: Api) -> None:
    body, name = debt(), str(uuid4())
    first = api.http.post("/debts", json=body, headers={"Idempotency-Key": name})
    same(first, api.http.post("/debts", json=body, headers={"Idempotency-Key": f'"{name}"'}))


def test_an_upload_is_received_once(api: Api, source: str) -> None:
    content, headers = FILE.format(uuid4()).encode(), key()
    first = api.http.post(f"/debts/uploads?source={source}", content=content, headers=headers)
    assert first.status_code == 202, first.text
    api.follow(first.json()["id"])
    same(first, api.http.post(f"/debts/uploads?source={source}", content=content, headers=headers))
    other = api.http.post(f"/debts/uploads?source={source}", content=content + content[60:], headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert api.get("/uploads", source=source)["count"]["value"] == 1


def test_a_form_with_another_boundary_is_the_same_upload(api: Api) -> None:
    files, headers = {"file": ("debts.csv", FILE.format(uuid4()).encode())}, key()
    first = api.http.post("/debts/uploads", files=files, headers=headers)
    assert first.status_code == 202, first.text
    same(first, api.http.post("/debts/uploads", files=files, headers=headers))


def test_a_duplicate_upload_is_told_again_as_a_duplicate(api: Api) -> None:
    content, headers = FILE.format(uuid4()).encode(), key()
    assert api.send("debts", content).status_code == 202
    first = api.http.post("/debts/uploads", content=content, headers=headers)
    assert (first.status_code, first.json()["duplicate"]) == (200, True)
    same(first, api.http.post("/debts/uploads", content=content, headers=headers))


def test_an_upload_with_a_key_that_is_still_being_received_is_not_received_twice(api: Api) -> None:
    content, headers = FILE.format(uuid4()).encode(), key()
    seen: list[httpx.Response] = []

    def slowly() -> Iterator[bytes]:
        yield content[:20]
        seen.append(eventually(second))
        yield content[20:]

    def second() -> httpx.Response | None:
        with httpx.Client(
            base_url=api.url, headers=bearer(api.token), trust_env=False, timeout=30, verify=PLAIN_HTTP
        ) as other:
            answer = other.post("/debts/uploads", content=b"name\n", headers=headers)
        return answer if answer.status_code == 409 else None  # 422 until the first has reached the service.

    first = api.http.post("/debts/uploads", content=slowly(), headers=headers)
    assert first.status_code == 202, first.text
    (waits,) = seen
    assert (waits.json()["type"], waits.headers["Retry-After"]) == ("/problems/still-running", "1")
    same(first, api.http.post("/debts/uploads", content=content, headers=headers))
