"""A real PostgreSQL with read tables that the tests fill themselves, and the query API before it."""

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
from command_api.migrating import migrate
from query_api.app import make_app
from shared.datasets.catalogue import Catalogue, load_catalogue
from shared.settings import Settings
from tests.integration.query.books import Books

CURSOR_KEY = "0123456789abcdef0123456789abcdef"

PLAYERS = """
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Range, Scale, Search


class Player(Record, frozen=True, kw_only=True):
    number: int
    nick: Annotated[str | None, Search()] = None
    team: str | None = None
    league: Literal["Red", "Blue"] | None = None
    score: Annotated[Decimal | None, Scale(3), Range()] = None
    born: Annotated[date | None, Range()] = None
    seen: Annotated[datetime | None, Range()] = None


dataset = declare("players", Player, title="Players", key="number")
"""
"""A dataset with every kind of field, all but its key without a value where a row has none."""


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="tablefold-query-") as path:
        Path(path).chmod(0o711)
        folder = DataFolder(Path(path) / "data")
        folder.claim()
        postgres = Postgres(folder, free_port())
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.stop()
            folder.release()


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder = tmp_path_factory.mktemp("datasets")
    (folder / "players.py").write_text(PLAYERS)
    return load_catalogue(str(folder))


@pytest.fixture(scope="module")
def settings(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A database of its own for each file of tests."""
    url = server.create_database(f"query_{uuid4().hex}")
    migrate(url)
    blobs = tmp_path_factory.mktemp("blobs").as_uri()
    return Settings(database_url=url, amqp_url="", blobs_url=blobs, cursor_key=CURSOR_KEY)


@pytest.fixture(scope="module")
async def books(settings: Settings, catalogue: Catalogue) -> AsyncIterator[Books]:
    books = Books(settings.database_url, catalogue)
    yield books
    await books.close()


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


@pytest.fixture(scope="module")
async def client(settings: Settings, catalogue: Catalogue) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(settings, catalogue)) as client:
        yield client
