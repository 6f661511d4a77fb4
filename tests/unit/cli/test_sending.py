"""The client of the demonstration and the benchmark, against a small server that keeps what it gets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.samples.sending import connect, follow, get, send
from shared.errors import TablefoldError

UPLOAD = {"id": "u1", "dataset": "debts", "number": 3, "state": "loading", "rows": {"read": 2, "accepted": 2}}


class Gateway(ThreadingHTTPServer):
    """Answers GETs with the next of `answers` and keeps the last POST."""

    answers: list[tuple[int, object]]
    posted: tuple[str, dict[str, str], bytes]


class Handler(BaseHTTPRequestHandler):
    server: Gateway
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted = (self.path, dict(self.headers), body)
        self._answer(*self.server.answers.pop(0))

    def do_GET(self) -> None:
        self._answer(*self.server.answers.pop(0))

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is for tests."""

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.server_port}"


def test_a_file_is_sent_as_it_is_with_its_length_and_name(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "debts of May.csv"
    path.write_bytes(b"x" * 3_000_000)
    blocks: list[int] = []
    gateway.answers = [(202, {"id": "u1", "message": "File uploaded and processing started"})]
    with connect(url(gateway)) as client:
        receipt = send(client, "debts", path, blocks.append)
    target, headers, body = gateway.posted
    assert (receipt.id, receipt.duplicate) == ("u1", False)
    assert target == "/debts/uploads?file_name=debts+of+May.csv"
    assert headers["Content-Type"] == "text/csv"
    assert "Transfer-Encoding" not in headers
    assert body == path.read_bytes()
    assert sum(blocks) == 3_000_000
    assert len(blocks) == 3


def test_the_same_bytes_again_are_a_duplicate_and_a_refusal_is_an_error(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    gateway.answers = [(200, {"id": "u1", "duplicate": True}), (422, {"detail": "no header"})]
    with connect(url(gateway)) as client:
        assert send(client, "debts", path).duplicate
        with pytest.raises(TablefoldError, match=r"422.*no header"):
            send(client, "debts", path)


def test_an_upload_is_followed_from_unknown_to_published(gateway: Gateway) -> None:
    gateway.answers = [(404, {}), (503, {}), (200, UPLOAD), (200, UPLOAD | {"state": "published", "records": 2})]
    states: list[str] = []
    with connect(url(gateway)) as client:
        report = follow(client, "u1", poll_s=0, on_report=lambda each: states.append(each.state))
    assert states == ["loading", "published"]
    assert report.records == 2
    assert report.rows.add_up


def test_following_ends_at_its_deadline_and_at_any_other_answer(gateway: Gateway) -> None:
    gateway.answers = [(500, {"detail": "broken"})]
    with connect(url(gateway)) as client:
        with pytest.raises(TablefoldError, match=r"500.*broken"):
            follow(client, "u1")
        with pytest.raises(TablefoldError, match="within 0 s"):
            follow(client, "u1", deadline_s=0)


def test_only_200_is_an_answer(gateway: Gateway) -> None:
    gateway.answers = [(200, [1]), (400, {"detail": "unknown parameter"})]
    with connect(url(gateway)) as client:
        assert get(client, "/debts") == b"[1]"
        with pytest.raises(TablefoldError, match="unknown parameter"):
            get(client, "/debts?nmae=x")
