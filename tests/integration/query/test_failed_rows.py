"""`GET /debts?status=FAILED` and `?status=PENDING`: rows that are no records, shown among them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.query.books import Books
from tests.integration.query.samples import Row, debt

HEADER = {
    "columns": ["debtId", "note", "name", "debtAmount", "status"],
    "fields": ["debt_id", None, "name", "debt_amount", "status"],
    "ignored": ["note"],
}


def key(number: int) -> str:
    return str(UUID(int=number))


def reject(upload: int, row: int, *cells: str, outcome: str = "rejected", known: int | None = None) -> Row:
    of = {"upload": upload, "row": row, "line": row + 1}
    return {**of, "outcome": outcome, "cells": list(cells), "key": key(known) if known is not None else None}


def error(upload: int, row: int, label: str, field: str) -> Row:
    said = {"label": label, "field": field, "code": "type-error", "value": "x", "message": "must be better"}
    return {"upload": upload, "row": row, "line": row + 1, "outcome": "rejected", **said}


@pytest.fixture(scope="module", autouse=True)
async def uploads(books: Books) -> dict[int, UUID]:
    await books.create("debts")
    await books.serve("debts", position=9)
    states = {1: "published", 2: "review", 3: "withdrawn", 4: "failed", 5: "loading", 6: "review", 7: "published"}
    sources = {1: "acme", 2: "acme", 7: "other"}
    found = {
        number: await books.upload(
            "debts", number, state=state, header=HEADER, source=sources.get(number), rows_rejected=1 + number % 7
        )
        for number, state in states.items()
    }
    rejects = [
        reject(1, 3, "x", "", "Ann", "12.5", "PROCESSED"),
        reject(1, 2, key(501).upper(), "n", "Bo", "x", "", known=501),
        reject(1, 4, key(502), "n", "Cy", "1", "", outcome="fixed", known=502),
        reject(1, 5, key(503), "n", outcome="duplicate"),
        reject(2, 2, "only"),
        *[reject(number, 2, key(500 + number), known=500 + number) for number in (3, 4, 5)],
        *[reject(7, 2 + row, key(700 + row), "", "Di", known=700 + row) for row in range(5)],
        reject(7, 90, key(501), known=501),
    ]
    errors = [
        error(1, 2, "debtAmount", "debt_amount"),
        error(1, 3, "name", "name"),
        error(1, 3, "debtId", "debt_id"),
    ]
    await books.reject("debts", rejects, errors)
    await books.insert("debts", [debt(1), debt(2, status="FAILED"), debt(3, status="PENDING")], upload=1)
    await books.insert("debts", [debt(4, status="FAILED"), debt(703)], upload=7)
    await books.stage("debts", 2, [debt(800), debt(801, status="FAILED")])
    await books.stage("debts", 6, [debt(1), debt(900)])
    return found


async def listed(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    assert answer.headers["position"] == "debts:9"
    found: dict[str, Any] = answer.json()
    return found


def places(body: dict[str, Any], uploads: dict[int, UUID]) -> list[tuple[int | None, int]]:
    """Upload and row of what is no record; else None and the number that is the key."""
    numbers = {str(upload_id): number for number, upload_id in uploads.items()}
    return [
        (numbers[one["upload"]], one["row"]) if one["version"] is None else (None, UUID(one["debt_id"]).int)
        for one in body["results"]
    ]


FAILED = [*[(7, 2 + row) for row in range(5)], (7, 90), (1, 2), (1, 3), (None, 2), (None, 4)]
PENDING = [(6, 2), (6, 3), (2, 2), (2, 3), (None, 3)]


async def test_rejected_rows_stand_before_the_records_that_failed(
    client: httpx.AsyncClient, uploads: dict[int, UUID]
) -> None:
    body = await listed(client, "/debts?status=FAILED")
    assert places(body, uploads) == FAILED
    assert {one["status"] for one in body["results"]} == {"FAILED"}
    assert (body["next"], body["previous"]) == (None, None)
    assert body["count"] == {"value": len(FAILED), "relation": "eq"}


async def test_a_rejected_row_has_its_cells_and_what_is_wrong_with_them(
    client: httpx.AsyncClient, uploads: dict[int, UUID]
) -> None:
    results = (await listed(client, "/debts?status=failed&source=acme"))["results"]
    wrong = {"code": "type-error", "value": "x", "message": "must be better"}
    assert results[:2] == [
        {
            **dict.fromkeys(("government_id", "email", "debt_due_date")),
            "debt_id": key(501),
            "name": "Bo",
            "debt_amount": "x",
            "status": "FAILED",
            "version": None,
            "source": "acme",
            "upload": str(uploads[1]),
            "row": 2,
            "line": 3,
            "errors": [{"column": "debtAmount", "field": "debt_amount", **wrong}],
        },
        {
            **dict.fromkeys(("government_id", "email", "debt_due_date")),
            "debt_id": "x",
            "name": "Ann",
            "debt_amount": "12.5",
            "status": "FAILED",
            "version": None,
            "source": "acme",
            "upload": str(uploads[1]),
            "row": 3,
            "line": 4,
            "errors": [
                {"column": "debtId", "field": "debt_id", **wrong},
                {"column": "name", "field": "name", **wrong},
            ],
        },
    ]


async def test_rows_that_wait_for_review_are_pending(client: httpx.AsyncClient, uploads: dict[int, UUID]) -> None:
    body = await listed(client, "/debts?status=PENDING")
    assert places(body, uploads) == PENDING
    assert {one["status"] for one in body["results"]} == {"PENDING"}
    assert body["count"] == {"value": len(PENDING), "relation": "eq"}
    assert body["results"][0].items() >= {"debt_amount": "1.00", "upload": str(uploads[6]), "source": None}.items()


async def test_both_may_be_asked_for_and_other_records_with_them(
    client: httpx.AsyncClient, uploads: dict[int, UUID]
) -> None:
    body = await listed(client, "/debts?status=PENDING&status=FAILED&status=PROCESSED")
    of_files = [*FAILED[:6], (6, 2), (6, 3), (2, 2), (2, 3), (1, 2), (1, 3)]
    assert places(body, uploads) == [*of_files, *[(None, number) for number in (1, 2, 3, 4, 703)]]


async def test_other_statuses_are_as_ever(client: httpx.AsyncClient, uploads: dict[int, UUID]) -> None:
    body = await listed(client, "/debts?status=PROCESSED&sort=-debt_amount&min_debt_amount=1")
    assert places(body, uploads) == [(None, 703), (None, 1)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 10, 11, 12])
@pytest.mark.parametrize("query", ["status=FAILED", "status=PENDING", "status=FAILED&status=PENDING"])
async def test_a_walk_is_the_whole_list_both_ways(client: httpx.AsyncClient, query: str, limit: int) -> None:
    whole = (await listed(client, f"/debts?{query}"))["results"]
    pages, url = [], f"/debts?{query}&limit={limit}"
    while url:
        page = await listed(client, url)
        pages.append(page["results"])
        assert len(pages) <= len(whole)
        previous, url = page["previous"], page["next"]
    assert [one for page in pages for one in page] == whole
    back: list[list[object]] = [pages[-1]]
    while previous:
        page = await listed(client, previous)
        back.append(page["results"])
        previous = page["previous"]
    assert back[::-1] == pages


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=FAILED&source=other", [*FAILED[:6], (None, 4)]),
        ("status=FAILED&source=acme", [(1, 2), (1, 3), (None, 2)]),
        ("status=FAILED&source=nobody", []),
        (f"status=FAILED&debt_id={key(501)}", [(7, 90), (1, 2)]),
        (f"status=FAILED&debt_id={key(502)}", []),
        (f"status=FAILED&debt_id={key(503)}", []),
        (f"status=FAILED&debt_id={key(4)}", [(None, 4)]),
        (f"status=PENDING&debt_id={key(900)}", [(6, 3)]),
        (f"status=FAILED&source=acme&debt_id={key(501)}", [(1, 2)]),
    ],
)
async def test_filters_narrow_the_list(
    client: httpx.AsyncClient, uploads: dict[int, UUID], query: str, expected: list[tuple[int | None, int]]
) -> None:
    body = await listed(client, f"/debts?{query}")
    assert places(body, uploads) == expected
    assert body["count"] == {"value": len(expected), "relation": "eq"}


async def test_one_upload_may_be_asked_for(client: httpx.AsyncClient, uploads: dict[int, UUID]) -> None:
    body = await listed(client, f"/debts?status=FAILED&upload={uploads[1]}")
    assert places(body, uploads) == [(1, 2), (1, 3), (None, 2)]
    assert places(await listed(client, f"/debts?status=FAILED&upload={uploads[2]}"), uploads) == []


@pytest.mark.parametrize("name", ["min_debt_amount", "name", "email", "sort", "offset", "government_id"])
async def test_what_rows_cannot_be_asked_is_refused_by_its_name(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/debts?status=FAILED&{name}=1")
    assert (answer.status_code, answer.json()["parameter"]) == (400, name)
    assert "debt_id, source, status, upload" in answer.json()["detail"]


async def test_a_cursor_of_a_part_that_is_gone_goes_on_behind_it(
    client: httpx.AsyncClient, books: Books, uploads: dict[int, UUID]
) -> None:
    following = (await listed(client, "/debts?status=FAILED&limit=2"))["next"]
    await books.execute("UPDATE read.uploads SET state = 'withdrawn' WHERE number = 7")
    body = await listed(client, following.replace("limit=2", "limit=9"))
    await books.execute("UPDATE read.uploads SET state = 'published' WHERE number = 7")
    assert places(body, uploads) == FAILED[6:]


async def test_a_rejected_row_is_found_by_its_key_where_there_is_no_record(
    client: httpx.AsyncClient, uploads: dict[int, UUID]
) -> None:
    answer = await client.get(f"/debts/{key(501)}")
    assert (answer.status_code, "etag" in answer.headers) == (200, False)
    said: Row = {"status": "FAILED", "version": None, "upload": str(uploads[7]), "row": 90, "errors": []}
    assert answer.json().items() >= said.items()


async def test_a_record_goes_before_a_rejected_row_with_its_key(client: httpx.AsyncClient) -> None:
    body = (await client.get(f"/debts/{key(703)}")).json()
    assert (body["status"], body["version"]) == ("PROCESSED", 0)


@pytest.mark.parametrize("number", [502, 503, 504, 505])
async def test_rows_that_were_fixed_or_belong_to_no_published_upload_are_not_found(
    client: httpx.AsyncClient, number: int
) -> None:
    assert (await client.get(f"/debts/{key(number)}")).status_code == 404


async def test_other_datasets_show_records_alone(client: httpx.AsyncClient, books: Books) -> None:
    await books.create("accounts")
    await books.serve("accounts")
    await books.upload("accounts", 1, state="review", rows_rejected=1)
    assert (await client.get("/accounts?status=INACTIVE&min_balance=1")).json()["results"] == []
