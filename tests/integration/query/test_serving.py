"""`python -m query_api` as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from contextlib import closing

import httpx

from tests.integration.query.books import Books
from tests.integration.query.conftest import address
from tests.integration.query.samples import debt
from tests.signing import access_token
from tests.steps import PLAIN_HTTP, bearer


async def test_it_says_when_it_listens_and_ends_with_0_on_sigterm(
    process: asyncio.subprocess.Process, books: Books
) -> None:
    await books.create("debts")
    await books.serve("debts", position=1)
    await books.insert("debts", [debt(number) for number in range(1, 1001)])
    async with httpx.AsyncClient(
        base_url=f"http://{await address(process)}", headers=bearer(access_token()), verify=PLAIN_HTTP
    ) as client:
        answer = await client.get("/debts?limit=1000")
        assert (answer.status_code, len(answer.json()["results"])) == (200, 1000)
        asked = await client.head("/debts?limit=1000")
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-length"] == answer.headers["content-length"]
        assert "server" not in answer.headers
        await heads(*str(client.base_url.netloc, "ascii").split(":"))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            assert await process.wait() == 0


async def heads(host: str, port: str) -> None:
    """The connection of a HEAD can be used again, whatever would not end of a GET."""
    reader, writer = await asyncio.open_connection(host, int(port))
    shown = f"HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n\r\n"
    with closing(writer):
        async with asyncio.timeout(10):
            for path in ("/events", "/debts?format=csv", "/events", "/health"):
                writer.write(f"HEAD {path} {shown}".encode())
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
