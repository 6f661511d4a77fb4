"""Kanastra: debts, each once, with what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.files import debt, debts
from tests.steps import Api
from tests.systems.walks import WAITING, Line, Steps, Walk, lines_of, real_or_sample
from tests.unit.datasets.files import seed

LINES = lines_of("Kanastra")


@pytest.fixture
def walk(api: Api, source: str, tmp_path: Path) -> Walk:
    content = real_or_sample("debts.csv", "debts", tmp_path)
    return Walk(api, source, api.upload("debts", content, source=source), content)


def one_of(walk: Walk) -> dict[str, Any]:
    (found,) = walk.api.get("/debts", source=walk.source, limit=1)["results"]
    return dict(found)


def upload(walk: Walk, line: Line) -> None:
    again = walk.ask(line, content=walk.content)
    assert (again.status_code, again.json()["duplicate"], again.json()["id"]) == (200, True, walk.report["id"])
    overlapping = walk.sent(line, walk.content + b"\n")
    assert walk.api.count("debts", source=walk.source) == overlapping["records"] == walk.report["records"]


def listing(walk: Walk, line: Line) -> None:
    body = walk.got(line)
    fields = {"debt_id", "name", "government_id", "email", "debt_amount", "debt_due_date", "status"}
    assert (body["count"]["value"], fields <= body["results"][0].keys()) == (walk.report["records"], True)


def by_id(walk: Walk, line: Line) -> None:
    key = one_of(walk)["debt_id"]
    assert [one["debt_id"] for one in walk.got(line, of=key)["results"]] == [key]


def pending(walk: Walk, line: Line) -> None:
    rows = debts(debt(), debt())
    waiting = walk.api.send("debts", rows, source=walk.source, review="true").json()["id"]
    walk.api.until(waiting, "review")
    assert [one["status"] for one in walk.got(line)["results"]] == ["PENDING", "PENDING"]
    answer = walk.api.http.post(f"/uploads/{waiting}/publish", headers=WAITING)
    assert answer.status_code == 200, answer.text
    walk.api.follow(waiting)
    assert walk.got(line)["results"] == []


def processed(walk: Walk, line: Line) -> None:
    assert walk.got(line)["count"]["value"] == walk.report["records"]


def failed(walk: Walk, line: Line) -> None:
    key = uuid4()
    walk.api.upload("debts", debts(debt(key, debtAmount="much"), debt()), source=walk.source)
    assert [one["debt_id"] for one in walk.got(line)["results"]] == [str(key)]
    mended = walk.api.http.patch(f"/debts/{key}", json={"debt_amount": "7.00"}, headers=WAITING)
    assert (mended.status_code, mended.json()["record"]["status"]) == (200, "PROCESSED")
    assert walk.got(line)["results"] == []


def update(walk: Walk, line: Line) -> None:
    key = one_of(walk)["debt_id"]
    answer = walk.ask(line, json={"debt_amount": "1.25", "debt_due_date": "2026-01-31"}, of=key)
    assert (answer.status_code, answer.json()["message"]) == (200, "Debt updated successfully")
    now = walk.api.get(f"/debts/{key}")
    assert (now["debt_amount"], now["debt_due_date"]) == ("1.25", "2026-01-31")
    assert walk.ask(line, json={"debt_amount": "1.25"}, of=str(uuid4())).status_code == 404
    assert walk.ask(line, json={"amount = 0; --": "1"}, of=key).status_code == 422


def delete(walk: Walk, line: Line) -> None:
    key = one_of(walk)["debt_id"]
    answer = walk.ask(line, of=key)
    assert (answer.status_code, answer.json()["message"]) == (200, "Debt deleted successfully")
    assert walk.api.http.get(f"/debts/{key}").status_code == 404
    again = walk.ask(line, of=key)
    assert (again.status_code, "Debt not found" in again.text) == (404, True)


STEPS: Steps = dict(
    zip(
        (line.there for line in LINES),
        (upload, listing, by_id, pending, processed, failed, update, delete),
        strict=True,
    )
)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_line_of_the_guide_works(walk: Walk, line: Line) -> None:
    STEPS[line.there](walk, line)


def test_2053_rows_are_1999_debts(api: Api, source: str) -> None:
    content = seed("debts.csv")
    report = api.upload("debts", content, source=source)

    assert report["rows"] == {"read": 2053, "accepted": 1999, "rejected": 0, "duplicate": 54, "blank": 0}
    assert len(api.errors(report, code="duplicate-key")) == 54
    assert api.count("debts", source=source, status="processed") == 1999
    again = api.send("debts", content, source=source)
    assert (again.status_code, again.json()["id"]) == (200, report["id"])
