"""`GET /uploads/{id}`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.integration.query.books import DIALECT, Books


@pytest.fixture(scope="module", autouse=True)
async def tables(books: Books) -> None:
    await books.create("debts")
    await books.serve("debts", position=9)


async def test_an_upload_says_everything_that_is_known_of_it(client: httpx.AsyncClient, books: Books) -> None:
    upload_id = await books.upload(
        "debts",
        1,
        source="acme",
        state="published",
        file_name="Schulden März.csv",
        size_bytes=123,
        received_position=4,
        published_position=5,
        published_at=datetime(2026, 1, 2, tzinfo=UTC),
        chunks_loaded_at=datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC),
        indexed_at=datetime(2026, 1, 1, 0, 0, 2, 500_000, tzinfo=UTC),
        attached_at=datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC),
        chunks=3,
        chunks_done=3,
        rows_read=10,
        rows_accepted=6,
        rows_rejected=2,
        rows_duplicate=1,
        rows_blank=1,
        records=6,
        records_superseded=2,
    )
    answer = await client.get(f"/uploads/{upload_id}")
    assert (answer.status_code, answer.headers["position"]) == (200, "debts:9")
    assert "retry-after" not in answer.headers
    own = f"/uploads/{upload_id}"
    assert answer.json() == {
        "id": str(upload_id),
        "dataset": "debts",
        "number": 1,
        "state": "published",
        "review": False,
        "on_error": "skip",
        "waits_for": None,
        "file": {"name": "Schulden März.csv", "media_type": "text/csv", "size_bytes": 123, "sha256": "0" * 64},
        "source": "acme",
        "dialect": DIALECT,
        "header": {"columns": ["debtId", "name"], "fields": ["debt_id", "name"], "ignored": []},
        "progress": {"chunks": 3, "chunks_done": 3, "rows_loaded": 10},
        "rows": {"read": 10, "accepted": 6, "rejected": 2, "duplicate": 1, "blank": 1},
        "records": 6,
        "records_superseded": 2,
        "failure": None,
        "received_at": "2026-01-01T00:00:00Z",
        "published_at": "2026-01-02T00:00:00Z",
        "received_position": 4,
        "published_position": 5,
        "preview": None,
        "withdrawal": None,
        "withdrawn_at": None,
        "withdrawn_by": None,
        "withdrawn_position": None,
        "timings": {"fold_s": 0.0, "load_s": 2.0, "index_s": 0.5, "publish_s": 0.5},
        "links": {"self": own, "errors": f"{own}/errors", "errors_csv": f"{own}/errors.csv", "file": f"{own}/file"},
    }


@pytest.mark.parametrize("state", ["loading", "loaded", "publishing"])
async def test_an_upload_on_its_way_asks_to_come_again(client: httpx.AsyncClient, books: Books, state: str) -> None:
    upload_id = await books.upload("debts", 2, state=state)
    answer = await client.get(f"/uploads/{upload_id}")
    await books.execute("DELETE FROM read.uploads WHERE number = 2")
    assert (answer.json()["state"], answer.headers["retry-after"]) == (state, "1")


async def test_a_failed_upload_says_why(client: httpx.AsyncClient, books: Books) -> None:
    failure = {"code": "blob-corrupt", "reason": "gone"}
    upload_id = await books.upload("debts", 3, state="failed", failure=failure)
    assert (await client.get(f"/uploads/{upload_id}")).json()["failure"] == failure


@pytest.mark.parametrize("rest", ["", "/errors", "/errors.csv", "/file"])
async def test_an_unknown_id_may_only_not_be_folded_yet(client: httpx.AsyncClient, rest: str) -> None:
    answer = await client.get(f"/uploads/00000000-0000-0000-0000-000000000001{rest}")
    assert (answer.status_code, answer.headers["retry-after"]) == (404, "1")
    assert "not folded yet" in answer.json()["detail"]


@pytest.mark.parametrize("rest", ["", "/errors", "/errors.csv", "/file"])
async def test_what_is_no_id_is_404_for_good(client: httpx.AsyncClient, rest: str) -> None:
    answer = await client.get(f"/uploads/1{rest}")
    assert answer.status_code == 404
    assert "retry-after" not in answer.headers
    assert "a UUID" in answer.json()["detail"]


async def test_an_upload_of_a_generation_in_the_making_is_not_served(client: httpx.AsyncClient, books: Books) -> None:
    upload_id = await books.upload("debts", 1, generation=2)
    assert (await client.get(f"/uploads/{upload_id}")).status_code == 404


async def test_errors_of_a_dataset_that_is_declared_no_more_are_404(client: httpx.AsyncClient, books: Books) -> None:
    await books.serve("forgotten")
    upload_id = await books.upload("forgotten", 1)
    assert (await client.get(f"/uploads/{upload_id}")).status_code == 200
    for rest in ("errors", "errors.csv"):
        answer = await client.get(f"/uploads/{upload_id}/{rest}")
        assert answer.status_code == 404
        assert "declared no more" in answer.json()["detail"]


PREVIEW = {"new": 3, "changed": 2, "unchanged": 1, "segments": [0], "whole_segments": [], "samples": {}}
SAMPLES = {"new": [{"name": "Ann"}], "changed": [{"old": {"name": "Bo"}, "new": {"name": "Bob"}}], "unchanged": []}


async def test_a_reviewed_upload_shows_what_it_would_change(client: httpx.AsyncClient, books: Books) -> None:
    preview = {**PREVIEW, "samples": SAMPLES}
    upload_id = await books.upload(
        "debts", 20, state="review", review=True, rows_rejected=1, preview=preview, previewed_position=8
    )
    wrong = {"label": "debtId", "field": "debt_id", "code": "required", "value": "", "message": "must not be empty"}
    row = {"upload": 20, "row": 4, "line": 5, "outcome": "rejected"}
    await books.reject("debts", [{**row, "cells": ["", "Ann"]}], [{**row, **wrong}])
    body = (await client.get(f"/uploads/{upload_id}")).json()
    error = {"row": 4, "line": 5, "column": "debtId", **{name: wrong[name] for name in wrong if name != "label"}}
    counts = {"new": 3, "changed": 2, "unchanged": 1, "rejected": 1, "as_of": 8}
    assert body["preview"] == {**counts, "samples": {**SAMPLES, "rejected": [error]}}
    assert (body["state"], body["review"], body["waits_for"]) == ("review", True, "review")
    assert body["links"]["publish"] == f"/uploads/{upload_id}/publish"
    listed = (await client.get("/uploads?state=review")).json()["results"]
    assert [one["preview"] for one in listed] == [counts]
    await books.execute("DELETE FROM read.uploads WHERE number = 20")


async def test_an_upload_without_review_has_counts_only(client: httpx.AsyncClient, books: Books) -> None:
    upload_id = await books.upload("debts", 21, state="published", preview=PREVIEW, previewed_position=8)
    body = (await client.get(f"/uploads/{upload_id}")).json()
    assert body["preview"] == {"new": 3, "changed": 2, "unchanged": 1, "rejected": 0, "as_of": 8}
    assert "publish" not in body["links"]


@pytest.mark.parametrize("earlier", ["loading", "review", "loaded"])
async def test_a_loaded_upload_says_which_earlier_one_it_waits_for(
    client: httpx.AsyncClient, books: Books, earlier: str
) -> None:
    await books.upload("debts", 30, state="withdrawn")
    first = await books.upload("debts", 31, state=earlier)
    await books.upload("debts", 32, state="loading")
    upload_id = await books.upload("debts", 33, state="loaded")
    waits_for = (await client.get(f"/uploads/{upload_id}")).json()["waits_for"]
    await books.execute("DELETE FROM read.uploads WHERE number BETWEEN 30 AND 33")
    assert waits_for == str(first)


async def test_a_withdrawn_upload_says_what_was_undone_and_what_was_kept(
    client: httpx.AsyncClient, books: Books
) -> None:
    kept = {"count": 1, "person": 1, "upload": 0, "records": [{"key": "1", "reason": "person"}]}
    withdrawal = {"cancelled": False, "reversed": 2, "restored": 1, "kept": kept}
    at = datetime(2026, 1, 3, tzinfo=UTC)
    withdrawn: dict[str, Any] = {"withdrawal": withdrawal, "withdrawn_at": at, "withdrawn_by": "ann"}
    upload_id = await books.upload("debts", 40, state="withdrawn", withdrawn_position=9, **withdrawn)
    answer = await client.get(f"/uploads/{upload_id}")
    body = answer.json()
    assert (body["state"], body["withdrawal"], body["withdrawn_by"]) == ("withdrawn", withdrawal, "ann")
    assert (body["withdrawn_at"], body["withdrawn_position"]) == ("2026-01-03T00:00:00Z", 9)
    assert "retry-after" not in answer.headers
    (listed,) = (await client.get("/uploads?state=withdrawn")).json()["results"]
    assert listed["withdrawal"] == {**withdrawal, "kept": {"count": 1, "person": 1, "upload": 0}}
