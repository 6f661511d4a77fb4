"""What an upload would change, found before its turn comes: staging -> *preview*; log -> projection.

Publishing then touches only what really overlaps. What happens between the preview and the publication is seen by both:
the preview knows the segments that it has looked at, and publishing searches the others for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import msgspec

from projector.copying import Connection
from projector.rendering import record_json
from shared.datasets.declaration import Dataset
from shared.event_log import Load
from shared.read_tables import OPEN_SEGMENT, Names, quoted

SAMPLES = 5
"""Records of each sort that a preview shows."""

SEEN = "SELECT position FROM read.checkpoints WHERE (dataset, generation) = ($1, $2)"

LIVE = """
    SELECT number FROM read.segments WHERE (dataset, generation) = ($1, $2) AND ended_position IS NULL ORDER BY number
"""

PREVIEWED = """
    UPDATE read.uploads SET preview = $4, previewed_position = $5
    WHERE (dataset, generation, number) = ($1, $2, $3)
"""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of an upload stand to the live ones.

    Of the segments that it has `looked_at`, `segments` are those in which keys of the upload are live, `whole_segments`
    those of which it has every key. No segment but the open one ever gets more records. `samples` are lists of records
    by sort, made for uploads that wait for review.
    """

    new: int
    changed: int = 0
    unchanged: int = 0
    looked_at: tuple[int, ...] = ()
    segments: tuple[int, ...] = ()
    whole_segments: tuple[int, ...] = ()
    samples: dict[str, list[msgspec.Raw]] = {}


async def preview(connection: Connection, dataset: Dataset, load: Load, records: int, *, samples: bool) -> None:
    """Write the preview of a loaded upload, and the table of its overlap where there is one; again after a crash."""
    of = (load.dataset, load.generation)
    names = Names(dataset, load.generation)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute(f"DROP TABLE IF EXISTS {names.overlap(load.upload)}")
        seen = await connection.fetchval(SEEN, *of)
        live = [row["number"] for row in await connection.fetch(LIVE, *of)]
        found = await _previewed(connection, dataset, names, load.upload, live, records)
        found = msgspec.structs.replace(found, looked_at=tuple(one for one in live if one != OPEN_SEGMENT))
        if samples:
            found = msgspec.structs.replace(
                found, samples=await _samples(connection, dataset, names, load.upload, bool(found.segments))
            )
        await connection.execute(PREVIEWED, *of, load.upload, msgspec.json.encode(found).decode(), seen)


async def _previewed(
    connection: Connection, dataset: Dataset, names: Names, number: int, live: Sequence[int], records: int
) -> Preview:
    if dataset.key is None or not records:
        return Preview(new=records)
    filled = [one for one in live if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {names.segment(one)})")]
    if not filled:
        return Preview(new=records)
    await connection.execute(_overlap(dataset, names, number, filled))
    counts = await connection.fetch(f"""
        SELECT segment, count(*) AS hits, count(*) FILTER (WHERE changed) AS changed
        FROM {names.overlap(number)} GROUP BY segment ORDER BY segment
    """)
    hits, changed = (sum(row[name] for row in counts) for name in ("hits", "changed"))
    whole = [
        row["segment"]
        for row in counts
        if row["segment"] != OPEN_SEGMENT
        and row["hits"] == await connection.fetchval(f"SELECT count(*) FROM {names.segment(row['segment'])}")
    ]
    return Preview(
        new=records - hits,
        changed=changed,
        unchanged=hits - changed,
        segments=tuple(row["segment"] for row in counts),
        whole_segments=tuple(whole),
    )


def _overlap(dataset: Dataset, names: Names, number: int, live: Sequence[int]) -> str:
    key = quoted(str(dataset.key))
    values = [quoted(field.name) for field in dataset.fields if field.name != dataset.key]
    values += [quoted(dataset.members.name)] if dataset.members else []
    old, new = (", ".join(f"{side}.{one}" for one in values) for side in ("record", "new"))
    changed = f"ROW({old}) IS DISTINCT FROM ROW({new})" if values else "false"
    parts = (
        f"SELECT record.{key}, {segment} AS segment, {changed} AS changed"
        f" FROM {names.segment(segment)} AS record JOIN {names.segment(number)} AS new USING ({key})"
        for segment in live
    )
    return f"CREATE TABLE {names.overlap(number)} AS {' UNION ALL '.join(parts)}"


async def _samples(
    connection: Connection, dataset: Dataset, names: Names, number: int, overlaps: bool
) -> dict[str, list[msgspec.Raw]]:
    own, record = names.segment(number), record_json(dataset, "new")
    if not overlaps:
        return {"new": await _listed(connection, f"SELECT {record} FROM {own} AS new ORDER BY row LIMIT {SAMPLES}")}
    key, overlap = quoted(str(dataset.key)), names.overlap(number)
    fresh = f"""
        SELECT {record} FROM {own} AS new
        WHERE NOT EXISTS (SELECT FROM {overlap} AS hit WHERE hit.{key} = new.{key}) ORDER BY row LIMIT {SAMPLES}
    """
    pair = f"json_build_object('old', {record_json(dataset, 'record')}, 'new', {record})"
    hit = f"""
        SELECT {{shown}} FROM (SELECT * FROM {overlap} WHERE changed = {{changed}} LIMIT {SAMPLES}) AS hit
        JOIN {own} AS new USING ({key})
        JOIN {names.records} AS record ON record.{key} = hit.{key} AND record.segment = hit.segment ORDER BY new.row
    """
    return {
        "new": await _listed(connection, fresh),
        "changed": await _listed(connection, hit.format(shown=pair, changed="true")),
        "unchanged": await _listed(connection, hit.format(shown=record, changed="false")),
    }


async def _listed(connection: asyncpg.Connection[asyncpg.Record] | Connection, statement: str) -> list[msgspec.Raw]:
    return [msgspec.Raw(row[0].encode()) for row in await connection.fetch(statement)]
