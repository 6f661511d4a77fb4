"""Loads chunks, in any order, by anyone; log -> *projection*: chunk -> staging.

All of a chunk is one transaction: its good rows, its rejects and the mark that it is done. A second delivery finds the
mark and changes nothing; a crash leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncpg
import msgspec
import polars as pl
from sqlalchemy.exc import DBAPIError

from projector.attempts import Attempts, Deadly
from projector.copying import Connection, copy_frame, copy_or_bisect
from projector.faults import passes
from projector.finishing import IS_SERVED, Finisher
from projector.parsing import REJECTED, File, Parsed, errors_frame, parse, rows_at
from projector.readers import Readers
from shared.blobs import Blobs
from shared.database import OUTAGES
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.datasets.stored import declared_in
from shared.errors import BlobCorrupt
from shared.event_log import Load
from shared.event_store import EventStore, Proposal
from shared.events import UploadFailed
from shared.read_tables import schema_of, segment_name, staging_name
from shared.tabular.dialect import Dialect
from shared.tabular.header import Header
from shared.tabular.records import Chunk
from shared.wakeups import APPENDED, REBUILDS, Wakeups

logger = logging.getLogger(__name__)

RETRY_S = 0.5
BUSY_S = 20.0
"""For how long a load waits for somebody else who is at it: longer than it takes until a projector that stands still
loses its sessions."""

UPLOAD = """
    SELECT id, state, text_key, dialect, header, chunks, chunks_done, segment FROM read.uploads
    WHERE (dataset, generation, number) = ($1, $2, $3)
"""

DECLARED = """
    SELECT fingerprint, declaration FROM read.generations WHERE (dataset, generation) = ($1, $2)
"""

HAS_FAILED = """
    SELECT NOT EXISTS (SELECT FROM read.datasets WHERE (dataset, generation) = ($1, $2)) AND EXISTS (
        SELECT FROM store.events WHERE type = 'upload-failed' AND data ->> 'upload_id' = $3 AND dataset = $1
    )
"""
"""Whether the log says of an upload, in a generation that is only built, that it will not be visible."""

FAIL_BUILD = """
    UPDATE read.generations SET state = 'failed', failure = $3, ended_at = clock_timestamp()
    WHERE (dataset, generation) = ($1, $2) AND state = 'building'
"""

CHUNK = """
    SELECT number, "offset", size_bytes, first_row, first_line, rows FROM read.chunks
    WHERE (dataset, generation, upload, number) = ($1, $2, $3, $4) AND done_by IS NULL
"""

LOCK_CHUNK = CHUNK + " FOR UPDATE SKIP LOCKED"

CHUNK_DONE = """
    UPDATE read.chunks SET done_by = $5 WHERE (dataset, generation, upload, number) = ($1, $2, $3, $4)
"""

COUNT = """
    UPDATE read.uploads SET chunks_done = chunks_done + 1, rows_read = rows_read + $4,
        rows_accepted = rows_accepted + $5, rows_rejected = rows_rejected + $6, rows_blank = rows_blank + $7,
        chunks_loaded_at = clock_timestamp()
    WHERE (dataset, generation, number) = ($1, $2, $3) AND state = 'loading'
    RETURNING chunks_done
"""


class Cancelled(Exception):
    """The upload failed or was withdrawn while one of its chunks was being loaded."""


class Busy(Exception):
    """Somebody else is at the chunk."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What a loader needs to know of an upload."""

    id: Any
    state: str
    text_key: str
    dialect: str
    header: str
    chunks: int
    chunks_done: int
    segment: int

    def file(self, dataset: Dataset) -> File:
        """How its file is to be read."""
        return File(
            dataset,
            msgspec.json.decode(self.dialect, type=Dialect),
            msgspec.json.decode(self.header, type=Header),
        )


class Loader:
    """Handles loads; `name` is the projector's."""

    def __init__(
        self,
        name: str,
        pool: asyncpg.Pool[Any],
        blobs: Blobs,
        catalogue: Catalogue,
        store: EventStore,
        wakeups: Wakeups,
        readers: Readers,
    ) -> None:
        self._name = name
        self._pool = pool
        self._blobs = blobs
        self._catalogue = catalogue
        self._store = store
        self._wakeups = wakeups
        self._finisher = Finisher(pool, blobs, wakeups, readers)
        self._attempts = Attempts(pool)
        self._parsing = asyncio.Lock()  # One chunk in memory as columns; the others are being copied.

    async def handle(self, load: Load) -> None:
        """Load one chunk; returns when that is done, was done before, or can never be done: then the upload fails.

        Waits out the absence of PostgreSQL and whatever else passes, such as a rival. A chunk that ends its process
        again and again can never be done either.
        """
        reason, busy_until = "", asyncio.get_running_loop().time() + BUSY_S
        while True:
            try:
                return await (self.fail(load, reason) if reason else self._handle(load))
            except (DBAPIError, *OUTAGES) as error:
                logger.warning("action=load-waits load=%s error=%r", load, error)
                await asyncio.sleep(RETRY_S)
            except Busy:
                if asyncio.get_running_loop().time() > busy_until:
                    return None  # Whoever is at it lives, and will see to the end of it.
                await asyncio.sleep(RETRY_S)
            except asyncpg.UndefinedTableError:
                logger.info("action=load-dropped load=%s reason='its tables are gone'", load)
                return None
            except Deadly as error:
                logger.error("action=load-given-up load=%s reason=%r", load, str(error))
                reason = str(error)
            except (BlobCorrupt, asyncpg.PostgresError, pl.exceptions.PolarsError, ValueError) as error:
                if passes(error):
                    logger.warning("action=load-waits load=%s error=%r", load, error)
                    await asyncio.sleep(RETRY_S)
                    continue
                logger.exception("action=load-failed load=%s", load)
                reason = f"Chunk {load.chunk} cannot be loaded: {error}"

    async def fail(self, load: Load, reason: str) -> None:
        """Append that the upload will never be visible; a generation that is only built decides nothing, and fails."""
        upload = await self._upload(load)
        if not await self._pool.fetchval(IS_SERVED, load.dataset, load.generation):
            await self._pool.execute(FAIL_BUILD, load.dataset, load.generation, reason)
            self._wakeups.ring(REBUILDS)
        elif upload is not None and upload.state == "loading":
            event = UploadFailed(upload_id=upload.id, code="load-failed", reason=reason)
            proposal = Proposal(event=event, actor="projector", claim=f"decided:{upload.id}")
            await self._store.append(load.dataset, proposal)
            self._wakeups.ring(APPENDED)

    async def _handle(self, load: Load) -> None:
        dataset = await self._declared(load)
        upload = await self._upload(load)
        if upload is None or upload.state != "loading":
            return
        if await self._pool.fetchval(HAS_FAILED, load.dataset, load.generation, str(upload.id)):
            return
        try:
            chunks_done = await self._load(load, dataset, upload)
        except Cancelled:
            return
        if chunks_done == upload.chunks:
            await self._finisher.finish(dataset, load, upload.file(dataset), upload.text_key)

    async def _declared(self, load: Load) -> Dataset:
        """The declaration by which that generation is loaded."""
        own = self._catalogue[load.dataset]
        row = await self._pool.fetchrow(DECLARED, load.dataset, load.generation)
        return declared_in(own, *row) if row else own

    async def _upload(self, load: Load) -> Upload | None:
        row = await self._pool.fetchrow(UPLOAD, load.dataset, load.generation, load.upload)
        return Upload(**row) if row else None

    async def _load(self, load: Load, dataset: Dataset, upload: Upload) -> int:
        """How many chunks of the upload are done now."""
        key = msgspec.structs.astuple(load)
        waiting = await self._pool.fetchrow(LOCK_CHUNK, *key)  # Free again at once: it only says whether it is.
        if waiting is None:
            if await self._pool.fetchrow(CHUNK, *key):
                raise Busy
            return upload.chunks_done
        chunk = Chunk(**waiting)
        async with self._attempts.counted(key):
            return await self._load_chunk(load, dataset, upload, chunk)

    async def _load_chunk(self, load: Load, dataset: Dataset, upload: Upload, chunk: Chunk) -> int:
        key = msgspec.structs.astuple(load)
        async with self._parsing:
            text = await self._blobs.read(upload.text_key, chunk.offset, chunk.size_bytes)
            parsed = await asyncio.to_thread(parse, chunk, text, upload.file(dataset))
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchrow(LOCK_CHUNK, *key) is None:
                raise Busy
            parsed = await self._store_rows(connection, load, dataset, parsed, chunk, text, upload.file(dataset))
            counts = (chunk.rows, parsed.good.height, parsed.rejects.height, parsed.blank)
            done = await connection.fetchval(COUNT, *key[:3], *counts)
            if done is None:
                raise Cancelled  # Rolls back: what was written here belongs to nothing.
            await connection.execute(CHUNK_DONE, *key, self._name)
            return int(done)

    async def _store_rows(
        self,
        connection: Connection,
        load: Load,
        dataset: Dataset,
        parsed: Parsed,
        chunk: Chunk,
        text: bytes,
        file: File,
    ) -> Parsed:
        schema = schema_of(dataset, load.generation)
        table = staging_name(load.upload) if dataset.members else segment_name(load.upload)
        refused = await copy_or_bisect(connection, schema, table, parsed.good)
        if refused:
            rows = [one.row for one in refused]
            cells = await asyncio.to_thread(rows_at, chunk, text, file, rows)
            errors = errors_frame(refused).drop("line").join(cells.select("row", "line"), on="row")
            parsed = Parsed(
                parsed.good.filter(~pl.col("row").is_in(pl.Series(rows, dtype=pl.Int32).implode())),
                pl.concat([parsed.rejects, cells]),
                pl.concat([parsed.errors, errors.select(parsed.errors.columns)]),
                parsed.blank,
            )
        of_upload = pl.lit(load.upload).alias("upload")
        await copy_frame(connection, schema, "rejects", parsed.rejects.with_columns(of_upload))
        rejected = pl.lit(REJECTED).alias("outcome")
        await copy_frame(connection, schema, "row_errors", parsed.errors.with_columns(of_upload, rejected))
        return parsed
