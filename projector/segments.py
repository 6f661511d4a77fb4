"""Which segments are live, since when, and until when; log -> *projection* -> read table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.datasets.declaration import Dataset
from shared.read_tables import Ending

LIVE = text("""
    SELECT number, position, recorded_at FROM read.segments
    WHERE dataset = :dataset AND generation = :generation AND ended_position IS NULL ORDER BY number <> 0, number
""")

BEGIN = text("""
    INSERT INTO read.segments (dataset, generation, number, position, recorded_at)
    VALUES (:dataset, :generation, :number, :position, :recorded_at)
""")

FORGET = text("""
    DELETE FROM read.segments WHERE dataset = :dataset AND generation = :generation AND number = ANY(:numbers)
""")

HOLDING = text("""
    SELECT segment.number FROM read.segments AS segment
    LEFT JOIN read.merges AS merge USING (dataset, generation, number)
    WHERE dataset = :dataset AND generation = :generation AND (segment.number = :upload OR :upload = ANY(merge.uploads))
    ORDER BY 1
""")

END = text("""
    UPDATE read.segments SET ended_position = :position, ended_at = :at, ended_kind = :kind, ended_by = :by,
        ended_actor = :actor
    WHERE dataset = :dataset AND generation = :generation AND number = :number
""")


class Segment(msgspec.Struct, frozen=True):
    """A live segment; its records have this position and time unless they say otherwise."""

    number: int
    position: int
    recorded_at: datetime | None


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What ends versions: the event at `position`, for upload `by` or for a person."""

    position: int
    at: datetime
    kind: Ending
    by: int | None = None
    actor: str | None = None


class Segments:
    """The segments of one generation, read and written in the transaction of a fold."""

    def __init__(self, connection: AsyncConnection, dataset: Dataset, generation: int) -> None:
        self._connection = connection
        self._of = {"dataset": dataset.name, "generation": generation}

    async def live(self) -> Sequence[Segment]:
        """In the order of their numbers; the open segment is always the first."""
        return [Segment(*row) for row in await self._connection.execute(LIVE, self._of)]

    async def begin(self, segment: Segment) -> None:
        """Show a segment to readers."""
        await self._connection.execute(BEGIN, {**self._of, **msgspec.structs.asdict(segment)})

    async def forget(self, numbers: Sequence[int]) -> None:
        """Hide segments from readers, of whose records others have taken the place."""
        await self._connection.execute(FORGET, {**self._of, "numbers": list(numbers)})

    async def holding(self, upload: int) -> Sequence[int]:
        """The numbers of the segments, live or ended, that records of an upload were published into or merged into.

        The open one is not among them, which may hold records of every upload.
        """
        return list(await self._connection.scalars(HOLDING, {**self._of, "upload": upload}))

    async def end(self, number: int, end: End) -> None:
        """Make history of all that is left in a segment, without touching a record."""
        await self._connection.execute(END, {**self._of, "number": number, **msgspec.structs.asdict(end)})
