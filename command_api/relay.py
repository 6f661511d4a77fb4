"""Publishes events in order from the event store to the streams (transactional outbox); event -> *log*.

Every command API runs a relay, one at a time is active. It starts where the stream ends, so a lost stream is filled
again and a lost confirmation costs a second copy; projectors judge by positions and drop copies.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from sqlalchemy.exc import DBAPIError

from shared.database import OUTAGES
from shared.errors import Fenced, Unavailable
from shared.event_log import StreamWriter, connected
from shared.event_store import EventStore
from shared.leases import Leases
from shared.tasks import together
from shared.wakeups import APPENDED, Bell, Wakeups

logger = logging.getLogger(__name__)

LEASE = "relay"
BATCH_EVENTS = 300
POLL_S = 1.0
CHECK_S = 5.0
RETRY_S = 1.0


class Relay:
    """Runs until cancelled; survives the absence of PostgreSQL and RabbitMQ."""

    def __init__(
        self, datasets: Iterable[str], store: EventStore, leases: Leases, wakeups: Wakeups, amqp_url: str
    ) -> None:
        self._datasets = tuple(datasets)
        self._store = store
        self._leases = leases
        self._wakeups = wakeups
        self._amqp_url = amqp_url

    async def run(self) -> None:
        """Be the active relay whenever nobody else is."""
        while True:
            try:
                epoch = await self._leases.acquire(LEASE)
                if epoch is not None:
                    await self._relay_under(epoch)
            except (Unavailable, Fenced, DBAPIError, *OUTAGES) as error:
                logger.warning("action=relay-interrupted error=%r", error)
            await asyncio.sleep(RETRY_S)

    async def _relay_under(self, epoch: int) -> None:
        try:
            await together(self._leases.keep(LEASE, epoch), self._relay())
        finally:
            await self._leases.release(LEASE, epoch)

    async def _relay(self) -> None:
        async with connected(self._amqp_url, "relay") as connection:
            with self._wakeups.listening(APPENDED) as bell:
                await self._relay_through(StreamWriter(connection), bell)

    async def _relay_through(self, writer: StreamWriter, bell: Bell) -> None:
        relayed = await self._open_all(writer)
        clock = asyncio.get_running_loop().time
        checked = clock()
        while True:
            heads = await self._store.heads()
            if new := heads.keys() - relayed.keys():
                raise Unavailable(f"{min(new)} has no stream yet: an import has brought it. Opening all streams again.")
            for dataset, head in heads.items():
                while relayed[dataset] < head:
                    events = await self._store.read(dataset, relayed[dataset], BATCH_EVENTS)
                    await writer.publish(events)
                    relayed[dataset] = events[-1].position
            await bell.wait(POLL_S)
            if clock() > checked + CHECK_S:  # Nobody may publish for hours, and lanes and rebuilds wait for a stream.
                await writer.check(relayed)
                checked = clock()

    async def _open_all(self, writer: StreamWriter) -> dict[str, int]:
        """Where each stream ends; one whose dataset has no events yet cannot have any either."""
        heads = await self._store.heads()
        datasets = {*self._datasets, *heads}
        await writer.open(datasets)
        relayed = {}
        for dataset in datasets:
            relayed[dataset] = await writer.last_position(dataset) if heads.get(dataset) else 0
            logger.info("action=relay-opened dataset=%s position=%d", dataset, relayed[dataset])
        return relayed
