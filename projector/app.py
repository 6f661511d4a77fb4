"""The composition root of the projector: lanes, loaders and a sign of life; log -> *projection* -> read table."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import living
from projector.balancing import Balance
from projector.building import Rebuilds
from projector.compacting import Compaction
from projector.deciding import Decider
from projector.flipping import lane_of
from projector.lanes import Lane
from projector.living import GONE, called, show_life
from projector.loading import Loader
from projector.readers import Readers
from shared.blobs import open_blobs
from shared.database import NOT_DURABLE, OUTAGES, make_engine, make_pool
from shared.datasets.catalogue import Catalogue
from shared.errors import Unavailable
from shared.event_log import DEAD_LOADS, LOADS, Load, LoadsQueue, connected
from shared.event_store import EventStore
from shared.leases import Leases
from shared.settings import Settings
from shared.tasks import together
from shared.wakeups import DECIDED, LOADED, READ, REBUILDS, Wakeups

logger = logging.getLogger(__name__)

RETRY_S = 0.5
SORT_MEMORY = "96MB"
"""For building indexes; bounds the memory of a PostgreSQL process."""
SORTING = {"maintenance_work_mem": SORT_MEMORY, "max_parallel_maintenance_workers": "0"}


async def run(settings: Settings, catalogue: Catalogue) -> None:
    """Project until cancelled."""
    name = f"{socket.gethostname()}:{os.getpid()}"

    def sessions(kind: str, size: int = 10, **said: str) -> AsyncEngine:
        return make_engine(settings.database_url, name=called(kind, name), pool_size=size, timeout_s=None, **said)

    life, store_engine = sessions(living.LIFE, 2), sessions(living.STORE, 2)
    engine, rebuild_engine = (
        sessions(kind, synchronous_commit=NOT_DURABLE) for kind in (living.LANES, living.REBUILDS)
    )
    compaction_engine = sessions(living.COMPACTION, 2, **SORTING, synchronous_commit=NOT_DURABLE)
    size = 2 * settings.loaders + 4
    loading = {"maintenance_work_mem": SORT_MEMORY, "synchronous_commit": NOT_DURABLE}
    pool = await make_pool(settings.database_url, name=called(living.LOADS, name), size=size, **loading)
    compaction = Compaction(compaction_engine, settings.segments, settings.merged_s)
    wakeups = Wakeups(settings.database_url, (LOADED, REBUILDS, READ, DECIDED))
    readers = Readers(wakeups)
    store = EventStore(store_engine)
    loader = Loader(name, pool, open_blobs(settings.blobs_url), catalogue, store, wakeups, readers)
    decider = Decider(engine, store, wakeups)
    leases = Leases(engine, "read", name, settings.lease_s)
    balance = Balance(life, name, [lane_of(one) for one in catalogue], settings.lease_s)
    lanes = [
        Lane(dataset, engine, leases, balance, decider, wakeups, settings, compaction) for dataset in catalogue.values()
    ]
    build_leases = Leases(rebuild_engine, "read", name, settings.lease_s)
    rebuilds = Rebuilds(catalogue, rebuild_engine, build_leases, wakeups, settings, compaction, readers)
    logger.info("action=ready projector=%s", name)
    try:
        await together(
            wakeups.run(),
            readers.run(),
            show_life(life, name, settings.lease_s),
            take_loads(loader, settings),
            rebuilds.run(),
            *(lane.run() for lane in lanes),
        )
    finally:
        pool.terminate()  # What is under way is rolled back; waiting for it could take for ever.
        with contextlib.suppress(DBAPIError, TimeoutError, *OUTAGES):
            async with asyncio.timeout(5), life.begin() as connection:
                await connection.execute(GONE, {"name": name})
        for each in (life, engine, store_engine, rebuild_engine, compaction_engine):
            await each.dispose()


async def take_loads(loader: Loader, settings: Settings) -> None:
    """Compete for loads, reconnecting for ever; a load that killed its projectors fails its upload."""

    async def give_up(load: Load) -> None:
        await loader.fail(load, f"Chunk {load.chunk} ended every projector that took it.")

    while True:
        try:
            async with connected(settings.amqp_url, "loader") as connection:
                queue = LoadsQueue(connection)
                await queue.open()
                await together(
                    queue.consume(LOADS, loader.handle, settings.loaders), queue.consume(DEAD_LOADS, give_up, 1)
                )
        except Unavailable as error:
            logger.warning("action=loader-interrupted error=%r", error)
        await asyncio.sleep(RETRY_S)
