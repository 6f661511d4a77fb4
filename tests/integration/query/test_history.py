"""`GET /{dataset}/{key}/history`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from query_api.lines import MAX_CHUNKS
from shared.settings import Settings
from tests.integration.query.books import Books
from tests.integration.query.samples import Row, debt

DIALECT = {"encoding": "utf-8", "encoding_source": "detected", "delimiter": ",", "line_end": "lf", "bom_bytes": 0}
TEXT = b'debtId,name\n1,"a\nb"\n2,c\n\n3,d\n'
"""Rows 2 (lines 2 and 3), 3 (line 4), 4 (blank, line 5) and 5 (line 6)."""


def at(position: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=position)


def told(position: int) -> str:
    return at(position).isoformat().replace("+00:00", "Z")


def version(number: int, position: int, end: int | None = None, kind: str = "corrected", **said: object) -> Row:
    """A version of a debt from one position to another, for the history, or for the open segment without an end."""
    ended = {"ended_position": end, "ended_at": at(end), "ended_kind": kind} if end else {}
    return {**debt(number), "position": position, "recorded_at": at(position), **ended, **said}


def key(number: int) -> UUID:
    return UUID(int=number)


def write_blob(settings: Settings, name: str, text: bytes) -> None:
    Path(urlsplit(settings.blobs_url).path, name).write_bytes(text)


@pytest.fixture(scope="module")
async def uploads(books: Books, settings: Settings) -> dict[int, UUID]:
    await books.create("debts")
    await books.serve("debts", position=100)
    found = {
        number: await books.upload(
            "debts", number, source="acme", file_name=f"{number}.csv", text_key=f"text-{number}", dialect=DIALECT
        )
        for number in (1, 2, 3)
    }
    for number in (1, 3):
        write_blob(settings, f"text-{number}", TEXT)
    for number in (1, 2, 3):
        await books.chunk("debts", number, number=0, offset=12, size_bytes=8, first_row=2, first_line=2, rows=1)
        await books.chunk("debts", number, number=1, offset=20, size_bytes=9, first_row=3, first_line=4, rows=3)
    await books.segment("debts", 1, position=10, recorded_at=at(10))
    old: Row = {"ended_position": 30, "ended_at": at(30), "ended_kind": "superseded", "ended_by": 3}
    await books.segment("debts", 2, position=20, recorded_at=at(20), **old)
    return found


async def history(client: httpx.AsyncClient, number: int, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/debts/{key(number)}/history{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["position"] == "debts:100"
    found: dict[str, Any] = answer.json()
    return found


def story(body: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["position"], one["change"]) for one in body["results"]]


async def test_a_record_of_a_file_says_which_row_and_line_it_was(
    client: httpx.AsyncClient, books: Books, uploads: dict[int, UUID]
) -> None:
    await books.insert("debts", [debt(1, segment=1)], upload=1, first_row=5)
    body = await history(client, 1)
    assert (body["key"], body["state"], body["version"], body["next"]) == (str(key(1)), "live", 10, None)
    (entry,) = body["results"]
    changes = entry.pop("changes")
    assert changes["name"] == {"from": None, "to": "Name 1"}
    assert entry.pop("record")["debt_amount"] == "1.00"
    assert entry == {
        "position": 10,
        "at": told(10),
        "change": "uploaded",
        "actor": None,
        "upload": str(uploads[1]),
        "source": "acme",
        "file": "1.csv",
        "row": 5,
        "line": 6,
        "ended": None,
    }


async def test_a_correction_says_what_became_what_and_who_did_it(
    client: httpx.AsyncClient, books: Books, uploads: dict[int, UUID]
) -> None:
    await books.past("debts", [version(2, 10, 40, ended_actor="ann", upload=1, row=2)])
    corrected = version(2, 40, name="Other", status="FAILED", change="corrected", actor="ann", segment=0)
    await books.insert("debts", [corrected], upload=1)
    body = await history(client, 2)
    assert (story(body), body["version"]) == ([(10, "uploaded"), (40, "corrected")], 40)
    first, second = body["results"]
    assert first["ended"] == {
        "position": 40,
        "at": told(40),
        "kind": "corrected",
        "actor": "ann",
        "upload": None,
    }
    assert second["changes"] == {
        "name": {"from": "Name 2", "to": "Other"},
        "status": {"from": "PROCESSED", "to": "FAILED"},
    }
    assert (second["actor"], second["upload"], second["row"], second["line"]) == ("ann", str(uploads[1]), 2, 2)


@pytest.mark.usefixtures("uploads")
async def test_a_removal_is_an_entry_and_what_is_added_anew_changes_everything(
    client: httpx.AsyncClient, books: Books
) -> None:
    await books.past("debts", [version(3, 11, 41, "removed", change="added", actor="bob", ended_actor="ann")])
    body = await history(client, 3)
    assert (story(body), body["state"], body["version"]) == ([(11, "added"), (41, "removed")], "removed", None)
    gone = body["results"][1]
    assert (gone["record"], gone["actor"], gone["at"]) == (None, "ann", told(41))
    assert gone["changes"]["name"] == {"from": "Name 3", "to": None}
    assert (await client.get(f"/debts/{key(3)}")).status_code == 404

    await books.insert("debts", [version(3, 50, change="added", actor="bob", segment=0)])
    body = await history(client, 3)
    assert (story(body), body["state"]) == ([(11, "added"), (41, "removed"), (50, "added")], "live")
    assert body["results"][2]["changes"]["name"] == {"from": None, "to": "Name 3"}


async def test_a_segment_that_ended_whole_is_history(
    client: httpx.AsyncClient, books: Books, uploads: dict[int, UUID]
) -> None:
    await books.insert("debts", [debt(4, segment=2, name="Old")], upload=2)
    await books.insert("debts", [version(4, 30, segment=0)], upload=3)
    body = await history(client, 4)
    assert story(body) == [(20, "uploaded"), (30, "uploaded")]
    old, new = body["results"]
    ended = {"position": 30, "at": told(30), "kind": "superseded", "actor": None, "upload": str(uploads[3])}
    assert (old["ended"], new["changes"]) == (ended, {"name": {"from": "Old", "to": "Name 4"}})


async def test_a_withdrawal_that_brings_nothing_back_is_an_entry(
    client: httpx.AsyncClient, books: Books, uploads: dict[int, UUID]
) -> None:
    await books.past("debts", [version(5, 12, 42, "withdrawn", upload=1, row=2, ended_by=1, ended_actor="ann")])
    body = await history(client, 5)
    assert (story(body), body["state"]) == ([(12, "uploaded"), (42, "withdrawn")], "withdrawn")
    assert (body["results"][1]["upload"], body["results"][1]["actor"]) == (str(uploads[1]), "ann")


async def test_a_withdrawal_that_brings_the_earlier_one_back_restores_it(
    client: httpx.AsyncClient, books: Books, uploads: dict[int, UUID]
) -> None:
    first = version(6, 12, 22, "superseded", upload=1, row=2, ended_by=3)
    second = version(6, 22, 43, "withdrawn", name="Wrong", upload=3, row=2, ended_by=3, ended_actor="ann")
    await books.past("debts", [first, second])
    await books.insert("debts", [version(6, 43, segment=0)], upload=1)
    body = await history(client, 6)
    assert story(body) == [(12, "uploaded"), (22, "uploaded"), (43, "restored")]
    restored = body["results"][2]
    assert (restored["actor"], restored["upload"], restored["file"]) == ("ann", str(uploads[1]), "1.csv")
    assert restored["changes"] == {"name": {"from": "Wrong", "to": "Name 6"}}


@pytest.mark.usefixtures("uploads")
async def test_a_fixed_row_is_told_as_such(client: httpx.AsyncClient, books: Books) -> None:
    await books.insert("debts", [version(7, 44, change="fixed", actor="ann", segment=0)], upload=1, first_row=3)
    (entry,) = (await history(client, 7))["results"]
    assert (entry["change"], entry["actor"], entry["row"], entry["line"]) == ("fixed", "ann", 3, 4)


@pytest.mark.usefixtures("uploads")
async def test_a_file_that_is_no_more_leaves_the_line_open(client: httpx.AsyncClient, books: Books) -> None:
    await books.insert("debts", [version(8, 45, segment=0)], upload=2)
    (entry,) = (await history(client, 8))["results"]
    assert (entry["file"], entry["row"], entry["line"]) == ("2.csv", 2, None)


@pytest.mark.usefixtures("uploads")
async def test_at_most_some_chunks_are_read_for_one_answer(
    client: httpx.AsyncClient, books: Books, settings: Settings
) -> None:
    numbers = range(50, 50 + MAX_CHUNKS + 2)
    for number in numbers:
        await books.upload("debts", number, text_key=f"text-{number}", dialect=DIALECT)
        await books.chunk("debts", number, number=0, offset=12, size_bytes=8, first_row=2, first_line=2, rows=1)
        write_blob(settings, f"text-{number}", TEXT)
    await books.past("debts", [version(9, one, one + 1, "superseded", upload=one, row=2) for one in numbers])
    lines = [one["line"] for one in (await history(client, 9))["results"] if one["change"] == "uploaded"]
    assert lines == [None, None, *[2] * MAX_CHUNKS]


@pytest.mark.usefixtures("uploads")
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_a_walk_tells_the_whole_story_once(client: httpx.AsyncClient, books: Books, limit: int) -> None:
    number = 1000 + limit
    past = [version(number, position, position + 1, name=f"{position}") for position in (1, 2, 3)]
    past += [version(number, 4, 6, "removed"), version(number, 8, 9, "removed"), version(number, 12, 13)]
    await books.past("debts", past)
    await books.insert("debts", [version(number, 13, segment=0)])
    whole = (await history(client, number))["results"]
    expected = [1, 2, 3, 4, 6, 8, 9, 12, 13]
    assert [one["position"] for one in whole] == expected
    found, url = [], f"/debts/{key(number)}/history?limit={limit}"
    while url:
        page = (await client.get(url)).json()
        assert (page["state"], page["version"]) == ("live", 13)
        assert 1 <= len(page["results"]) <= limit
        found += page["results"]
        url = page["next"]
    assert found == whole


@pytest.mark.usefixtures("uploads")
async def test_a_segment_of_which_the_books_do_not_know_yet_is_not_told(
    client: httpx.AsyncClient, books: Books
) -> None:
    await books.execute("CREATE TABLE debts_1.segment_9 PARTITION OF debts_1.records FOR VALUES IN (9)")
    await books.insert("debts", [debt(10, segment=9)], upload=1)
    assert (await client.get(f"/debts/{key(10)}/history")).status_code == 404


@pytest.mark.usefixtures("uploads")
@pytest.mark.parametrize(
    ("url", "status", "says"),
    [
        (f"/debts/{key(999)}/history", 404, "Nothing was ever known"),
        ("/debts/x/history", 404, "debt_id is a UUID"),
        (f"/accounts/{key(1)}/history", 404, "Nothing was ever known"),
        (f"/debts/{key(1)}/history?limit=0", 400, "limit"),
        (f"/debts/{key(1)}/history?after=x", 400, "after"),
        (f"/debts/{key(1)}/history?sort=name", 400, "sort"),
    ],
)
async def test_a_refusal_says_why(client: httpx.AsyncClient, url: str, status: int, says: str) -> None:
    answer = await client.get(url)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


async def test_members_are_told_as_a_whole(client: httpx.AsyncClient, books: Books) -> None:
    await books.create("accounts")
    await books.serve("accounts", position=3)
    said = {"client_reference_no": key(1), "balance": 1, "status": "INACTIVE"}
    old, new = ([{"name": name, "address": None, "ssn": None}] for name in ("Ann", "Bob"))
    ended = {"ended_position": 2, "ended_at": at(2), "ended_kind": "corrected"}
    await books.past("accounts", [{**said, "consumers": old, "position": 1, "recorded_at": at(1), **ended}])
    await books.insert("accounts", [{**said, "consumers": new, "position": 2, "recorded_at": at(2)}])
    body = (await client.get(f"/accounts/{key(1)}/history")).json()
    assert body["results"][1]["changes"] == {"consumers": {"from": old, "to": new}}
