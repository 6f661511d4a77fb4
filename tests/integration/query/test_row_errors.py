"""`GET /uploads/{id}/errors`."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from tests.integration.query.books import Books

Row = dict[str, object]


def reject(row: int, outcome: str = "rejected") -> Row:
    return {"upload": 1, "row": row, "line": row + 1, "outcome": outcome, "cells": ["a", "b"]}


def error(row: int, label: str | None, field: str | None, code: str, value: str = "v") -> Row:
    said = {"label": label, "field": field, "code": code, "value": value, "message": f"{code} in {label}"}
    return {"upload": 1, "row": row, "line": row + 1, "outcome": "duplicate" if row == 6 else "rejected", **said}


REJECTS = [reject(2), reject(3), reject(6, "duplicate"), reject(8)]
ERRORS = [
    error(8, None, None, "extra-cell"),
    error(2, "debtAmount", "debt_amount", "type-error", "abc"),
    error(2, "debtId", "debt_id", "required", ""),
    *[error(3, "name", "name", "max-length")] * 3,
    error(6, "debtId", "debt_id", "duplicate-key"),
]


@pytest.fixture(scope="module")
async def upload(books: Books) -> UUID:
    await books.create("debts")
    await books.serve("debts")
    upload_id = await books.upload("debts", 1)
    await books.reject("debts", REJECTS, ERRORS)
    await books.reject("debts", [{**reject(2), "upload": 2}], [{**error(2, "x", None, "other"), "upload": 2}])
    for row, outcome in ((20, "fixed"), (21, "removed")):
        said = {"upload": 1, "outcome": outcome}
        await books.reject("debts", [{**reject(row), **said}], [{**error(row, "name", None, "other"), **said}])
    return upload_id


async def test_errors_stand_in_the_order_of_the_file(client: httpx.AsyncClient, upload: UUID) -> None:
    body = (await client.get(f"/uploads/{upload}/errors")).json()
    assert [(one["row"], one["code"]) for one in body["results"]] == [
        (2, "type-error"),
        (2, "required"),
        *[(3, "max-length")] * 3,
        (8, "extra-cell"),
    ]
    assert body["results"][0] == {
        "row": 2,
        "line": 3,
        "column": "debtAmount",
        "field": "debt_amount",
        "value": "abc",
        "code": "type-error",
        "message": "type-error in debtAmount",
    }
    assert (body["next"], body["count"]) == (None, {"value": 6, "relation": "eq"})


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("outcome", ["rejected", "all"])
async def test_a_walk_repeats_and_skips_nothing(
    client: httpx.AsyncClient, upload: UUID, limit: int, outcome: str
) -> None:
    whole = (await client.get(f"/uploads/{upload}/errors?outcome={outcome}")).json()["results"]
    found, url = [], f"/uploads/{upload}/errors?outcome={outcome}&limit={limit}"
    while url:
        page = (await client.get(url)).json()
        found.append(page["results"])
        assert len(found) <= len(whole)
        url = page["next"]
    assert [one for page in found for one in page] == whole
    assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("?code=required", [2]),
        ("?code=nothing", []),
        ("?column=name", [3, 3, 3]),
        ("?column=debtId", [2]),
        ("?column=debt_id", [2]),
        ("?column=debt_id&outcome=all", [2, 6]),
        ("?outcome=duplicate", [6]),
        ("?outcome=fixed", [20]),
        ("?outcome=removed", [21]),
        ("?outcome=all&code=other", [20, 21]),
        ("?outcome=ALL&code=duplicate-key", [6]),
    ],
)
async def test_filters_narrow_the_list(client: httpx.AsyncClient, upload: UUID, query: str, rows: list[int]) -> None:
    body = (await client.get(f"/uploads/{upload}/errors{query}")).json()
    assert [one["row"] for one in body["results"]] == rows
    assert body["count"] == {"value": len(rows), "relation": "eq"}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?outcome=gone", "outcome"),
        ("?limit=0", "limit"),
        ("?offset=1", "offset"),
        ("?cursor=abc", "cursor"),
        ("?code=%00", "code"),
        ("?colum=x", "colum"),
    ],
)
async def test_a_refusal_names_the_parameter(
    client: httpx.AsyncClient, upload: UUID, query: str, parameter: str
) -> None:
    answer = await client.get(f"/uploads/{upload}/errors{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


async def test_a_cursor_of_other_filters_is_refused(client: httpx.AsyncClient, upload: UUID) -> None:
    following = (await client.get(f"/uploads/{upload}/errors?limit=1")).json()["next"]
    answer = await client.get(f"{following}&code=required")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "cursor")


async def test_without_counting_the_count_is_null(client: httpx.AsyncClient, upload: UUID) -> None:
    assert (await client.get(f"/uploads/{upload}/errors?count=none")).json()["count"] is None
