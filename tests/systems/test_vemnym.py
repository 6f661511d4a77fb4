"""Vemnym: deals in precious stones."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from tests.files import table
from tests.steps import Api
from tests.systems.walks import WAITING, Line, Steps, Walk, lines_of, real_or_sample
from tests.unit.datasets.files import seed

LINES = lines_of("Vemnym")
LABELS = ("customer", "item", "total", "quantity", "date")
RANKING = "/deals/rankings/top-customers"


def file_of(*rows: tuple[str, str, str]) -> bytes:
    """A file of deals that no other test sends."""
    mark = [["nobody", f"Stone {uuid4()}"[:30], "0", "1", "2018-12-14 08:29:52.506166"]]
    return table(LABELS, [[*row, "1", "2018-12-14 08:29:52.506166"] for row in rows] + mark).encode()


@pytest.fixture
def walk(api: Api, source: str, tmp_path: Path) -> Walk:
    content = real_or_sample("deals.csv", "deals", tmp_path, rows=767)
    return Walk(api, source, api.upload("deals", content, source=source), content)


def upload(walk: Walk, line: Line) -> None:
    report = walk.sent(line, file_of((walk.source[:30], "Рубин", "12")))
    assert (report["state"], report["records"]) == ("published", 2)
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


def top_customers(walk: Walk, line: Line) -> None:
    spent: Counter[str] = Counter()
    for deal in walk.api.records("deals", source=walk.source):
        spent[deal["customer"]] += int(Decimal(deal["total"]) * 100)
    body = walk.got(line)
    five = [(one["username"], int(Decimal(one["spent_money"]) * 100)) for one in body["response"]]
    assert sorted(five, key=lambda one: -one[1]) == five
    assert dict(five).items() <= spent.items()
    assert sum(dict(five).values()) == sum(sum_ for _, sum_ in spent.most_common(5))


STEPS: Steps = dict(
    zip((line.there for line in LINES), (upload, top_customers, listing, file, delete, deals), strict=True)
)


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


def test_the_real_file_gives_the_known_answer(api: Api) -> None:
    report = api.upload("deals", seed("deals.csv"))

    assert (report["state"], report["records"]) == ("published", 767)
    assert api.get(RANKING)["response"] == [
        {"username": "resplendent", "spent_money": "451731.00", "gems": ["Рубин", "Сапфир", "Танзанит"]},
        {"username": "bellwether", "spent_money": "217794.00", "gems": ["Петерсит", "Сапфир"]},
        {"username": "uvulaperfly117", "spent_money": "120419.00", "gems": ["Петерсит", "Танзанит"]},
        {"username": "braggadocio", "spent_money": "108957.00", "gems": ["Изумруд"]},
        {"username": "turophile", "spent_money": "100132.00", "gems": ["Изумруд", "Рубин"]},
    ]
    sixth = api.get(RANKING, limit=6)["results"][5]
    assert (sixth["username"], sixth["spent_money"]) == ("concoction", "83562.00")


def test_a_new_file_replaces_the_old_one_and_a_bad_one_leaves_it_standing(api: Api) -> None:
    api.upload("deals", file_of(("ann", "Opal", "10"), ("bob", "Opal", "5.50")))
    second = api.upload("deals", file_of(("cat", "Ruby", "7"), ("ann", "Agate", "3")))

    assert second["records_superseded"] >= 3
    assert [(one["username"], one["spent_money"]) for one in api.get(RANKING)["results"][:2]] == [
        ("cat", "7.00"),
        ("ann", "3.00"),
    ]
    assert api.count("deals") == 3

    assert api.send("deals", f"no,such,columns\n{uuid4()},2,3\n".encode()).status_code == 422
    only_bad = api.upload("deals", table(LABELS, [["dan", "Opal", "a lot", "1", str(uuid4())]]).encode())
    assert (only_bad["state"], only_bad["records"]) == ("published", 0)
    assert api.count("deals") == 3
    assert api.get(RANKING)["results"][0]["username"] == "cat"


def test_the_answer_is_exactly_cacheable(api: Api) -> None:
    api.upload("deals", file_of(("ann", "Opal", "10")))
    first = api.http.get(RANKING)
    tag = first.headers["ETag"]

    assert api.http.get(RANKING, headers={"If-None-Match": tag}).status_code == 304

    api.upload("deals", file_of(("bob", "Opal", "11")))
    later = api.http.get(RANKING, headers={"If-None-Match": tag})
    assert later.status_code == 200
    assert later.json()["response"][0]["username"] == "bob"


def test_a_large_file_is_replaced_as_a_whole(api: Api) -> None:
    rows = [(f"c{number % 7}", "Opal", "1") for number in range(3_000)]
    api.upload("deals", file_of(*rows))
    assert api.get(RANKING)["results"][0] == {"username": "c0", "spent_money": "429.00", "gems": ["Opal"]}

    second = api.upload("deals", file_of(*[(f"d{number % 7}", "Opal", "2") for number in range(3_000)]))
    assert second["records_superseded"] == 3_001
    assert [one["username"] for one in api.get(RANKING, limit=1000)["results"]] == [
        *(f"d{number}" for number in range(7)),
        "nobody",
    ]
