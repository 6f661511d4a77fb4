"""`DELETE /uploads/{id}`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli.samples import write_debts
from tests.files import DEBT_LABELS, account, accounts, debt, debts, table
from tests.steps import Api, eventually

SIZES = pytest.mark.parametrize("more", [0, 3000], ids=["open segment", "own segment"])
NOTHING: dict[str, Any] = {"count": 0, "person": 0, "upload": 0, "records": []}


def fillers(count: int) -> list[list[str]]:
    return [debt(name="Filler") for _ in range(count)]


def amount(api: Api, key: UUID) -> str | None:
    """What a debt amounts to, None where there is no such debt."""
    answer = api.http.get(f"/debts/{key}")
    assert answer.status_code in (200, 404), answer.text
    return answer.json()["debt_amount"] if answer.status_code == 200 else None


def sent(api: Api, source: str, key: UUID, text: str, more: int) -> str:
    """The id of a published upload with this amount for this key."""
    report = api.upload("debts", debts(debt(key, debtAmount=text), *fillers(more)), source=source)
    return str(report["id"])


@SIZES
def test_its_records_are_gone_and_it_says_so(api: Api, source: str, more: int) -> None:
    key = uuid4()
    upload = sent(api, source, key, "1.00", more)
    answer = api.http.delete(f"/uploads/{upload}")

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "message": "Upload withdrawn",
        "cancelled": False,
        "reversed": 1 + more,
        "restored": 0,
        "kept": NOTHING,
    }
    after = {"Read-After": answer.headers["Position"]}
    assert api.http.get(f"/debts/{key}", headers=after).status_code == 404
    assert api.count("debts", source=source) == 0
    assert api.get(f"/uploads/{upload}")["state"] == "withdrawn"


@SIZES
def test_what_it_had_overwritten_comes_back(api: Api, source: str, more: int) -> None:
    key = uuid4()
    sent(api, source, key, "1.00", more)
    second = sent(api, source, key, "2.00", more)
    assert amount(api, key) == "2.00"
    told = api.withdraw(second)

    assert (told["reversed"], told["restored"], told["kept"]) == (1 + more, 1, NOTHING)
    assert amount(api, key) == "1.00"
    assert api.count("debts", source=source) == 1 + more


@SIZES
def test_what_a_later_upload_changed_is_kept_and_listed(api: Api, source: str, more: int) -> None:
    key, own = uuid4(), uuid4()
    first = api.upload("debts", debts(debt(key), debt(own), *fillers(more)), source=source)
    sent(api, source, key, "2.00", more)
    told = api.withdraw(first["id"])

    records = [{"key": str(key), "reason": "upload"}]
    assert told["kept"] == {"count": 1, "person": 0, "upload": 1, "records": records}
    assert (told["reversed"], told["restored"]) == (1 + more, 0)
    assert (amount(api, key), amount(api, own)) == ("2.00", None)


@SIZES
def test_what_a_person_changed_is_kept_and_listed(api: Api, source: str, more: int) -> None:
    corrected, removed, plain = uuid4(), uuid4(), uuid4()
    upload = api.upload("debts", debts(*map(debt, (corrected, removed, plain)), *fillers(more)), source=source)
    assert api.http.put(f"/debts/{corrected}", json={"debt_amount": "7"}).status_code == 200
    assert api.http.delete(f"/debts/{removed}").status_code == 200
    told = api.withdraw(upload["id"])

    kept = told["kept"]
    assert (told["reversed"], kept["person"], kept["upload"]) == (1 + more, kept["count"], 0)
    assert {"key": str(corrected), "reason": "person"} in kept["records"]
    assert (amount(api, corrected), amount(api, removed), amount(api, plain)) == ("7.00", None, None)


def test_what_a_person_had_made_comes_back(api: Api, source: str) -> None:
    key = uuid4()
    sent(api, source, key, "1.00", 0)
    assert api.http.put(f"/debts/{key}", json={"debt_amount": "7"}).status_code == 200
    second = sent(api, source, key, "2.00", 0)
    api.withdraw(second)

    assert amount(api, key) == "7.00"


@SIZES
def test_withdrawing_from_below_resurrects_nothing(api: Api, source: str, more: int) -> None:
    key = uuid4()
    first, second, third = (sent(api, source, key, text, more) for text in ("1.00", "2.00", "3.00"))
    api.withdraw(second)
    assert amount(api, key) == "3.00"
    api.withdraw(first)
    assert amount(api, key) == "3.00"
    told = api.withdraw(third)

    assert (told["reversed"], told["restored"]) == (1 + more, 0)
    assert amount(api, key) is None
    assert api.count("debts", source=source) == 0


def test_withdrawing_in_the_order_of_sending_or_against_it_leaves_the_same(api: Api, source: str) -> None:
    forth, back = uuid4(), uuid4()
    for key, order in ((forth, (0, 1)), (back, (1, 0))):
        uploads = [sent(api, source, key, text, 0) for text in ("1.00", "2.00", "3.00")]
        for number in order:
            api.withdraw(uploads[number])

    assert (amount(api, forth), amount(api, back)) == ("3.00", "3.00")


def test_of_a_dataset_of_members_all_is_as_before(api: Api, source: str) -> None:
    key = uuid4()
    api.upload("accounts", accounts(account(key, "Ann"), account(key, "Bob")), source=source)
    before = api.get(f"/accounts/{key}")
    second = api.upload("accounts", accounts(account(key, "Cid", balance="7.00")), source=source)
    api.withdraw(second["id"])

    after = api.get(f"/accounts/{key}")
    same = ("balance", "consumers", "upload", "row")
    assert [after[name] for name in same] == [before[name] for name in same]


def test_while_it_is_loading_it_stops_promptly_and_is_never_visible(api: Api, source: str, tmp_path: Path) -> None:
    path = tmp_path / "debts.csv"
    write_debts(path, rows=300_000, seed=41)
    upload = api.send("debts", path.read_bytes(), source=source).json()["id"]
    loading = eventually(lambda: some_progress(api, upload))
    told = api.withdraw(upload)

    assert loading["state"] == "loading"
    assert (told["cancelled"], told["reversed"], told["restored"], told["kept"]) == (True, 0, 0, NOTHING)
    after = sent(api, source, uuid4(), "1.00", 0)
    report = api.get(f"/uploads/{upload}")
    assert (report["state"], api.get(f"/uploads/{after}")["state"]) == ("withdrawn", "published")
    assert report["progress"]["chunks_done"] < report["progress"]["chunks"]
    assert api.count("debts", source=source) == 1


def some_progress(api: Api, upload: str) -> dict[str, Any] | None:
    answer = api.http.get(f"/uploads/{upload}")
    report: dict[str, Any] = answer.json()
    return report if answer.status_code == 200 and report["progress"]["chunks_done"] else None


def test_the_same_file_may_be_sent_again_afterwards(api: Api, source: str) -> None:
    content = debts(debt())
    first = api.upload("debts", content, source=source)
    api.withdraw(first["id"])
    again = api.send("debts", content, source=source)

    assert (again.status_code, again.json()["duplicate"]) == (202, False)
    assert again.json()["id"] != first["id"]
    assert api.follow(again.json()["id"])["state"] == "published"
    assert api.count("debts", source=source) == 1


def test_the_corrected_file_may_be_sent_afterwards(api: Api, source: str) -> None:
    keys = [uuid4() for _ in range(3)]
    columns = [DEBT_LABELS[at] for at in (1, 0, 2, 3, 4, 5)]
    swapped = table(columns, [debt(key, name=f"Debtor {at}") for at, key in enumerate(keys)]).encode()
    wrong = api.upload("debts", swapped, source=source)
    api.withdraw(wrong["id"])
    api.upload("debts", debts(*(debt(key, name=f"Debtor {at}") for at, key in enumerate(keys))), source=source)

    names = sorted(one["name"] for one in api.records("debts", source=source))
    assert names == ["Debtor 0", "Debtor 1", "Debtor 2"]


def test_it_can_be_withdrawn_once(api: Api, source: str) -> None:
    upload = sent(api, source, uuid4(), "1.00", 0)
    api.withdraw(upload)
    answer = api.http.delete(f"/uploads/{upload}")

    assert answer.status_code == 409
    assert answer.json()["detail"] == "The upload is withdrawn already."
    assert answer.headers["Position"].startswith("debts:")


def test_the_same_idempotency_key_gets_the_same_answer(api: Api, source: str) -> None:
    upload = sent(api, source, uuid4(), "1.00", 0)
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = (api.http.delete(f"/uploads/{upload}", headers=headers) for _ in range(2))

    assert (first.status_code, second.status_code, first.json()) == (200, 200, second.json())
    assert first.headers["Position"] == second.headers["Position"]
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_caller_that_does_not_wait_is_told_where_to_look(api: Api, source: str) -> None:
    upload = sent(api, source, uuid4(), "1.00", 0)
    answer = api.http.delete(f"/uploads/{upload}", headers={"Prefer": "respond-async"})

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/debts/changes/{answer.headers['Position'].removeprefix('debts:')}"
    assert api.until(upload, "withdrawn")


@pytest.mark.parametrize("upload", ["0b8bd9d5-951e-4270-868a-210680602f42", "nonsense"])
def test_what_is_no_upload_cannot_be_withdrawn(api: Api, upload: str) -> None:
    answer = api.http.delete(f"/uploads/{upload}")

    assert answer.status_code == 404
    assert upload in answer.json()["detail"]
