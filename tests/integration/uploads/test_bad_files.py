"""`POST /{dataset}/uploads` with files that cannot be taken as a whole: a clear answer, and nothing is kept."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from cli.stack import Stack
from tests.files import DEBT_LABELS, debt, debts, table
from tests.integration.uploads.refusals import MIB, REFUSALS, Refusal, good
from tests.integration.uploads.test_send import blobs
from tests.steps import Api

FORM = "multipart/form-data; boundary=edge"


@pytest.fixture
def refusing(stack: Stack) -> Iterator[None]:
    """Holds that a test leaves no blob."""
    before = blobs(stack)
    yield
    assert blobs(stack) == before


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The problem in an answer that must have this status and type."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body: dict[str, object] = answer.json()
    assert (body["status"], body["type"]) == (status, f"/problems/{code}")
    assert body["instance"] == answer.request.url.path
    assert body["title"]
    assert body["detail"]
    return body


def post(api: Api, content: bytes, content_type: str, **headers: str) -> httpx.Response:
    """Send a body to debts as it is."""
    return api.http.post("/debts/uploads", content=content, headers={"Content-Type": content_type, **headers})


def part(content: bytes, *said: str, name: str = "file") -> bytes:
    """A part of a form, without the line that ends the form."""
    disposition = "; ".join(["form-data", f'name="{name}"', *said])
    return f"--edge\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_file_that_cannot_be_taken_is_refused_with_its_reason(api: Api, source: str, refusal: Refusal) -> None:
    answer = api.send("debts", refusal.content, source=source, **dict(refusal.wishes))

    said = problem(answer, refusal.status, refusal.code)
    assert said["code"] == refusal.code
    assert said["labels"] == list(refusal.labels)
    assert refusal.says in str(said["detail"])


def test_what_was_refused_is_in_no_list_and_no_event(api: Api, stack: Stack, source: str) -> None:
    before = blobs(stack)
    first = api.send("debts", good(), source=source)
    published = api.follow(first.json()["id"])["published_position"]
    for refusal in REFUSALS.values():
        assert api.send("debts", refusal.content, source=source, **dict(refusal.wishes)).is_client_error
    second = api.send("debts", good(), source=source)
    api.follow(second.json()["id"])

    kept = [answer.json()["id"] for answer in (second, first)]
    assert [one["id"] for one in api.get("/uploads", source=source)["results"]] == kept
    assert len(blobs(stack) - before) == 2
    assert second.headers["Position"] == f"debts:{published + 1}"


@pytest.mark.usefixtures("refusing")
def test_a_refusal_reaches_a_client_that_still_sends(api: Api) -> None:
    answer = api.send("debts", b"name,email\n" + b"Ann,ann@example.com\n" * MIB)
    assert problem(answer, 422, "missing-label")["labels"]


@pytest.mark.parametrize("name", ["books", "accounts", "sales"])
def test_every_dataset_names_the_labels_that_it_misses(api: Api, name: str) -> None:
    expected = {
        "books": ["isbn", "title"],
        "accounts": ["client_reference_no", "balance", "status", "name"],
        "sales": ["order_id", "region", "country", "item_type", "sales_channel", "order_priority", "order_date"],
    }
    said = problem(api.send(name, b"colour,weight\nred,1\n"), 422, "missing-label")
    labels = said["labels"]
    assert isinstance(labels, list)
    assert labels[:7] == expected[name]


def test_labels_that_nobody_knows_are_listed_and_their_columns_ignored(api: Api, source: str) -> None:
    key = uuid4()
    rows = [[*debt(key), "red", "", "1"], [*debt(), "blue", "x", "2"]]
    report = api.upload("debts", table([*DEBT_LABELS, "colour", " ", "Colour"], rows).encode(), source=source)

    assert report["header"]["columns"] == [*DEBT_LABELS, "colour", "", "Colour"]
    assert report["header"]["ignored"] == ["colour", "Colour"]
    assert report["header"]["fields"][-3:] == [None, None, None]
    assert report["rows"]["accepted"] == 2
    assert "colour" not in api.get(f"/debts/{key}")


def test_as_many_columns_as_a_worksheet_has_are_taken(api: Api, source: str) -> None:
    extra = 16_384 - len(DEBT_LABELS)
    rows = [[*debt(name="Wide"), *["x"] * extra], [*debt(name=""), *["y"] * extra]]
    labels = [*DEBT_LABELS, *(f"column {number}" for number in range(extra))]
    report = api.upload("debts", table(labels, rows).encode(), source=source)

    assert (report["rows"]["accepted"], report["rows"]["rejected"]) == (1, 1)
    assert [one["name"] for one in api.records("debts", source=source)] == ["Wide"]


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize(
    ("name", "nearest"),
    [("sorce", "source"), ("Encoding", "encoding"), ("delimeter", "delimiter"), ("filename", "file_name"), ("?", None)],
)
def test_an_unknown_parameter_is_refused_with_the_nearest(api: Api, name: str, nearest: str | None) -> None:
    said = problem(api.send("debts", good(), **{name: "x"}), 400, "bad-parameter")
    assert (said["parameter"], said["nearest"]) == (name, nearest)
    assert (nearest or "source") in str(said["detail"])


@pytest.mark.usefixtures("refusing")
def test_a_parameter_given_twice_is_refused(api: Api) -> None:
    answer = api.http.post("/debts/uploads?source=a&source=b", content=good())
    assert problem(answer, 400, "bad-parameter")["parameter"] == "source"


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("content_type", ["text/csv; charset=klingon", 'Text/CSV; header=present; Charset="klingon"'])
def test_a_charset_that_does_not_exist_is_refused(api: Api, content_type: str) -> None:
    assert "klingon" in str(problem(post(api, good(), content_type), 422, "encoding-error")["detail"])


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip"])
def test_a_body_compressed_in_another_way_is_refused(api: Api, coding: str) -> None:
    answer = post(api, gzip.compress(good()), "text/csv", **{"Content-Encoding": coding})
    assert "compressed" in str(problem(answer, 415, "format-error")["detail"])


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize(
    ("content_type", "body", "says"),
    [
        ("multipart/form-data", part(b"x", 'filename="a.csv"') + b"--edge--\r\n", "names no boundary"),
        (FORM, b"--edge--\r\n", "has no file"),
        (FORM, part(b"me", name="source") + b"--edge--\r\n", "has no file"),
        (FORM, part(b"x" * 5000, name="source") + b"--edge--\r\n", "longer than 1000 bytes"),
        (FORM, b"", "cannot be read"),
        (FORM, b"no form at all", "cannot be read"),
        (FORM, part(b"me", name="source")[:-2], "cannot be read"),
        (FORM, b"--edge\r\nColour: red\r\n\r\nx\r\n--edge--\r\n", "cannot be read"),
        (f"{FORM}er", part(b"x", 'filename="a.csv"') + b"--edge--\r\n", "cannot be read"),
    ],
    ids=["no boundary", "no part", "no file", "long field", "empty", "no form", "cut off", "no name", "other boundary"],
)
def test_a_form_without_a_file_is_refused(api: Api, content_type: str, body: bytes, says: str) -> None:
    assert says in str(problem(post(api, body, content_type), 422, "format-error")["detail"])


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("rows", [1, 30_000])
def test_a_form_that_is_cut_off_in_its_file_is_refused(api: Api, rows: int) -> None:
    body = part(debts(*(debt() for _ in range(rows))), 'filename="a.csv"')
    assert "does not end" in str(problem(post(api, body, FORM), 400, "disconnected")["detail"])


@pytest.mark.usefixtures("refusing")
def test_a_form_whose_file_is_empty_is_refused(api: Api) -> None:
    body = part(b"", 'filename="a.csv"') + b"--edge--\r\n"
    problem(post(api, body, FORM), 422, "empty-file")


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("path", ["/nothing/uploads", "/uploads", "/debts/uploads/again", "/Debts/uploads"])
def test_there_is_nothing_at_another_path(api: Api, path: str) -> None:
    problem(api.http.post(path, content=good()), 404, "not-found")


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_another_method_is_refused_with_those_there_are(api: Api, method: str) -> None:
    answer = api.http.request(method, "/debts/uploads", content=good())
    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["Allow"]
