"""For the laws: a Tablefold that is whole again after every test, what stands in its tables, and a database alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest

from cli.servers.postgres import Postgres
from cli.stack import Stack
from command_api.migrating import migrate
from projector.digests import parts_of
from shared.datasets.catalogue import load_catalogue
from tests.conftest import SETTINGS
from tests.driven.driver import Place

PARTS = ("records", "history", "rejects", "row_errors")
"""What is said row by row (projector/digests.py)."""


@pytest.fixture
def mended(stack: Stack) -> Iterator[Stack]:
    """The running stack; whatever the test killed is started again after it."""
    yield stack
    for process in stack.processes.values():
        process.resume()
    stack.revive()
    stack.scale(2)


class Tables:
    """Direct questions to the database, for what HTTP does not tell."""

    def __init__(self, url: str) -> None:
        self._url = url

    def fetch(self, statement: str, *values: object) -> list[Any]:
        """All rows of a statement."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, self._fetch(statement, *values)).result()

    def value(self, statement: str, *values: object) -> Any:
        """The only value of a statement."""
        return self.fetch(statement, *values)[0][0]

    async def _fetch(self, statement: str, *values: object) -> list[Any]:
        connection = await asyncpg.connect(self._url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()


@pytest.fixture
def tables(stack: Stack) -> Tables:
    """The database of the running stack."""
    return Tables(stack.environment["TABLEFOLD_DATABASE_URL"])


def digest(tables: Tables, dataset: str, uploads: int) -> Any:
    """One value for all that the read tables say of a dataset's first uploads, wherever they say it."""
    declared = load_catalogue(SETTINGS["TABLEFOLD_DATASETS_FOLDER"])[dataset]
    parts = parts_of(declared, 1, [field.name for field in declared.fields])
    of_uploads = (part.rows.replace(":dataset", "$1") for part in parts if part.name in PARTS)
    said = ", ".join(
        f"(SELECT sum(hashtextextended(r::text, 0)::numeric) FROM ({rows}) AS r WHERE upload <= {uploads})"
        for rows in of_uploads
    )
    return tables.fetch(f"SELECT {said}, $1::text", dataset)


@pytest.fixture(scope="session")
def database(server: Postgres) -> Postgres:
    """PostgreSQL alone, with its first database migrated and empty; nobody else uses that one."""
    migrate(server.url)
    return server


@pytest.fixture(scope="session")
async def place(database: Postgres) -> AsyncIterator[Place]:
    """Where tests drive the projector's code themselves."""
    place = await Place.open(database.url, (database.folder.path / "blobs").as_uri())
    yield place
    await place.close()
