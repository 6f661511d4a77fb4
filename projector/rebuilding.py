"""Folds the log from its first event into a generation of its own, beside the one that is served; log -> *projection*.

The same lane, the same folds, another checkpoint and another lease. What is built decides nothing: it takes from the
log what the served generation has decided. A crash at any time loses nothing but time: whoever owns the lease next goes
on at the checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector.comparing import Compared, Side, compare
from projector.flipping import flip, holding, served
from projector.generations import complete_generation, declaration_of
from projector.lanes import OwnedLane, runs
from projector.opening import Build
from projector.outcomes import KEPT
from projector.pacing import Pace
from projector.progress import Progress
from projector.readers import Readers
from projector.replaying import Replay
from shared.datasets.declaration import Dataset
from shared.errors import LogDiverged
from shared.event_log import Deliveries, Load, LoadsQueue
from shared.events import RecordedEvent
from shared.settings import Settings
from shared.tasks import together
from shared.wakeups import FOLDED, REBUILDS, Bell, Wakeups

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 5000
"""Of one transaction at most: so many corrections of different records are a handful of statements."""
HOLD_S = 2.0
"""How long the served lane may stand still at a time while the new generation takes its last steps."""
AGAIN_S = 0.05
IDLE_S = 1.0

END = text("""
    UPDATE read.generations SET state = :state, failure = :failure, ended_at = clock_timestamp(), left_s = 0
    WHERE dataset = :dataset AND generation = :generation AND state = 'building'
""")

COMPARED = text("""
    UPDATE read.generations SET compared = CAST(:compared AS json)
    WHERE dataset = :dataset AND generation = :generation AND state = 'building'
""")


class Over(Exception):
    """There is nothing more to do for this generation."""


class Builder(OwnedLane):
    """The lane of one generation that is being built, under one epoch."""

    decides = False

    def __init__(
        self,
        build: Build,
        dataset: Dataset,
        epoch: int,
        engine: AsyncEngine,
        wakeups: Wakeups,
        settings: Settings,
        readers: Readers,
    ) -> None:
        super().__init__(dataset, build.generation, epoch, engine, wakeups, settings)
        self._build = build
        self._progress = Progress(engine, dataset.name, build.generation, build.until_position)
        self._is_complete = self._is_compared = False
        share = settings.verify_share if build.purpose == "verify" else 1.0
        self._pace = Pace(settings, readers, share)
        self._more = Bell()

    async def _fold_all(self, deliveries: Deliveries, loads: LoadsQueue) -> NoReturn:
        try:
            await self._build_all(Replay(deliveries, self.position), loads)
        except LogDiverged:
            await self._forget_offset()
            raise

    async def _build_all(self, replay: Replay, loads: LoadsQueue) -> NoReturn:
        missed = 0
        while True:
            now = await served(self._alone, self._dataset.name)
            self._told_after = now.head - KEPT
            until = self._build.until_position
            target = now.position if until is None else min(until, now.position)  # Never behind what is served.
            if await self._progress.note(self.position, now):
                self._wakeups.ring(REBUILDS, self._dataset.name)
            if self.position >= target:
                if self.position >= (until or 0) and await self._finish(replay, loads):
                    raise Over
                await asyncio.sleep(AGAIN_S)
                continue
            began = asyncio.get_running_loop().time()
            if await self._fold_next(replay, loads, target, IDLE_S):
                missed = 0
                await self._pace.rest(asyncio.get_running_loop().time() - began)
            else:
                missed += 1
                if missed > self._settings.lease_s:
                    raise LogDiverged("The stream does not deliver what the store has: reading it from its start.")

    async def _fold_next(self, replay: Replay, loads: LoadsQueue, until: int, timeout_s: float) -> bool:
        """Fold some events, none behind `until`; whether there were any."""
        events = await replay.events(EVENTS_AT_ONCE, until, timeout_s)
        if events:  # The next ones are read while PostgreSQL is at work.
            await together(self._fold_events(events, replay, loads), replay.fetch(2 * EVENTS_AT_ONCE))
        return bool(events)

    async def _fold_events(self, events: list[RecordedEvent], replay: Replay, loads: LoadsQueue) -> None:
        await self._read_facts()  # They are all there: what is served has come as far as these events.
        for run in runs(events):
            await self._fold_run(run, replay.offset(run[-1].position), loads)
            replay.folded(self.position)

    async def _fold_to(self, replay: Replay, loads: LoadsQueue, position: int) -> bool:
        """Whether that position could be reached while the served lane is held."""
        try:
            async with asyncio.timeout(HOLD_S):
                while self.position < position:
                    await self._fold_next(replay, loads, position, HOLD_S)
        except TimeoutError:
            return False
        return self.position == position

    async def _finish(self, replay: Replay, loads: LoadsQueue) -> bool:
        """Take the last steps, as far as they can be taken now; whether all are taken."""
        if not self._is_complete:
            async with self._engine.begin() as connection:
                await complete_generation(connection, self._dataset, self._generation)
            self._is_complete = True
            return False  # What has happened meanwhile is folded first.
        if self._build.purpose == "as-of":
            return await self._end("ready")
        if not self._is_compared:
            compared = await self._compare(replay, loads)
            if compared is None:
                return False
            await self._keep(compared)
            if self._build.purpose == "verify":
                return await self._end("verified" if compared.equal else "differs")
            if not (compared.equal or compared.declaration_changed or self._accepts):
                return await self._end("differs")
            self._is_compared = True
            return False
        return await self._flip(replay, loads)

    @property
    def _accepts(self) -> bool:
        return self._build.accept_differences or self._build.purpose == "restore"

    async def _compare(self, replay: Replay, loads: LoadsQueue) -> Compared | None:
        """Both generations in one snapshot, at one position; None where they could not be brought there now."""
        async with self._engine.connect() as snapshot:
            await snapshot.execution_options(isolation_level="REPEATABLE READ")
            async with holding(self._engine, self._dataset.name) as held:
                if not await self._fold_to(replay, loads, held.position):
                    return None
                declared = await declaration_of(snapshot, self._dataset, held.generation)  # Takes the snapshot.
            before, after = Side(declared, held.generation), Side(self._dataset, self._generation)
            return await compare(snapshot, before, after, held.position)

    async def _keep(self, compared: Compared) -> None:
        async with self._engine.begin() as connection:
            said = msgspec.json.encode(compared).decode()
            await connection.execute(COMPARED, {**self._of, "compared": said})

    async def _flip(self, replay: Replay, loads: LoadsQueue) -> bool:
        async with holding(self._engine, self._dataset.name) as held:
            if not await self._fold_to(replay, loads, held.position):
                return False
            await flip(held, self._dataset.name, self._generation, self._epoch, self._build.id)
        logger.info(
            "action=flipped dataset=%s generation=%d position=%d", self._dataset.name, self._generation, held.position
        )
        self._wakeups.ring(FOLDED, self._dataset.name)
        self._wakeups.ring(REBUILDS, self._dataset.name)
        return True

    async def _end(self, state: str) -> bool:
        await end_build(self._engine, self._build, state)
        self._wakeups.ring(REBUILDS, self._dataset.name)
        return True

    async def _give_out(self, _loads: LoadsQueue, found: list[Load]) -> None:
        """A few at a time, below, and at once where nothing is under way."""
        if found:
            self._more.ring()

    async def _give_out_again(self, loads: LoadsQueue) -> None:
        while True:
            await loads.publish(await self._pace.next(await self._waiting(self._pace.most)))
            await self._more.wait(AGAIN_S)


async def end_build(engine: AsyncEngine, build: Build, state: str, failure: str | None = None) -> None:
    """Say what has become of a generation; one that is not being built stays as it is."""
    async with engine.begin() as connection:
        of = {"dataset": build.dataset, "generation": build.generation}
        await connection.execute(END, {**of, "state": state, "failure": failure})
