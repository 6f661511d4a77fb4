"""Applies one dataset's events in order, owned by one projector at a time; log -> *projection*.

The checkpoint moves by compare-and-swap on position and epoch inside the transaction that writes the rows, so neither a
second delivery nor an owner who slept through its lease can do harm. What the stream says is believed only when it
continues the checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from projector.balancing import Balance
from projector.compacting import Compaction, Compactor
from projector.deciding import Decider
from projector.faults import passes, told
from projector.flipping import lane_of
from projector.folding import fold
from projector.folds import Afterwards, Fold
from projector.generations import LIVE, declaration_of, ensure_live
from projector.heads import keep_noting, note_head
from projector.parking import Parking, read_facts
from projector.sweeping import sweep
from shared.database import OUTAGES, each_alone
from shared.datasets.declaration import Dataset
from shared.errors import Fenced, LaneStopped, LogDiverged, Unavailable
from shared.event_log import Deliveries, Load, LoadsQueue, connected, reading
from shared.events import EventParked, RecordedEvent, UploadPublished
from shared.leases import Leases
from shared.read_tables import Names
from shared.settings import Settings
from shared.tasks import together
from shared.wakeups import DECIDED, FOLDED, LOADED, REBUILDS, Bell, Wakeups

logger = logging.getLogger(__name__)

RETRY_S = 0.5
STOPPED_S = 10.0
POLL_S = 5.0

TAKE_OVER = text("""
    UPDATE read.checkpoints SET epoch = :epoch
    WHERE dataset = :dataset AND generation = :generation AND epoch < :epoch
    RETURNING position, stream_offset
""")

ADVANCE = text("""
    UPDATE read.checkpoints SET position = :new, stream_offset = :offset, folded_at = clock_timestamp(),
        stopped_at = NULL, stopped_reason = NULL
    WHERE dataset = :dataset AND generation = :generation AND position = :old AND epoch = :epoch
""")

BEHIND = text("""
    SELECT head.position > checkpoint.position AS behind
    FROM read.checkpoints AS checkpoint JOIN store.heads AS head USING (dataset)
    WHERE checkpoint.dataset = :dataset AND checkpoint.generation = :generation
""")

WAITING = text("""
    SELECT upload.number AS upload, coalesce(chunk.number, 0) AS chunk
    FROM read.uploads AS upload
    LEFT JOIN read.chunks AS chunk
        ON (chunk.dataset, chunk.generation, chunk.upload) = (upload.dataset, upload.generation, upload.number)
        AND chunk.done_by IS NULL
    WHERE upload.dataset = :dataset AND upload.generation = :generation AND upload.state = 'loading'
    ORDER BY 1, 2 LIMIT :most
""")

IS_LOADED = text("""
    SELECT state <> 'loading' FROM read.uploads WHERE id = :id AND generation = :generation
""")


class Lane:
    """The lane of one dataset's live generation; `run` works whenever this process holds its lease."""

    def __init__(
        self,
        dataset: Dataset,
        engine: AsyncEngine,
        leases: Leases,
        balance: Balance,
        decider: Decider,
        wakeups: Wakeups,
        settings: Settings,
        compaction: Compaction,
    ) -> None:
        self._dataset = dataset
        self._engine = engine
        self._alone = each_alone(engine)
        self._compaction = compaction
        self._leases = leases
        self._balance = balance
        self._decider = decider
        self._wakeups = wakeups
        self._settings = settings

    async def run(self) -> None:
        """Until cancelled: own the lane when nobody else does or is to, start over after every fault."""
        with self._wakeups.listening(DECIDED, of=self._dataset.name) as decided:
            while True:
                await self._run_once(lane_of(self._dataset.name), decided)
                await asyncio.sleep(RETRY_S)

    async def _run_once(self, name: str, decided: Bell) -> None:
        try:
            epoch = None if await self._balance.is_held(name) else await self._take(name)
            if epoch is not None:
                await self._own(name, epoch)
        except LaneStopped as error:
            logger.error("action=lane-stopped dataset=%s reason=%r", self._dataset.name, str(error))
            await decided.wait(STOPPED_S)
        except (Unavailable, Fenced, LogDiverged, DBAPIError, *OUTAGES) as error:
            logger.warning("action=lane-interrupted dataset=%s error=%r", self._dataset.name, error)
        except Exception:  # A fault of ours: this lane stops, the others go on.
            logger.exception("action=lane-stopped dataset=%s retry_s=%s", self._dataset.name, STOPPED_S)
            await asyncio.sleep(STOPPED_S)
        else:
            await asyncio.sleep(self._balance.pause_s)

    async def _take(self, name: str) -> int | None:
        async with self._balance.taking:
            return await self._leases.acquire(name) if await self._balance.may_take() else None

    async def _own(self, name: str, epoch: int) -> None:
        async with self._engine.begin() as connection:
            generation = await ensure_live(connection, self._dataset)
            dataset = await declaration_of(connection, self._dataset, generation)
            of = {"dataset": self._dataset.name, "generation": generation}
            found = (await connection.execute(TAKE_OVER, {**of, "epoch": epoch})).one_or_none()
            await note_head(connection, self._dataset.name, generation, epoch)  # Here, for the broker may be away.
        if found is None:
            raise Fenced(f"The lane of {self._dataset.name} has a newer owner.")
        logger.info("action=lane-owned dataset=%s position=%d epoch=%d", self._dataset.name, found.position, epoch)
        if dataset.fingerprint != self._dataset.fingerprint:
            says = "the declaration has changed: this generation is folded by its own until a rebuild is asked for"
            logger.warning("action=declared-otherwise dataset=%s generation=%d says=%r", dataset.name, generation, says)
        owned = OwnedLane(dataset, generation, epoch, self._engine, self._wakeups, self._settings)
        owned.position, owned.offset = found.position, found.stream_offset
        try:
            await together(
                self._leases.keep(name, epoch),
                self._decider.run(self._dataset.name, generation),
                keep_noting(self._engine, self._dataset.name, generation, epoch),
                owned.follow(),
                Compactor(self._compaction, dataset, generation, epoch, owned.folding).run(),
                self._watch(generation),
                self._balance.watch(name),
            )
        finally:
            await self._leases.release(name, epoch)

    async def _watch(self, generation: int) -> None:
        """Raise Fenced when another generation is served: its lane is to be owned, and soon."""
        with self._wakeups.listening(REBUILDS, of=self._dataset.name) as bell:
            while True:
                await bell.wait(POLL_S)
                async with self._alone.connect() as connection:
                    live = (await connection.execute(LIVE, {"dataset": self._dataset.name})).scalar_one()
                if live != generation:
                    raise Fenced(f"Generation {live} of {self._dataset.name} is served by now, not {generation}.")


class OwnedLane:
    """A lane under one epoch; `position` and `offset` are those of the last event that is folded.

    Whoever holds `folding` knows that no fold is under way.
    One that `decides` says of an event that cannot be folded that it waits; another one ends with its error.
    """

    position: int
    offset: int | None
    decides = True

    def __init__(
        self,
        dataset: Dataset,
        generation: int,
        epoch: int,
        engine: AsyncEngine,
        wakeups: Wakeups,
        settings: Settings,
    ) -> None:
        self._dataset = dataset
        self._of = {"dataset": dataset.name, "generation": generation}
        self._generation = generation
        self._epoch = epoch
        self._engine = engine
        self._alone = each_alone(engine)
        self._wakeups = wakeups
        self._settings = settings
        self._told_after = 0  # Nobody waits for outcomes at or below that position.
        self._parked: dict[int, EventParked] = {}
        self._parking = Parking(engine, wakeups, dataset.name, generation, epoch)
        self._attached: asyncio.Queue[int] = asyncio.Queue()
        self._cancelled = asyncio.Event()
        self._cancelled.set()  # What an earlier owner left.
        self.folding = asyncio.Lock()

    async def follow(self) -> None:
        """Fold the stream from the checkpoint on, for ever; raises Unavailable, Fenced, LogDiverged."""
        async with connected(self._settings.amqp_url, f"lane {self._dataset.name}") as connection:
            loads = LoadsQueue(connection)
            await loads.open()
            begin = "first" if self.offset is None else self.offset
            async with reading(connection, self._dataset.name, begin) as deliveries:
                await together(
                    self._fold_all(deliveries, loads),
                    self._give_out_again(loads),
                    self._analyze_all(),
                    self._sweep_all(),
                )

    async def _fold_all(self, deliveries: Deliveries, loads: LoadsQueue) -> None:
        idle_s, was_behind = self._settings.lease_s / 2, False
        while True:
            delivered = await deliveries.next(idle_s)
            if delivered is None:
                is_behind = await self._is_behind()
                if was_behind and is_behind:
                    await self._forget_offset()
                    raise LogDiverged(
                        "The store has events that the stream does not deliver: reading it from its start."
                    )
                was_behind = is_behind
                continue
            was_behind = False
            events = [event for event in delivered.events if event.position > self.position]
            if events and events[0].position != self.position + 1:
                await self._forget_offset()
                raise LogDiverged(f"Position {events[0].position} follows {self.position}: reading from the start.")
            await self._read_facts()
            for run in runs(events):
                await self._fold_run(run, delivered.offset, loads)

    async def _read_facts(self) -> None:
        """Know which events are skipped: whoever owned the lane before, or whence a log is imported, has decided."""
        self._parked = await read_facts(self._alone, self._dataset.name, self.position)

    async def _fold_run(self, events: list[RecordedEvent], offset: int, loads: LoadsQueue) -> None:
        if isinstance(events[0].data, UploadPublished) and events[0].position not in self._parked:
            await self._wait_until_loaded(events[0].data)
        try:
            await self._fold_together(events, offset, loads)
        except Exception as error:
            if passes(error) or not self.decides:
                raise
            logger.warning("action=fold-failed dataset=%s reason=%r", self._dataset.name, told(error))
            await self._fold_singly(events, offset, loads)

    async def _fold_singly(self, events: list[RecordedEvent], offset: int, loads: LoadsQueue) -> None:
        """Fold what cannot be folded together; each event that cannot be folded alone either is parked, and skipped."""
        for event in events:
            try:
                await self._fold_together([event], offset, loads)
            except Exception as alone:
                if passes(alone):
                    raise
                self._parked[event.position] = await self._parking.park(event, alone)
                await self._fold_together([event], offset, loads)

    async def _fold_together(self, events: list[RecordedEvent], offset: int, loads: LoadsQueue) -> None:
        async with self.folding, self._engine.begin() as connection:
            small_rows = self._settings.small_upload_rows
            after = Afterwards()
            to = Fold(connection, self._dataset, self._generation, small_rows, after, self._told_after, self._parked)
            await fold(to, events)
            moved = {"new": events[-1].position, "old": self.position, "offset": offset, "epoch": self._epoch}
            if (await connection.execute(ADVANCE, {**self._of, **moved})).rowcount != 1:
                raise Fenced(f"The checkpoint of {self._dataset.name} moved under us.")
        self.position, self.offset = events[-1].position, offset
        self._wakeups.ring(FOLDED, self._dataset.name)
        for number in to.afterwards.attached:
            self._attached.put_nowait(number)
        if to.afterwards.cancelled:
            self._cancelled.set()
        if to.afterwards.decided:
            self._wakeups.ring(LOADED, self._dataset.name)
        await self._give_out(loads, to.afterwards.loads)

    async def _give_out(self, loads: LoadsQueue, found: list[Load]) -> None:
        """Let anybody load what a fold has made ready."""
        await loads.publish(found)

    async def _wait_until_loaded(self, data: UploadPublished) -> None:
        """An upload that another generation has loaded may still be loading in this one."""
        of = {"id": data.upload_id, "generation": self._generation}
        while True:
            async with self._alone.connect() as connection:
                if (await connection.execute(IS_LOADED, of)).scalar_one():
                    return
            await asyncio.sleep(0.05)

    async def _analyze_all(self) -> None:
        """Tell the planner what new segments hold, after readers see them; autovacuum would do it a minute later."""
        names = Names(self._dataset, self._generation)
        while True:
            segment = names.segment(await self._attached.get())
            async with self._engine.begin() as connection:
                await connection.execute(text(f"ANALYZE {segment}"))

    async def _sweep_all(self) -> None:
        """Drop the tables of cancelled uploads, outside of the folds: a loader may still hold them."""
        while True:
            await self._cancelled.wait()
            self._cancelled.clear()
            await sweep(self._engine, self._dataset, self._generation)

    async def _is_behind(self) -> bool:
        async with self._alone.connect() as connection:
            return bool((await connection.execute(BEHIND, self._of)).scalar_one_or_none())

    async def _forget_offset(self) -> None:
        statement = text(
            "UPDATE read.checkpoints SET stream_offset = NULL WHERE dataset = :dataset AND generation = :generation"
        )
        async with self._alone.connect() as connection:
            await connection.execute(statement, self._of)

    async def _waiting(self, most: int | None = None) -> list[Load]:
        """The first loads that are not done, or all."""
        async with self._alone.connect() as connection:
            found = await connection.execute(WAITING, {**self._of, "most": most})
            return [Load(self._dataset.name, self._generation, row.upload, row.chunk) for row in found]

    async def _give_out_again(self, loads: LoadsQueue) -> None:
        """Give out what waits: at the start, and whenever nothing has moved for the life of a lease.

        What the broker or a crash of PostgreSQL lost comes back this way; a load given out twice changes nothing.
        """
        given_out: list[Load] | None = None
        while True:
            waiting = await self._waiting()
            if given_out is None or waiting == given_out:
                await loads.publish(waiting)
            given_out = waiting
            await asyncio.sleep(self._settings.lease_s)


def runs(events: list[RecordedEvent]) -> Iterator[list[RecordedEvent]]:
    """The events in order, cut before each publication: that may have to wait for its upload."""
    run: list[RecordedEvent] = []
    for event in events:
        if run and isinstance(event.data, UploadPublished):
            yield run
            run = []
        run.append(event)
    if run:
        yield run
