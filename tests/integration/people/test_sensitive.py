"""Social security numbers and the like: masked for all but those with the scope, whose reading is noted."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cli.stack import Stack
from tests.files import account, accounts, debt, debts
from tests.integration.people.conftest import People
from tests.laws.conftest import Tables


@pytest.fixture
def tables(stack: Stack) -> Tables:
    return Tables(stack.environment["TABLEFOLD_DATABASE_URL"])


def canary() -> str:
    """A government id that nobody else has."""
    return f"canary{uuid4().hex[:16]}"


def test_records_and_reports_are_masked_for_whoever_has_no_scope(people: People, source: str) -> None:
    secret, number = canary(), f"{uuid4().int % 900 + 100}-77-4253"
    editor = people.new("editor")
    good, bad = debt(governmentId=secret), debt(governmentId=secret * 3)
    report = editor.upload("debts", debts(good, bad), source=source)
    key = str(uuid4())
    editor.upload("accounts", accounts([*account(key, "Ann")[:-1], number]), source=source)
    paths = (
        f"/debts?source={source}",
        f"/debts/{good[-1]}",
        f"/accounts/{key}",
        f"/uploads/{report['id']}/errors",
        f"/uploads/{report['id']}",
    )
    answers = [editor.http.get(path) for path in paths]
    assert [one.status_code for one in answers] == [200] * len(paths)
    for answer in answers:
        assert secret not in answer.text
        assert number not in answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert answers[0].json()["results"][0]["government_id"] == "*" * 18 + secret[-4:]
    assert answers[2].json()["consumers"][0]["ssn"] == "***-**-4253"
    assert answers[3].json()["results"][0]["field"] == "government_id"
    assert answers[0].json()["results"][0]["name"] == good[0]


def test_files_filters_sorts_and_exports_that_would_tell_are_refused(people: People, source: str) -> None:
    editor = people.new("editor")
    report = editor.upload("debts", debts(debt(), debt(debtAmount="x")), source=source)
    for path in (
        f"/uploads/{report['id']}/file",
        f"/uploads/{report['id']}/errors.csv",
        "/debts?government_id=1",
        "/debts?sort=government_id",
        "/debts/summary?government_id=1",
        "/debts?format=csv",
        "/debts?format=parquet&fields=government_id",
    ):
        answer = editor.http.get(path)
        assert (answer.status_code, "sensitive:read" in answer.json()["detail"]) == (403, True), path
    assert editor.http.get("/debts?format=csv&fields=name", params={"source": source}).status_code == 200


def test_the_scope_shows_them_and_every_such_reading_is_noted(people: People, tables: Tables, source: str) -> None:
    secret = canary()
    name = people.add("editor", scopes=["sensitive:read"])
    plain = people.client(people.log_in(name)["access_token"])
    shown = people.client(people.log_in(name, scope="sensitive:read")["access_token"])
    row = debt(governmentId=secret)
    report = plain.upload("debts", debts(row), source=source)
    assert secret not in plain.http.get(f"/debts/{row[-1]}").text
    noted = "SELECT subject FROM store.audit WHERE actor = $1 AND action = 'sensitive-read' ORDER BY audit_id"
    assert tables.fetch(noted, name) == []
    asked = [f"/debts/{row[-1]}", "/debts", "/debts?format=csv&limit=1", f"/uploads/{report['id']}/file"]
    for path in asked:
        assert shown.http.get(path, params={"government_id": secret} if path == "/debts" else None).status_code == 200
    assert shown.http.get(f"/debts/{row[-1]}").json()["government_id"] == secret
    found = [one[0] for one in tables.fetch(noted, name)]
    assert found == [f"GET {path.partition('?')[0]}" for path in [*asked, asked[0]]]
    assert not any(secret in one for one in found)
