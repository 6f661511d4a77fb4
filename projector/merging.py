"""One merge of segments: its books, its table and its statements; read table -> *projection* -> read table.

The records are copied beside the lane, in a snapshot; what their segments have lost since then stands in the history,
and is taken out of the copy: once beside the lane, and what little is left of it in the very transaction in which the
copy takes their place. No segment but the open one, which is never merged, gets more records.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.generations import create_indexes
from projector.making import make_table
from projector.partitioning import create_partitions
from projector.segments import Segment, Segments
from projector.versions import all_columns, filled, since
from shared.datasets.declaration import Dataset
from shared.errors import Fenced
from shared.read_tables import Names, merged_table, quoted, segment_name

OWN = text("""
    SELECT position FROM read.checkpoints
    WHERE dataset = :dataset AND generation = :generation AND epoch = :epoch FOR UPDATE
""")

SEEN = text("SELECT position FROM read.checkpoints WHERE dataset = :dataset AND generation = :generation")

BEGIN = text("""
    INSERT INTO read.merges (dataset, generation, number, sources, uploads, state)
    SELECT :dataset, :generation, coalesce(min(number), 0) - 1, CAST(:sources AS int[]), ARRAY(
        SELECT source FROM unnest(CAST(:sources AS int[])) AS source WHERE source > 0
        UNION SELECT unnest(uploads) FROM read.merges
        WHERE dataset = :dataset AND generation = :generation AND number = ANY(:sources)
        ORDER BY 1
    ), 'copying'
    FROM read.merges WHERE dataset = :dataset AND generation = :generation
    RETURNING number
""")

COPIED = text("""
    UPDATE read.merges SET copied_position = :position, records = coalesce(records, 0) + :records
    WHERE dataset = :dataset AND generation = :generation AND number = :number
""")

COPIED_POSITION = text("""
    SELECT copied_position FROM read.merges
    WHERE dataset = :dataset AND generation = :generation AND number = :number AND state = 'copying'
""")

SWAPPED = text("""
    UPDATE read.merges SET state = 'swapped', swapped_at = clock_timestamp()
    WHERE dataset = :dataset AND generation = :generation AND number = :number AND state = 'copying'
""")

LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '100ms'")
"""Whoever would wait longer gives up and comes again, so that nobody queues behind it."""

GIVEN_UP = "Merge {} was given up by somebody else."

BY_END = "CREATE INDEX IF NOT EXISTS history_by_end ON {} USING brin (ended_position) WITH (pages_per_range = 16)"
IS_BY_END = text("SELECT to_regclass(:name) IS NOT NULL")
SUMMARIZE = text("SELECT brin_summarize_new_values(CAST(:name AS text)::regclass)")


class Interfered(Exception):
    """A segment that is being merged has ended: the merge comes to nothing, and harms nobody."""


class Merge(msgspec.Struct, frozen=True):
    """A merge under way of a generation, by the owner of its lane under an epoch; `number` is negative."""

    dataset: Dataset
    generation: int
    epoch: int
    number: int
    sources: tuple[int, ...]

    @property
    def names(self) -> Names:
        return Names(self.dataset, self.generation)

    @property
    def table(self) -> str:
        """The quoted name of the table that is made."""
        return self.names.segment(self.number)

    @property
    def of(self) -> dict[str, object]:
        """Which merge it is, for the books."""
        return {"dataset": self.dataset.name, "generation": self.generation, "number": self.number}


async def prepare(connection: AsyncConnection, dataset: Dataset, generation: int) -> None:
    """Make the index by which ends are found in the history, where it is not there yet."""
    names = Names(dataset, generation)
    if not (await connection.execute(IS_BY_END, {"name": _by_end(names)})).scalar_one():
        await connection.execute(text(BY_END.format(names.history)))


async def summarize(connection: AsyncConnection, merge: Merge) -> None:
    """Bring that index up to date; raises DBAPIError where a lock is not to be had at once."""
    await connection.execute(LOCK_TIMEOUT)
    await connection.execute(SUMMARIZE, {"name": _by_end(merge.names)})


def _by_end(names: Names) -> str:
    return f'{quoted(names.schema)}."history_by_end"'


async def begin(
    connection: AsyncConnection, dataset: Dataset, generation: int, epoch: int, sources: Sequence[int]
) -> Merge:
    """Write a merge of live segments into the books and make its bare table; raises Fenced."""
    of = {"dataset": dataset.name, "generation": generation}
    await _own(connection, {**of, "epoch": epoch})
    number = (await connection.execute(BEGIN, {**of, "sources": list(sources)})).scalar_one()
    merge = Merge(dataset, generation, epoch, number, tuple(sources))
    await make_table(connection, merged_table(dataset, generation, number))
    bound = f"ALTER TABLE {merge.table} ADD CHECK (segment = {number})"  # ATTACH would read the whole table for it.
    for statement in (*create_partitions(dataset, merge.names, number), bound):
        await connection.execute(text(statement))
    return merge


async def copy(connection: AsyncConnection, merge: Merge) -> None:
    """Copy the records as one snapshot has them, which `connection` has to be; raises Interfered."""
    segments = await _sources(connection, merge)
    position = (await connection.execute(SEEN, merge.of)).scalar_one()
    columns, records = all_columns(merge.dataset), 0
    for segment in segments:
        chosen = ", ".join(
            str(merge.number) if column == '"segment"' else filled(column, "record", segment.number)
            for column in columns
        )
        copied = text(f"""
            INSERT INTO {merge.table} ({", ".join(columns)})
            SELECT {chosen} FROM {merge.names.segment(segment.number)} AS record
        """)
        records += (await connection.execute(copied, since([segment]))).rowcount
    await connection.execute(COPIED, {**merge.of, "position": position, "records": records})


def index(merge: Merge) -> list[str]:
    """The statements that make the indexes of the copy, those of every segment and one by upload, and look at it."""
    by_upload = f"CREATE INDEX IF NOT EXISTS {quoted(segment_name(merge.number) + '_by_upload')} ON {merge.table}"
    return [
        *create_indexes(merge.dataset, merge.table, segment_name(merge.number)),
        f"{by_upload} USING brin (upload)",  # The records of an upload lie together.
        f"ANALYZE {merge.table}",
    ]


async def catch_up(connection: AsyncConnection, merge: Merge) -> None:
    """Take out what the segments have lost since they were copied, as far as this snapshot knows; raises Interfered."""
    await _sources(connection, merge)
    position = (await connection.execute(SEEN, merge.of)).scalar_one()
    await _carry_over(connection, merge, position)


async def swap(connection: AsyncConnection, merge: Merge) -> None:
    """Let the copy take the place of its segments, for readers that begin after the commit; while nothing is folded.

    Raises Fenced, Interfered, and DBAPIError where a lock is not to be had at once.
    """
    await connection.execute(LOCK_TIMEOUT)
    position = await _own(connection, {**merge.of, "epoch": merge.epoch})
    segments = await _sources(connection, merge)
    await _carry_over(connection, merge, position)
    attached = f"ALTER TABLE {merge.names.records} ATTACH PARTITION {merge.table} FOR VALUES IN ({merge.number})"
    await connection.execute(text(attached))
    books = Segments(connection, merge.dataset, merge.generation)
    await books.forget(merge.sources)
    await books.begin(Segment(merge.number, max(one.position for one in segments), None))
    if (await connection.execute(SWAPPED, merge.of)).rowcount != 1:
        raise Interfered(GIVEN_UP.format(merge.number))


async def _own(connection: AsyncConnection, of: dict[str, object]) -> int:
    """Keep the checkpoint where it is; raises Fenced where it has another owner."""
    position: int | None = (await connection.execute(OWN, of)).scalar_one_or_none()
    if position is None:
        raise Fenced(f"The lane of {of['dataset']} has a newer owner.")
    return position


async def _sources(connection: AsyncConnection, merge: Merge) -> list[Segment]:
    live = await Segments(connection, merge.dataset, merge.generation).live()
    found = [one for one in live if one.number in merge.sources]
    if len(found) != len(merge.sources):
        raise Interfered(f"Of {merge.sources} only {[one.number for one in found]} are live.")
    return found


async def _carry_over(connection: AsyncConnection, merge: Merge, position: int) -> None:
    """Every version that left one of the segments since they were copied stands in the history by its end."""
    copied = (await connection.execute(COPIED_POSITION, merge.of)).scalar_one_or_none()
    if copied is None:
        raise Interfered(GIVEN_UP.format(merge.number))
    if copied == position:
        return
    names = dict.fromkeys(("upload", *merge.dataset.key_columns))
    same = " AND ".join(f"record.{quoted(one)} = gone.{quoted(one)}" for one in names)
    taken = text(f"""
        DELETE FROM {merge.table} AS record USING {merge.names.history} AS gone
        WHERE gone.segment = ANY(:sources) AND gone.ended_position > :since AND {same}
    """)
    gone = (await connection.execute(taken, {"sources": list(merge.sources), "since": copied})).rowcount
    await connection.execute(COPIED, {**merge.of, "position": position, "records": -gone})
