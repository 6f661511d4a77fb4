"""What is served of a dataset, and which segments are live; read table -> *command or query*."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.books import checkpoints, datasets, segments
from shared.read_tables import OPEN_SEGMENT

LIVE = (
    sa.select(
        sa.func.array_agg(segments.c.number).label("numbers"), sa.func.array_agg(segments.c.position).label("positions")
    )
    .where(segments.c.dataset == datasets.c.dataset, segments.c.generation == datasets.c.generation)
    .where(segments.c.ended_position.is_(None))
    .correlate(datasets)
    .lateral("live")
)

SERVED = (
    sa.select(
        datasets.c.generation,
        sa.func.coalesce(checkpoints.c.position, 0).label("position"),
        LIVE.c.numbers,
        LIVE.c.positions,
    )
    .select_from(
        datasets.outerjoin(
            checkpoints,
            (checkpoints.c.dataset == datasets.c.dataset) & (checkpoints.c.generation == datasets.c.generation),
        ).join(LIVE, sa.true())
    )
    .where(datasets.c.dataset == sa.bindparam("dataset"))
)


class Served(msgspec.Struct, frozen=True):
    """What is served of a dataset: its generation, None where it has no read tables yet, and how far that is folded.

    Records are to be read from `segments` alone: PostgreSQL shows an attached partition even to snapshots older than
    the attaching, for which what that transaction deleted is still there. `since` is the position of each: the version
    of its records where they do not say another.
    """

    generation: int | None
    position: int
    since: dict[int, int]

    @property
    def segments(self) -> tuple[int, ...]:
        """The numbers of the live segments."""
        return tuple(self.since)

    def same_segments(self, other: Served) -> bool:
        """Whether both read their records from the same tables."""
        return (self.generation, self.since) == (other.generation, other.since)

    def version(self, row: sa.RowMapping) -> int:
        """The position of the event that made this version of a record."""
        found: int | None = row["position"]
        return self.since[row["segment"]] if found is None else found


async def read_served(connection: AsyncConnection, dataset: str) -> Served:
    """What of a dataset this snapshot serves."""
    row = (await connection.execute(SERVED, {"dataset": dataset})).one_or_none()
    if row is None:
        return Served(None, 0, {OPEN_SEGMENT: 0})
    live = dict(zip(row.numbers or (), row.positions or (), strict=True))
    return Served(row.generation, row.position, live or {OPEN_SEGMENT: 0})
