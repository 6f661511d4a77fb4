"""Parts of Tablefold that run by themselves: PostgreSQL without the rest, an application in the test's own process."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
from litestar import Litestar

from cli.servers.folder import DataFolder
from cli.servers.ports import free_port
from cli.servers.postgres import Postgres
from tests.signing import access_token
from tests.steps import bearer


@contextmanager
def postgres_alone(name: str) -> Iterator[Postgres]:
    """A private PostgreSQL in a folder of its own that goes with it."""
    with tempfile.TemporaryDirectory(prefix=f"tablefold-{name}-") as path:
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


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that runs in this process, who shows the token of an administrator."""
    started, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:  # In one task, because a lifespan ends in the task in which it began.
        async with app.lifespan():
            started.set()
            await over.wait()

    running = asyncio.create_task(run())
    await started.wait()
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    shown = bearer(access_token())
    async with httpx.AsyncClient(transport=transport, base_url="http://tablefold", headers=shown) as client:
        yield client
    over.set()
    await running
