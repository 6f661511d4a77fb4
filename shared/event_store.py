"""The event store: the truth, in PostgreSQL; command -> event -> *log*.

Positions are per dataset, start at 1, have no gaps and are ordered by commit: an append takes them under the lock of
the dataset's row in `store.heads`, in the transaction that writes the events.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.codec import VERSIONS, decode_data, encode_data, type_of
from shared.events import Fact, RecordedEvent, UploadFailed

ADVANCE = text("""
    INSERT INTO store.heads AS head (dataset, position) VALUES (:dataset, 1)
    ON CONFLICT (dataset) DO UPDATE SET position = head.position + 1
    RETURNING position
""")

INSERT = text("""
    INSERT INTO store.events (dataset, position, event_id, type, version, actor, correlation_id, recorded_at, data)
    VALUES (:dataset, :position, :event_id, :type, :version, :actor, :correlation_id, :recorded_at, CAST(:data AS json))
""")

CLAIM = text("""
    INSERT INTO store.claims (dataset, claim, position, upload_id) VALUES (:dataset, :claim, :position, :upload_id)
""")

CLAIMED = text("SELECT position, upload_id FROM store.claims WHERE dataset = :dataset AND claim = :claim")

RELEASE = text("DELETE FROM store.claims WHERE dataset = :dataset AND upload_id = :upload_id AND claim LIKE 'file:%'")

READ = text("""
    SELECT dataset, position, event_id, version, actor, correlation_id, recorded_at, data::text AS data
    FROM store.events WHERE dataset = :dataset AND position > :after ORDER BY position LIMIT :limit
""")

HEADS = text("SELECT dataset, position FROM store.heads")


class Appended(msgspec.Struct, frozen=True):
    """Where an event stands. `again` says that its claim was taken before: then nothing was written now."""

    position: int
    upload_id: UUID
    again: bool = False


class EventStore:
    """Appends and reads events."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def append(
        self, dataset: str, event: Fact, *, actor: str, claim: str, correlation_id: UUID | None = None
    ) -> Appended:
        """Make the event durable unless its claim was made before; one transaction, all or nothing.

        A failed upload gives up the claim on its bytes, so that they can be sent again.
        """
        try:
            async with self._engine.begin() as connection:
                position = await self._insert(connection, dataset, event, actor, correlation_id or uuid4())
                guard = {"dataset": dataset, "claim": claim, "position": position, "upload_id": event.upload_id}
                await connection.execute(CLAIM, guard)
                if isinstance(event, UploadFailed):
                    await connection.execute(RELEASE, {"dataset": dataset, "upload_id": event.upload_id})
                return Appended(position, event.upload_id)
        except IntegrityError:
            earlier = await self.claimed(dataset, claim)
            if earlier is None:
                raise
            return earlier

    async def claimed(self, dataset: str, claim: str) -> Appended | None:
        """Where the event of a claim stands, or None."""
        async with self._engine.connect() as connection:
            found = (await connection.execute(CLAIMED, {"dataset": dataset, "claim": claim})).one_or_none()
        return Appended(found.position, found.upload_id, again=True) if found else None

    async def read(self, dataset: str, after: int, limit: int) -> list[RecordedEvent]:
        """At most `limit` events that follow position `after` (exclusive), in order."""
        async with self._engine.connect() as connection:
            found = await connection.execute(READ, {"dataset": dataset, "after": after, "limit": limit})
            return [_recorded(row) for row in found.mappings()]

    async def heads(self) -> dict[str, int]:
        """The last position of every dataset that has events."""
        async with self._engine.connect() as connection:
            return {row.dataset: row.position for row in await connection.execute(HEADS)}

    async def _insert(
        self, connection: AsyncConnection, dataset: str, event: Fact, actor: str, correlation_id: UUID
    ) -> int:
        position = int((await connection.execute(ADVANCE, {"dataset": dataset})).scalar_one())
        row = {
            "dataset": dataset,
            "position": position,
            "event_id": uuid4(),
            "type": type_of(event),
            "version": VERSIONS[type_of(event)],
            "actor": actor,
            "correlation_id": correlation_id,
            "recorded_at": datetime.now(UTC),
            "data": encode_data(event).decode(),
        }
        await connection.execute(INSERT, row)
        return position


def _recorded(row: RowMapping) -> RecordedEvent:
    return RecordedEvent(**{**row, "data": decode_data(row["data"].encode(), row["version"])})
