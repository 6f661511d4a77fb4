"""The live versions of some keys; read table -> *projection*."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import text

from projector.edits import Edit
from projector.folds import Fold
from projector.rendering import record_json
from projector.segments import Segment, Segments
from shared.read_tables import Names, key_type, quoted


class Current(msgspec.Struct, frozen=True):
    """The live version of a key, with its record as JSON."""

    key: str
    segment: Segment
    version: int
    record: str


async def read_current(to: Fold, keys: set[str], *, with_records: bool = True) -> dict[str, Current]:
    """By key; what is not live is not there. Records that nobody looks at are empty."""
    segments = {one.number: one for one in await Segments(to.connection, to.dataset, to.generation).live()}
    key = quoted(str(to.dataset.key))
    shown = record_json(to.dataset, "record") if with_records else "''"
    statement = text(f"""
        SELECT CAST({key} AS text) AS key, segment, position, CAST({shown} AS text) AS record
        FROM {Names(to.dataset, to.generation).records} AS record
        WHERE segment = ANY(:segments) AND {key} = ANY(CAST(CAST(:keys AS text[]) AS {key_type(to.dataset)}[]))
    """)
    found = await to.connection.execute(statement, {"keys": sorted(keys), "segments": sorted(segments)})
    return {
        key: Current(key, segments[number], position or segments[number].position, record)
        for key, number, position, record in found.all()
    }


def segments_of(edits: Iterable[Edit], current: Mapping[str, Current]) -> list[Segment]:
    """Where the live versions of the edited keys are."""
    segments = {current[edit.key].segment for edit in edits}
    return sorted(segments, key=lambda segment: segment.number)
