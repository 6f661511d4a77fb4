"""An upload becomes visible, all at once; log -> *projection* -> read table.

One transaction: versions with the same keys end, then the segment is attached and called live, or its records join the
open segment when they are few. Readers see nothing of the upload before the commit, all after it.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.previewing import Preview
from projector.rankings import add_segment
from projector.segments import End, Segment, Segments
from projector.versions import end_segment, end_versions, own_columns
from shared.datasets.declaration import Dataset
from shared.events import RecordedEvent, UploadPublished
from shared.read_tables import OPEN_SEGMENT, Ending, Names, quoted

UPLOAD = text("""
    SELECT number, segment, state, records, CAST(preview AS text) AS preview FROM read.uploads
    WHERE id = :id AND generation = :generation FOR UPDATE
""")

PUBLISHED = text("""
    UPDATE read.uploads SET state = 'published', published_position = :position, published_at = :published_at,
        records_superseded = :superseded, attached_at = clock_timestamp()
    WHERE id = :id AND generation = :generation
""")

CANCELLED = ("failed", "withdrawn")


class Publishing(msgspec.Struct, frozen=True):
    """One publication; `upload` is a row of the books."""

    connection: AsyncConnection
    dataset: Dataset
    generation: int
    event: RecordedEvent
    upload: Row[tuple[object, ...]]
    preview: Preview

    @property
    def names(self) -> Names:
        return Names(self.dataset, self.generation)


async def publish(
    connection: AsyncConnection, dataset: Dataset, generation: int, event: RecordedEvent, data: UploadPublished
) -> list[int]:
    """Publish an upload that is loaded and indexed, unless it was cancelled before; the segments that were attached."""
    of = {"id": data.upload_id, "generation": generation}
    upload = (await connection.execute(UPLOAD, of)).one()
    if upload.state in CANCELLED:
        return []
    preview = msgspec.json.decode(upload.preview, type=Preview)
    publishing = Publishing(connection, dataset, generation, event, upload, preview)
    superseded = await _make_way(publishing) if upload.records else 0
    attached = [] if upload.segment == OPEN_SEGMENT else [upload.number]
    await (_attach(publishing) if attached else _join_open_segment(publishing))
    await connection.execute(text(f"DROP TABLE IF EXISTS {publishing.names.overlap(upload.number)}"))
    outcome = {"position": event.position, "published_at": event.recorded_at}
    await connection.execute(PUBLISHED, {**of, **outcome, "superseded": superseded})
    return attached


async def _make_way(to: Publishing) -> int:
    """End the versions in whose place the upload's records come; how many."""
    end = End(position=to.event.position, at=to.event.recorded_at, kind=Ending.SUPERSEDED, by=to.upload.number)
    if to.dataset.replaces:
        return await _replace(to, end)
    return await _supersede(to, end) if to.dataset.key is not None else 0


async def _replace(to: Publishing, end: End) -> int:
    """End everything that is live; how much."""
    replaced = 0
    for segment in await Segments(to.connection, to.dataset, to.generation).live():
        if segment.number == OPEN_SEGMENT:
            replaced += await end_versions(
                to.connection, to.dataset, to.names, segment, "(SELECT) AS everything", "true", end
            )
        else:
            replaced += await _count(to, segment)
            await end_segment(to.connection, to.dataset, to.generation, segment, end)
    return replaced


async def _supersede(to: Publishing, end: End) -> int:
    """End the versions whose keys the upload brings again; how many.

    What the preview has found need not be searched again: only its hits are touched, and a segment of which it found
    every key ends as a whole.
    """
    superseded = 0
    for segment in await Segments(to.connection, to.dataset, to.generation).live():
        if segment.number in to.preview.whole_segments:
            superseded += await _count(to, segment)
            await end_segment(to.connection, to.dataset, to.generation, segment, end)
        elif await _may_overlap(to, segment):
            superseded += await end_versions(
                to.connection, to.dataset, to.names, segment, f"{_source(to, segment)} AS new", _same_key(to), end
            )
    return superseded


def _was_previewed(to: Publishing, segment: Segment) -> bool:
    return segment.number in to.preview.looked_at


async def _may_overlap(to: Publishing, segment: Segment) -> bool:
    if _was_previewed(to, segment) and segment.number not in to.preview.segments:
        return False
    found = await to.connection.execute(text(f"SELECT EXISTS (SELECT FROM {to.names.segment(segment.number)})"))
    return bool(found.scalar_one())


def _source(to: Publishing, segment: Segment) -> str:
    number = to.upload.number
    if not _was_previewed(to, segment):
        return to.names.segment(number)
    return f"(SELECT * FROM {to.names.overlap(number)} WHERE segment = {segment.number})"


def _same_key(to: Publishing) -> str:
    key = quoted(str(to.dataset.key))
    return f"record.{key} = new.{key}"


async def _count(to: Publishing, segment: Segment) -> int:
    found = await to.connection.execute(text(f"SELECT count(*) FROM {to.names.segment(segment.number)}"))
    return int(found.scalar_one())


async def _join_open_segment(to: Publishing) -> None:
    columns = ", ".join(own_columns(to.dataset))
    own = to.names.segment(to.upload.number)
    joined = text(f"""
        INSERT INTO {to.names.segment(OPEN_SEGMENT)} ({columns}, upload, position, recorded_at)
        SELECT {columns}, upload, CAST(:position AS bigint), CAST(:recorded_at AS timestamptz) FROM {own}
    """)
    await to.connection.execute(joined, {"position": to.event.position, "recorded_at": to.event.recorded_at})
    await to.connection.execute(text(f"DROP TABLE {own}"))


async def _attach(to: Publishing) -> None:
    number = to.upload.number
    own = to.names.segment(number)
    await to.connection.execute(text(f"ALTER TABLE {to.names.records} ATTACH PARTITION {own} FOR VALUES IN ({number})"))
    segments = Segments(to.connection, to.dataset, to.generation)
    await segments.begin(Segment(number, to.event.position, to.event.recorded_at))
    await add_segment(to.connection, to.dataset, to.generation, number)
