"""How compaction of a dataset goes, by its books; read table -> *query*."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.books import merges
from shared.served import Served

SWAPPED = merges.c.state == "swapped"
COUNTED = sa.select(
    sa.func.count().filter(SWAPPED).label("merges"),
    sa.func.coalesce(sa.func.sum(sa.func.cardinality(merges.c.sources)).filter(SWAPPED), 0).label("segments_merged"),
    sa.func.max(merges.c.swapped_at).label("last_at"),
    sa.func.coalesce(sa.func.bool_or(merges.c.state == "copying"), sa.false()).label("under_way"),
    sa.func.count().filter(merges.c.dropped_at.is_(None), merges.c.state != "copying").label("to_be_dropped"),
).where(merges.c.dataset == sa.bindparam("dataset"), merges.c.generation == sa.bindparam("generation"))


class Compaction(msgspec.Struct, frozen=True):
    """What was merged so far in what is served: how often, how many segments, and whether something is just now.

    `to_be_dropped` are merges that have left tables, which are dropped when no reader can need them any more.
    """

    merges: int
    segments_merged: int
    last_at: datetime | None
    under_way: bool
    to_be_dropped: int


async def read_compaction(connection: AsyncConnection, name: str, served: Served) -> Compaction:
    """What the books say of the generation that is served."""
    row = (await connection.execute(COUNTED, {"dataset": name, "generation": served.generation or 0})).mappings().one()
    return Compaction(**row)
