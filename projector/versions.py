"""How versions end: SQL that moves records from segments to the history; log -> *projection* -> read table."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.rankings import subtract_segment
from projector.segments import End, Segment, Segments
from shared.datasets.declaration import Dataset
from shared.read_tables import Names, provenance_columns, quoted, record_columns, segment_name

ENDED = ("ended_position", "ended_at", "ended_kind", "ended_by", "ended_actor")


def own_columns(dataset: Dataset) -> list[str]:
    """What a loader writes: fields, members, segment and row; quoted."""
    return [quoted(column.name) for column in record_columns(dataset)]


def all_columns(dataset: Dataset) -> list[str]:
    """Every column of `records`, quoted."""
    return [*own_columns(dataset), *(quoted(column.name) for column in provenance_columns())]


def filled(column: str, record: str, segment: int) -> str:
    """A column of a version as the history has it, which says of each what a segment says once for all its own.

    The statement has what `since` says bound.
    """
    kinds = {'"position"': "bigint", '"recorded_at"': "timestamptz"}
    if column not in kinds:
        return f"{record}.{column}"
    return f"coalesce({record}.{column}, CAST(:{segment_name(segment)}_{column[1:-1]} AS {kinds[column]}))"


def since(segments: Iterable[Segment]) -> dict[str, object]:
    """What segments say once for all their records, as values of a statement with `filled` columns."""
    said: dict[str, object] = {}
    for one in segments:
        said[f"{segment_name(one.number)}_position"] = one.position
        said[f"{segment_name(one.number)}_recorded_at"] = one.recorded_at
    return said


async def end_segment(
    connection: AsyncConnection, dataset: Dataset, generation: int, segment: Segment, end: End
) -> None:
    """Make history of all that is left in a live segment, without touching a record."""
    await subtract_segment(connection, dataset, generation, segment.number)
    await Segments(connection, dataset, generation).end(segment.number, end)


async def end_versions(
    connection: AsyncConnection, dataset: Dataset, names: Names, segment: Segment, source: str, match: str, end: End
) -> int:
    """Move the records of one live segment that `match` finds in `source` (both SQL) to the history; how many."""
    columns = all_columns(dataset)
    statement = text(f"""
        WITH gone AS (
            DELETE FROM {names.segment(segment.number)} AS record USING {source} WHERE {match}
            RETURNING {", ".join(f"record.{column}" for column in columns)}
        )
        INSERT INTO {names.history} ({", ".join((*columns, *ENDED))})
        SELECT {", ".join(filled(column, "gone", segment.number) for column in columns)},
            CAST(:position AS bigint), CAST(:at AS timestamptz), CAST(:kind AS text), CAST(:by AS int),
            CAST(:actor AS text)
        FROM gone
    """)
    values = {**since([segment]), **msgspec.structs.asdict(end)}
    return int((await connection.execute(statement, values)).rowcount)
