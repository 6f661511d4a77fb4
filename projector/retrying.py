"""What becomes of events that wait: they are applied after all, or discarded; log -> *projection*."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace
from sqlalchemy import RowMapping, text

from projector.folds import Fold
from projector.outcomes import APPLIED, CONFLICT, NOT_FOUND, PARKED, Outcome, write_outcomes
from projector.waiting import restricted
from shared.event_store import read_at
from shared.events import ParkedDiscarded, ParkedRetried, RecordedEvent, UploadFailed, UploadPublished, UploadReceived

Apply = Callable[[Fold, Sequence[RecordedEvent]], Awaitable[None]]

ONE = text("""
    SELECT one.keys, one.state, (
        SELECT min(earlier.position) FROM read.parked AS earlier
        WHERE (earlier.dataset, earlier.generation) = (one.dataset, one.generation) AND earlier.ended_position IS NULL
            AND earlier.position < one.position AND earlier.keys && one.keys
    ) AS first
    FROM read.parked AS one
    WHERE dataset = :dataset AND generation = :generation AND position = :position AND ended_position IS NULL
""")

END = text("""
    UPDATE read.parked SET state = :state, ended_position = :at, ended_at = :recorded_at, ended_by = :actor,
        ended_reason = :reason
    WHERE dataset = :dataset AND generation = :generation AND position = :position
""")

TELL = text("""
    UPDATE read.outcomes AS told
    SET code = now.code, key = now.key, version = now.version, record = now.record, detail = now.detail
    FROM read.outcomes AS now
    WHERE told.dataset = :dataset AND told.generation = :generation AND told.position = :position
        AND now.dataset = :dataset AND now.generation = :generation AND now.position = :at AND told.code = :parked
""")
"""Whoever sent the event can ask what became of it; a change to many records of which some waited has told already."""


async def retry(to: Fold, event: RecordedEvent, data: ParkedRetried, apply: Apply) -> None:
    """Apply what waits, as if it came now; whatever that raises is raised, and then it goes on waiting."""
    row = await _waiting(to, data.parked_position)
    refusal = _refusal(event, row)
    if row is None or refusal is not None:
        await write_outcomes(to, [refusal] if refusal else [])
        return
    parked = await read_at(to.connection, to.dataset.name, data.parked_position)
    if isinstance(parked.data, UploadReceived | UploadPublished):
        await write_outcomes(to, [_conflict(event, "Its upload has failed: send the file again, and discard this.")])
        return
    now = restricted(replace(parked, position=event.position, recorded_at=event.recorded_at), row["keys"])
    await apply(to, [now])
    if isinstance(parked.data, UploadFailed):
        await write_outcomes(to, [Outcome(position=event.position, code=APPLIED, detail={})])
    await _end(to, event, data.parked_position, "retried", None)


async def discard(to: Fold, event: RecordedEvent, data: ParkedDiscarded) -> None:
    """Let what waits wait no more, and nobody for it."""
    row = await _waiting(to, data.parked_position)
    if row is not None and row["state"] == "parked":
        await write_outcomes(to, [Outcome(position=event.position, code=APPLIED, detail={})])
        await _end(to, event, data.parked_position, "discarded", data.reason)
    else:
        refusal = _refusal(event, row) or _conflict(event, "It is being applied just now.")
        await write_outcomes(to, [refusal])


async def _waiting(to: Fold, position: int) -> RowMapping | None:
    of = {"dataset": to.dataset.name, "generation": to.generation, "position": position}
    return (await to.connection.execute(ONE, of)).mappings().one_or_none()


def _refusal(event: RecordedEvent, row: RowMapping | None) -> Outcome | None:
    """Why nothing can be decided about an event now."""
    if row is None:
        return Outcome(position=event.position, code=NOT_FOUND)
    if row["first"] is not None:
        return _conflict(event, f"It waits behind {event.dataset}:{row['first']}: decide about that first.")
    return None


def _conflict(event: RecordedEvent, reason: str) -> Outcome:
    return Outcome(position=event.position, code=CONFLICT, detail={"reason": reason})


async def _end(to: Fold, event: RecordedEvent, position: int, state: str, reason: str | None) -> None:
    of = {"dataset": to.dataset.name, "generation": to.generation, "position": position, "at": event.position}
    said = {"state": state, "recorded_at": event.recorded_at, "actor": event.actor, "reason": reason}
    await to.connection.execute(END, {**of, **said})
    await to.connection.execute(TELL, {**of, "parked": PARKED})
    to.afterwards.decided = True
