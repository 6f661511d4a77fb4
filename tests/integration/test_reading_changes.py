"""What is told of changes, from the event in the store to the answer through the gateway."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from cli.stack import Stack
from shared.database import make_engine
from shared.event_store import EventStore, Proposal
from shared.events import Fact, RecordAdded, RecordCorrected, RecordRemoved, RowCorrected, UploadWithdrawn
from tests.steps import Api, eventually

HEADER = "isbn,title,price"


def append(stack: Stack, dataset: str, *events: Fact) -> int:
    """The position of the last of these events, which ann wants."""
    return asyncio.run(_append(stack.environment["TABLEFOLD_DATABASE_URL"], dataset, events))


async def _append(url: str, dataset: str, events: tuple[Fact, ...]) -> int:
    engine = make_engine(url, name="tests")
    store = EventStore(engine)
    appended = [await store.append(dataset, Proposal(event=event, actor="ann")) for event in events]
    async with engine.begin() as connection:
        await connection.execute(text("NOTIFY appended"))
    await engine.dispose()
    return appended[-1].position


def read_after(api: Api, path: str, position: str) -> Any:
    answer = api.http.get(path, headers={"Read-After": position, "Prefer": "wait=10"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def story(body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(one["change"], one["changes"].get("title")) for one in body["results"]]


def test_a_history_tells_files_persons_and_withdrawals(stack: Stack, api: Api, source: str) -> None:
    one, two, three = (f"{source[-12:]}-{number}" for number in (1, 2, 3))
    first = api.upload("books", f'{HEADER}\n{one},"Old\nlines",1\n{two},Two,2\n{three},Three,3\n'.encode())
    second = api.upload("books", f"{HEADER}\n{two},Deux,2\n{one},New,1.5\n".encode())
    position = append(
        stack,
        "books",
        RecordCorrected(key=one, changes={"title": "Best"}),
        RecordRemoved(key=one),
        RecordAdded(key=one, values={"isbn": one, "title": "Again"}),
        UploadWithdrawn(upload_id=UUID(second["id"])),
    )
    body = read_after(api, f"/books/{one}/history", f"books:{position}")
    assert story(body) == [
        ("uploaded", {"from": None, "to": "Old\nlines"}),
        ("uploaded", {"from": "Old\nlines", "to": "New"}),
        ("corrected", {"from": "New", "to": "Best"}),
        ("removed", {"from": "Best", "to": None}),
        ("added", {"from": None, "to": "Again"}),
    ]
    told = [(entry["upload"], entry["row"], entry["line"], entry["actor"]) for entry in body["results"]]
    assert told[0] == (first["id"], 2, 2, None)
    assert told[1] == (second["id"], 3, 3, None)
    assert told[2] == (second["id"], 3, 3, "ann")
    assert told[4] == (None, None, None, "ann")
    assert (body["state"], body["version"]) == ("live", position - 1)
    ended = body["results"][0]["ended"]
    assert (ended["kind"], ended["upload"], ended["position"]) == (
        "superseded",
        second["id"],
        second["published_position"],
    )
    restored = api.get(f"/books/{two}/history")
    assert [entry["change"] for entry in restored["results"]] == ["uploaded", "uploaded", "restored"]
    assert restored["results"][2]["changes"] == {"title": {"from": "Deux", "to": "Two"}}
    assert (restored["results"][2]["line"], restored["version"]) == (4, position)
    record = api.http.get(f"/books/{two}")
    assert (record.headers["etag"], record.json()["upload"]) == (f'"{position}"', first["id"])

    position = append(stack, "books", UploadWithdrawn(upload_id=UUID(first["id"])))
    body = read_after(api, f"/books/{two}/history", f"books:{position}")
    assert [entry["change"] for entry in body["results"]] == ["uploaded", "uploaded", "restored", "withdrawn"]
    assert (body["state"], body["version"]) == ("withdrawn", None)
    gone = api.get(f"/books/{three}/history")["results"]
    assert [(entry["change"], entry["actor"]) for entry in gone] == [("uploaded", None), ("withdrawn", "ann")]
    assert api.http.get(f"/books/{three}").status_code == 404
    report = api.get(f"/uploads/{first['id']}")
    assert (report["state"], report["withdrawn_by"]) == ("withdrawn", "ann")
    assert report["withdrawal"]["reversed"] == 2


def test_what_became_of_a_command_is_told_by_its_position(stack: Stack, api: Api, source: str) -> None:
    key = source[-12:]
    added = append(stack, "books", RecordAdded(key=key, values={"isbn": key, "title": "New", "price": "1.500"}))
    body = read_after(api, f"/books/changes/{added}", f"books:{added}")
    assert (body["state"], body["code"], body["key"], body["version"]) == ("applied", "applied", key, added)
    known = api.get(f"/books/{key}")
    assert body["record"].items() <= known.items()
    stale = append(stack, "books", RecordCorrected(key=key, changes={"title": "Newer"}, expected=(1,)))
    body = read_after(api, f"/books/changes/{stale}", f"books:{stale}")
    assert (body["state"], body["code"], body["version"]) == ("refused", "stale", added)
    pending = api.http.get(f"/books/changes/{stale + 1_000_000}")
    assert (pending.json()["state"], pending.headers["retry-after"]) == ("pending", "1")


def test_a_rejected_row_is_a_failed_debt_until_it_is_fixed(stack: Stack, api: Api, source: str) -> None:
    good, bad = uuid4(), uuid4()
    rows = [f"Ann,1,a@b.example,10.50,2024-01-01,{good}", f"Bo,2,a@b.example,many,2024-01-01,{str(bad).upper()}"]
    text = "\n".join(["name,governmentId,email,debtAmount,debtDueDate,debtId", *rows, ""])
    report = api.upload("debts", text.encode(), source=source)
    (failed,) = api.get("/debts", status="FAILED", source=source)["results"]
    said = {"debt_id": str(bad), "name": "Bo", "debt_amount": "many", "status": "FAILED", "row": 3, "line": 3}
    assert failed.items() >= said.items()
    assert [one["code"] for one in failed["errors"]] == ["type-error"]
    assert api.get(f"/debts/{bad}") == failed
    upload_id = UUID(report["id"])
    position = append(stack, "debts", RowCorrected(upload_id=upload_id, row=3, cells={"debtAmount": "7"}))
    record = read_after(api, f"/debts/{bad}", f"debts:{position}")
    assert (record["version"], record["debt_amount"], record["status"]) == (position, "7.00", "PROCESSED")
    assert api.get("/debts", status="FAILED", source=source)["results"] == []
    (entry,) = api.get(f"/debts/{bad}/history")["results"]
    assert (entry["change"], entry["actor"], entry["line"]) == ("fixed", "ann", 3)
    assert api.get(f"/uploads/{upload_id}")["rows"]["rejected"] == 0
    fixed = eventually(lambda: api.get(f"/uploads/{upload_id}/errors", outcome="fixed")["results"] or None)
    assert [one["row"] for one in fixed] == [3]
    assert api.get(f"/uploads/{upload_id}/errors")["results"] == []
