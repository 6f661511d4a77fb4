"""`POST /uploads/{id}/fixes`: errors.csv, fixed and sent back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.files import debt, debts, table
from tests.steps import Api

Rows = list[list[str]]


def downloaded(api: Api, upload: dict[str, Any]) -> Rows:
    """The rows of an upload's errors.csv, with its header."""
    return list(csv.reader(io.StringIO(api.http.get(f"/uploads/{upload['id']}/errors.csv").text, newline="")))


def edited(rows: Rows, label: str, better: Callable[[str], str]) -> Rows:
    """The same rows with other cells in one column."""
    at = rows[0].index(label)
    return [rows[0], *([*row[:at], better(row[at]), *row[at + 1 :]] for row in rows[1:])]


def post(api: Api, upload: dict[str, Any], content: bytes | str, **headers: str) -> httpx.Response:
    wanted = {"Content-Type": "text/csv", "Prefer": "wait=10", **headers}
    return api.http.post(f"/uploads/{upload['id']}/fixes", content=content, headers=wanted)


def written(rows: Rows, delimiter: str = ",", end: str = "\r\n") -> str:
    return table(rows[0], rows[1:], delimiter, end)


def with_bad_rows(api: Api, source: str, bad: int, good: int = 2) -> dict[str, Any]:
    rows = [debt(name=f"Bad {number}", debtAmount=f"{number},50") for number in range(bad)]
    return api.upload("debts", debts(*rows, *(debt() for _ in range(good))), source=source)


def test_every_fixed_row_becomes_a_record(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=1200)
    rows = edited(downloaded(api, upload), "debtAmount", lambda cell: cell.replace(",", "."))
    answer = post(api, upload, written(rows))

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["fixed"], told["rejected"], told["unknown"], told["errors"]) == (1200, 0, 0, [])
    assert told["positions"]["last"] - told["positions"]["first"] >= 1199
    assert answer.headers["Position"] == f"debts:{told['positions']['last']}"
    assert api.count("debts", source=source) == 1202
    assert downloaded(api, upload)[1:] == []
    report = api.get(f"/uploads/{upload['id']}")
    assert (report["rows"]["accepted"], report["rows"]["rejected"], report["records"]) == (1202, 0, 1202)


def test_rows_left_as_they_were_fail_again_and_change_nothing(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=3)
    rows = downloaded(api, upload)
    answer = post(api, upload, written(rows))

    assert answer.status_code == 200
    told = answer.json()
    assert (told["fixed"], told["rejected"], told["unknown"]) == (0, 3, 0)
    first = told["errors"][0]
    assert (first["row"], first["line"]) == (2, 2)
    assert [(one["field"], one["code"], one["value"]) for one in first["errors"]] == [
        ("debt_amount", "type-error", "0,50")
    ]
    assert downloaded(api, upload) == rows
    assert api.get(f"/uploads/{upload['id']}")["rows"] == upload["rows"]


def test_some_of_the_rows_may_be_fixed_and_the_rest_later(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=4)
    rows = edited(downloaded(api, upload), "debtAmount", lambda cell: cell.replace("1,50", "1.50"))
    first = post(api, upload, written(rows)).json()
    second = post(api, upload, written(edited(rows, "debtAmount", lambda cell: cell.replace(",", ".")))).json()

    assert (first["fixed"], first["rejected"], first["unknown"]) == (1, 3, 0)
    assert (second["fixed"], second["rejected"], second["unknown"]) == (3, 0, 1)
    assert api.count("debts", source=source) == 6


def test_a_spreadsheet_may_have_changed_everything_but_the_numbers(api: Api, source: str) -> None:
    rows = [debt(name="Zoë", debtAmount="x"), debt(name="Two\nlines;", debtAmount="y")]
    upload = api.upload("debts", debts(*rows), source=source)
    fixed = edited(downloaded(api, upload), "debtAmount", lambda _: "7")
    order = [fixed[0].index(label) for label in ("_row", "debtAmount", "name", "debtId")]
    answer = post(api, upload, written([[row[at] for at in order] for row in fixed], ";").encode("cp1252"))

    assert (answer.json()["fixed"], answer.json()["rejected"]) == (2, 0)
    found = {one["name"]: one["debt_amount"] for one in api.records("debts", source=source)}
    assert found == {"Zoë": "7.00", "Two\nlines;": "7.00"}


def test_it_may_come_in_a_form(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=1)
    fixed = written(edited(downloaded(api, upload), "debtAmount", lambda _: "7"), "^").encode()
    files = {"file": ("errors.csv", fixed, "text/csv")}
    answer = api.http.post(f"/uploads/{upload['id']}/fixes", files=files, data={"delimiter": "^"})

    assert (answer.status_code, answer.json()["fixed"]) == (200, 1)


def test_rows_that_are_none_of_the_upload_are_counted(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=1)
    answer = post(api, upload, "_row,debtAmount\n2,7\n2,8\n3,7\n99,7\n,7\nx,7\n")

    told = answer.json()
    assert (told["fixed"], told["rejected"], told["unknown"]) == (1, 0, 5)
    assert [one["debt_amount"] for one in api.records("debts", source=source, name="Bad")] == ["7.00"]


def test_surplus_cells_are_not_lost_silently(api: Api, source: str) -> None:
    key = uuid4()
    lines = debts().decode() + ",".join([*debt(key), "surplus"]) + "\n"
    upload = api.upload("debts", lines.encode(), source=source)
    told = post(api, upload, written(downloaded(api, upload))).json()

    assert (told["fixed"], told["rejected"], told["unknown"]) == (0, 1, 0)
    assert (told["errors"][0]["row"], told["errors"][0]["errors"][0]["code"]) == (2, "extra-cell")
    header, row = downloaded(api, upload)
    told = post(api, upload, written([header, row[: len(header)]])).json()
    assert told["fixed"] == 1
    assert api.get(f"/debts/{key}")["debt_amount"] == "12.50"


@pytest.mark.parametrize("content", ["", "name,debtId\nAnn,x\n", "_row,colour\n2,red\n", "_row,_row,name\n2,2,Ann\n"])
def test_a_file_that_does_not_say_which_rows_or_cells_is_refused(api: Api, source: str, content: str) -> None:
    upload = with_bad_rows(api, source, bad=1)

    assert post(api, upload, content).status_code == 422
    assert api.get(f"/uploads/{upload['id']}")["rows"] == upload["rows"]


def test_a_file_without_rows_changes_nothing(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=1)
    answer = post(api, upload, "_row,name\n")

    assert answer.status_code == 200
    assert (answer.json()["fixed"], answer.json()["positions"]) == (0, {"first": None, "last": None})
    assert answer.headers["Position"].startswith("debts:")


def test_more_than_100_000_rows_are_refused_whole(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=1)
    answer = post(api, upload, "_row,debtAmount\n2,7\n" + "3,7\n" * 100_000)

    assert answer.status_code == 413
    assert api.get(f"/uploads/{upload['id']}")["rows"] == upload["rows"]


def test_the_same_key_gets_the_same_answer(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=700)
    content = written(edited(downloaded(api, upload), "debtAmount", lambda cell: cell.replace(",", ".")))
    key = {"Idempotency-Key": str(uuid4())}
    first, second = (post(api, upload, content, **key) for _ in range(2))
    other = post(api, upload, content + "\n", **key)

    assert (first.status_code, second.status_code, first.json()) == (200, 200, second.json())
    assert (first.json()["fixed"], second.headers["Idempotency-Replayed"]) == (700, "true")
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


def test_rows_of_a_withdrawn_upload_cannot_be_fixed(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=2)
    content = written(edited(downloaded(api, upload), "debtAmount", lambda _: "7"))
    api.withdraw(upload["id"])
    answer = post(api, upload, content)

    assert answer.status_code == 409
    assert answer.headers["Position"].startswith("debts:")
    assert api.count("debts", source=source) == 0


def test_a_caller_that_does_not_wait_is_told_where_to_look(api: Api, source: str) -> None:
    upload = with_bad_rows(api, source, bad=1200)
    content = written(edited(downloaded(api, upload), "debtAmount", lambda _: "7"))
    answer = post(api, upload, content, Prefer="respond-async")

    assert answer.status_code == 202
    told = answer.json()
    position = answer.headers["Position"]
    assert told["fixed"] + told["waiting"] == 1200
    assert answer.headers["Location"] == told["links"]["self"] == f"/debts/changes/{position.removeprefix('debts:')}"
    after = {"Read-After": position, "Prefer": "wait=10"}
    report = api.http.get(f"/uploads/{upload['id']}", headers=after).json()
    assert report["rows"]["rejected"] == 0
