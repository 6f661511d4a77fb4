"""The last steps before an upload can be published: keys, groups, indexes; log -> *projection*.

Whoever finishes the last chunk does it. Every step can be done again after a crash. A second finisher waits for the
first and then finds that all is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import asyncpg
import polars as pl

from projector.copying import Connection, copy_frame
from projector.generations import complete_segment, create_indexes
from projector.grouping import group_rows
from projector.parsing import File, rows_at
from projector.previewing import preview
from projector.rankings import add_up_upload
from projector.readers import Readers
from shared.blobs import Blobs
from shared.datasets.declaration import Dataset
from shared.event_log import Load
from shared.read_tables import OPEN_SEGMENT, Names, quoted, segment_name
from shared.tabular.records import Chunk
from shared.tasks import together
from shared.validation import ERROR_COLUMNS, VALUE_CHARACTERS
from shared.wakeups import LOADED, Wakeups

logger = logging.getLogger(__name__)

INDEXERS = 2
"""Indexes that are built at the same time, where that takes nothing from readers."""

IS_SERVED = "SELECT EXISTS (SELECT FROM read.datasets WHERE (dataset, generation) = ($1, $2))"

ALONE = "SET max_parallel_maintenance_workers = 0"
"""Two builders keep two cores busy; workers of theirs would only take turns."""

STATE = """
    SELECT state, segment, review, on_error FROM read.uploads WHERE (dataset, generation, number) = ($1, $2, $3)
"""

CHUNKS_OF_ROWS = """
    SELECT number, "offset", size_bytes, first_row, first_line, rows FROM read.chunks
    WHERE (dataset, generation, upload) = ($1, $2, $3) ORDER BY number
"""

TAKE_BACK = """
    UPDATE read.uploads SET rows_accepted = rows_accepted - $4 - $5, rows_duplicate = rows_duplicate + $4,
        rows_rejected = rows_rejected + $5
    WHERE (dataset, generation, number) = ($1, $2, $3)
"""

COUNT_GROUPS = "SELECT count(*) FROM {segment}"

ACCEPTED = "SELECT rows_accepted FROM read.uploads WHERE (dataset, generation, number) = ($1, $2, $3)"

LOADED_NOW = """
    UPDATE read.uploads SET state = CASE WHEN review AND NOT approved THEN 'review' ELSE 'loaded' END, records = $4,
        indexed_at = clock_timestamp()
    WHERE (dataset, generation, number) = ($1, $2, $3) AND state = 'loading'
"""


class Finisher:
    """Finishes uploads of which every chunk is loaded."""

    def __init__(self, pool: asyncpg.Pool[Any], blobs: Blobs, wakeups: Wakeups, readers: Readers) -> None:
        self._pool = pool
        self._blobs = blobs
        self._wakeups = wakeups
        self._readers = readers

    async def finish(self, dataset: Dataset, load: Load, file: File, text_key: str) -> None:
        """Bring an upload from loading to loaded; does nothing where that has happened."""
        of = (load.dataset, load.generation, load.upload)
        async with self._pool.acquire() as guard:
            await guard.execute("SELECT pg_advisory_lock(hashtext($1))", f"finish:{of}")
            try:
                upload = await guard.fetchrow(STATE, *of)
                if upload is None or upload["state"] != "loading":
                    return
                names = Names(dataset, load.generation)
                if dataset.members is not None:
                    await self._group(guard, dataset, load, file, text_key)
                await guard.execute(complete_segment(dataset, load.generation, load.upload))
                if upload["segment"] != OPEN_SEGMENT:
                    await self._index(guard, dataset, load, names, file, text_key)
                    await add_up_upload(guard, dataset, load.generation, load.upload)
                elif dataset.members is None and dataset.key is not None:
                    await self._drop_duplicates(guard, dataset, load, names, file, text_key)
                records = await guard.fetchval(
                    COUNT_GROUPS.format(segment=names.segment(load.upload)) if dataset.members else ACCEPTED,
                    *(() if dataset.members else of),
                )
                await preview(guard, dataset, load, records, samples=upload["review"])
                await guard.execute(LOADED_NOW, *of, records)
            finally:
                await guard.execute("SELECT pg_advisory_unlock(hashtext($1))", f"finish:{of}")
        self._wakeups.ring(LOADED, dataset.name)

    async def _index(
        self, guard: Connection, dataset: Dataset, load: Load, names: Names, file: File, text_key: str
    ) -> None:
        """Build all indexes; that the first is unique is the check for keys that stand twice in the file.

        Not where segments are partitioned: a key could stand once in each partition, and is searched for before.
        """
        if dataset.partition is not None and dataset.key is not None and dataset.members is None:
            await self._drop_duplicates(guard, dataset, load, names, file, text_key)
        table = names.segment(load.upload)
        unique, *others = create_indexes(dataset, table, segment_name(load.upload))
        waiting = list(others)
        gives_way = self._readers.are_here and not await guard.fetchval(IS_SERVED, load.dataset, load.generation)
        more = 0 if gives_way else INDEXERS - 1
        try:
            await together(self._build(waiting, unique), *(self._build(waiting) for _ in range(more)))
        except asyncpg.UniqueViolationError:
            await self._drop_duplicates(guard, dataset, load, names, file, text_key)
            await together(self._build(waiting, unique, *others))

    async def _build(self, waiting: list[str], *first: str) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute(ALONE)
            for statement in first:
                await connection.execute(statement)
            while waiting:
                await connection.execute(waiting.pop())

    async def _drop_duplicates(
        self, guard: Connection, dataset: Dataset, load: Load, names: Names, file: File, text_key: str
    ) -> None:
        """Of rows with the same key the last one counts, as if the rows had come one by one."""
        key, table = quoted(str(dataset.key)), names.segment(load.upload)
        async with guard.transaction():
            found = await guard.fetch(f"""
                DELETE FROM {table} AS row USING (
                    SELECT {key}, max(row) AS row FROM {table} GROUP BY {key} HAVING count(*) > 1
                ) AS last
                WHERE row.{key} = last.{key} AND row.row < last.row RETURNING row.row, last.row AS kept
            """)
            message = f"row {{}} of the same file has the same {dataset.key} and counts instead"
            said = {each["row"]: message.format(each["kept"]) for each in found}
            await self._report(guard, load, names, file, text_key, "duplicate", "duplicate-key", dataset.key, said)
            await guard.execute(TAKE_BACK, load.dataset, load.generation, load.upload, len(said), 0)

    async def _group(self, guard: Connection, dataset: Dataset, load: Load, file: File, text_key: str) -> None:
        """Make records of rows that share a key."""
        names = Names(dataset, load.generation)
        async with guard.transaction():
            if await guard.fetchval("SELECT to_regclass($1)", names.staging(load.upload)) is None:
                return
            grouped = await group_rows(guard, dataset, names, load.upload)
            report = (guard, load, names, file, text_key)
            await self._report(*report, "rejected", "conflicting-value", dataset.key, grouped.conflicting)
            await self._report(*report, "duplicate", "duplicate-key", dataset.key, grouped.duplicate)
            counts = (len(grouped.duplicate), len(grouped.conflicting))
            await guard.execute(TAKE_BACK, load.dataset, load.generation, load.upload, *counts)

    async def _report(
        self,
        guard: Connection,
        load: Load,
        names: Names,
        file: File,
        text_key: str,
        outcome: str,
        code: str,
        field: str | None,
        said: dict[int, str],
    ) -> None:
        """Write rows that were good but are not taken, with their lines and cells, which only the file knows."""
        if not said:
            return
        of_upload = pl.lit(load.upload).alias("upload")
        found = await guard.fetch(CHUNKS_OF_ROWS, load.dataset, load.generation, load.upload)
        for chunk in (Chunk(**row) for row in found):
            rows = [row for row in said if chunk.first_row <= row < chunk.first_row + chunk.rows]
            if not rows:
                continue
            text = await self._blobs.read(text_key, chunk.offset, chunk.size_bytes)
            cells = await asyncio.to_thread(rows_at, chunk, text, file, rows)
            columns = (of_upload, pl.lit(outcome).alias("outcome"))
            await copy_frame(guard, names.schema, "rejects", cells.with_columns(columns))
            errors = _errors(cells, file, code, field, said).with_columns(columns)
            await copy_frame(guard, names.schema, "row_errors", errors)


def _errors(cells: pl.DataFrame, file: File, code: str, field: str | None, said: dict[int, str]) -> pl.DataFrame:
    """Errors of the rows in `cells`, about the column of one field."""
    index = file.header.fields.index(field)
    value = pl.col("cells").str.json_path_match(f"$[{index}]").fill_null("")
    rows: Sequence[int] = cells["row"].to_list()
    return cells.with_columns(
        pl.lit(file.header.columns[index]).alias("label"),
        pl.lit(field).alias("field"),
        pl.lit(code).alias("code"),
        value.str.slice(0, VALUE_CHARACTERS).alias("value"),
        pl.Series("message", [said[row] for row in rows], pl.String),
    ).select(*ERROR_COLUMNS)
