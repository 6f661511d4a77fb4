"""What waits because it, or something before it, could not be applied; log -> *projection*.

An event that an `event-parked` names is skipped when its turn comes, in the lane and in every replay. Later events on
the same key wait behind it, so that the order of each key is kept; everything else goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy import text

from projector.folds import Fold
from projector.outcomes import CONFLICT, PARKED, Outcome, write_outcomes
from shared.codec import type_of
from shared.events import (
    EventParked,
    ParkedDiscarded,
    ParkedRetried,
    RecordAdded,
    RecordCorrected,
    RecordedEvent,
    RecordRemoved,
    RecordsCorrected,
    RowCorrected,
    Unreadable,
    UploadApproved,
    UploadFailed,
    UploadPublished,
    UploadReceived,
    UploadWithdrawn,
)

DECISIONS: Final = (ParkedRetried, ParkedDiscarded)

WAITING = text("""
    SELECT position, keys FROM read.parked
    WHERE dataset = :dataset AND generation = :generation AND ended_position IS NULL ORDER BY position
""")

WRITE = text("""
    INSERT INTO read.parked (dataset, generation, position, type, keys, state, reason, behind, upload_id, actor,
        recorded_at)
    SELECT CAST(:dataset AS text), CAST(:generation AS int), position, type, keys, state, reason, behind, upload_id,
        actor, recorded_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one (position bigint, type text, keys text[], state text,
        reason text, behind bigint, upload_id uuid, actor text, recorded_at timestamptz)
""")

FAILED_AGAIN = text("""
    UPDATE read.parked SET state = 'parked', reason = :reason, behind = NULL
    WHERE dataset = :dataset AND generation = :generation AND position = :position AND ended_position IS NULL
""")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An event that waits, as the books have it; `keys` is what waits until it is decided about."""

    position: int
    type: str
    keys: list[str]
    state: str
    reason: str | None
    behind: int | None
    upload_id: UUID | None
    actor: str
    recorded_at: datetime


async def let_through(to: Fold, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """The events that are to be applied now, perhaps to fewer keys; the others are written down, and wait."""
    waiting = await _waiting(to)
    if not waiting and not any(event.position in to.parked for event in events):
        return list(events)
    free: list[RecordedEvent] = []
    rows: list[Row] = []
    outcomes: list[Outcome] = []
    for event in events:
        fact = to.parked.get(event.position)
        if fact is not None and isinstance(event.data, DECISIONS):
            outcomes.append(await _failed_again(to, event, event.data.parked_position, fact))
            continue
        keys = keys_of(event) if fact is None else list(fact.keys)
        blocked = {key: waiting[key] for key in keys if key in waiting} if fact is None else {}
        if fact is None and (len(blocked) < len(keys) or not keys):
            free.append(restricted(event, [key for key in keys if key not in blocked]) if blocked else event)
        else:
            outcomes.append(_set_aside(event, fact, blocked))
        if fact is not None or blocked:
            rows.append(_row(event, fact, blocked))
            waiting |= {key: waiting.get(key, event.position) for key in rows[-1].keys}
    if rows:
        of = {"dataset": to.dataset.name, "generation": to.generation}
        await to.connection.execute(WRITE, {**of, "rows": msgspec.json.encode(rows).decode()})
    await write_outcomes(to, outcomes)
    return free


def keys_of(event: RecordedEvent) -> list[str]:
    """What the order of an event is kept for: its records, its rejected row, or its upload in what people decide.

    Decisions of projectors about uploads wait for nobody.
    """
    match event.data:
        case RecordAdded(key=key) | RecordCorrected(key=key) | RecordRemoved(key=key):
            return [f"record {key}"]
        case RecordsCorrected(keys=keys):
            return [f"record {key}" for key in keys]
        case RowCorrected(upload_id=upload_id, row=row):
            return [f"row {upload_id}:{row}"]
        case UploadApproved(upload_id=upload_id) | UploadWithdrawn(upload_id=upload_id):
            return [f"upload {upload_id}"]
        case _:
            return []


def keys_to_park(event: RecordedEvent) -> list[str]:
    """The same of an event that cannot be applied; of one that cannot be read, as far as its fields have our names."""
    match event.data:
        case UploadReceived(upload_id=upload_id) | UploadPublished(upload_id=upload_id):
            return [f"upload {upload_id}"]
        case UploadFailed(upload_id=upload_id):
            return [f"upload {upload_id}"]
        case Unreadable(stored=stored):
            return _guessed(stored)
        case _:
            return keys_of(event)


def _guessed(stored: bytes) -> list[str]:
    try:
        said = msgspec.json.decode(stored, type=_Named)
    except msgspec.ValidationError:
        return []
    keys = [f"record {key}" for key in (*said.keys, *([said.key] if said.key else []))]
    if said.upload_id:
        keys.append(f"upload {said.upload_id}" if said.row is None else f"row {said.upload_id}:{said.row}")
    return keys


class _Named(msgspec.Struct, frozen=True):
    key: str | None = None
    keys: tuple[str, ...] = ()
    upload_id: str | None = None
    row: int | None = None


async def _waiting(to: Fold) -> dict[str, int]:
    """The position of the first event that waits for each key."""
    of = {"dataset": to.dataset.name, "generation": to.generation}
    waiting: dict[str, int] = {}
    for position, keys in await to.connection.execute(WAITING, of):
        waiting |= {key: waiting.get(key, position) for key in keys}
    return waiting


async def _failed_again(to: Fold, event: RecordedEvent, position: int, fact: EventParked) -> Outcome:
    """A decision could not be applied: what it is about waits on, and now for a person."""
    of = {"dataset": to.dataset.name, "generation": to.generation}
    await to.connection.execute(FAILED_AGAIN, {**of, "position": position, "reason": fact.reason})
    reason = f"{to.dataset.name}:{position} still cannot be applied: {fact.reason}"
    return Outcome(position=event.position, code=CONFLICT, detail={"reason": reason})


def restricted(event: RecordedEvent, keys: Sequence[str]) -> RecordedEvent:
    """A change to many records for some of them; every other event is about all that it names."""
    if not isinstance(event.data, RecordsCorrected):
        return event
    chosen = {key.removeprefix("record ") for key in keys}
    return replace(event, data=replace(event.data, keys=tuple(key for key in event.data.keys if key in chosen)))


def _set_aside(event: RecordedEvent, fact: EventParked | None, blocked: Mapping[str, int]) -> Outcome:
    reason = (
        f"It could not be applied, and waits for a decision: {fact.reason}"
        if fact
        else f"It waits behind {event.dataset}:{min(blocked.values())}, which could not be applied."
    )
    return Outcome(position=event.position, code=PARKED, detail={"reason": reason})


def _row(event: RecordedEvent, fact: EventParked | None, blocked: Mapping[str, int]) -> Row:
    upload_id: UUID | None = getattr(event.data, "upload_id", None)
    return Row(
        position=event.position,
        type=event.data.type if isinstance(event.data, Unreadable) else type_of(event.data),
        keys=list(fact.keys if fact else blocked),
        state="parked" if fact else "behind",
        reason=fact.reason if fact else None,
        behind=None if fact else min(blocked.values()),
        upload_id=upload_id,
        actor=event.actor,
        recorded_at=event.recorded_at,
    )
