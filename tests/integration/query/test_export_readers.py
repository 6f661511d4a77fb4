"""Exports and those who read them: slow ones, ones that go away, too many of them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import psutil
import pytest
import uvicorn
from litestar import Litestar

from query_api.caching import Caching
from query_api.cursors import Cursors
from query_api.exports import APPLICATION, AT_ONCE, Exports
from query_api.keeping import Keeping
from query_api.moments import Moments
from query_api.prepared import Prepared
from query_api.records import Records, record_routes
from query_api.snapshots import make_reader
from query_api.waiting import Checkpoints, Waiter
from shared.datasets.catalogue import Catalogue
from shared.http.problems import exception_handlers
from shared.settings import Settings
from shared.wakeups import FOLDED, Wakeups
from tests.integration.query.books import Books
from tests.integration.query.conftest import CURSOR_KEY, address
from tests.signing import access_token
from tests.steps import PLAIN_HTTP, bearer

pytestmark = pytest.mark.usefixtures("tables")

ROWS = 300_000
FILL = """
    INSERT INTO debts_1.records
        (debt_id, name, government_id, email, debt_amount, debt_due_date, status, segment, upload, "row")
    SELECT gen_random_uuid(), 'Name ' || i, i::text, 'a@example.com', i, '2024-01-01', 'PROCESSED', 0, NULL, NULL
    FROM generate_series(1, :rows) AS i
"""
SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = :name AND datname = current_database() AND backend_type = 'client backend'
        AND state <> 'idle'
"""


@pytest.fixture(scope="module")
async def tables(books: Books) -> None:
    await books.create("debts")
    await books.serve("debts")
    await books.execute(FILL, rows=ROWS)


async def sessions(books: Books) -> int:
    """How many connections exports use."""
    return int(await books.scalar(SESSIONS, name=APPLICATION))


async def becomes(found: Callable[[], Awaitable[object]], wanted: object, within_s: float) -> float:
    """How long it took, in seconds."""
    begun = time.monotonic()
    while await found() != wanted:
        assert time.monotonic() - begun < within_s, f"{await found()} instead of {wanted} for {within_s} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def begin(at: str, path: str = "/debts?format=csv") -> socket.socket:
    """A client that has the first bytes of an export and keeps only a little at a time."""
    host, port = at.split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(client, (host, int(port)))
        await loop.sock_sendall(
            client, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n\r\n".encode()
        )
        assert await loop.sock_recv(client, 12) == b"HTTP/1.1 200"
    except BaseException:
        client.close()
        raise
    return client


async def test_a_client_that_goes_away_frees_its_connection_within_a_second(
    process: asyncio.subprocess.Process, books: Books
) -> None:
    at = await address(process)
    for path in ("/debts?format=csv", "/debts?format=ndjson", "/debts?format=parquet", "/debts?format=csv&sort=-name"):
        client = await begin(at, path)
        assert await sessions(books) == 1
        client.close()
        assert await becomes(lambda: sessions(books), 0, within_s=1.0) < 1.0


async def test_a_client_that_goes_away_before_the_first_row_frees_its_connection(
    process: asyncio.subprocess.Process, books: Books
) -> None:
    at = await address(process)
    async with books.locked("debts_1.records"):
        asking = asyncio.create_task(begin(at))
        await becomes(lambda: sessions(books), 1, within_s=5)
        asking.cancel()
        await becomes(lambda: sessions(books), 0, within_s=2)


async def test_no_more_exports_run_at_once_than_may_and_pages_do_not_notice(
    process: asyncio.subprocess.Process, books: Books
) -> None:
    at = await address(process)
    slow = [await begin(at) for _ in range(AT_ONCE)]
    async with httpx.AsyncClient(base_url=f"http://{at}", headers=bearer(access_token()), verify=PLAIN_HTTP) as client:
        refused = await client.get("/debts?format=csv")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["type"] == "/problems/unavailable"
        assert (await client.get("/debts?limit=10")).status_code == 200
        slow.pop().close()
        await becomes(lambda: sessions(books), AT_ONCE - 1, within_s=1.0)
        assert len((await client.get("/debts?format=csv&limit=5")).text.splitlines()) == 6
    for reader in slow:
        reader.close()


async def test_an_export_shows_one_moment_however_slowly_it_is_read(
    process: asyncio.subprocess.Process, books: Books
) -> None:
    client = await begin(await address(process), "/debts?format=csv&fields=government_id")
    await books.execute("DELETE FROM debts_1.records WHERE debt_amount <= 1000")
    reader, writer = await asyncio.open_connection(sock=client)
    await reader.readuntil(b"\r\n\r\n")
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    writer.close()
    assert sorted(map(int, body.split()[1:])) == list(range(1, ROWS + 1))
    await books.execute(FILL, rows=1000)


@pytest.mark.parametrize(("form", "most_mb"), [("csv", 20), ("ndjson", 20), ("parquet", 200)])
async def test_memory_does_not_grow_with_the_selection(
    process: asyncio.subprocess.Process, form: str, most_mb: int
) -> None:
    async with httpx.AsyncClient(
        base_url=f"http://{await address(process)}", headers=bearer(access_token()), timeout=60, verify=PLAIN_HTTP
    ) as client:
        await client.get(f"/debts?format={form}&limit=100")
        before = psutil.Process(process.pid).memory_info().rss
        received = 0
        async with client.stream("GET", f"/debts?format={form}") as answer:
            async for block in answer.aiter_bytes():
                received += len(block)
        grown_mb = (psutil.Process(process.pid).memory_info().rss - before) / 1e6
    assert received > 5e6
    assert grown_mb < most_mb


@pytest.fixture
async def impatient(settings: Settings, catalogue: Catalogue) -> AsyncIterator[str]:
    """Where an application listens that gives its readers a third of a second, and runs one export at a time."""
    engine, exports = make_reader(settings.database_url), Exports(settings.database_url, at_once=1, write_s=0.3)
    records = Records(catalogue["debts"], engine, Cursors(CURSOR_KEY))
    waiter, prepared = Waiter(Checkpoints(engine), Wakeups("", (FOLDED,)), catalogue), Prepared(settings.database_url)
    routes = record_routes(records, waiter, exports, Caching(Moments(prepared), Keeping(0)))
    app = Litestar(route_handlers=routes, exception_handlers=exception_handlers, logging_config=None)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve())
    await becomes(lambda: asyncio.sleep(0, server.started), True, within_s=10)
    yield "{}:{}".format(*server.servers[0].sockets[0].getsockname())
    server.should_exit = True
    await running
    await exports.close()
    await prepared.close()
    await engine.dispose()


async def test_a_reader_of_one_byte_a_second_is_cut_off_and_harms_nobody(impatient: str, books: Books) -> None:
    async with httpx.AsyncClient(
        base_url=f"http://{impatient}", headers=bearer(access_token()), timeout=30, verify=PLAIN_HTTP
    ) as client:
        slow = await begin(impatient)
        assert (await client.get("/debts?format=csv&limit=1")).status_code == 503
        assert (await client.get("/debts?limit=1")).status_code == 200
        await asyncio.get_running_loop().sock_recv(slow, 1)
        await becomes(lambda: sessions(books), 0, within_s=5)
        whole = await client.get("/debts?format=csv")
        assert len(whole.text.splitlines()) == ROWS + 1
    left = 0
    while block := await asyncio.get_running_loop().sock_recv(slow, 65536):
        left += len(block)
    slow.close()
    assert left < len(whole.content) / 2
