"""An upload becomes visible, all at once; log -> *projection* -> read table.

One transaction: records of older segments with the same keys move to the history, then the segment is attached, or its
records join the open segment when they are few. Readers see nothing of the upload before the commit, all after it.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.datasets.declaration import Dataset
from shared.events import RecordedEvent, UploadPublished
from shared.read_tables import OPEN_SEGMENT, Names, quoted, records_table

UPLOAD = text("SELECT number, segment FROM read.uploads WHERE id = :id AND generation = :generation FOR UPDATE")

PUBLISHED = text("""
    UPDATE read.uploads SET state = 'published', published_position = :position, published_at = :published_at,
        records = :records, records_superseded = :superseded, attached_at = clock_timestamp()
    WHERE id = :id AND generation = :generation
""")


async def publish(
    connection: AsyncConnection, dataset: Dataset, generation: int, event: RecordedEvent, data: UploadPublished
) -> list[int]:
    """Publish an upload that is loaded and indexed; the numbers of the segments that were attached."""
    of = {"id": data.upload_id, "generation": generation}
    upload = (await connection.execute(UPLOAD, of)).one()
    names = Names(dataset, generation)
    superseded = 0
    if dataset.key is not None and data.records:
        superseded = await _supersede(connection, dataset, names, upload.number, event.position)
    if upload.segment == OPEN_SEGMENT:
        await _join_open_segment(connection, dataset, names, upload.number)
    else:
        await _attach(connection, names, upload.number)
    outcome = {
        "position": event.position,
        "published_at": event.recorded_at,
        "records": data.records,
        "superseded": superseded,
    }
    await connection.execute(PUBLISHED, {**of, **outcome})
    return [upload.number] if upload.segment != OPEN_SEGMENT else []


async def _supersede(connection: AsyncConnection, dataset: Dataset, names: Names, number: int, position: int) -> int:
    anything = await connection.execute(text(f"SELECT EXISTS (SELECT FROM {names.records})"))
    if not anything.scalar_one():
        return 0
    key = quoted(str(dataset.key))
    columns = _columns(dataset)
    moved = text(f"""
        WITH old AS (
            DELETE FROM {names.records} AS record USING {names.segment(number)} AS new
            WHERE record.{key} = new.{key} RETURNING {", ".join(f"record.{column}" for column in columns)}
        )
        INSERT INTO {names.history} ({", ".join(columns)}, superseded_by, superseded_position)
        SELECT {", ".join(columns)}, :number, :position FROM old
    """)
    return int((await connection.execute(moved, {"number": number, "position": position})).rowcount)


async def _join_open_segment(connection: AsyncConnection, dataset: Dataset, names: Names, number: int) -> None:
    columns = ", ".join(_columns(dataset))
    segment = names.segment(number)
    await connection.execute(text(f"INSERT INTO {names.records} ({columns}) SELECT {columns} FROM {segment}"))
    await connection.execute(text(f"DROP TABLE {segment}"))


async def _attach(connection: AsyncConnection, names: Names, number: int) -> None:
    segment = names.segment(number)
    await connection.execute(text(f"ALTER TABLE {names.records} ATTACH PARTITION {segment} FOR VALUES IN ({number})"))


def _columns(dataset: Dataset) -> list[str]:
    return [quoted(column.name) for column in records_table(dataset, 1).columns]
