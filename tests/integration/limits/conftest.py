"""Both APIs in the test's own process, on a PostgreSQL that has nothing but their tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import msgspec
import pytest

import command_api.app
import query_api.app
from cli.servers.postgres import Postgres
from shared.datasets.catalogue import shipped
from shared.settings import Settings
from tests.alone import client_of, migrated
from tests.signing import signed


@pytest.fixture
def settings(server: Postgres, tmp_path: Path) -> Settings:
    """A database of its own for each test; limits as they are where nobody says otherwise."""
    url = migrated(server, "limits")
    given = signed(Settings(database_url=url, amqp_url="amqp://nobody@127.0.0.1:1", blobs_url=tmp_path.as_uri()))
    return msgspec.structs.replace(given, cursor_key="0" * 32, rate_limits="")


class Apis:
    """Starts as many processes' worth of each API as a test wants."""

    def __init__(self, settings: Settings, running: AsyncExitStack) -> None:
        self.settings = settings
        self._running = running

    async def queries(self, **said: object) -> httpx.AsyncClient:
        """Another query API on the same database."""
        app = query_api.app.make_app(msgspec.structs.replace(self.settings, **said), shipped())
        return await self._running.enter_async_context(client_of(app))

    async def commands(self, **said: object) -> httpx.AsyncClient:
        """Another command API on the same database."""
        app = command_api.app.make_app(msgspec.structs.replace(self.settings, **said), shipped())
        return await self._running.enter_async_context(client_of(app))


@pytest.fixture
async def apis(settings: Settings) -> AsyncIterator[Apis]:
    async with AsyncExitStack() as running:
        yield Apis(settings, running)
