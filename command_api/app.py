"""The composition root of the command API: it alone makes engines, stores and tasks; *HTTP -> command -> event*."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.archives.unpacking import Unpacker
from command_api.asking import Rebuilds
from command_api.bulk import Bulk, bulk_route
from command_api.commanding import Commands
from command_api.documented import documents_of_commands
from command_api.fixes import Fixes
from command_api.forgetting import forget
from command_api.limits import LIMITS
from command_api.login_delays import LoginDelays
from command_api.logins import Logins
from command_api.outcomes import Outcomes
from command_api.parked import parked_routes
from command_api.passwords import Passwords
from command_api.people import People, people_routes
from command_api.quotas import Quotas
from command_api.rebuilds import rebuild_routes
from command_api.records import record_routes
from command_api.relay import Relay
from command_api.reservations import Reservations
from command_api.roles import REGISTRATION, ROLES
from command_api.selecting import make_reader
from command_api.sessions import Sessions
from command_api.upload_actions import UploadActions, upload_action_routes
from command_api.uploads import Uploads, upload_route
from command_api.users import Users
from shared.auth.keys import read_public_keys, read_signing_key
from shared.auth.standing import Standing
from shared.auth.tokens import COMMANDS, Signer, Verifier
from shared.blobs import open_blobs
from shared.database import make_engine
from shared.datasets.catalogue import Catalogue
from shared.event_store import EventStore
from shared.http.guard import Guard
from shared.http.headers import cors_of
from shared.http.limits import Limits, read_limits
from shared.http.problems import exception_handlers
from shared.leases import Leases
from shared.settings import Settings
from shared.shares import Shares
from shared.tasks import beside
from shared.wakeups import APPENDED, FOLDED, REBUILDS, Wakeups


def make_app(settings: Settings, catalogue: Catalogue) -> Litestar:
    """The application; connections are made when it starts and ended when it stops."""
    engine = make_engine(settings.database_url, name="tablefold-command-api", timeout_s=settings.command_timeout_s)
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

    quotas = Quotas(engine, settings.upload_bytes_per_day)
    uploads = Uploads(settings, blobs, unpacker, store, reservations, quotas, announce)
    commands = Commands(store, outcomes, wakeups)
    reader = make_reader(settings.database_url, settings.query_timeout_s)
    bulks = [(dataset, Bulk(dataset, reader, store, commands)) for dataset in catalogue.values() if dataset.key]
    fixes = Fixes(store, outcomes, reservations, announce)
    actions = UploadActions(catalogue, store, commands, fixes, quotas)
    verifier, signer = Verifier(COMMANDS), Signer()
    shares = Shares(engine)
    guard = make_guard(settings, Standing(engine, verifier), shares, engine, catalogue)
    people, documents = make_people(engine, signer, catalogue), documents_of_commands()

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        verifier.use(read_public_keys(settings.public_keys_folder))
        signer.use(*read_signing_key(settings.signing_keys_folder))
        async with beside(wakeups.run(), relay.run(), outcomes.run(), forget(shares, quotas)):
            yield
        await engine.dispose()
        await reader.dispose()

    app = Litestar(
        route_handlers=[
            health_route(store),
            *people_routes(people),
            *(upload_route(dataset, uploads) for dataset in catalogue.values()),
            *(route for dataset in catalogue.values() for route in record_routes(dataset, commands)),
            *(route for dataset in catalogue.values() for route in parked_routes(dataset, commands)),
            *(bulk_route(bulk, dataset) for dataset, bulk in bulks),
            *upload_action_routes(actions),
            *rebuild_routes(Rebuilds(engine, lambda: wakeups.ring(REBUILDS)), catalogue),
        ],
        guards=[guard],
        cors_config=cors_of(settings.cors_origins),
        lifespan=[running],
        exception_handlers=exception_handlers,
        logging_config=None,
        openapi_config=documents.config,
    )
    return documents.covering(guard.covering(app), catalogue, guard)


def make_guard(
    settings: Settings, standing: Standing, shares: Shares, engine: AsyncEngine, catalogue: Catalogue
) -> Guard:
    """What every request passes first."""
    table = {**ROLES, **REGISTRATION[settings.open_registration]}
    limits = Limits(shares, LIMITS, read_limits(settings.rate_limits))
    return Guard(standing, limits, engine, engine, table, catalogue)


def health_route(store: EventStore) -> HTTPRouteHandler:
    """Whether the event store can be read."""

    @get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        await store.heads()
        return {"status": "ok"}

    return health


def make_people(engine: AsyncEngine, signer: Signer, catalogue: Catalogue) -> People:
    """What serves users, tokens and keys."""
    users, passwords, sessions = Users(engine), Passwords(), Sessions(engine, signer)
    logins = Logins(users, passwords, sessions, LoginDelays(engine))
    return People(users, passwords, sessions, logins, catalogue)
