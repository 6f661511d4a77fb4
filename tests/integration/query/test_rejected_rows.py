"""`GET /uploads/{id}/errors.csv`."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from query_api.rejected_rows import BATCH_ROWS
from tests.integration.query.books import Books

Row = dict[str, object]

HEADER = {"columns": ["debtId", "Name, full", ""], "fields": ["debt_id", "name", None], "ignored": []}


@pytest.fixture(scope="module", autouse=True)
async def tables(books: Books) -> None:
    await books.create("debts")
    await books.serve("debts")


def reject(upload: int, row: int, cells: list[str], outcome: str = "rejected") -> Row:
    return {"upload": upload, "row": row, "line": row * 2, "outcome": outcome, "cells": cells}


def error(upload: int, row: int, label: str | None, message: str) -> Row:
    said = {"label": label, "field": None, "code": "type-error", "value": "", "message": message}
    return {"upload": upload, "row": row, "line": row * 2, "outcome": "rejected", **said}


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


async def test_rejected_rows_keep_the_files_own_columns_and_say_what_is_wrong(
    client: httpx.AsyncClient, books: Books
) -> None:
    upload_id = await books.upload("debts", 1, header=HEADER, file_name="März.csv")
    await books.reject(
        "debts",
        [
            reject(1, 9, ["a", "long", "x", "more", "most"]),
            reject(1, 2, ['quote " here', "line\nbreak, comma", "é"]),
            reject(1, 3, ["short"]),
            reject(1, 4, ["dup", "", ""], "duplicate"),
        ],
        [error(1, 2, "debtId", "First."), error(1, 2, "Name, full", "Second."), error(1, 9, None, "Too many.")],
    )
    answer = await client.get(f"/uploads/{upload_id}/errors.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "filename*=UTF-8''M%C3%A4rz-errors.csv" in answer.headers["content-disposition"]
    assert read(answer.text) == [
        ["debtId", "Name, full", "", "_row", "_line", "_errors", "_safe"],
        ['quote " here', "line\nbreak, comma", "é", "2", "4", "Name, full: Second.; debtId: First.", ""],
        ["short", "", "", "3", "6", "", ""],
        ["a", "long", "x", "9", "18", "Too many.", "", "more", "most"],
    ]


@pytest.mark.parametrize("count", [BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, 3 * BATCH_ROWS])
async def test_every_rejected_row_is_there_once_in_order(client: httpx.AsyncClient, books: Books, count: int) -> None:
    number = 1000 + count
    upload_id = await books.upload("debts", number, header=HEADER)
    await books.reject("debts", [reject(number, row, ["a", "b", "c"]) for row in range(count, 0, -1)], [])
    lines = read((await client.get(f"/uploads/{upload_id}/errors.csv")).text)
    assert [line[3] for line in lines[1:]] == [str(row) for row in range(1, count + 1)]


async def test_a_file_without_rejected_rows_leaves_the_header(client: httpx.AsyncClient, books: Books) -> None:
    upload_id = await books.upload("debts", 5, header=HEADER)
    answer = await client.get(f"/uploads/{upload_id}/errors.csv")
    assert read(answer.text) == [["debtId", "Name, full", "", "_row", "_line", "_errors", "_safe"]]


async def test_no_cell_is_a_formula_unless_it_is_asked_for_as_it_is(client: httpx.AsyncClient, books: Books) -> None:
    labels = {"columns": ["=LABEL()", "b", "c"], "fields": [None, None, None], "ignored": ["=LABEL()", "b", "c"]}
    upload_id = await books.upload("debts", 7, header=labels)
    cells = ["=1+1", "'@x", "-12.50", "+A1"]
    await books.reject("debts", [reject(7, 2, cells)], [error(7, 2, "=LABEL()", "No.")])
    path = f"/uploads/{upload_id}/errors.csv"
    own = ["_row", "_line", "_errors"]
    assert read((await client.get(path)).text) == [
        ["'=LABEL()", "b", "c", *own, "_safe"],
        ["'=1+1", "''@x", "-12.50", "2", "4", "'=LABEL(): No.", "", "'+A1"],
    ]
    assert read((await client.get(f"{path}?raw=1")).text) == [
        ["=LABEL()", "b", "c", *own],
        ["=1+1", "'@x", "-12.50", "2", "4", "=LABEL(): No.", "+A1"],
    ]


async def test_a_rejected_row_of_an_export_that_came_back_is_not_guarded_twice(
    client: httpx.AsyncClient, books: Books
) -> None:
    labels = {"columns": ["name", "_safe"], "fields": ["name", None], "ignored": ["_safe"]}
    upload_id = await books.upload("debts", 8, header=labels)
    await books.reject("debts", [reject(8, 2, ["'=1+1", ""])], [])
    for query, cell in (("", "'=1+1"), ("?raw=1", "=1+1")):
        lines = read((await client.get(f"/uploads/{upload_id}/errors.csv{query}")).text)
        assert lines[1][0] == cell


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", ["2"]),
        ("?outcome=rejected", ["2"]),
        ("?outcome=fixed", ["3"]),
        ("?outcome=removed", ["4"]),
        ("?outcome=all", ["2", "3", "4", "5"]),
    ],
)
async def test_rows_that_a_person_fixed_or_removed_are_there_on_request(
    client: httpx.AsyncClient, books: Books, query: str, rows: list[str]
) -> None:
    number = 20 + len(query)
    upload_id = await books.upload("debts", number, header=HEADER)
    outcomes = ("rejected", "fixed", "removed", "duplicate")
    await books.reject("debts", [reject(number, 2 + at, ["a"], one) for at, one in enumerate(outcomes)], [])
    lines = read((await client.get(f"/uploads/{upload_id}/errors.csv{query}")).text)
    assert [line[3] for line in lines[1:]] == rows
