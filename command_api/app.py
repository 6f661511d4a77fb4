"""The composition root of the command API: it alone makes engines, stores and tasks; *HTTP -> command -> event*."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, get
from litestar.openapi import OpenAPIConfig

from command_api.archives.unpacking import Unpacker
from command_api.bulk import Bulk, bulk_route
from command_api.commanding import Commands
from command_api.fixes import Fixes
from command_api.outcomes import Outcomes
from command_api.records import record_routes
from command_api.relay import Relay
from command_api.reservations import Reservations
from command_api.selecting import make_reader
from command_api.upload_actions import UploadActions, upload_action_routes
from command_api.uploads import Uploads, upload_route
from shared.blobs import open_blobs
from shared.database import make_engine
from shared.datasets.catalogue import Catalogue
from shared.event_store import EventStore
from shared.http.problems import exception_handlers
from shared.leases import Leases
from shared.settings import Settings
from shared.wakeups import APPENDED, FOLDED, Wakeups


def make_app(settings: Settings, catalogue: Catalogue) -> Litestar:
    """The application; connections are made when it starts and ended when it stops."""
    engine = make_engine(settings.database_url, name="tablefold-command-api")
    store = EventStore(engine)
    wakeups = Wakeups(settings.database_url, (APPENDED, FOLDED))
    outcomes = Outcomes(engine, wakeups)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    leases = Leases(engine, "store", owner, settings.lease_s)
    relay = Relay(catalogue, store, leases, wakeups, settings.amqp_url)
    unpacker = Unpacker(settings.unpack_s)
    blobs, reservations = open_blobs(settings.blobs_url), Reservations(engine)

    def announce() -> None:
        wakeups.ring(APPENDED)

    uploads = Uploads(settings, blobs, unpacker, store, reservations, announce)
    commands = Commands(store, outcomes, announce)
    reader = make_reader(settings.database_url)
    bulks = [(dataset, Bulk(dataset, reader, store, commands)) for dataset in catalogue.values() if dataset.key]
    actions = UploadActions(catalogue, store, commands, Fixes(store, outcomes, reservations, announce))

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work) for work in (wakeups.run(), relay.run(), outcomes.run())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.dispose()
        await reader.dispose()

    @get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        await store.heads()
        return {"status": "ok"}

    return Litestar(
        route_handlers=[
            health,
            *(upload_route(dataset, uploads) for dataset in catalogue.values()),
            *(route for dataset in catalogue.values() for route in record_routes(dataset, commands)),
            *(bulk_route(bulk, dataset) for dataset, bulk in bulks),
            *upload_action_routes(actions),
        ],
        lifespan=[running],
        exception_handlers=exception_handlers,
        logging_config=None,
        openapi_config=OpenAPIConfig(title="Tablefold commands", version="0.1.0", path="/schema/commands"),
    )
