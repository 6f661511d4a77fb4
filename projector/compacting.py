"""Keeps segments few: merges small ones beside the lane, swaps them in, gives space back; read table -> *projection*.

No event: what is said does not change, only where it stands. The owner of a lane compacts its generation, fenced by the
epoch of the checkpoint as a fold is. Each step is a transaction of its own: after a crash between any two the next
owner drops what was made and begins anew. Readers never wait: the swap takes no lock that they mind, and the tables
that it replaces are dropped once no snapshot can show them and nobody holds them, tried again until they are gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import merging
from projector.choosing import Sized, choose
from projector.merging import LOCK_TIMEOUT, Interfered, Merge
from projector.sweeping import LOCK_NOT_AVAILABLE
from shared.database import OUTAGES, each_alone
from shared.datasets.declaration import Dataset
from shared.read_tables import Names, schema_of, segment_name

logger = logging.getLogger(__name__)

LOOK_S = 2.0
AGAIN_S = 0.25
REST_S = 30.0
"""After something went wrong that may go wrong again, such as a full disk."""
PATIENCE_S = 60.0
"""For how long a swap is tried, while somebody holds what it needs."""

LIVE = text("""
    SELECT segment.number, coalesce(upload.records, merge.records, 0) AS loaded
    FROM read.segments AS segment
    LEFT JOIN read.uploads AS upload USING (dataset, generation, number)
    LEFT JOIN read.merges AS merge USING (dataset, generation, number)
    WHERE dataset = :dataset AND generation = :generation AND segment.ended_position IS NULL AND segment.number <> 0
""")

SIZES = text("""
    SELECT segment.relname, min(leaf.reltuples) AS least, sum(leaf.reltuples) AS records
    FROM pg_class AS segment JOIN pg_namespace AS schema ON schema.oid = segment.relnamespace
    CROSS JOIN pg_partition_tree(segment.oid) AS tree JOIN pg_class AS leaf ON leaf.oid = tree.relid
    WHERE nspname = :schema AND segment.relname = ANY(:names) AND tree.isleaf AND pg_relation_size(leaf.oid) > 0
    GROUP BY segment.relname
""")

ABANDON = text("""
    UPDATE read.merges SET state = 'abandoned'
    WHERE dataset = :dataset AND generation = :generation AND state = 'copying' AND EXISTS (
        SELECT FROM read.checkpoints AS own
        WHERE own.dataset = :dataset AND own.generation = :generation AND own.epoch = :epoch
    )
""")

LEFT_OVER = text("""
    SELECT number, CASE state WHEN 'swapped' THEN sources ELSE ARRAY[number] END AS tables FROM read.merges
    WHERE dataset = :dataset AND generation = :generation AND dropped_at IS NULL AND (
        state = 'abandoned'
        OR state = 'swapped' AND swapped_at < clock_timestamp() - CAST(:readers_s AS double precision) * interval '1 s'
    )
    ORDER BY number DESC
""")

DROPPED = text("""
    UPDATE read.merges SET dropped_at = clock_timestamp()
    WHERE dataset = :dataset AND generation = :generation AND number = :number
""")


class Compaction:
    """What the lanes of one projector share: connections of their own, and that one of them merges at a time."""

    def __init__(self, engine: AsyncEngine, most: int, readers_s: float) -> None:
        self.engine = engine
        self.most = most
        self.readers_s = readers_s
        self.merging = asyncio.Lock()


class Compactor:
    """Compacts one generation under one epoch; `folding` is held whenever its lane folds."""

    def __init__(
        self, compaction: Compaction, dataset: Dataset, generation: int, epoch: int, folding: asyncio.Lock
    ) -> None:
        self._shared = compaction
        self._engine = compaction.engine
        self._alone = each_alone(compaction.engine)
        self._dataset = dataset
        self._generation = generation
        self._epoch = epoch
        self._folding = folding
        self._of = {"dataset": dataset.name, "generation": generation}

    async def run(self) -> None:
        """Look again and again, until cancelled; raises Fenced when the lane has another owner."""
        while True:
            try:
                async with self._shared.merging:
                    merged = await self.look()
                await asyncio.sleep(0 if merged else LOOK_S)
            except (DBAPIError, *OUTAGES) as error:
                logger.warning("action=compaction-waits dataset=%s error=%r", self._dataset.name, error)
                await asyncio.sleep(REST_S)

    async def look(self) -> bool:
        """Drop what nobody reads any more, then merge what there is to merge; whether there was anything."""
        await self.abandon()
        await self.drop()
        sources = choose(await self.sizes(), self._shared.most)
        if not sources:
            return False
        return await self.merge(sources)

    async def abandon(self) -> None:
        """Give up merges that are not swapped in: nobody but us may be at one, and we are not."""
        async with self._alone.connect() as connection:
            await connection.execute(ABANDON, {**self._of, "epoch": self._epoch})

    async def merge(self, sources: Sequence[int]) -> bool:
        """All steps; False where a segment ended meanwhile, or the swap had to wait for too long."""
        merge = await self.begin(sources)
        try:
            await self.copy(merge)
            await self.index(merge)
            await self.catch_up(merge)
            swapped = await self._swap_patiently(merge)
        except Interfered as error:
            logger.info("action=merge-given-up dataset=%s reason=%r", self._dataset.name, str(error))
            return False
        logger.info(
            "action=merged dataset=%s number=%d sources=%d swapped=%s",
            *(self._dataset.name, merge.number, len(sources), swapped),
        )
        return swapped

    async def begin(self, sources: Sequence[int]) -> Merge:
        """Write it into the books, with a bare table."""
        async with self._engine.begin() as connection:  # Not in one with the other: it waits for a fold.
            await merging.prepare(connection, self._dataset, self._generation)
        async with self._engine.begin() as connection:
            return await merging.begin(connection, self._dataset, self._generation, self._epoch, sources)

    async def copy(self, merge: Merge) -> None:
        """Copy the records, beside the lane."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                await merging.copy(connection, merge)

    async def index(self, merge: Merge) -> None:
        """Build the indexes, beside the lane."""
        for statement in merging.index(merge):
            async with self._engine.begin() as connection:
                await connection.execute(text(statement))

    async def catch_up(self, merge: Merge) -> None:
        """Take out what was corrected and withdrawn since, beside the lane."""
        try:
            async with self._engine.begin() as connection:
                await merging.summarize(connection, merge)
        except DBAPIError as error:
            _pass_over_locks(error)  # It is being vacuumed, which does the same.
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                await merging.catch_up(connection, merge)

    async def swap(self, merge: Merge) -> None:
        """Let readers have the copy, between two folds."""
        async with self._folding, self._engine.begin() as connection:
            await merging.swap(connection, merge)

    async def drop(self) -> None:
        """Drop the tables that no snapshot shows any more, as far as nobody holds them."""
        async with self._alone.connect() as connection:
            left = (await connection.execute(LEFT_OVER, {**self._of, "readers_s": self._shared.readers_s})).all()
        names = Names(self._dataset, self._generation)
        try:
            for number, tables in left:
                for table in tables:
                    async with self._engine.begin() as connection:
                        await connection.execute(LOCK_TIMEOUT)
                        await connection.execute(text(f"DROP TABLE IF EXISTS {names.segment(table)}"))
                async with self._alone.connect() as connection:
                    await connection.execute(DROPPED, {**self._of, "number": number})
        except DBAPIError as error:
            _pass_over_locks(error)

    async def sizes(self) -> list[Sized]:
        """The live segments; those at which PostgreSQL has not looked yet as they were loaded."""
        async with self._alone.connect() as connection:
            live = (await connection.execute(LIVE, self._of)).all()
            if not live:
                return []
            asked = {
                "schema": schema_of(self._dataset, self._generation),
                "names": [segment_name(number) for number, _ in live],
            }
            found = {row.relname: row for row in await connection.execute(SIZES, asked)}
        sized = []
        for number, loaded in live:
            row = found.get(segment_name(number))
            known = row is None or row.least >= 0
            sized.append(Sized(number, (row.records if row else 0) if known else loaded, loaded))
        return sized

    async def _swap_patiently(self, merge: Merge) -> bool:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while asyncio.get_running_loop().time() < deadline:
            try:
                await self.swap(merge)
            except DBAPIError as error:
                _pass_over_locks(error)
                await asyncio.sleep(AGAIN_S)
            else:
                return True
        return False


def _pass_over_locks(error: DBAPIError) -> None:
    """Raise an error again unless it says that somebody holds what is needed."""
    if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
        raise error
