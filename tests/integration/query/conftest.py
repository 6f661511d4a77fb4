"""A real PostgreSQL with read tables that the tests fill themselves, and the query API before it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from cli.servers.folder import ROOT
from cli.servers.postgres import Postgres
from command_api.privileges import QUERY_ROLE
from query_api.app import make_app
from shared.datasets.catalogue import Catalogue, load_catalogue
from shared.settings import Settings
from tests.alone import as_role, client_of, migrated
from tests.integration.query.books import Books
from tests.signing import signed

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
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder = tmp_path_factory.mktemp("datasets")
    (folder / "players.py").write_text(PLAYERS)
    return load_catalogue(str(folder))


@pytest.fixture(scope="module")
def settings(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A database of its own for each file of tests; these change records without an event, so no answer is kept."""
    url = migrated(server, "query")
    blobs = tmp_path_factory.mktemp("blobs").as_uri()
    return signed(Settings(database_url=url, amqp_url="", blobs_url=blobs, cursor_key=CURSOR_KEY, answers_bytes=0))


@pytest.fixture(scope="module")
async def books(settings: Settings, catalogue: Catalogue) -> AsyncIterator[Books]:
    books = Books(settings.database_url, catalogue)
    yield books
    await books.close()


@pytest.fixture(scope="module")
async def client(settings: Settings, server: Postgres, catalogue: Catalogue) -> AsyncIterator[httpx.AsyncClient]:
    """Of an API with no more privileges in the database than it has outside of tests."""
    async with client_of(make_app(as_role(settings, server, QUERY_ROLE), catalogue)) as client:
        yield client


@pytest.fixture
async def process(settings: Settings, server: Postgres) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        "PATH": os.environ["PATH"],
        "TABLEFOLD_DATABASE_URL": as_role(settings, server, QUERY_ROLE).database_url,
        "TABLEFOLD_BLOBS_URL": settings.blobs_url,
        "TABLEFOLD_CURSOR_KEY": settings.cursor_key,
        "TABLEFOLD_PUBLIC_KEYS_FOLDER": settings.public_keys_folder,
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
