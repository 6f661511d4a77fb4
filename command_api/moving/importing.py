"""Takes the truth out of an archive into an installation that has none of it, or a first part; archive -> *log*.

Everything in the archive is checked before anything changes. Then come the blobs, then each dataset in one transaction:
its services see all of its log or none, so nobody decides what was decided. Run again after whatever ended it, it goes
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from uuid import UUID

import msgspec

from command_api.moving.archive import (
    BlobLine,
    ClaimLine,
    DatasetLog,
    EventLine,
    Manifest,
    SenderLine,
    alone_in,
    check_part,
    lines_of,
    read_manifest,
)
from command_api.moving.connection import Connection, connected
from shared.blobs import READ_BYTES, Blobs
from shared.errors import BadArchive, Conflict

AT_ONCE = 1000

LOCK = "SELECT pg_try_advisory_lock(hashtext('tablefold import-log'))"

HEAD = "SELECT position FROM store.heads WHERE dataset = $1"

LOCK_HEAD = """
    INSERT INTO store.heads AS head (dataset, position) VALUES ($1, 0)
    ON CONFLICT (dataset) DO UPDATE SET position = head.position RETURNING position
"""

ADVANCE = "UPDATE store.heads SET position = $2 WHERE dataset = $1"

IDS = """
    SELECT array_agg(event_id ORDER BY position) FROM store.events
    WHERE dataset = $1 AND position BETWEEN $2 AND $3
"""

ADD_UPLOADS = """
    INSERT INTO store.uploads (upload_id, dataset, actor)
    SELECT CAST(data ->> 'upload_id' AS uuid), dataset, actor FROM store.events
    WHERE dataset = $1 AND position > $2 AND type = 'upload-received'
"""

FORGET_CLAIMS = "DELETE FROM store.claims WHERE dataset = $1"

ADD_SENDERS = "INSERT INTO store.senders (actor, upload_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"

EVENT_COLUMNS = (
    *("dataset", "position", "event_id", "type", "version", "actor", "correlation_id", "recorded_at", "data"),
)

Tell = Callable[[str], object]


async def import_log(database_url: str, blobs: Blobs, folder: Path, tell: Tell = lambda _: None) -> Manifest:
    """Make the log of an archive that of this installation; what is there already is left as it is.

    Raises BadArchive, which names the part, before anything has changed, and Conflict where a dataset has other events.
    """
    manifest = read_manifest(folder)
    with alone_in(folder):
        check(folder, manifest)
        tell("The archive is whole.")
        async with connected(database_url) as connection:
            if not await connection.fetchval(LOCK):
                raise Conflict("Another import is under way: wait until it has ended.")
            heads = {log.name: await common_head(connection, folder, log) for log in manifest.datasets}
            await _add_blobs(blobs, folder, manifest, tell)
            for log in manifest.datasets:
                added = await _append(connection, folder, log, heads[log.name])
                tell(f"{log.name}: {added:,} events added, {log.head:,} in the archive")
    return manifest


def check(folder: Path, manifest: Manifest) -> None:
    """Hold every byte against its hash and every line against its form; raises BadArchive."""
    for part in manifest.parts:
        check_part(folder, part.file, part.size_bytes, part.sha256)
    for line in lines_of(folder, manifest.blobs, BlobLine):
        if "/" in line.key or line.key.startswith("."):
            raise BadArchive(manifest.blobs.file, f"names {line.key!r}, which is no key of a blob")
        check_part(folder, f"blobs/{line.key}", line.size_bytes, line.sha256)
    for log in manifest.datasets:
        head = 0
        for part in log.events:
            for event in lines_of(folder, part, EventLine):
                head += 1
                if event.position != head:
                    raise BadArchive(part.file, f"has position {event.position} where {head} comes")
        if head != log.head:
            raise BadArchive(log.events[-1].file if log.events else log.name, f"ends at {head} and not at {log.head}")
        for kind, list_of in ((ClaimLine, log.claims), (SenderLine, log.senders)):
            for _ in lines_of(folder, list_of, kind):
                pass


async def common_head(connection: Connection, folder: Path, log: DatasetLog) -> int:
    """The head of a dataset here, all of whose events are those of the archive as far as both go; raises Conflict."""
    head = int(await connection.fetchval(HEAD, log.name) or 0)
    for events in _batches(folder, log):
        first, last = events[0].position, min(events[-1].position, head)
        if first > head:
            break
        ids: list[UUID] = await connection.fetchval(IDS, log.name, first, last)
        for event, event_id in zip(events, ids, strict=False):
            if event.event_id != event_id:
                raise Conflict(
                    f"{log.name} has another event at position {event.position} than the archive:"
                    " import into an installation that has none of that dataset."
                )
    return head


async def _add_blobs(blobs: Blobs, folder: Path, manifest: Manifest, tell: Tell) -> None:
    added = 0
    for line in lines_of(folder, manifest.blobs, BlobLine):
        if not await blobs.has(line.key):
            await _add_blob(blobs, folder, line)
            added += 1
    tell(f"{added:,} blobs added, {manifest.blobs.entries:,} in the archive")


async def _add_blob(blobs: Blobs, folder: Path, line: BlobLine) -> None:
    await blobs.remove(line.key)  # What an import that was killed has left of it.
    writer = blobs.writer(line.key)
    try:
        with (folder / "blobs" / line.key).open("rb") as opened:
            while block := opened.read(READ_BYTES):
                writer.write(block)
        writer.commit()
    except BaseException:
        writer.abort()
        raise


async def _append(connection: Connection, folder: Path, log: DatasetLog, after: int) -> int:
    """All events that are not here yet, with their claims; how many."""
    if after >= log.head:
        return 0
    async with connection.transaction():
        if await connection.fetchval(LOCK_HEAD, log.name) != after:
            raise Conflict(
                f"Somebody has appended to {log.name} meanwhile: stop its services and run the import again."
            )
        for events in _batches(folder, log, after):
            rows = [_row(log.name, event) for event in events]
            await connection.copy_records_to_table("events", schema_name="store", records=rows, columns=EVENT_COLUMNS)
        await connection.execute(ADD_UPLOADS, log.name, after)
        await connection.execute(FORGET_CLAIMS, log.name)
        claims = lines_of(folder, log.claims, ClaimLine)
        while some := list(islice(claims, AT_ONCE)):
            rows = [(log.name, *msgspec.structs.astuple(one)) for one in some]
            columns = ("dataset", *ClaimLine.__struct_fields__)
            await connection.copy_records_to_table("claims", schema_name="store", records=rows, columns=columns)
        for sender in lines_of(folder, log.senders, SenderLine):
            await connection.execute(ADD_SENDERS, sender.actor, sender.upload_id)
        await connection.execute(ADVANCE, log.name, log.head)
    return log.head - after


def _batches(folder: Path, log: DatasetLog, after: int = 0) -> Iterator[list[EventLine]]:
    for part in log.events:
        if part.last > after:
            events = (event for event in lines_of(folder, part, EventLine) if event.position > after)
            while some := list(islice(events, AT_ONCE)):
                yield some


def _row(dataset: str, event: EventLine) -> tuple[object, ...]:
    return (dataset, *msgspec.structs.astuple(msgspec.structs.replace(event, data=bytes(event.data).decode())))
