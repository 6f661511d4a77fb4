"""Decides when a loaded upload is published: in the order in which the uploads were received; projection -> *event*.

The decision is an event like any other: it goes into the store, and the lane acts when the stream brings it back.
"""

from __future__ import annotations

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector.parking import PROJECTOR, waiting_heads
from shared.database import each_alone
from shared.event_store import EventStore, Proposal
from shared.events import RowCounts, UploadFailed, UploadPublished
from shared.wakeups import APPENDED, LOADED, Wakeups

POLL_S = 3.0

UNDECIDED = text("""
    SELECT number, id, state, on_error, rows_read, rows_accepted, rows_rejected, rows_duplicate, rows_blank, records
    FROM read.uploads
    WHERE dataset = :dataset AND generation = :generation AND state IN ('loading', 'review', 'loaded')
    ORDER BY number
""")

PUBLISHING = text("""
    UPDATE read.uploads SET state = 'publishing'
    WHERE dataset = :dataset AND generation = :generation AND number = :number AND state IN ('loaded', 'review')
""")


class Decider:
    """Appends `upload-published` for every upload whose turn has come; deciding twice writes one event."""

    def __init__(self, engine: AsyncEngine, store: EventStore, wakeups: Wakeups) -> None:
        self._engine = each_alone(engine)
        self._store = store
        self._wakeups = wakeups

    async def run(self, dataset: str, generation: int) -> None:
        """Until cancelled, for one generation of a dataset."""
        with self._wakeups.listening(LOADED, of=dataset) as bell:
            while True:
                await self.decide(dataset, generation)
                await bell.wait(POLL_S)

    async def decide(self, dataset: str, generation: int) -> None:
        """Publish, or fail, the loaded uploads that no earlier one keeps waiting; one in review waits for a person.

        What waited behind an event that could not be applied, and need not any more, is to be applied.
        """
        if released := await waiting_heads(self._engine, dataset, generation):
            await self._store.append_all(dataset, released)
            self._wakeups.ring(APPENDED)
        of = {"dataset": dataset, "generation": generation}
        async with self._engine.connect() as connection:
            undecided = (await connection.execute(UNDECIDED, of)).all()
        for upload in undecided:
            event = _decision(upload)
            if event is None:
                return
            await self._store.append(dataset, Proposal(event=event, actor=PROJECTOR, claim=f"decided:{upload.id}"))
            self._wakeups.ring(APPENDED)
            async with self._engine.connect() as connection:
                await connection.execute(PUBLISHING, {**of, "number": upload.number})


def _decision(upload: Row[tuple[object, ...]]) -> UploadPublished | UploadFailed | None:
    if upload.state == "loading":
        return None
    if upload.on_error == "abort" and upload.rows_rejected:
        reason = f"{upload.rows_rejected} rows are rejected, and the upload was to be published without any."
        return UploadFailed(upload_id=upload.id, code="row-errors", reason=reason)
    return _published(upload) if upload.state == "loaded" else None


def _published(upload: Row[tuple[object, ...]]) -> UploadPublished:
    rows = RowCounts(
        read=upload.rows_read,
        accepted=upload.rows_accepted,
        rejected=upload.rows_rejected,
        duplicate=upload.rows_duplicate,
        blank=upload.rows_blank,
    )
    return UploadPublished(upload_id=upload.id, rows=rows, records=upload.records)
