"""The command API on a real PostgreSQL and with no projector: outcomes are what the tests write."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from cli.servers.ports import free_port
from cli.servers.postgres import Postgres
from command_api.app import make_app
from command_api.privileges import COMMAND_ROLE
from shared.datasets.catalogue import load_catalogue
from shared.settings import Settings
from tests.alone import as_role, client_of, migrated
from tests.integration.command.folding import Folding
from tests.signing import signed


@pytest.fixture(scope="package")
def database_url(server: Postgres) -> str:
    return migrated(server, "command")


@pytest.fixture(scope="package")
async def folding(database_url: str) -> AsyncIterator[Folding]:
    folding = Folding(database_url)
    await folding.begin("debts")
    yield folding
    await folding.close()


@pytest.fixture(scope="package")
async def client(
    server: Postgres, folding: Folding, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """There is no broker: what is appended stays in the store."""
    blobs = tmp_path_factory.mktemp("blobs").as_uri()
    settings = signed(Settings(database_url=folding.url, amqp_url=f"amqp://127.0.0.1:{free_port()}", blobs_url=blobs))
    async with client_of(make_app(as_role(settings, server, COMMAND_ROLE), load_catalogue())) as client:
        yield client
