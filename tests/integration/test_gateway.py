"""The gateway as nginx really runs it, in front of stand-ins for the two services; HTTP at both ends of the flow."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import httpx
import pytest

from cli.servers.folder import DataFolder
from cli.servers.nginx import Nginx

WAIT_S = 10.0


class StandIn(ThreadingHTTPServer):
    """Answers with its name and what it was asked; puts what arrives of a body into `arrived` piece by piece."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = name
        self.arrived: Queue[bytes] = Queue()
        self.may_end = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def refuse(self) -> None:
        """Answer without reading the body."""
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.close_connection = True

    def answer(self) -> None:
        if self.path.startswith("/refusing"):
            self.refuse()
            return
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.server.arrived.put(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = {"service": self.server.name, "path": self.path, "headers": dict(self.headers)}
        body = json.dumps(said).encode()
        self.send_response(503 if self.path == "/busy" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path != "/stream":
            self.answer()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.wfile.flush()
        self.server.may_end.wait(WAIT_S)
        self.wfile.write(b"data: last\n\n")

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_PATCH(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def stand_in(name: str) -> Iterator[StandIn]:
    with StandIn(name) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield server
        finally:
            server.may_end.set()
            server.shutdown()
            serving.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFolder]:
    claimed = DataFolder(tmp_path_factory.mktemp("gateway") / "with a space")
    claimed.claim()
    yield claimed
    claimed.release()


@pytest.fixture(scope="module")
def command_api() -> Iterator[StandIn]:
    with stand_in("command_api") as server:
        yield server


@pytest.fixture(scope="module")
def query_api() -> Iterator[StandIn]:
    with stand_in("query_api") as server:
        yield server


@pytest.fixture(scope="module")
def gateway(folder: DataFolder, command_api: StandIn, query_api: StandIn) -> Iterator[Nginx]:
    nginx = Nginx(folder, folder.port("gateway"), command_api.address, query_api.address)
    nginx.start()
    yield nginx
    nginx.stop()


@pytest.fixture(scope="module")
def client(gateway: Nginx) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=WAIT_S) as connected:
        yield connected


@pytest.mark.parametrize(
    ("method", "service"),
    [
        ("GET", "query_api"),
        ("POST", "command_api"),
        ("PUT", "command_api"),
        ("PATCH", "command_api"),
        ("DELETE", "command_api"),
    ],
)
def test_reads_go_to_the_query_api_and_everything_else_to_the_command_api(
    client: httpx.Client, method: str, service: str
) -> None:
    answer = client.request(method, "/debts?status=a%20b").json()
    assert (answer["service"], answer["path"]) == (service, "/debts?status=a%20b")


def test_head_goes_to_the_query_api_too(client: httpx.Client, query_api: StandIn) -> None:
    answer = client.head("/debts")
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) > 0
    assert query_api.name.encode() in client.get("/debts").content


def test_a_service_learns_who_asked_and_by_which_name(client: httpx.Client) -> None:
    headers = client.get("/", headers={"Host": "tables.example:8000"}).json()["headers"]
    assert headers["Host"] == headers["X-Forwarded-Host"] == "tables.example:8000"
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"


def test_an_upload_reaches_the_command_api_while_it_is_being_sent(gateway: Nginx, command_api: StandIn) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), WAIT_S) as connection:
        connection.settimeout(WAIT_S)
        connection.sendall(
            b"POST /debts/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        )
        assert command_api.arrived.get(timeout=WAIT_S) == b"first"
        connection.sendall(b"4\r\nlast\r\n0\r\n\r\n")
        assert command_api.arrived.get(timeout=WAIT_S) == b"last"
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_big_upload_is_never_kept_in_the_gateway(
    client: httpx.Client, folder: DataFolder, command_api: StandIn
) -> None:
    size_bytes = 50 * 1024**2
    assert client.post("/debts/uploads", content=bytes(size_bytes)).status_code == 200
    assert [
        file for file in (folder.path / "gateway").rglob("*") if file.is_file() and file.stat().st_size > 10_000
    ] == []
    assert command_api.arrived.empty()


def test_a_command_that_is_refused_unread_leaves_its_connection_to_the_next_request(gateway: Nginx) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), WAIT_S) as connection:
        connection.sendall(b"PUT /refusing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)  # The service is not asked before the body is here.
        connection.settimeout(WAIT_S)
        connection.sendall(b"}")
        assert b"401" in connection.recv(65536).splitlines()[0]
        connection.sendall(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in connection.recv(65536).splitlines()[0]


@pytest.mark.parametrize("path", ["/refusing/uploads", "/uploads/1/fixes"])
def test_a_file_gets_a_connection_of_its_own(gateway: Nginx, path: str) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), WAIT_S) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n".encode() + b"{}")
        assert b"connection: close" in connection.recv(65536).lower()


def test_a_body_that_no_command_has_is_refused_as_a_problem(client: httpx.Client) -> None:
    answer = client.put("/debts/1", content=b"x" * (2 * 1024**2 + 1))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["status"] == 413


def test_events_reach_the_caller_while_they_are_made(client: httpx.Client, query_api: StandIn) -> None:
    with client.stream("GET", "/stream") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"data: first\n\n"
        query_api.may_end.set()
        assert b"".join(pieces) == b"data: last\n\n"


def test_what_a_service_says_itself_is_passed_on_unchanged(client: httpx.Client) -> None:
    answer = client.post("/busy")
    assert answer.status_code == 503
    assert answer.json()["service"] == "command_api"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_a_service_that_is_down_is_told_in_the_form_of_a_problem(
    folder: DataFolder, tmp_path: Path, method: str
) -> None:
    nowhere = f"127.0.0.1:{folder.port('nowhere')}"
    lonely = DataFolder(tmp_path)
    lonely.claim()
    nginx = Nginx(lonely, lonely.port("gateway"), nowhere, nowhere)
    try:
        nginx.start()
        answer = httpx.request(method, f"{nginx.url}/debts", trust_env=False)
    finally:
        nginx.stop()
        lonely.release()
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "1"
    assert method == "HEAD" or answer.json()["status"] == 502
