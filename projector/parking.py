"""Decides that an event which cannot be applied waits, so that all others go on; projection -> *event*.

The decision is a fact of the log like any other. It is appended while the checkpoint stands right before the event, and
cannot move: so whoever folds that event, now or in a replay, finds it in the store before.
"""

from __future__ import annotations

import logging

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector.faults import told
from projector.waiting import keys_to_park
from shared.codec import decode_data
from shared.errors import Fenced, LaneStopped
from shared.event_store import Proposal, append_within
from shared.events import EventParked, Fact, ParkedRetried, RecordedEvent, UploadFailed, UploadPublished, UploadReceived
from shared.wakeups import APPENDED, Wakeups

logger = logging.getLogger(__name__)

PROJECTOR = "projector"
"""Who decides, where no person does."""
BURST = 10
WINDOW_EVENTS = 1000
"""After BURST parkings within so many events the lane stops, until a person has decided about one of them."""

FACTS = text("""
    SELECT version, CAST(data AS text) AS data FROM store.events
    WHERE dataset = :dataset AND type = 'event-parked' AND position > :position ORDER BY position
""")

HOLD = text("""
    SELECT position FROM read.checkpoints
    WHERE dataset = :dataset AND generation = :generation AND epoch = :epoch AND position = :before FOR UPDATE
""")

LATELY = text("""
    SELECT count(*) FROM store.events
    WHERE dataset = :dataset AND type = 'event-parked' AND position > coalesce((
            SELECT max(position) FROM store.events
            WHERE dataset = :dataset AND type IN ('parked-retried', 'parked-discarded') AND actor <> :projector
        ), 0)
        AND CAST(data ->> 'parked_position' AS bigint) > :since
""")

STOP = text("""
    UPDATE read.checkpoints SET stopped_at = coalesce(stopped_at, clock_timestamp()), stopped_reason = :reason
    WHERE dataset = :dataset AND generation = :generation
""")

HEADS = text("""
    SELECT position FROM read.parked AS one
    WHERE dataset = :dataset AND generation = :generation AND ended_position IS NULL AND state = 'behind'
        AND NOT EXISTS (
            SELECT FROM read.parked AS earlier
            WHERE (earlier.dataset, earlier.generation) = (one.dataset, one.generation)
                AND earlier.ended_position IS NULL AND earlier.position < one.position AND earlier.keys && one.keys
        )
    ORDER BY position LIMIT 1000
""")


async def read_facts(engine: AsyncEngine, dataset: str, position: int) -> dict[int, EventParked]:
    """What the log says behind a position of events that are skipped, by their positions.

    Complete for all events that what is served has reached when this is asked.
    """
    async with engine.connect() as connection:
        found = (await connection.execute(FACTS, {"dataset": dataset, "position": position})).all()
    facts = (decode_data(row.data.encode(), row.version) for row in found)
    return {fact.parked_position: fact for fact in facts if isinstance(fact, EventParked)}


class Parking:
    """The decisions of one owner of a lane, under its epoch."""

    def __init__(self, engine: AsyncEngine, wakeups: Wakeups, dataset: str, generation: int, epoch: int) -> None:
        self._engine = engine
        self._wakeups = wakeups
        self._dataset = dataset
        self._of = {"dataset": dataset, "generation": generation}
        self._epoch = epoch

    async def park(self, event: RecordedEvent, error: Exception) -> EventParked:
        """Append that the next event waits, durably; its upload, if it is about to be one, has failed.

        Raises Fenced when the lane is somebody else's by now, or LaneStopped after too many of them.
        """
        fact = EventParked(parked_position=event.position, keys=tuple(keys_to_park(event)), reason=told(error))
        async with self._engine.begin() as connection:
            await connection.execute(text("SET LOCAL synchronous_commit = on"))
            held = {**self._of, "epoch": self._epoch, "before": event.position - 1}
            if (await connection.execute(HOLD, held)).one_or_none() is None:
                raise Fenced(f"The lane of {self._dataset} has a newer owner.")
            stopped = await self._stop(connection, fact)
            if not stopped:
                decided: list[Fact] = [fact, *_failing(event, fact)]
                await append_within(connection, self._dataset, [_proposal(one) for one in decided])
        if stopped:
            raise LaneStopped(stopped)
        self._wakeups.ring(APPENDED)
        logger.error("action=event-parked event=%s:%d reason=%r", self._dataset, event.position, fact.reason)
        return fact

    async def _stop(self, connection: AsyncConnection, fact: EventParked) -> str | None:
        """Why the lane has to stop here, which is noted; None where it has not."""
        said = {"dataset": self._dataset, "projector": PROJECTOR, "since": fact.parked_position - WINDOW_EVENTS}
        lately = (await connection.execute(LATELY, said)).scalar_one()
        if lately < BURST:
            return None
        reason = (
            f"{lately} of the last {WINDOW_EVENTS} events could not be applied, nor can {self._dataset}:"
            f"{fact.parked_position} ({fact.reason}). Mend what they have in common, or retry or discard one of them."
        )
        await connection.execute(STOP, {**self._of, "reason": reason})
        return reason


async def waiting_heads(engine: AsyncEngine, dataset: str, generation: int) -> list[Proposal]:
    """The decisions to apply what has waited behind events that wait no more."""
    async with engine.connect() as connection:
        heads = (await connection.scalars(HEADS, {"dataset": dataset, "generation": generation})).all()
    return [_proposal(ParkedRetried(parked_position=position), f"released:{position}") for position in heads]


def _failing(event: RecordedEvent, fact: EventParked) -> list[UploadFailed]:
    """An upload that cannot be taken or published keeps no later one waiting, and its file can be sent again."""
    if not isinstance(event.data, UploadReceived | UploadPublished):
        return []
    reason = f"{event.dataset}:{event.position} could not be applied: {fact.reason}"
    return [UploadFailed(upload_id=event.data.upload_id, code="parked", reason=reason)]


def _proposal(event: Fact, claim: str | None = None) -> Proposal:
    return Proposal(event=event, actor=PROJECTOR, claim=claim)
