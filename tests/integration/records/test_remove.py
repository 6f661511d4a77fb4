"""`DELETE /{dataset}/{key}`."""

from __future__ import annotations

from uuid import uuid4

from tests.integration.records.debts import added, debt, read
from tests.steps import Api


def test_a_removed_record_is_told_and_is_no_more(api: Api) -> None:
    body = debt()
    added(api, "debts", body)
    path = f"/debts/{body['debt_id']}"
    answer = api.http.delete(path)

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["message"], told["version"]) == ("Debt deleted successfully", None)
    assert told["record"] == {**body, "status": "PROCESSED"}
    assert "ETag" not in answer.headers
    assert read(api, answer, path).status_code == 404
    again = api.http.delete(path)
    assert (again.status_code, again.json()["detail"]) == (404, "Debt not found")


def test_a_removed_key_can_be_added_again(api: Api) -> None:
    body = debt()
    first = added(api, "debts", body)
    assert api.http.delete(f"/debts/{body['debt_id']}").status_code == 200
    assert added(api, "debts", body) > first


def test_a_removal_may_name_the_version_that_it_means(api: Api) -> None:
    body = debt()
    version = added(api, "debts", body)
    path = f"/debts/{body['debt_id']}"
    stale = api.http.delete(path, headers={"If-Match": f'"{version + 1}"'})
    assert stale.status_code == 412
    assert stale.json()["version"] == version
    assert api.http.delete(path, headers={"If-Match": f'"{version}"'}).status_code == 200


def test_what_is_not_there_is_not_found(api: Api) -> None:
    assert api.http.delete(f"/debts/{uuid4()}").status_code == 404
    assert api.http.delete("/debts/8291").status_code == 404
