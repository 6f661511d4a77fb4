"""`?review=true`, `?on_error=abort` and `POST /uploads/{id}/publish`."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from cli.stack import Stack
from tests.files import debt, debts
from tests.laws.conftest import Tables
from tests.steps import Api

SIZES = pytest.mark.parametrize("more", [0, 3000], ids=["open segment", "own segment"])


def approve(api: Api, upload: str) -> dict[str, str]:
    answer = api.http.post(f"/uploads/{upload}/publish")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Position"].startswith("debts:")
    told: dict[str, str] = answer.json()
    return told


def send_for_review(api: Api, source: str, *rows: list[str]) -> str:
    """The id of an upload that is loaded and waits."""
    answer = api.send("debts", debts(*rows), source=source, review="true")
    assert answer.status_code == 202, answer.text
    return str(api.until(answer.json()["id"], "review")["id"])


def rows_of(stack: Stack, key: UUID) -> list[tuple[object, ...]]:
    """Everything that the read tables hold of a record, live or ended, wherever it is visible."""
    tables = Tables(stack.environment["TABLEFOLD_DATABASE_URL"])
    found = tables.fetch("SELECT to_json(one)::text FROM debts_1.records AS one WHERE debt_id = $1", key)
    ended = tables.fetch("SELECT to_json(one)::text FROM debts_1.history AS one WHERE debt_id = $1", key)
    return sorted(tuple(row) for row in [*found, *ended])


@SIZES
def test_a_reviewed_upload_touches_nothing_until_it_is_approved(api: Api, stack: Stack, source: str, more: int) -> None:
    key, new = uuid4(), uuid4()
    api.upload("debts", debts(debt(key, debtAmount="1.00")), source=source)
    before = rows_of(stack, key)
    fillers = [debt() for _ in range(more)]
    upload = send_for_review(api, source, debt(key, debtAmount="2.00"), debt(new), debt(debtAmount="x"), *fillers)

    assert api.get(f"/debts/{key}")["debt_amount"] == "1.00"
    assert api.http.get(f"/debts/{new}").status_code == 404
    assert api.count("debts", source=source) == 1
    assert rows_of(stack, key) == before

    assert approve(api, upload) == {"message": "Upload approved"}
    report = api.until(upload, "published")
    assert (report["records"], report["rows"]["rejected"]) == (2 + more, 1)
    assert api.get(f"/debts/{key}")["debt_amount"] == "2.00"
    assert api.count("debts", source=source) == 2 + more


def test_a_review_shows_what_would_change(api: Api, stack: Stack, source: str) -> None:
    changed, same = uuid4(), uuid4()
    api.upload("debts", debts(debt(changed, debtAmount="1.00"), debt(same)), source=source)
    upload = send_for_review(api, source, debt(changed, debtAmount="2.00"), debt(same), debt(), debt(), debt(name=""))

    tables = Tables(stack.environment["TABLEFOLD_DATABASE_URL"])
    (row,) = tables.fetch(
        "SELECT preview ->> 'new', preview ->> 'changed', preview ->> 'unchanged', rows_rejected,"
        " preview -> 'samples' -> 'changed' -> 0 -> 'old' ->> 'debt_amount',"
        " preview -> 'samples' -> 'changed' -> 0 -> 'new' ->> 'debt_amount' FROM read.uploads WHERE id = $1",
        upload,
    )
    assert tuple(row) == ("2", "1", "1", 1, "1.00", "2.00")
    api.withdraw(upload)


def test_a_reviewed_upload_that_is_withdrawn_was_never_there(api: Api, stack: Stack, source: str) -> None:
    key = uuid4()
    api.upload("debts", debts(debt(key, debtAmount="1.00")), source=source)
    before = rows_of(stack, key)
    upload = send_for_review(api, source, debt(key, debtAmount="2.00"), debt())
    told = api.withdraw(upload)

    assert (told["cancelled"], told["reversed"]) == (True, 0)
    assert rows_of(stack, key) == before
    assert api.count("debts", source=source) == 1
    answer = api.http.post(f"/uploads/{upload}/publish")
    assert (answer.status_code, api.get(f"/uploads/{upload}")["state"]) == (409, "withdrawn")


def test_later_uploads_wait_for_one_in_review(api: Api, source: str) -> None:
    key = uuid4()
    first = send_for_review(api, source, debt(key, debtAmount="1.00"))
    second = api.send("debts", debts(debt(key, debtAmount="2.00")), source=source).json()["id"]
    assert api.until(second, "loaded")
    assert api.count("debts", source=source) == 0

    approve(api, first)
    assert (api.follow(first)["state"], api.follow(second)["state"]) == ("published", "published")
    assert api.get(f"/debts/{key}")["debt_amount"] == "2.00"


def test_it_may_be_approved_while_it_is_loading_but_once(api: Api, source: str) -> None:
    upload = api.send("debts", debts(debt()), source=source, review="true").json()["id"]
    approve(api, upload)
    assert api.follow(upload)["state"] == "published"
    answer = api.http.post(f"/uploads/{upload}/publish")

    assert (answer.status_code, answer.json()["detail"]) == (409, "The upload is published already.")


def test_what_does_not_wait_for_review_cannot_be_approved(api: Api, source: str) -> None:
    upload = api.upload("debts", debts(debt()), source=source)["id"]

    assert api.http.post(f"/uploads/{upload}/publish").status_code == 409
    assert api.http.post(f"/uploads/{uuid4()}/publish").status_code == 404


def test_a_form_may_ask_for_it_before_the_file(api: Api, source: str) -> None:
    files = {"file": ("march.csv", debts(debt()), "text/csv")}
    answer = api.http.post("/debts/uploads", data={"review": "true", "source": source}, files=files)

    assert answer.status_code == 202
    api.until(answer.json()["id"], "review")
    assert api.withdraw(answer.json()["id"])["cancelled"]


def test_the_same_bytes_for_review_are_the_same_upload(api: Api, source: str) -> None:
    content = debts(debt())
    upload = api.upload("debts", content, source=source)
    again = api.send("debts", content, source=source, review="true")

    assert (again.status_code, again.json()["id"], again.json()["duplicate"]) == (200, upload["id"], True)


@pytest.mark.parametrize("wish", [{"review": "perhaps"}, {"on_error": "stop"}])
def test_a_wish_that_means_nothing_is_refused_wherever_it_stands(api: Api, source: str, wish: dict[str, str]) -> None:
    in_query = api.send("debts", debts(debt()), source=source, **wish)
    files = {"file": ("march.csv", debts(debt()), "text/csv")}
    in_form = api.http.post("/debts/uploads", data={"source": source, **wish}, files=files)

    assert (in_query.status_code, in_form.status_code) == (400, 400)
    assert [in_query.json()["parameter"], in_form.json()["parameter"]] == [*wish, *wish]


@SIZES
def test_abort_publishes_nothing_of_a_file_with_a_bad_row(api: Api, source: str, more: int) -> None:
    rows = [debt(), debt(debtAmount="x"), *(debt() for _ in range(more))]
    report = api.upload("debts", debts(*rows), source=source, on_error="abort")

    assert (report["state"], report["failure"]["code"]) == ("failed", "row-errors")
    assert "1 rows are rejected" in report["failure"]["reason"]
    assert api.count("debts", source=source) == 0


def test_abort_publishes_a_file_without_errors(api: Api, source: str) -> None:
    report = api.upload("debts", debts(debt(), debt()), source=source, on_error="abort")

    assert (report["state"], report["records"]) == ("published", 2)


def test_a_file_that_was_aborted_may_be_sent_again(api: Api, source: str) -> None:
    content = debts(debt(), debt(debtAmount="x"))
    first = api.upload("debts", content, source=source, on_error="abort")
    again = api.upload("debts", content, source=source)

    assert first["id"] != again["id"]
    assert (again["state"], again["records"]) == ("published", 1)
