"""What is served of a dataset, and which segments are live; read table -> *command or query*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.books import checkpoints, datasets, generations, segments
from shared.datasets.declaration import Dataset
from shared.errors import Conflict, NotFound, Redeclared
from shared.read_tables import OPEN_SEGMENT


def _statement(chosen: sa.FromClause) -> sa.Select[tuple[object, ...]]:
    """The live segments of one generation, how far it is folded, and by which declaration."""
    number = chosen.c.generation
    live = (
        sa.select(
            sa.func.array_agg(segments.c.number).label("numbers"),
            sa.func.array_agg(segments.c.position).label("positions"),
        )
        .where(segments.c.dataset == chosen.c.dataset, segments.c.generation == number)
        .where(segments.c.ended_position.is_(None))
        .correlate(chosen)
        .lateral("live")
    )
    made = generations.alias("made")
    return sa.select(
        number,
        sa.func.coalesce(checkpoints.c.position, 0).label("position"),
        made.c.fingerprint,
        live.c.numbers,
        live.c.positions,
    ).select_from(
        chosen.outerjoin(
            checkpoints, (checkpoints.c.dataset == chosen.c.dataset) & (checkpoints.c.generation == number)
        )
        .outerjoin(made, (made.c.dataset == chosen.c.dataset) & (made.c.generation == number))
        .join(live, sa.true())
    )


SERVED = _statement(datasets).where(datasets.c.dataset == sa.bindparam("dataset"))

AS_OF = _statement(generations).where(
    generations.c.dataset == sa.bindparam("dataset"),
    generations.c.name == sa.bindparam("name"),
    generations.c.state == "ready",
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


NOTHING = Served(None, 0, {OPEN_SEGMENT: 0})


async def read_served(connection: AsyncConnection, dataset: Dataset) -> Served:
    """What of a dataset this snapshot serves; raises Redeclared where another declaration made it than this one."""
    row = (await connection.execute(SERVED, {"dataset": dataset.name})).mappings().one_or_none()
    return NOTHING if row is None else served_of(row, dataset)


def served_of(row: Mapping[Any, Any], dataset: Dataset) -> Served:
    """What a row of SERVED says; raises Redeclared where another declaration made it than this one."""
    if row["fingerprint"] not in (None, dataset.fingerprint):
        raise Redeclared(f"The declaration of {dataset.name} has just changed; ask again.")
    return _served(row)


async def read_as_of(connection: AsyncConnection, dataset: Dataset, name: str) -> Served:
    """A generation that was made to show what was known at a position; raises NotFound or Conflict."""
    row = (await connection.execute(AS_OF, {"dataset": dataset.name, "name": name})).mappings().one_or_none()
    if row is None:
        raise NotFound(
            f"{dataset.name} has no as-of generation {name[:80]!r}: /datasets/{dataset.name}/rebuilds has them."
        )
    if row["fingerprint"] not in (None, dataset.fingerprint):
        raise Conflict(f"{name!r} was made by another declaration of {dataset.name}. Drop it and make it again.")
    return _served(row)


async def read_position(connection: AsyncConnection, name: str) -> int:
    """How far what is served of a dataset is folded, whatever declaration made it."""
    row = (await connection.execute(SERVED, {"dataset": name})).mappings().one_or_none()
    return 0 if row is None else int(row["position"])


def _served(row: Mapping[Any, Any]) -> Served:
    live = dict(zip(row["numbers"] or (), row["positions"] or (), strict=True))
    return Served(row["generation"], row["position"], live or {OPEN_SEGMENT: 0})
