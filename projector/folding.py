"""What each event does to the read tables; log -> *projection*. The dict at the end is the whole routing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import text

from projector.editing import EDITS, fold_edits
from projector.fitting import refitted
from projector.folds import Fold
from projector.generations import make_upload_tables
from projector.outcomes import Outcome, write_outcomes
from projector.publishing import publish
from projector.retrying import discard, retry
from projector.waiting import DECISIONS, let_through
from projector.withdrawing import Decision, approve, withdraw
from shared.errors import UnreadableEvent
from shared.event_log import Load
from shared.events import (
    EventParked,
    Fact,
    ParkedDiscarded,
    ParkedRetried,
    RecordedEvent,
    Unreadable,
    UploadApproved,
    UploadFailed,
    UploadPublished,
    UploadReceived,
    UploadWithdrawn,
)
from shared.read_tables import OPEN_SEGMENT

INSERT_UPLOAD = text("""
    INSERT INTO read.uploads (dataset, generation, number, id, state, received_position, actor, source, file_name,
        blob_key, text_key, media_type, sha256, size_bytes, dialect, header, segment, chunks, received_at, folded_at,
        review, on_error, failure, failed_position)
    VALUES (:dataset, :generation, :number, :id, :state, :position, :actor, :source, :file_name,
        :blob_key, :text_key, :media_type, :sha256, :size_bytes, CAST(:dialect AS json), CAST(:header AS json),
        :segment, :chunks, :received_at, clock_timestamp(), :review, :on_error, CAST(:failure AS json),
        :failed_position)
""")

NEXT_NUMBER = text("""
    SELECT coalesce(max(number), 0) + 1 FROM read.uploads WHERE dataset = :dataset AND generation = :generation
""")

INSERT_CHUNK = text("""
    INSERT INTO read.chunks (dataset, generation, upload, number, "offset", size_bytes, first_row, first_line, rows)
    VALUES (:dataset, :generation, :upload, :number, :offset, :size_bytes, :first_row, :first_line, :rows)
""")

FAIL_UPLOAD = text("""
    UPDATE read.uploads SET state = 'failed', failure = CAST(:failure AS json), failed_position = :position
    WHERE id = :id AND generation = :generation AND state NOT IN ('published', 'failed', 'withdrawn')
    RETURNING number
""")


Apply = Callable[[Fold, Sequence[RecordedEvent]], Awaitable[None]]


async def fold(to: Fold, events: Sequence[RecordedEvent]) -> None:
    """Apply consecutive events; the same events in the same state always give the same, however they are cut.

    What could not be applied, as the log says further on (`to.parked`), is skipped, and what is behind it waits.
    """
    for _, group in groupby(events, key=lambda event: _alone(to, event)):
        group_events = list(group)
        await refuse_parked(to, group_events)
        await apply_all(to, await let_through(to, group_events))


def _alone(to: Fold, event: RecordedEvent) -> int:
    """The position of an event on whose turn others depend by more than their keys; 0 for all others."""
    is_refused = event.position in to.parked and isinstance(event.data, UploadReceived)
    return event.position if is_refused or isinstance(event.data, DECISIONS) else 0


async def apply_all(to: Fold, events: Sequence[RecordedEvent]) -> None:
    """Apply events whose turn it is."""
    for apply, group in groupby(events, key=fold_of):
        await apply(to, list(group))


def fold_of(event: RecordedEvent) -> Apply:
    """What applies an event; raises UnreadableEvent for what this version does not know: nothing is guessed."""
    if isinstance(event.data, Unreadable):
        raise UnreadableEvent(f"{event.dataset}:{event.position} cannot be read: {event.data.why}")
    return FOLDS[type(event.data)]


def one_by_one(apply: Callable[[Fold, RecordedEvent, Any], Awaitable[None]]) -> Apply:
    """Events that are not folded together."""

    async def apply_each(to: Fold, events: Sequence[RecordedEvent]) -> None:
        for event in events:
            await apply(to, event, event.data)

    return apply_each


async def fold_received(to: Fold, event: RecordedEvent, data: UploadReceived) -> None:
    """Write the upload and its chunks into the books and make the tables to load it into."""
    of = {"dataset": to.dataset.name, "generation": to.generation}
    number, segment = await write_upload(to, event, data)
    if data.chunks:
        chunks = [{**of, "upload": number, **msgspec.structs.asdict(chunk)} for chunk in data.chunks]
        await to.connection.execute(INSERT_CHUNK, chunks)
    await make_upload_tables(to.connection, to.dataset, to.generation, number, segment)
    loads = [Load(to.dataset.name, to.generation, number, chunk.number) for chunk in data.chunks]
    # A file without rows has nothing to load but is finished all the same, by whoever takes this.
    to.afterwards.loads.extend(loads or [Load(to.dataset.name, to.generation, number, 0)])


async def write_upload(
    to: Fold, event: RecordedEvent, data: UploadReceived, *, refused: str | None = None
) -> tuple[int, int]:
    """The next number and the segment of an upload, which is in the books then; as failed where it was refused."""
    of = {"dataset": to.dataset.name, "generation": to.generation}
    number = int((await to.connection.execute(NEXT_NUMBER, of)).scalar_one())
    rows = sum(chunk.rows for chunk in data.chunks)
    segment = OPEN_SEGMENT if rows <= to.small_upload_rows else number
    header = data.header if refused else refitted(data.header, to.dataset)
    upload = {
        "number": number,
        "id": data.upload_id,
        "state": "failed" if refused else "loading",
        "failure": msgspec.json.encode({"code": "parked", "reason": refused}).decode() if refused else None,
        "failed_position": event.position if refused else None,
        "position": event.position,
        "actor": event.actor,
        "source": data.source,
        "file_name": data.file_name,
        "blob_key": data.blob_key,
        "text_key": data.text_key,
        "media_type": data.media_type,
        "sha256": data.sha256,
        "size_bytes": data.size_bytes,
        "dialect": msgspec.json.encode(data.dialect).decode(),
        "header": msgspec.json.encode(header).decode(),
        "segment": segment,
        "chunks": len(data.chunks),
        "received_at": event.recorded_at,
        "review": data.review,
        "on_error": data.on_error,
    }
    await to.connection.execute(INSERT_UPLOAD, {**of, **upload})
    return number, segment


async def refuse_parked(to: Fold, events: Sequence[RecordedEvent]) -> None:
    """Write uploads into the books of which the log says that they could not be taken."""
    for event in events:
        fact = to.parked.get(event.position)
        if fact is not None and isinstance(event.data, UploadReceived):
            await write_upload(to, event, event.data, refused=fact.reason)


async def fold_published(to: Fold, event: RecordedEvent, data: UploadPublished) -> None:
    """Make the upload's records visible."""
    attached = await publish(to.connection, to.dataset, to.generation, event, data)
    to.afterwards.attached.extend(attached)


async def fold_failed(to: Fold, event: RecordedEvent, data: UploadFailed) -> None:
    """Say why the upload will never be visible and drop what was loaded of it."""
    failure = msgspec.json.encode({"code": data.code, "reason": data.reason}).decode()
    of = {"id": data.upload_id, "generation": to.generation}
    values = {**of, "failure": failure, "position": event.position}
    number = (await to.connection.execute(FAIL_UPLOAD, values)).scalar_one_or_none()
    if number is not None:
        to.afterwards.cancelled.append(number)


async def fold_approved(to: Fold, event: RecordedEvent, data: UploadApproved) -> None:
    """Let an upload that waits for review be published."""
    await decide(to, event, await approve(to, data.upload_id))


async def fold_withdrawn(to: Fold, event: RecordedEvent, data: UploadWithdrawn) -> None:
    """Cancel or undo an upload."""
    await decide(to, event, await withdraw(to, event, data.upload_id))


async def decide(to: Fold, event: RecordedEvent, decision: Decision) -> None:
    """Tell whoever waits what became of a command about an upload."""
    to.afterwards.decided = True
    outcome = Outcome(position=event.position, code=decision.code, detail=decision.detail)
    await write_outcomes(to, [outcome])


async def fold_parked(_: Fold, _event: RecordedEvent, _data: EventParked) -> None:
    """Nothing: what it says counted when the event that it names was skipped."""


async def fold_retried(to: Fold, event: RecordedEvent, data: ParkedRetried) -> None:
    """Apply an event that has waited."""
    await retry(to, event, data, apply_all)


async def fold_discarded(to: Fold, event: RecordedEvent, data: ParkedDiscarded) -> None:
    """Forget about an event that has waited."""
    await discard(to, event, data)


FOLDS: dict[type[Fact], Apply] = {
    UploadReceived: one_by_one(fold_received),
    UploadPublished: one_by_one(fold_published),
    UploadFailed: one_by_one(fold_failed),
    UploadApproved: one_by_one(fold_approved),
    UploadWithdrawn: one_by_one(fold_withdrawn),
    **dict.fromkeys(EDITS, fold_edits),
    EventParked: one_by_one(fold_parked),
    ParkedRetried: one_by_one(fold_retried),
    ParkedDiscarded: one_by_one(fold_discarded),
}
