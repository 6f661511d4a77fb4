"""What each event does to the read tables; log -> *projection*. The dict at the end is the whole routing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.generations import make_upload_tables
from projector.publishing import publish
from shared.datasets.declaration import Dataset
from shared.event_log import Load
from shared.events import Fact, RecordedEvent, UploadFailed, UploadPublished, UploadReceived
from shared.read_tables import OPEN_SEGMENT, Names

INSERT_UPLOAD = text("""
    INSERT INTO read.uploads (dataset, generation, number, id, state, received_position, actor, source, file_name,
        blob_key, text_key, media_type, sha256, size_bytes, dialect, header, segment, chunks, received_at, folded_at,
        review, on_error)
    VALUES (:dataset, :generation, :number, :id, 'loading', :position, :actor, :source, :file_name,
        :blob_key, :text_key, :media_type, :sha256, :size_bytes, CAST(:dialect AS json), CAST(:header AS json),
        :segment, :chunks, :received_at, clock_timestamp(), :review, :on_error)
""")

NEXT_NUMBER = text("""
    SELECT coalesce(max(number), 0) + 1 FROM read.uploads WHERE dataset = :dataset AND generation = :generation
""")

INSERT_CHUNK = text("""
    INSERT INTO read.chunks (dataset, generation, upload, number, "offset", size_bytes, first_row, first_line, rows)
    VALUES (:dataset, :generation, :upload, :number, :offset, :size_bytes, :first_row, :first_line, :rows)
""")

FAIL_UPLOAD = text("""
    UPDATE read.uploads SET state = 'failed', failure = CAST(:failure AS json)
    WHERE id = :id AND generation = :generation AND state NOT IN ('published', 'failed')
    RETURNING number
""")


class Fold(msgspec.Struct, frozen=True):
    """Where an event is applied: one transaction of one lane.

    `loads` collects what is to be given out after it, `attached` the numbers of the segments that it attached.
    """

    connection: AsyncConnection
    dataset: Dataset
    generation: int
    small_upload_rows: int
    loads: list[Load]
    attached: list[int]


async def fold(to: Fold, event: RecordedEvent) -> None:
    """Apply one event; the same event in the same state always gives the same."""
    await FOLDS[type(event.data)](to, event, event.data)


async def fold_received(to: Fold, event: RecordedEvent, data: UploadReceived) -> None:
    """Write the upload and its chunks into the books and make the tables to load it into."""
    of = {"dataset": to.dataset.name, "generation": to.generation}
    number = int((await to.connection.execute(NEXT_NUMBER, of)).scalar_one())
    rows = sum(chunk.rows for chunk in data.chunks)
    segment = OPEN_SEGMENT if rows <= to.small_upload_rows else number
    upload = {
        "number": number,
        "id": data.upload_id,
        "position": event.position,
        "actor": event.actor,
        "source": data.source,
        "file_name": data.file_name,
        "blob_key": data.blob_key,
        "text_key": data.text_key,
        "media_type": data.media_type,
        "sha256": data.sha256,
        "size_bytes": data.size_bytes,
        "dialect": msgspec.json.encode(data.dialect).decode(),
        "header": msgspec.json.encode(data.header).decode(),
        "segment": segment,
        "chunks": len(data.chunks),
        "received_at": event.recorded_at,
        "review": data.review,
        "on_error": data.on_error,
    }
    await to.connection.execute(INSERT_UPLOAD, {**of, **upload})
    if data.chunks:
        chunks = [{**of, "upload": number, **msgspec.structs.asdict(chunk)} for chunk in data.chunks]
        await to.connection.execute(INSERT_CHUNK, chunks)
    await make_upload_tables(to.connection, to.dataset, to.generation, number, segment)
    loads = [Load(to.dataset.name, to.generation, number, chunk.number) for chunk in data.chunks]
    # A file without rows has nothing to load but is finished all the same, by whoever takes this.
    to.loads.extend(loads or [Load(to.dataset.name, to.generation, number, 0)])


async def fold_published(to: Fold, event: RecordedEvent, data: UploadPublished) -> None:
    """Make the upload's records visible."""
    attached = await publish(to.connection, to.dataset, to.generation, event, data)
    to.attached.extend(attached)


async def fold_failed(to: Fold, _event: RecordedEvent, data: UploadFailed) -> None:
    """Say why the upload will never be visible and drop what was loaded of it."""
    failure = msgspec.json.encode({"code": data.code, "reason": data.reason}).decode()
    values = {"id": data.upload_id, "generation": to.generation, "failure": failure}
    number = (await to.connection.execute(FAIL_UPLOAD, values)).scalar_one_or_none()
    if number is not None:
        names = Names(to.dataset, to.generation)
        await to.connection.execute(text(f"DROP TABLE IF EXISTS {names.segment(number)}, {names.staging(number)}"))


FOLDS: dict[type[Fact], Callable[[Fold, RecordedEvent, Any], Awaitable[None]]] = {
    UploadReceived: fold_received,
    UploadPublished: fold_published,
    UploadFailed: fold_failed,
}
