"""Commands about uploads are answered by what became of their events, as far as that is known in time."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from shared.events import RecordsCorrected, RowCorrected, UploadApproved, UploadWithdrawn
from tests.integration.actions.conftest import Log
from tests.integration.query.samples import debt

ASYNC = {"Prefer": "respond-async"}
CSV = {"Content-Type": "text/csv"}
KEPT = {"count": 1, "person": 1, "upload": 0, "records": [{"key": "x", "reason": "person"}]}


async def test_a_command_that_is_not_folded_in_time_is_accepted(client: httpx.AsyncClient, upload: str) -> None:
    answer = await client.post(f"/uploads/{upload}/publish", headers={"Prefer": "wait=0"})

    assert answer.status_code == 202
    assert (answer.headers["Position"], answer.headers["Location"]) == ("debts:2", "/debts/changes/2")


async def test_what_becomes_of_it_is_the_answer(client: httpx.AsyncClient, upload: str, log: Log) -> None:
    detail = {"cancelled": False, "reversed": 3, "restored": 2, "kept": KEPT}
    await log.decide(2, "applied", detail)
    await log.decide(3, "conflict", {"reason": "The upload is withdrawn already."})
    await log.decide(4, "not-found")
    answers = [await client.delete(f"/uploads/{upload}") for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 409, 404]
    assert answers[0].json() == {"message": "Upload withdrawn", **detail}
    assert answers[1].json()["detail"] == "The upload is withdrawn already."
    assert [one.headers["Position"] for one in answers] == ["debts:2", "debts:3", "debts:4"]


async def test_events_name_the_upload(client: httpx.AsyncClient, upload: str, log: Log) -> None:
    await client.post(f"/uploads/{upload}/publish", headers=ASYNC)
    await client.delete(f"/uploads/{upload.upper()}", headers=ASYNC)
    await client.put(f"/uploads/{upload}/errors/7", json={"debtAmount": "1", "NAME": None}, headers=ASYNC)

    assert [one.data for one in (await log.events())[1:]] == [
        UploadApproved(upload_id=UUID(upload)),
        UploadWithdrawn(upload_id=UUID(upload)),
        RowCorrected(upload_id=UUID(upload), row=7, cells={"debt_amount": "1", "name": ""}),
    ]


async def test_rows_that_are_still_bad_point_to_their_cells(client: httpx.AsyncClient, upload: str, log: Log) -> None:
    wrong = {
        "column": "debtAmount",
        "field": "debt_amount",
        "code": "minimum",
        "value": "-1",
        "message": "must be more",
    }
    await log.decide(2, "rejected", {"errors": [wrong]})
    answer = await client.put(f"/uploads/{upload}/errors/7", json={"debtAmount": "-1"})

    assert answer.status_code == 422
    detail = "debt_amount must be more"
    assert answer.json()["errors"] == [{"pointer": "/debt_amount", "code": "minimum", "detail": detail}]


async def test_a_file_of_fixes_is_followed_over_several_requests(
    client: httpx.AsyncClient, upload: str, log: Log
) -> None:
    headers = {**CSV, "Prefer": "wait=0", "Idempotency-Key": str(uuid4())}
    content = "_row,debtAmount\n" + "".join(f"{row},7\n" for row in range(2, 1202))
    first = await client.post(f"/uploads/{upload}/fixes", content=content, headers=headers)

    assert (first.status_code, first.json()["waiting"], first.json()["fixed"]) == (202, 1200, 0)
    assert first.json()["positions"] == {"first": 2, "last": 1201}
    assert first.headers["Location"] == "/debts/changes/1201"
    rows = [one.data.row for one in await log.events() if isinstance(one.data, RowCorrected)]
    assert rows == list(range(2, 1202))

    wrong = {"column": "debtAmount", "field": "debt_amount", "code": "minimum", "value": "7", "message": "must be more"}
    for position in range(2, 1202):
        await log.decide(position, "applied" if position > 3 else "rejected", {"errors": [wrong]})
    again = await client.post(f"/uploads/{upload}/fixes", content=content, headers=headers)
    told = again.json()
    assert (again.status_code, told["fixed"], told["rejected"], told["unknown"]) == (200, 1198, 2, 0)
    assert [(one["row"], one["line"]) for one in told["errors"]] == [(2, 2), (3, 3)]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await log.events()) == 1201


async def test_a_file_whose_outcomes_are_forgotten_cannot_be_told_again(
    client: httpx.AsyncClient, upload: str, log: Log
) -> None:
    headers = {**CSV, "Prefer": "wait=0", "Idempotency-Key": str(uuid4())}
    content = "_row,debtAmount\n2,7\n"
    await client.post(f"/uploads/{upload}/fixes", content=content, headers=headers)
    await log.books.fold("debts", 2)
    again = await client.post(f"/uploads/{upload}/fixes", content=content, headers=headers)

    assert again.status_code == 409
    assert "debts:2" in again.json()["detail"]


async def test_an_upload_that_takes_no_corrections_gets_no_more(
    client: httpx.AsyncClient, upload: str, log: Log
) -> None:
    for position in range(2, 502):
        await log.decide(position, "conflict", {"reason": "The upload is withdrawn."})
    content = "_row,debtAmount\n" + "".join(f"{row},7\n" for row in range(2, 1202))
    answer = await client.post(f"/uploads/{upload}/fixes", content=content, headers=CSV)

    assert (answer.status_code, answer.json()["detail"]) == (409, "The upload is withdrawn.")
    assert answer.headers["Position"] == "debts:501"
    assert len(await log.events()) == 501


@pytest.mark.usefixtures("upload")
async def test_a_bulk_correction_names_what_one_snapshot_shows(client: httpx.AsyncClient, log: Log) -> None:
    await log.books.insert("debts", [debt(number) for number in range(1, 8)])
    await log.books.fold("debts", 1)
    query = {"min_debt_amount": "6", "max_affected": "2"}
    answer = await client.patch("/debts", params=query, json={"name": "Ann"}, headers=ASYNC)

    assert (answer.status_code, answer.headers["Position"]) == (202, "debts:2")
    event = (await log.events())[-1].data
    assert isinstance(event, RecordsCorrected)
    assert (sorted(event.keys), event.changes, event.selected_at) == (
        [str(UUID(int=6)), str(UUID(int=7))],
        {"name": "Ann"},
        1,
    )


@pytest.mark.usefixtures("upload")
async def test_records_of_a_segment_that_has_ended_are_not_meant(client: httpx.AsyncClient, log: Log) -> None:
    await log.books.insert("debts", [debt(number) for number in range(1, 8)])
    await log.books.execute("UPDATE read.segments SET ended_position = 1 WHERE dataset = 'debts' AND number = 0")
    await log.books.execute(
        "INSERT INTO read.segments (dataset, generation, number, position) VALUES ('debts', 1, 1, 1)"
    )
    answer = await client.patch("/debts", params={"min_debt_amount": "1", "max_affected": "9"}, json={"name": "Ann"})

    assert (answer.status_code, answer.json()["corrected"]) == (200, 0)
    assert len(await log.events()) == 1
