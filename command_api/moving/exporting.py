"""Writes the truth into an archive while the installation works; *log* -> archive.

Everything is read in one snapshot. Events never change, so an export that was ended at any point is taken up where it
was, and one that has ended is brought up to date by another run; memory is constant.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

import msgspec

from command_api.moving.archive import (
    MANIFEST,
    PART_EVENTS,
    BlobLine,
    ClaimLine,
    DatasetLog,
    EventLine,
    Manifest,
    Part,
    PartWriter,
    SenderLine,
    alone_in,
    lines_of,
    read_manifest,
)
from command_api.moving.connection import Connection, connected
from shared.blobs import Blobs
from shared.errors import BadParameter, BlobCorrupt, Conflict

OURS = ("events", "claims", "senders", "blobs")

HEADS = """
    SELECT head.dataset, head.position, generation.fingerprint
    FROM store.heads AS head
    LEFT JOIN read.datasets AS served USING (dataset)
    LEFT JOIN read.generations AS generation USING (dataset, generation)
    WHERE head.position > 0 ORDER BY head.dataset
"""

EVENTS = """
    SELECT position, event_id, type, version, actor, correlation_id, recorded_at, data::text AS data
    FROM store.events WHERE dataset = $1 AND position > $2 AND position <= $3 ORDER BY position
"""

ID_AT = "SELECT event_id FROM store.events WHERE dataset = $1 AND position = $2"

CLAIMS = """
    SELECT claim, position, upload_id, fingerprint, duplicate FROM store.claims WHERE dataset = $1 ORDER BY claim
"""

SENDERS = """
    SELECT sender.actor, upload_id FROM store.senders AS sender JOIN store.uploads USING (upload_id)
    WHERE dataset = $1 ORDER BY 1, 2
"""

RECEIVED = """
    SELECT data ->> 'blob_key' AS blob_key, data ->> 'text_key' AS text_key, data ->> 'sha256' AS sha256
    FROM store.events WHERE type = 'upload-received' AND dataset = ANY($1) ORDER BY dataset, position
"""

Tell = Callable[[str], object]


async def export_log(
    database_url: str, blobs: Blobs, folder: Path, datasets: Sequence[str] = (), tell: Tell = lambda _: None
) -> Manifest:
    """Write the log of these datasets, or of all, with the blobs that it names.

    Raises BadParameter for a dataset without events, Conflict where the folder holds something else, BlobCorrupt for a
    blob that is not what was received; then there is no manifest that says so, and the next run goes on.
    """
    _claim(folder)
    with alone_in(folder):
        async with connected(database_url) as connection, connection.transaction(isolation="repeatable_read"):
            heads = await _heads(connection, datasets)
            _refuse_fewer(folder, [name for name, *_ in heads])
            logs = [await _export_dataset(connection, folder, *one, tell) for one in heads]
            listed = await _export_blobs(connection, blobs, folder, [one.name for one in logs], tell)
        manifest = Manifest(made_at=datetime.now(UTC), datasets=logs, blobs=listed)
        with PartWriter(folder, MANIFEST) as writer:
            writer.block(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
            writer.finish(MANIFEST)
        _remove_others(folder, manifest)
    return manifest


def _claim(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = (*OURS, MANIFEST, f"{MANIFEST}.part")
    if strange := [path.name for path in folder.iterdir() if path.name not in known and not _is_list(path.name)]:
        raise Conflict(f"{folder} holds {strange[0]!r}, which is no part of an archive: name an empty folder.")
    for name in OURS:
        (folder / name).mkdir(mode=0o700, exist_ok=True)


def _is_list(name: str) -> bool:
    return re.fullmatch(r"blobs(-[0-9a-f]{16})?\.jsonl(\.part)?", name) is not None


def _refuse_fewer(folder: Path, names: Sequence[str]) -> None:
    if not (folder / MANIFEST).exists():
        return
    if others := {one.name for one in read_manifest(folder).datasets} - set(names):
        raise Conflict(f"{folder} holds {min(others)!r} as well: export it too, or name an empty folder.")


async def _heads(connection: Connection, datasets: Sequence[str]) -> list[tuple[str, int, str | None]]:
    found = [(row["dataset"], row["position"], row["fingerprint"]) for row in await connection.fetch(HEADS)]
    for name in datasets:
        if name not in {one[0] for one in found}:
            raise BadParameter("dataset", f"There are no events of {name!r}.")
    return [one for one in found if not datasets or one[0] in datasets]


async def _export_dataset(
    connection: Connection, folder: Path, name: str, head: int, declared: str | None, tell: Tell
) -> DatasetLog:
    parts = await _whole_parts(connection, folder, name, head)
    while (after := parts[-1].last if parts else 0) < head:
        last = min(after + PART_EVENTS, head)
        with PartWriter(folder, f"events/{name}/unfinished") as writer:
            async for row in connection.cursor(EVENTS, name, after, last):
                data = msgspec.Raw(row["data"].replace("\n", " ").encode())  # Between its tokens: it is one line.
                writer.line(EventLine(**{**row, "data": data}))
            parts.append(writer.finish(f"events/{name}/{after + 1:012}-{last:012}.jsonl", after + 1))
        tell(f"{name}: {last:,} of {head:,} events")
    claims = await _list(folder, f"claims/{name}", (ClaimLine(**row) async for row in connection.cursor(CLAIMS, name)))
    senders = await _list(
        folder, f"senders/{name}", (SenderLine(**row) async for row in connection.cursor(SENDERS, name))
    )
    return DatasetLog(name=name, head=head, declared=declared, events=parts, claims=claims, senders=senders)


async def _list(folder: Path, name: str, entries: AsyncIterator[msgspec.Struct]) -> Part:
    with PartWriter(folder, f"{name}.jsonl") as writer:
        async for entry in entries:
            writer.line(entry)
        return writer.finish(f"{name}-{{hash}}.jsonl")


async def _whole_parts(connection: Connection, folder: Path, name: str, head: int) -> list[Part]:
    """What an earlier run has written of these events; raises Conflict where they are those of another log."""
    parts: list[Part] = []
    for path in sorted((folder / "events" / name).glob("*.jsonl")):
        first, _, last = path.stem.partition("-")
        if not (first + last).isdecimal() or int(first) != (parts[-1].last + 1 if parts else 1) or int(last) > head:
            break
        with path.open("rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
        part = Part(
            file=str(path.relative_to(folder)),
            size_bytes=path.stat().st_size,
            sha256=digest,
            entries=int(last) - int(first) + 1,
            first=int(first),
        )
        for end in lines_of(folder, part, EventLine):
            if end.position in (part.first, part.last) and end.event_id != await connection.fetchval(
                ID_AT, name, end.position
            ):
                raise Conflict(f"{part.file} is of another installation: name another folder.")
        parts.append(part)
    return parts


async def _export_blobs(connection: Connection, blobs: Blobs, folder: Path, datasets: list[str], tell: Tell) -> Part:
    with PartWriter(folder, "blobs.jsonl") as listed:
        async for row in connection.cursor(RECEIVED, datasets):
            for key in dict.fromkeys((row["blob_key"], row["text_key"])):
                line = _kept(folder, key) or await _copy(blobs, folder, key)
                if key == row["blob_key"] and line.sha256 != row["sha256"]:
                    (folder / "blobs" / key).unlink()
                    raise BlobCorrupt(f"Blob {key} is not what was received: restore it from a backup.")
                listed.line(line)
        tell(f"{listed.entries:,} blobs")
        return listed.finish("blobs-{hash}.jsonl")


def _kept(folder: Path, key: str) -> BlobLine | None:
    """A blob that is in the archive already."""
    try:
        with (folder / "blobs" / key).open("rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
            return BlobLine(key=key, size_bytes=opened.tell(), sha256=digest)
    except FileNotFoundError:
        return None


async def _copy(blobs: Blobs, folder: Path, key: str) -> BlobLine:
    with PartWriter(folder, f"blobs/{key}") as writer:
        async for block in blobs.stream(key):
            writer.block(block)
        part = writer.finish(f"blobs/{key}")
    return BlobLine(key=key, size_bytes=part.size_bytes, sha256=part.sha256)


def _remove_others(folder: Path, manifest: Manifest) -> None:
    """Lists of earlier runs, and what crashes have left; events and blobs stay as they are."""
    named = {part.file for part in manifest.parts}
    lists = [*folder.glob("claims/*.jsonl"), *folder.glob("senders/*.jsonl"), *folder.glob("blobs-*.jsonl")]
    for path in lists:
        if str(path.relative_to(folder)) not in named:
            path.unlink()
    for path in folder.rglob("*.part"):
        path.unlink()
