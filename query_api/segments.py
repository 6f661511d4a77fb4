"""How many records the live segments of a dataset hold; read table -> *query*."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from query_api.pages import Count
from shared.datasets.declaration import Dataset
from shared.read_tables import records_table, schema_of, segment_name
from shared.served import Served

SMALL_BYTES = 4 * 1024**2
"""A segment of at most so many bytes is counted; of a larger one PostgreSQL's statistics are asked."""

STATISTICS = sa.text("""
    SELECT segment.relname, sum(leaf.reltuples), min(leaf.reltuples), sum(pg_relation_size(leaf.oid))
    FROM pg_class AS segment JOIN pg_namespace AS schema ON schema.oid = segment.relnamespace
    CROSS JOIN pg_partition_tree(segment.oid) AS tree JOIN pg_class AS leaf ON leaf.oid = tree.relid
    WHERE nspname = :schema AND segment.relname = ANY(:names) AND tree.isleaf AND pg_relation_size(leaf.oid) > 0
    GROUP BY segment.relname
""")


class Segment(msgspec.Struct, frozen=True):
    """One live segment; 0 is the open one, a negative one was merged of several."""

    number: int
    records: Count


async def read_segments(
    connection: AsyncConnection, dataset: Dataset, served: Served, *, exact: bool = False
) -> list[Segment]:
    """The live segments by number; large ones are counted only where `exact` asks for it, which may be slow."""
    if served.generation is None:
        return []
    guessed = {} if exact else await _guessed(connection, dataset, served.generation, served.segments)
    counted = await _counted(connection, dataset, served.generation, set(served.segments) - guessed.keys())
    found = {**{number: Count(value, "eq") for number, value in counted.items()}, **guessed}
    return [Segment(number, found.get(number, Count(0, "eq"))) for number in sorted(served.segments)]


def total(segments: list[Segment]) -> Count:
    """All of them; an estimate as soon as one is."""
    relation = "estimate" if any(one.records.relation != "eq" for one in segments) else "eq"
    return Count(sum(one.records.value for one in segments), relation)


async def _guessed(
    connection: AsyncConnection, dataset: Dataset, generation: int, numbers: tuple[int, ...]
) -> dict[int, Count]:
    names = {segment_name(number): number for number in numbers}
    asked = {"schema": schema_of(dataset, generation), "names": list(names)}
    rows = await connection.execute(STATISTICS, asked)
    return {
        names[name]: Count(round(records), "estimate")
        for name, records, least, size_bytes in rows
        if least >= 0 and size_bytes > SMALL_BYTES  # -1 says that a table was never looked at.
    }


async def _counted(connection: AsyncConnection, dataset: Dataset, generation: int, numbers: set[int]) -> dict[int, int]:
    if not numbers:
        return {}
    segment = records_table(dataset, generation).c.segment
    counted = sa.select(segment, sa.func.count()).where(segment.in_(numbers)).group_by(segment)
    return {row[0]: row[1] for row in await connection.execute(counted)}
