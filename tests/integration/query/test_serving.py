"""`python -m query_api` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shared.settings import Settings
from tests.integration.query.books import Books
from tests.integration.query.samples import debt

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        "PATH": os.environ["PATH"],
        "TABLEFOLD_DATABASE_URL": settings.database_url,
        "TABLEFOLD_AMQP_URL": "amqp://unused",
        "TABLEFOLD_BLOBS_URL": settings.blobs_url,
        "TABLEFOLD_CURSOR_KEY": settings.cursor_key,
        "TABLEFOLD_LISTEN": "127.0.0.1:0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "query_api", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


async def address(process: asyncio.subprocess.Process) -> str:
    """Where it says that it listens."""
    assert process.stdout
    async with asyncio.timeout(20):
        async for line in process.stdout:
            if "action=ready" in line.decode():
                return line.decode().rpartition("listen=")[2].strip()
    raise AssertionError("It ended before it was ready.")


async def test_it_says_when_it_listens_and_ends_with_0_on_sigterm(
    process: asyncio.subprocess.Process, books: Books
) -> None:
    await books.create("debts")
    await books.serve("debts", position=1)
    await books.insert("debts", [debt(number) for number in range(1, 1001)])
    async with httpx.AsyncClient(base_url=f"http://{await address(process)}") as client:
        answer = await client.get("/debts?limit=1000")
        assert (answer.status_code, len(answer.json()["results"])) == (200, 1000)
        asked = await client.head("/debts?limit=1000")
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-length"] == answer.headers["content-length"]
        assert "server" not in answer.headers
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            assert await process.wait() == 0
