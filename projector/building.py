"""Sees to it that what people asked for is built, by some projector; command -> *projection*."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from projector.compacting import Compaction, Compactor
from projector.dropping import drop_useless
from projector.faults import passes
from projector.flipping import Cancelled, lane_of
from projector.generations import declaration_of
from projector.lanes import TAKE_OVER
from projector.opening import Build, building, open_asked
from projector.readers import Readers
from projector.rebuilding import Builder, Over, end_build
from shared.database import OUTAGES
from shared.datasets.catalogue import Catalogue
from shared.errors import Fenced, LogDiverged, Unavailable
from shared.leases import Leases
from shared.settings import Settings
from shared.tasks import end_all, together
from shared.wakeups import REBUILDS, Wakeups

logger = logging.getLogger(__name__)

POLL_S = 2.0
RETRY_S = 0.5

Builds = dict[tuple[str, int], asyncio.Task[None]]


class Rebuilds:
    """Competes with other projectors for all generations that are to be built; `run` until cancelled."""

    def __init__(
        self,
        catalogue: Catalogue,
        engine: AsyncEngine,
        leases: Leases,
        wakeups: Wakeups,
        settings: Settings,
        compaction: Compaction,
        readers: Readers,
    ) -> None:
        self._readers = readers
        self._catalogue = catalogue
        self._engine = engine
        self._leases = leases
        self._wakeups = wakeups
        self._settings = settings
        self._compaction = compaction

    async def run(self) -> None:
        """Open, build and drop generations; survives the absence of PostgreSQL and RabbitMQ."""
        under_way: Builds = {}
        try:
            with self._wakeups.listening(REBUILDS) as bell:
                while True:
                    try:
                        await self._look(under_way)
                    except (DBAPIError, *OUTAGES) as error:
                        logger.warning("action=rebuilds-wait error=%r", error)
                    await bell.wait(POLL_S)
        finally:
            await end_all(under_way.values())

    async def _look(self, under_way: Builds) -> None:
        await open_asked(self._engine, self._catalogue)
        wanted = {(one.dataset, one.generation): one for one in await building(self._engine, self._catalogue)}
        for key in [key for key, task in under_way.items() if task.done() or key not in wanted]:
            under_way.pop(key).cancel()
        for key in wanted.keys() - under_way.keys():
            under_way[key] = asyncio.create_task(self._build(wanted[key]))
        await drop_useless(self._engine, self._settings.retired_s)

    async def _build(self, build: Build) -> None:
        """Own the lane of one generation when nobody else does, until it is built or has failed."""
        lease = lane_of(build.dataset, build.generation)
        while True:
            epoch = None
            try:
                epoch = await self._leases.acquire(lease)
                if epoch is not None:
                    await self._own(build, lease, epoch)
            except (Over, Cancelled):
                return
            except (Unavailable, Fenced, LogDiverged, *OUTAGES) as error:
                logger.warning("action=rebuild-interrupted lane=%s error=%r", lease, error)
            except Exception as error:
                if not await self._passes(build, error):
                    return
            await asyncio.sleep(RETRY_S if epoch is not None else self._leases.lease_s / 3)

    async def _own(self, build: Build, lease: str, epoch: int) -> NoReturn:
        of = {"dataset": build.dataset, "generation": build.generation}
        try:
            async with self._engine.begin() as connection:
                dataset = await declaration_of(connection, self._catalogue[build.dataset], build.generation)
                found = (await connection.execute(TAKE_OVER, {**of, "epoch": epoch})).one_or_none()
            if found is None:
                raise Fenced(f"Generation {build.generation} of {build.dataset} has a newer owner.")
            builder = Builder(build, dataset, epoch, self._engine, self._wakeups, self._settings, self._readers)
            builder.position, builder.offset = found.position, found.stream_offset
            logger.info("action=rebuild-owned lane=%s position=%d epoch=%d", lease, found.position, epoch)
            compactor = Compactor(self._compaction, dataset, build.generation, epoch, builder.folding)
            await together(self._leases.keep(lease, epoch), builder.follow(), compactor.run())
            raise Over
        finally:
            await self._leases.release(lease, epoch)

    async def _passes(self, build: Build, error: Exception) -> bool:
        """Whether it is worth trying again; if not, the rebuild has failed, and says why."""
        lost = passes(error)
        logger.warning("action=rebuild-%s build=%s", "waits" if lost else "failed", build, exc_info=error)
        if not lost:
            await end_build(self._engine, build, "failed", f"{type(error).__name__}: {error}"[:2000])
            self._wakeups.ring(REBUILDS, build.dataset)
        return lost
