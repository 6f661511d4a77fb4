"""Vemnym: deals in precious stones."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.steps import Api
from tests.systems.walks import WAITING, Line, Steps, Walk, lines_of, real_or_sample
from tests.unit.datasets.files import seed

LINES = lines_of("Vemnym")
LABELS = "customer,item,total,quantity,date\n"


@pytest.fixture
def walk(api: Api, source: str, tmp_path: Path) -> Walk:
    content = real_or_sample("deals.csv", "deals", tmp_path, rows=767)
    return Walk(api, source, api.upload("deals", content, source=source), content)


def upload(walk: Walk, line: Line) -> None:
    report = walk.sent(line, f"{LABELS}{walk.source[:30]},Рубин,12,1,2019-12-13 10:00:00.5\n".encode())
    assert (report["state"], report["records"]) == ("published", 1)
    bad = walk.ask(line, content=b"name,price\nann,1\n")
    assert (bad.status_code, "customer" in bad.text) == (422, True)


def listing(walk: Walk, line: Line) -> None:
    assert [one["id"] for one in walk.got(line)["results"]] == [walk.report["id"]]


def file(walk: Walk, line: Line) -> None:
    assert walk.ask(line, of=walk.report["id"]).content == walk.content


def delete(walk: Walk, line: Line) -> None:
    assert walk.ask(line, of=walk.report["id"]).json()["message"] == "Upload withdrawn"
    assert walk.api.count("deals", source=walk.source) == 0
    again = walk.api.http.delete(f"/uploads/{walk.report['id']}", headers=WAITING)
    assert again.status_code == 409


def deals(walk: Walk, line: Line) -> None:
    totals = [Decimal(one["total"]) for one in walk.got(line)["results"]]
    assert (len(totals), totals) == (50, sorted(totals, reverse=True))


STEPS: Steps = dict(zip((line.there for line in LINES), (upload, listing, file, delete, deals), strict=True))


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_line_of_the_guide_works(walk: Walk, line: Line) -> None:
    STEPS[line.there](walk, line)


def test_767_rows_add_up_per_customer(api: Api, source: str) -> None:
    report = api.upload("deals", seed("deals.csv"), source=source)

    assert (report["state"], report["rows"]["accepted"]) == ("published", 767)
    spent: Counter[str] = Counter()
    for deal in api.records("deals", source=source):
        spent[deal["customer"]] += int(Decimal(deal["total"]))
    assert spent.most_common(3) == [("resplendent", 451_731), ("bellwether", 217_794), ("uvulaperfly117", 120_419)]
    assert (len(spent), spent.total()) == (18, 1_509_597)
    assert api.count("deals", source=source, date_from="2018-12-14", date_to="2018-12-14") == 2
