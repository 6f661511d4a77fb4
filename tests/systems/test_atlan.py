"""Atlan: sales and teams, whose uploads can be stopped and undone at any time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.samples import write_sales
from tests.steps import Api
from tests.systems.walks import Line, Steps, Walk, lines_of, real_or_sample
from tests.unit.datasets.files import seed

LINES = lines_of("Atlan")
TEAMS = b"team_name, manager_name, manager_phone_number\n" + b"Reds,Ann Roe,(212) 555-0123\n" * 20


@pytest.fixture
def walk(api: Api, source: str, tmp_path: Path) -> Walk:
    content = real_or_sample("10000_Sales_Records.csv", "sales", tmp_path)
    return Walk(api, source, api.upload("sales", content, source=source), content)


def upload(walk: Walk, line: Line) -> None:
    lines = walk.content.splitlines(keepends=True)
    report = walk.sent(line, b"".join(lines[:11]))
    assert (report["state"], report["rows"]["accepted"]) == ("published", 10)


def uploads(walk: Walk, line: Line) -> None:
    lines = walk.content.splitlines(keepends=True)
    sent = [walk.report["id"]]
    for count in range(2, 13):
        sent.insert(0, walk.api.upload("sales", b"".join(lines[:count]), source=walk.source)["id"])
    first = walk.got(line)
    second = walk.api.get(first["next"])
    assert [one["id"] for one in first["results"] + second["results"]] == sent
    assert (len(first["results"]), second["next"]) == (10, None)


def one_upload(walk: Walk, line: Line) -> None:
    report = walk.got(line, of=walk.report["id"])
    assert (report["state"], report["rows"]) == ("published", walk.report["rows"])


def data(walk: Walk, line: Line) -> None:
    every = [one["order_date"] for one in walk.api.records("sales", source=walk.source)]
    wanted = sorted(day for day in every if "2012-01-01" <= day <= "2012-12-31")
    page = walk.got(line)
    assert page["count"]["value"] == len(wanted) > 0
    assert {one["order_date"] for one in page["results"]} <= set(wanted)


def delete(walk: Walk, line: Line) -> None:
    answer = walk.ask(line, of=walk.report["id"])
    assert (answer.status_code, answer.json()["reversed"]) == (200, walk.report["records"])
    assert walk.api.count("sales", source=walk.source) == 0
    again = walk.api.upload("sales", walk.content, source=walk.source)
    assert (again["records"], again["id"] != walk.report["id"]) == (walk.report["records"], True)


def upload_teams(walk: Walk, line: Line) -> None:
    assert walk.sent(line, TEAMS)["records"] == 20


def team_uploads(walk: Walk, line: Line) -> None:
    sent = walk.api.upload("teams", TEAMS, source=walk.source)
    assert [one["id"] for one in walk.got(line)["results"]] == [sent["id"]]


def delete_teams(walk: Walk, line: Line) -> None:
    sent = walk.api.upload("teams", TEAMS, source=walk.source)
    assert walk.ask(line, of=sent["id"]).json()["reversed"] == 20
    assert walk.api.count("teams", source=walk.source) == 0


STEPS: Steps = {
    line.there: step
    for line, step in zip(
        LINES,
        (upload, uploads, one_upload, data, delete, upload_teams, team_uploads, delete_teams),
        strict=True,
    )
}


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_line_of_the_guide_works(walk: Walk, line: Line) -> None:
    STEPS[line.there](walk, line)


def test_an_upload_of_100_000_rows_is_stopped_midway_and_sent_again_corrected(
    api: Api, source: str, tmp_path: Path
) -> None:
    path = tmp_path / "sales.csv"
    write_sales(path, rows=100_000, seed=100_000)
    wrong, right = path.read_bytes().replace(b",Online,", b",Offline,"), path.read_bytes()
    assert wrong != right
    stopped = api.send("sales", wrong, source=source).json()["id"]
    told = api.withdraw(stopped)
    assert (told["cancelled"], told["reversed"]) == (True, 0), "it was published before it could be stopped"
    assert api.count("sales", source=source) == 0

    report = api.upload("sales", right, source=source)
    assert (report["state"], report["records"]) == ("published", 100_000)
    assert api.count("sales", source=source) == 100_000
    assert api.get(f"/uploads/{stopped}")["state"] == "withdrawn"


def test_both_ways_to_write_a_date_are_read(api: Api, source: str) -> None:
    report = api.upload("sales", seed("10000_Sales_Records.csv"), source=source)

    assert (report["state"], report["rows"]["accepted"]) == ("published", 10_000)
    assert api.count("sales", source=source, country="Tunisia") > 0
    assert api.count("sales", source=source, **{"from": "2010-01-01", "to": "2017-07-28"}) == 10_000
    padded = api.get("/sales/217971169")
    assert (padded["order_date"], padded["ship_date"]) == ("2015-12-21", "2015-12-21")
    mixed = api.get("/sales/990685975")
    assert (mixed["order_date"], mixed["ship_date"], mixed["total_profit"]) == ("2010-07-10", "2010-07-26", "75951.00")


def test_a_file_of_100_000_teams_is_taken_whole(api: Api, source: str) -> None:
    report = api.upload("teams", seed("team_data.csv"), source=source)

    assert (report["state"], report["rows"]["accepted"], report["records"]) == ("published", 100_000, 100_000)
    assert api.count("teams", source=source) == 100_000
    (team,) = api.get("/teams", source=source, team_name="sossetceh", limit=1)["results"]
    assert (team["manager_name"], team["manager_phone_number"], team["row"]) == ("Martin Mason", "(674) 566-5530", 2)
