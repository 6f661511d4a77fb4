"""The command API before a real PostgreSQL, without a projector: the tests say what becomes of events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from cli.servers.postgres import Postgres
from command_api.app import make_app
from command_api.privileges import COMMAND_ROLE
from shared.database import make_engine
from shared.datasets.catalogue import Catalogue, load_catalogue
from shared.event_store import EventStore
from shared.events import RecordedEvent
from shared.settings import Settings
from tests.alone import as_role, client_of, migrated
from tests.integration.query.books import Books
from tests.signing import signed


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def settings(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A database of its own for each test."""
    url = migrated(server, "actions")
    blobs = tmp_path_factory.mktemp("blobs").as_uri()
    return signed(Settings(database_url=url, amqp_url="amqp://nobody@127.0.0.1:1", blobs_url=blobs))


@pytest.fixture
async def client(settings: Settings, server: Postgres, catalogue: Catalogue) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(as_role(settings, server, COMMAND_ROLE), catalogue)) as client:
        yield client


class Log:
    """What stands in the store, and by hand what a projector would make of it."""

    def __init__(self, url: str, books: Books) -> None:
        self.books = books
        self._engine = make_engine(url, name="tests", pool_size=2)
        self._store = EventStore(self._engine)

    async def events(self) -> list[RecordedEvent]:
        return await self._store.read("debts", 0, 100_000)

    async def decide(self, position: int, code: str, detail: object = None) -> None:
        """Write the outcome of an event."""
        await self.books.execute(
            "INSERT INTO read.outcomes (dataset, generation, position, code, detail) "
            "VALUES ('debts', 1, :position, :code, CAST(:detail AS json))",
            position=position,
            code=code,
            detail=msgspec.json.encode(detail).decode(),
        )

    async def close(self) -> None:
        await self._engine.dispose()


@pytest.fixture
async def log(settings: Settings, catalogue: Catalogue) -> AsyncIterator[Log]:
    books = Books(settings.database_url, catalogue)
    await books.create("debts")
    await books.serve("debts")
    log = Log(settings.database_url, books)
    yield log
    await log.close()
    await books.close()


@pytest.fixture
async def upload(client: httpx.AsyncClient) -> str:
    """The id of an upload; it is the first event."""
    content = "name,governmentId,email,debtAmount,debtDueDate,debtId\n"
    answer = await client.post("/debts/uploads", content=content, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])
