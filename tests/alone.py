"""Parts of Tablefold that run by themselves: PostgreSQL without the rest, an application in the test's own process."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import uvicorn
from litestar import Litestar
from msgspec.structs import replace

from cli.servers.folder import DataFolder
from cli.servers.ports import free_port
from cli.servers.postgres import Postgres
from command_api.migrating import migrate
from command_api.privileges import grant
from shared.settings import Settings
from tests.documents import is_json, judge_of
from tests.signing import access_token
from tests.steps import bearer, eventually

AS_A_PROJECTOR = """
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO tablefold_command, tablefold_query;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO tablefold_command, tablefold_query;
"""
TEMPLATE = "migrated"
"""The database that `migrated` copies."""
AS_AN_OPERATOR = "GRANT pg_monitor, pg_signal_backend TO tablefold"
"""What it takes to watch and to end the connections of the services."""


@contextmanager
def postgres_alone() -> Iterator[Postgres]:
    """A private PostgreSQL in a folder of its own that goes with it."""
    with tempfile.TemporaryDirectory(prefix="tablefold-alone-") as path:
        Path(path).chmod(0o711)
        folder = DataFolder(Path(path) / "data")
        folder.claim()
        postgres = Postgres(folder, free_port())
        try:
            postgres.start()
            _run(as_superuser(postgres), AS_AN_OPERATOR)
            yield postgres
        finally:
            postgres.stop()
            folder.release()


def make_template(postgres: Postgres) -> None:
    """Migrate it; its owner makes generations as a projector would."""
    url = postgres.create_database(TEMPLATE)
    migrate(url, postgres.passwords)
    _run(url, AS_A_PROJECTOR)


def migrated(postgres: Postgres, name: str) -> str:
    """The URL of a new database as its owner, as empty as after its migration; `make_template` comes before."""
    database = f"{name}_{uuid4().hex}"
    _run(postgres.url_of("postgres"), f"CREATE DATABASE {database} TEMPLATE {TEMPLATE}")
    grant(postgres.url_of(database), {})  # What is granted on a database is not copied.
    return postgres.url_of(database)


def as_superuser(postgres: Postgres) -> str:
    """A URL for whoever may see all connections, and end them."""
    return f"postgresql://postgres:{postgres.folder.secret('postgres-superuser')}@127.0.0.1:{postgres.port}/postgres"


def _run(url: str, statements: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _execute(url, statements)).result()


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


def as_role(settings: Settings, postgres: Postgres, role: str) -> Settings:
    """The same settings, with the role of a service in place of the owner."""
    return replace(settings, database_url=postgres.url_of(urlsplit(settings.database_url).path[1:], role))


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that runs in this process, who shows the token of an administrator.

    Every answer that it gets is held against the application's OpenAPI document.
    """
    started, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:  # In one task, because a lifespan ends in the task in which it began.
        async with app.lifespan():
            started.set()
            await over.wait()

    running = asyncio.create_task(run())
    await started.wait()
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    shown = bearer(access_token())

    async def check(response: httpx.Response) -> None:
        if is_json(response):
            await response.aread()
        if judge := judge_of(app):
            judge.check(response)

    hooks: Any = {"response": [check]}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://tablefold", headers=shown, event_hooks=hooks
    ) as client:
        yield client
    over.set()
    await running


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[str]:
    """The origin at which an application answers, in this process."""
    port = free_port()
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="on", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(), name="server")
    await asyncio.to_thread(eventually, lambda: server.started or None)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await running
