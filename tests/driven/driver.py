"""Drives the projector's own code over a real PostgreSQL, without RabbitMQ and HTTP; log -> *projection* -> read table.

Whatever may happen at the same time happens one after the other here, in an order that a test chooses.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.archives.unpacking import Unpacker
from command_api.receiving import Receiver
from command_api.texts import Wishes
from projector.compacting import Compaction, Compactor
from projector.deciding import Decider
from projector.generations import ensure_live
from projector.lanes import OwnedLane
from projector.loading import Loader
from projector.merging import Interfered, Merge
from projector.readers import Readers
from shared.blobs import Blobs, open_blobs
from shared.database import NOT_DURABLE, make_engine, make_pool
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.event_log import Delivered, Deliveries, Load, LoadsQueue
from shared.event_store import Appended, EventStore, Proposal
from shared.events import Fact, RecordedEvent, UploadReceived
from shared.settings import Settings
from shared.wakeups import Wakeups
from tests.driven.read_back import ReadBack
from tests.driven.rows import Cells
from tests.driven.tiny import CELLS, kind_of
from tests.files import table

PATIENCE_S = 30.0
CHUNK_BYTES = 24
"""So few that most files have more than one chunk."""
SMALL_UPLOAD_ROWS = 2
"""So few that uploads go into the open segment and into segments of their own."""


MERGE_STEPS = 4
"""Of a merge, after it has begun."""


class Place:
    """A database, a folder of blobs and what works on them; used for one dataset after the other."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool[Any]) -> None:
        self.settings = settings
        self.engine: AsyncEngine = make_engine(settings.database_url, name="tests", synchronous_commit=NOT_DURABLE)
        self.store = EventStore(self.engine)
        self.blobs: Blobs = open_blobs(settings.blobs_url)
        self.unpacker = Unpacker(settings.unpack_s)
        self.wakeups = Wakeups(settings.database_url)
        self.catalogue: Catalogue = {}
        self.loader = Loader("tests", pool, self.blobs, self.catalogue, self.store, self.wakeups, Readers(self.wakeups))
        self.decider = Decider(self.engine, self.store, self.wakeups)
        self.compaction = Compaction(self.engine, most=2, readers_s=0)
        self._pool = pool
        self._numbers = itertools.count(1)

    @staticmethod
    async def open(database_url: str, blobs_url: str) -> Place:
        """A place in a database that is migrated and empty."""
        settings = Settings(
            database_url=database_url,
            amqp_url="",
            blobs_url=blobs_url,
            chunk_bytes=CHUNK_BYTES,
            small_upload_rows=SMALL_UPLOAD_ROWS,
            verify_share=1.0,
        )
        return Place(settings, await make_pool(database_url, name="tests-loader", synchronous_commit=NOT_DURABLE))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.close()
        await self.engine.dispose()

    async def begin(self, dataset: Dataset) -> Driver:
        """A dataset like that one under a name of its own, with nothing in it."""
        named = msgspec.structs.replace(dataset, name=f"{dataset.name}_{next(self._numbers)}")
        self.catalogue[named.name] = named
        async with self.engine.begin() as connection:
            generation = await ensure_live(connection, named)
        return Driver(self, named, generation)


class Over(Exception):
    """All that was to be delivered is delivered."""


class Told(Deliveries):
    """Deliveries that a test has made up."""

    def __init__(self, batches: Sequence[Sequence[RecordedEvent]]) -> None:
        self._batches = iter(batches)

    async def next(self, timeout_s: float) -> Delivered | None:  # noqa: ARG002  # as it is called
        for batch in self._batches:
            return Delivered(0, list(batch))
        raise Over


class Waiting(LoadsQueue):
    """Loads that were given out and that nobody has taken yet."""

    def __init__(self) -> None:
        self.loads: list[Load] = []

    async def publish(self, loads: Sequence[Load]) -> None:
        self.loads += loads


class Driver:
    """One dataset: its log, its lane, its loads. `position` is that of the last event that was delivered."""

    def __init__(self, place: Place, dataset: Dataset, generation: int) -> None:
        self.place = place
        self.dataset = dataset
        self.generation = generation
        self.position = 0
        self.waiting = Waiting()
        self.read = ReadBack(place.engine, dataset, generation)
        self.files: dict[UUID, dict[int, Cells]] = {}
        self.merge: Merge | None = None
        self._merge_steps = 0
        self.correlation_id: UUID | None = None
        self.lane = self.own(epoch=0)

    def own(self, epoch: int) -> OwnedLane:
        """The lane as it is owned under an epoch, and whoever compacts it."""
        of = (self.dataset, self.generation, epoch, self.place.engine, self.place.wakeups, self.place.settings)
        lane = OwnedLane(*of)
        lane.position, lane.offset = self.position, None
        self.compactor = Compactor(self.place.compaction, self.dataset, self.generation, epoch, lane.folding)
        return lane

    async def append(self, event: Fact, *, actor: str = "ann", claim: str | None = None) -> Appended:
        """An event into the store."""
        correlation_id = self.correlation_id or uuid4()
        proposal = Proposal(event=event, actor=actor, claim=claim, correlation_id=correlation_id)
        return await self.place.store.append(self.dataset.name, proposal)

    async def send(self, rows: Sequence[Sequence[str]], *, review: bool = False, abort: bool = False) -> UUID:
        """A file with these cells is received."""
        upload_id, labels = uuid4(), tuple(CELLS[kind_of(self.dataset)])
        receiver = Receiver(
            self.place.settings, self.place.blobs, self.place.unpacker, self.dataset, upload_id, Wishes()
        )
        received = await receiver.receive(_body(table(labels, rows).encode()), gzipped=False)
        fields = [name or "" for name in received.header.fields]
        self.files[upload_id] = {
            number: dict(zip(fields, row, strict=True)) for number, row in enumerate(rows, start=2)
        }
        event = UploadReceived(
            upload_id=upload_id,
            blob_key=received.blob_key,
            text_key=received.text_key,
            sha256=received.sha256,
            size_bytes=received.size_bytes,
            file_name="tiny.csv",
            media_type="text/csv",
            dialect=received.dialect,
            header=received.header,
            chunks=received.chunks,
            source=None,
            review=review,
            on_error="abort" if abort else "skip",
        )
        await self.append(event)
        return upload_id

    async def events(self, most: int) -> list[RecordedEvent]:
        """The next events of the log."""
        return await self.place.store.read(self.dataset.name, self.position, most)

    async def deliver(self, *batches: Sequence[RecordedEvent], lane: OwnedLane | None = None) -> None:
        """Let the lane, or another one, fold what the stream would bring."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await (lane or self.lane)._fold_all(Told(batches), self.waiting)  # noqa: SLF001  # the lane without its broker
        except Over:
            self.position = max(self.position, *(batch[-1].position for batch in batches))

    async def fold(self, most: int) -> list[RecordedEvent]:
        """Fold the next events, delivered as one message that comes twice; those events."""
        events = await self.events(most)
        if events:
            await self.deliver(events, events)
        return events

    async def load(self, index: int) -> Load | None:
        """Load one of the chunks that wait, some of them twice; None where none waits."""
        if not self.waiting.loads:
            return None
        load = self.waiting.loads.pop(index % len(self.waiting.loads))
        for _ in range(1 + index % 2):
            async with asyncio.timeout(PATIENCE_S):
                await self.place.loader.handle(load)
        return load

    async def decide(self) -> None:
        """Publish what may be published."""
        await self.place.decider.decide(self.dataset.name, self.generation)

    async def compact(self, first: int, count: int, steps: int) -> None:
        """Do so many steps of a merge of some segments, a new one when the last is over; then drop what it replaced."""
        for _ in range(steps):
            if self.merge is None:
                await self.tidy()
                live = sorted(one.number for one in await self.compactor.sizes())
                chosen = (live + live)[first % len(live) :][: min(count, len(live))] if live else []
                if not chosen:
                    return
                self.merge, self._merge_steps = await self.compactor.begin(chosen), 0
                continue
            compactor = self.compactor
            step = (compactor.copy, compactor.index, compactor.catch_up, compactor.swap)[self._merge_steps]
            self._merge_steps += 1
            try:
                await step(self.merge)
            except Interfered:
                self.merge = None
            else:
                self.merge = self.merge if self._merge_steps < MERGE_STEPS else None

    async def tidy(self) -> None:
        """Give up the merge that is under way, and drop all tables that merges have left."""
        self.merge = None
        await self.compactor.abandon()
        await self.compactor.drop()

    def move(self, generation: int, epoch: int) -> None:
        """Go on with another generation, as the owner of its lane under that epoch."""
        self.generation = generation
        self.read = ReadBack(self.place.engine, self.dataset, generation)
        self.waiting = Waiting()
        self.merge = None
        self.lane = self.own(epoch)

    async def drop(self) -> None:
        """Remove all tables."""
        for generation in {1, self.generation}:
            async with self.place.engine.begin() as connection:
                await connection.execute(text(f"DROP SCHEMA IF EXISTS {self.dataset.name}_{generation} CASCADE"))


async def _body(content: bytes) -> AsyncIterator[bytes]:
    yield content
