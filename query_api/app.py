"""The composition root of the query API: it alone makes the engine and the store of blobs; read table -> *query*."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.caching import Caching
from query_api.changes import Changes, change_routes
from query_api.cursors import Cursors
from query_api.datasets import dataset_routes
from query_api.docs_page import docs_routes
from query_api.documented import documents_of_queries
from query_api.events import Events, event_routes
from query_api.exports import Exports
from query_api.files import file_routes
from query_api.history import History, history_routes
from query_api.keeping import Keeping
from query_api.limits import LIMITS
from query_api.listeners import Seats
from query_api.looks import Reader
from query_api.moments import Moments
from query_api.parked import Parked, parked_routes
from query_api.people import People, people_routes
from query_api.prepared import Prepared
from query_api.rankings import ranking_routes
from query_api.rebuilds import rebuild_routes
from query_api.records import record_routes
from query_api.referring import referring_routes
from query_api.rejected_rows import RejectedRows, rejected_row_routes
from query_api.roles import ROLES
from query_api.row_errors import RowErrors, row_error_routes
from query_api.snapshots import make_reader
from query_api.summaries import Summaries, summary_routes
from query_api.tagging import with_tags_of_bodies
from query_api.totals import totals_routes
from query_api.unpublished import records_of
from query_api.uploads import Uploads, upload_routes
from query_api.waiting import Checkpoints, Waiter
from query_api.watching import CHANNELS, Watcher
from shared.auth.keys import read_public_keys
from shared.auth.standing import Standing
from shared.auth.tokens import QUERIES, Verifier
from shared.blobs import open_blobs
from shared.database import make_engine
from shared.datasets.catalogue import Catalogue
from shared.http.ending import when_ending
from shared.http.guard import Guard
from shared.http.headers import cors_of
from shared.http.limits import Limits, read_limits
from shared.http.problems import exception_handlers
from shared.settings import Settings
from shared.shares import Shares
from shared.tasks import beside
from shared.wakeups import Wakeups


def make_app(settings: Settings, catalogue: Catalogue, own: Catalogue | None = None) -> Litestar:
    """The application of what is served; connections are made when they are needed and ended when it stops.

    `own` are the declarations that this service was started with, where they may be others.
    """
    engine = make_reader(settings.reads_from, settings.query_timeout_s)
    prepared = Prepared(settings.reads_from, settings.query_timeout_s)
    caching = Caching(Moments(prepared), Keeping(settings.answers_bytes))
    cursors = Cursors(settings.cursor_key)
    wakeups = Wakeups(settings.database_url, CHANNELS)
    waiter = Waiter(Checkpoints(engine), wakeups, catalogue)
    all_records = {name: records_of(dataset, engine, cursors, prepared) for name, dataset in catalogue.items()}
    all_summaries = [Summaries(records, engine) for records in all_records.values()]
    exports = Exports(settings.reads_from)
    blobs = open_blobs(settings.blobs_url)
    rejected = RejectedRows(engine, catalogue)
    verifier = Verifier(QUERIES)
    writer = _writer(settings)
    documents = documents_of_queries()
    standing = Standing(engine, verifier)
    guard = Guard(standing, _limits(settings, writer), engine, writer, ROLES, catalogue)
    watcher = Watcher(Reader(engine, catalogue), standing, wakeups)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        verifier.use(read_public_keys(settings.public_keys_folder))
        async with beside(wakeups.run(), watcher.run()):
            yield
        for end in (exports.close, prepared.close, engine.dispose, writer.dispose):
            await end()

    app = Litestar(
        route_handlers=[
            *dataset_routes(all_records, engine, own or catalogue),
            *docs_routes(),
            *people_routes(People(engine, cursors)),
            *rebuild_routes(engine, catalogue),
            *parked_routes(Parked(engine, catalogue, cursors), waiter),
            *upload_routes(Uploads(engine, catalogue, cursors), catalogue, waiter),
            *event_routes(Events(watcher, engine, catalogue, Seats()), catalogue, waiter),
            *row_error_routes(RowErrors(engine, catalogue, cursors), waiter),
            *rejected_row_routes(rejected, waiter),
            *file_routes(rejected, blobs, waiter),
            *(route for records in all_records.values() for route in record_routes(records, waiter, exports, caching)),
            *(route for summaries in all_summaries for route in summary_routes(summaries, waiter, caching)),
            *referring_routes(all_records, engine, cursors, waiter, caching),
            *totals_routes(all_records, engine, waiter, caching),
            *(route for one in catalogue.values() for route in history_routes(History(one, engine, blobs), waiter)),
            *(route for one in catalogue.values() for route in change_routes(Changes(one, engine), waiter)),
            *(route for dataset in catalogue.values() for route in ranking_routes(dataset, engine, waiter, caching)),
        ],
        guards=[guard],
        cors_config=cors_of(settings.cors_origins),
        lifespan=[running],
        exception_handlers=exception_handlers,
        logging_config=None,
        openapi_config=documents.config,
    )
    when_ending(app, watcher.close)
    return documents.covering(guard.covering(app, with_tags_of_bodies), catalogue, guard)


def _writer(settings: Settings) -> AsyncEngine:
    """For what is counted and noted of calls, which is all that is written here."""
    name, timeout_s = "tablefold-query-api-writer", settings.query_timeout_s
    return make_engine(settings.database_url, name=name, pool_size=4, timeout_s=timeout_s)


def _limits(settings: Settings, writer: AsyncEngine) -> Limits:
    return Limits(Shares(writer), LIMITS, read_limits(settings.rate_limits))
