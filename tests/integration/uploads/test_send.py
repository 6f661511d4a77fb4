"""`POST /{dataset}/uploads`."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from cli.stack import Stack
from tests.files import DEBT_LABELS, debt, debts, table
from tests.steps import Api, eventually


def test_a_form_is_accepted_and_published(api: Api, source: str) -> None:
    key = uuid4()
    files = {"file": ("march.csv", debts(debt(key)), "text/csv")}
    answer = api.http.post("/debts/uploads", files=files, params={"source": source})

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/uploads/{answer.json()['id']}"
    assert answer.headers["Position"].startswith("debts:")
    report = api.follow(answer.json()["id"])
    assert (report["state"], report["records"], report["file"]["name"]) == ("published", 1, "march.csv")
    assert api.get(f"/debts/{key}")["debt_amount"] == "12.50"


def test_fields_of_a_form_before_the_file_say_how_to_read_it(api: Api, source: str) -> None:
    content = table(DEBT_LABELS, [debt(name="Zoë")], delimiter="^").encode("cp1252")
    files = {"file": ("odd.csv", content, "text/csv")}
    fields = {"source": source, "encoding": "cp1252", "delimiter": "^"}
    answer = api.http.post("/debts/uploads", data=fields, files=files)

    assert api.follow(answer.json()["id"])["rows"]["accepted"] == 1
    assert [one["name"] for one in api.records("debts", source=source)] == ["Zoë"]


def test_the_same_bytes_again_create_nothing(api: Api, source: str) -> None:
    content = debts(debt(), debt())
    first = api.upload("debts", content, source=source)
    again = api.send("debts", content, source=source)

    assert (again.status_code, again.json()["id"], again.json()["duplicate"]) == (200, first["id"], True)
    assert api.count("debts", source=source) == 2


def test_the_same_bytes_sixteen_times_at_once_are_one_upload(api: Api, source: str) -> None:
    content = debts(*(debt() for _ in range(50)))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: api.send("debts", content, source=source), range(16)))

    assert sorted(one.status_code for one in answers) == [200] * 15 + [202]
    (upload_id,) = {one.json()["id"] for one in answers}
    api.follow(upload_id)
    assert api.count("debts", source=source) == 50


def test_losers_of_a_race_leave_no_blob(api: Api, stack: Stack, source: str) -> None:
    content = debts(debt())
    winner = api.upload("debts", content, source=source)
    before = blobs(stack)
    api.send("debts", content, source=source)

    assert winner["file"]["sha256"]
    assert blobs(stack) == before


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1251"])
def test_a_dialect_is_found_out(api: Api, source: str, delimiter: str, end: str, encoding: str) -> None:
    title = f"Война; и, мир\t|{end}том 2"
    rows = [[str(uuid4()), title, "NOVEL", "9.990", "1225", "2020-01-02", "2020-01-02 03:04:05"]]
    labels = ["ISBN", "Book-Title", "genre", "price", "pages", "bought", "lent at"]
    rows[0][0] = rows[0][0][:17]
    content = table(labels, rows, delimiter, end).encode(encoding)
    report = api.upload("books", content, source=source)

    assert report["dialect"]["delimiter"] == delimiter
    assert report["dialect"]["line_end"] == {"\n": "lf", "\r\n": "crlf", "\r": "cr"}[end]
    (book,) = api.records("books", source=source)
    assert (book["title"], book["genre"], book["price"]) == (title, "novel", "9.990")
    assert (book["bought"], book["lent_at"][:19]) == ("2020-01-02", "2020-01-02T03:04:05")


def test_the_original_bytes_can_be_had_back(api: Api, source: str) -> None:
    content = table(DEBT_LABELS, [debt(name="Łukasz")]).encode("utf-16")
    report = api.upload("debts", content, source=source)

    assert api.http.get(f"/uploads/{report['id']}/file").content == content


def test_a_header_without_rows_is_an_upload_without_records(api: Api, source: str) -> None:
    report = api.upload("debts", debts(), source=source)

    assert (report["state"], report["records"], report["rows"]["read"]) == ("published", 0, 0)


def test_a_client_that_leaves_halfway_leaves_nothing(api: Api, stack: Stack, source: str) -> None:
    before = blobs(stack)
    listed = {one["id"] for one in api.get("/uploads")["results"]}
    with socket.create_connection(address(api)) as client:
        content = debts(*(debt() for _ in range(30_000)))
        client.sendall(head(api, f"/debts/uploads?source={source}", "Content-Length: 100000000") + content)
        eventually(lambda: blobs(stack) != before or None)

    eventually(lambda: True if blobs(stack) == before else None)
    assert {one["id"] for one in api.get("/uploads")["results"]} == listed


def test_a_body_shorter_than_announced_is_no_upload(api: Api, stack: Stack) -> None:
    before = blobs(stack)
    content = debts(debt())
    with socket.create_connection(address(api)) as client:
        client.sendall(head(api, "/debts/uploads", f"Content-Length: {len(content) + 10}") + content)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(1000)

    assert not answer.startswith(b"HTTP/1.1 2")
    eventually(lambda: True if blobs(stack) == before else None)


def test_a_body_may_come_byte_by_byte(api: Api, source: str) -> None:
    content = debts(debt())
    with socket.create_connection(address(api)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(head(api, f"/debts/uploads?source={source}", f"Content-Length: {len(content)}"))
        for byte in content:
            client.sendall(bytes([byte]))
        answer = client.recv(1000)

    assert answer.startswith(b"HTTP/1.1 202")


def test_a_file_beyond_the_limit_is_refused_while_it_comes(api: Api, stack: Stack) -> None:
    before = blobs(stack)

    def endless() -> bytes:
        return b"x," * 5 + b"\n"

    def body() -> object:
        yield debts()
        for _ in range(70):
            yield endless() * (1024 * 1024 // len(endless()))

    try:
        answer = api.http.post("/debts/uploads", content=body(), headers={"Content-Type": "text/csv"})  # type: ignore[arg-type]  # a generator of bytes
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # The answer came, and the connection ended, before all was sent.
    eventually(lambda: True if blobs(stack) == before else None)


def blobs(stack: Stack) -> set[str]:
    """The names of all files in the blob store."""
    return {path.name for path in Path(stack.environment["TABLEFOLD_BLOBS_URL"].removeprefix("file://")).iterdir()}


def address(api: Api) -> tuple[str, int]:
    """Where the gateway listens."""
    host, port = api.url.removeprefix("http://").split(":")
    return host, int(port)


def head(api: Api, path: str, *headers: str) -> bytes:
    """The head of a POST."""
    shown = f"Authorization: Bearer {api.token}"
    lines = [f"POST {path} HTTP/1.1", "Host: tablefold", shown, "Content-Type: text/csv", *headers, "", ""]
    return "\r\n".join(lines).encode()
