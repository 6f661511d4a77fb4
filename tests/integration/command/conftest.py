"""The command API on a real PostgreSQL and with no projector: outcomes are what the tests write."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from cli.servers.folder import DataFolder
from cli.servers.ports import free_port
from cli.servers.postgres import Postgres
from command_api.app import make_app
from command_api.migrating import migrate
from shared.datasets.catalogue import load_catalogue
from shared.settings import Settings
from tests.integration.command.folding import Folding


@pytest.fixture(scope="package")
def database_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tablefold-command-") as path:
        Path(path).chmod(0o711)
        folder = DataFolder(Path(path) / "data")
        folder.claim()
        postgres = Postgres(folder, free_port())
        try:
            postgres.start()
            url = postgres.create_database(f"command_{uuid4().hex}")
            migrate(url)
            yield url
        finally:
            postgres.stop()
            folder.release()


@pytest.fixture(scope="package")
async def folding(database_url: str) -> AsyncIterator[Folding]:
    folding = Folding(database_url)
    await folding.begin("debts")
    yield folding
    await folding.close()


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that runs in this process."""
    started, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:  # In one task, because a lifespan ends in the task in which it began.
        async with app.lifespan():
            started.set()
            await over.wait()

    running = asyncio.create_task(run())
    await started.wait()
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tablefold") as client:
        yield client
    over.set()
    await running


@pytest.fixture(scope="package")
async def client(folding: Folding, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """There is no broker: what is appended stays in the store."""
    blobs = tmp_path_factory.mktemp("blobs").as_uri()
    settings = Settings(database_url=folding.url, amqp_url=f"amqp://127.0.0.1:{free_port()}", blobs_url=blobs)
    async with client_of(make_app(settings, load_catalogue())) as client:
        yield client
