"""Both APIs in the test's own process, over one database and with the roles that they have outside of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from litestar import Litestar

from cli.servers.ports import free_port
from cli.servers.postgres import Postgres
from command_api.app import make_app as make_command_api
from command_api.privileges import COMMAND_ROLE, PROJECTOR_ROLE, QUERY_ROLE
from projector.generations import ensure_live
from query_api.app import make_app as make_query_api
from shared.database import make_engine
from shared.datasets.catalogue import Catalogue
from shared.settings import Settings
from tests.alone import as_role, client_of
from tests.documents import COMMANDS_DOCUMENT, QUERIES_DOCUMENT
from tests.signing import signed
from tests.steps import bearer

READS = ("GET", "HEAD")
METHODS = ("get", "head", "post", "put", "patch", "delete")

Operation = tuple[str, str, dict[str, Any]]
"""Method, path template and what OpenAPI says of it."""


class Both:
    """One origin in front of both APIs, as the gateway makes one; whoever says nothing else is an administrator."""

    def __init__(self, queries: httpx.AsyncClient, commands: httpx.AsyncClient) -> None:
        self._queries = queries
        self._commands = commands

    async def ask(self, method: str, path: str, token: str | None = None, **said: Any) -> httpx.Response:
        """The answer to one request; `token` in place of the administrator's, "" for none."""
        client = self._queries if method in READS and path != COMMANDS_DOCUMENT else self._commands
        headers = dict(said.pop("headers", None) or {})
        if token is None:
            return await client.request(method, path, headers=headers, **said)
        request = client.build_request(method, path, headers=headers, **said)
        request.headers.pop("authorization", None)
        request.headers.update(bearer(token))
        return await client.send(request)

    async def operations(self) -> list[Operation]:
        """Every operation of both OpenAPI documents."""
        documents = [(await self.ask("GET", path)).json() for path in (QUERIES_DOCUMENT, COMMANDS_DOCUMENT)]
        return [
            (method.upper(), path, described)
            for document in documents
            for path, methods in document["paths"].items()
            for method, described in methods.items()
            if method in METHODS
        ]


async def make_read_tables(url: str, catalogue: Catalogue) -> None:
    """The empty tables of every dataset, served, as a projector makes them."""
    engine = make_engine(url, name="tests", pool_size=1)
    for dataset in catalogue.values():
        async with engine.begin() as connection:
            await ensure_live(connection, dataset)
    await engine.dispose()


@asynccontextmanager
async def both_of(url: str, server: Postgres, catalogue: Catalogue, blobs_url: str) -> AsyncIterator[Both]:
    """Both APIs over a database whose owner's URL this is; there is no broker and no projector."""
    amqp_url = f"amqp://127.0.0.1:{free_port()}"
    settings = signed(Settings(database_url=url, amqp_url=amqp_url, blobs_url=blobs_url, cursor_key="0123456789" * 4))

    async with AsyncExitStack() as running:

        async def client(app: Litestar) -> httpx.AsyncClient:
            return await running.enter_async_context(client_of(app))

        await make_read_tables(as_role(settings, server, PROJECTOR_ROLE).database_url, catalogue)
        yield Both(
            await client(make_query_api(as_role(settings, server, QUERY_ROLE), catalogue)),
            await client(make_command_api(as_role(settings, server, COMMAND_ROLE), catalogue)),
        )
