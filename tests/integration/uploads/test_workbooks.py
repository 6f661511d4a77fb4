"""`POST /{dataset}/uploads` with XLSX workbooks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest

from cli.servers.folder import ROOT
from cli.stack import Stack
from tests.integration.uploads.test_send import blobs
from tests.steps import Api
from tests.workbooks import SHEET, Cell, Fault, Formula, Markup, Written, sheet_xml, workbook, workbook_of

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LABELS: list[Cell] = [
    *("transaction_id", "client_id", "transaction_type", "transaction_date", "amount", "currency"),
    *("settled", "booked at", "note"),
]
CORPORA = ROOT.parent / "shared" / "corpora"
SEEDS = ROOT.parent / "shared" / "seed-data"
ANSWER_S = 5.0
ACCEPTED = {
    "00-valid-control.xlsx",
    "05-dimension-lie-XFD1048576.xlsx",
    "12-non-finite-and-odd-numbers.xlsx",
    "13-formula-cells-and-errors.xlsx",
    "14-text-that-becomes-formula.xlsx",
}
"""Of the hostile workbooks, those that can be read; but not as books, whose columns they lack."""


def trade(key: UUID | None = None, **cells: Cell) -> list[Cell]:
    """A good row of trades, but for the cells given by their labels."""
    good: dict[str, Cell] = {
        "transaction_id": str(key or uuid4()),
        "client_id": "c1",
        "transaction_type": "buy",
        "transaction_date": date(2024, 2, 29),
        "amount": 12.5,
        "currency": "EUR",
    }
    return [{**good, **cells}.get(str(label).replace(" ", "_")) for label in LABELS]


def test_cells_become_values_of_their_columns(api: Api, source: str) -> None:
    keys = [uuid4() for _ in range(3)]
    rows = [
        trade(keys[0], client_id=1234, amount=0.1 + 0.2, settled=date(2024, 3, 1), note="one\ntwo"),
        trade(keys[1], client_id=Written("12345678901234567890"), transaction_date="2024-01-31", amount="7"),
        trade(
            keys[2],
            booked_at=datetime.fromisoformat("2024-02-29 12:30"),
            note=date(2024, 2, 29),
            amount=Formula("1+1", "2"),
        ),
    ]
    report = api.upload("trades", workbook([LABELS, *rows]), source=source)

    assert (report["state"], report["rows"]["accepted"]) == ("published", 3)
    found = {one["transaction_id"]: one for one in api.records("trades", source=source)}
    first, second, third = (found[str(key)] for key in keys)
    assert (first["client_id"], first["amount"], first["settled"], first["note"]) == (
        "1234",
        "0.30",
        "2024-03-01",
        "one\ntwo",
    )
    assert (second["client_id"], second["transaction_date"], second["amount"]) == (
        "12345678901234567890",
        "2024-01-31",
        "7.00",
    )
    assert (third["booked_at"][:19], third["note"], third["amount"]) == ("2024-02-29T12:30:00", "2024-02-29", "2.00")


def test_errors_are_row_errors_with_the_row_of_the_sheet(api: Api, source: str) -> None:
    rows: list[list[Cell]] = [
        [],
        LABELS,
        trade(),
        [],
        trade(note=Fault("#DIV/0!"), amount=Fault("#REF!")),
        trade(note="#DIV/0!"),
        trade(client_id=Formula("A1", None)),
        [None, "  "],
        trade(transaction_date=datetime.fromisoformat("2024-02-29 12:30")),
        trade(amount=Markup('<c r="{at}" t="b"><v>1</v></c>'), currency=Fault("#N/A")),
    ]
    report = api.upload("trades", workbook(rows), source=source)

    assert report["rows"] == {"read": 8, "accepted": 2, "rejected": 4, "duplicate": 0, "blank": 2}
    assert [(one["row"], one["line"], one["column"], one["code"], one["value"]) for one in api.errors(report)] == [
        (5, 5, "amount", "error-cell", "#REF!"),
        (5, 5, "note", "error-cell", "#DIV/0!"),
        (7, 7, "client_id", "error-cell", "#FORMULA"),
        (9, 9, "transaction_date", "type-error", "2024-02-29T12:30:00"),
        (10, 10, "amount", "type-error", "TRUE"),
        (10, 10, "currency", "error-cell", "#N/A"),
    ]
    assert {one["note"] for one in api.records("trades", source=source)} == {None, "#DIV/0!"}


def test_rejected_rows_sent_back_as_they_are_are_rejected_again(api: Api, source: str) -> None:
    report = api.upload("trades", workbook([LABELS, trade(note=Fault("#N/A"))]), source=source)
    fix = api.http.get(f"/uploads/{report['id']}/errors.csv").content
    again = api.upload("trades", fix, source=source)

    assert [one["code"] for one in api.errors(again)] == ["error-cell"]


def test_a_workbook_of_many_chunks_is_read_whole(api: Api, source: str) -> None:
    keys = [uuid4() for _ in range(3000)]
    report = api.upload("trades", workbook([LABELS, *(trade(key, note=f"row\n{key}") for key in keys)]), source=source)

    assert report["rows"]["accepted"] == len(keys)
    assert {one["note"] for one in api.records("trades", source=source)} == {f"row\n{key}" for key in keys}


def test_the_same_workbook_is_one_upload_for_each_of_its_sheets(api: Api, source: str) -> None:
    content = workbook_of(
        {"Hidden": [LABELS, trade()], "May": [LABELS, trade()], "June": [LABELS, trade()]}, hidden=["Hidden"]
    )
    first = api.upload("trades", content, source=source)
    again = api.send("trades", content, source=source)
    named = api.send("trades", content, source=source, sheet="May")
    other = api.send("trades", content, source=source, sheet="June")

    assert [(one.status_code, one.json()["id"]) for one in (again, named)] == [(200, first["id"])] * 2
    assert other.status_code == 202
    api.follow(other.json()["id"])
    assert api.count("trades", source=source) == 2
    kept = api.http.get(f"/uploads/{first['id']}/file")
    assert kept.content == content
    refused = api.send("trades", content, source=source, sheet="Juni")
    assert (refused.status_code, refused.json()["parameter"], refused.json()["nearest"]) == (400, "sheet", "June")
    assert api.send("trades", b"transaction_id\n", sheet="May").json()["parameter"] == "sheet"


def test_a_form_and_any_name_will_do(api: Api, source: str) -> None:
    files = {"file": ("table.csv", workbook([LABELS, trade()]), "text/csv")}
    answer = api.http.post("/trades/uploads", files=files, data={"source": source}, params={"sheet": "Sheet1"})

    assert api.follow(answer.json()["id"])["rows"]["accepted"] == 1


def test_a_header_that_does_not_fit_is_refused_as_in_a_csv(api: Api, stack: Stack) -> None:
    before = blobs(stack)
    answer = api.send("trades", workbook([["transaction_id", "client"], ["x", "y"]]))

    assert (answer.status_code, answer.json()["code"]) == (422, "missing-label")
    assert blobs(stack) == before


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the real files are not beside the repository")
def test_the_real_transactions_give_904_of_950(api: Api, source: str) -> None:
    report = api.upload("trades", (SEEDS / "transactions.xlsx").read_bytes(), source=source)

    assert report["rows"] == {"read": 950, "accepted": 904, "rejected": 46, "duplicate": 0, "blank": 0}
    assert {one["code"] for one in api.errors(report)} <= {"type-error", "required", "enum"}
    assert len({one["row"] for one in api.errors(report)}) == 46


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the bad-input corpora are not beside the repository")
def test_every_hostile_workbook_gets_a_clear_answer_in_seconds_while_all_live_on(api: Api, stack: Stack) -> None:
    paths = sorted((CORPORA / "hostile-generated").glob("*.xlsx"))
    assert len(paths) > 20
    before = blobs(stack)

    def send(path: Path) -> str:
        started = time.monotonic()
        answer = api.send("books", path.read_bytes())
        assert time.monotonic() - started < ANSWER_S, path
        assert answer.status_code in (413, 415, 422), (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        code: str = answer.json()["code"]
        return code

    with ThreadPoolExecutor(4) as crowd:
        codes = dict(zip((path.name for path in paths), crowd.map(send, paths), strict=True))
    assert {name for name, code in codes.items() if code == "missing-label"} == ACCEPTED
    assert set(codes.values()) == {"missing-label", "archive-error", "format-error", "empty-file"}
    assert blobs(stack) == before
    assert api.http.get("/health").status_code == 200
    assert api.http.get("/datasets").status_code == 200


def test_a_crowd_of_workbooks_is_opened_two_at_a_time(api: Api, source: str) -> None:
    content = [workbook([LABELS, *(trade() for _ in range(4000))]) for _ in range(5)]
    seen = 0
    with ThreadPoolExecutor(5) as crowd:
        sent = [crowd.submit(api.send, "trades", one, source=source) for one in content]
        while not all(one.done() for one in sent):
            seen = max(seen, len(children()))
            assert api.http.get("/uploads", params={"limit": 1}).status_code == 200
    for one in sent:
        api.follow(one.result().json()["id"])

    assert 1 <= seen <= 2
    assert api.count("trades", source=source) == 20_000


def children() -> list[psutil.Process]:
    """The processes of this test that open archives."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.is_running() and "command_api.archives" in cmdline(process)
    ]


def cmdline(process: psutil.Process) -> list[str]:
    """Its words, none where it has gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_sheet_that_two_readers_see_differently_is_refused(api: Api, stack: Stack) -> None:
    before = blobs(stack)
    xml = '<?xml version="1.0" encoding="UTF-16"?>' + sheet_xml([LABELS, trade()])
    answer = api.send("trades", workbook([], parts={SHEET: xml.encode("utf-16")}))

    assert (answer.status_code, answer.json()["code"]) == (422, "archive-error")
    assert "disagree" in answer.json()["detail"]
    assert blobs(stack) == before
