"""SQL that ends and begins versions one by one, many in a statement; log -> *projection* -> read table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.rendering import record_json
from projector.segments import Segment
from projector.versions import ENDED, all_columns, filled
from shared.datasets.declaration import Dataset
from shared.events import Values
from shared.read_tables import OPEN_SEGMENT, Change, Ending, Names, key_type, quoted


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What one event does to one key: `kind` ends the version that is there, `values` and `change` begin another.

    `by` is the upload on whose behalf it is, `upload` and `row` are where the new version comes from.
    """

    key: str
    at: int
    recorded_at: datetime
    actor: str | None
    values: Values = {}
    kind: Ending | None = None
    by: int | None = None
    change: Change | None = None
    upload: int | None = None
    row: int | None = None


class Edited(msgspec.Struct, frozen=True):
    """A record as it is after the edit at a position (or was before a removal), as JSON."""

    at: int
    key: str
    record: str


class Edits:
    """Applies edits of different keys in the transaction of a fold; values that a record lacks are NULL.

    `tells` says that somebody wants to know what the records are then; otherwise nothing is answered.
    """

    def __init__(self, connection: AsyncConnection, dataset: Dataset, generation: int, *, tells: bool = True) -> None:
        self._connection = connection
        self._dataset = dataset
        self._tells = tells
        self._names = Names(dataset, generation)
        self._key = quoted(dataset.key or "row")
        self._columns = all_columns(dataset)
        self._values = [quoted(field.name) for field in dataset.fields]
        self._values += [quoted(dataset.members.name)] if dataset.members else []

    async def correct(self, segment: Segment, edits: Sequence[Edit]) -> list[Edited]:
        """End the versions in a segment and begin others in the open one with changed values; upload and row stay."""
        kept = ", ".join(f"new.{column}" for column in self._values)
        statement = f"""
            {self._ended(segment)}, history AS ({self._to_history()})
            INSERT INTO {self._names.segment(OPEN_SEGMENT)} AS record ({", ".join(self._values)}, {PROVENANCE})
            SELECT {kept}, {OPEN_SEGMENT}, (gone.old).row, (gone.old).upload, gone.at, gone.recorded_at,
                gone.change, gone.actor
            FROM gone, LATERAL jsonb_populate_record(gone.old, gone.changes) AS new
            {self._edited("position")}
        """
        return await self._execute(statement, edits, segment)

    async def end(self, segment: Segment, edits: Sequence[Edit]) -> list[Edited]:
        """End the versions in a segment; the records as they were."""
        statement = f"{self._ended(segment)} {self._to_history()} {self._edited('ended_position')}"
        return await self._execute(statement, edits, segment)

    async def begin(self, edits: Sequence[Edit]) -> list[Edited]:
        """Begin versions in the open segment for keys that have none."""
        new = ", ".join(f"new.{column}" for column in self._values)
        statement = f"""
            WITH edit AS ({self._edit()})
            INSERT INTO {self._names.segment(OPEN_SEGMENT)} AS record ({", ".join(self._values)}, {PROVENANCE})
            SELECT {new}, {OPEN_SEGMENT}, edit.row, edit.upload, edit.at, edit.recorded_at, edit.change, edit.actor
            FROM edit, LATERAL jsonb_populate_record(NULL::{self._names.segment(OPEN_SEGMENT)}, edit.changes) AS new
            {self._edited("position")}
        """
        return await self._execute(statement, edits)

    def _edit(self) -> str:
        kind = key_type(self._dataset) if self._dataset.key else "text"
        return f"""
            SELECT * FROM jsonb_to_recordset(CAST(:edits AS jsonb)) AS edit (key {kind}, at bigint,
                recorded_at timestamptz, kind text, actor text, by int, change text, upload int, row int, changes jsonb)
        """

    def _ended(self, segment: Segment) -> str:
        return f"""
            WITH edit AS ({self._edit()}), gone AS (
                DELETE FROM {self._names.segment(segment.number)} AS record
                USING edit WHERE record.{self._key} = edit.key
                RETURNING record AS old, edit.at, edit.recorded_at, edit.kind, edit.actor, edit.by, edit.change,
                    edit.changes
            )
        """

    def _to_history(self) -> str:
        return f"""
            INSERT INTO {self._names.history} AS record ({", ".join((*self._columns, *ENDED))})
            SELECT {", ".join(filled(column, "(old)") for column in self._columns)}, at, recorded_at, kind, by, actor
            FROM gone
        """

    def _edited(self, at: str) -> str:
        if not self._tells:
            return ""
        record = f"CAST({record_json(self._dataset, 'record')} AS text)"
        return f"RETURNING record.{at}, CAST(record.{self._key} AS text) AS key, {record} AS record"

    async def _execute(self, statement: str, edits: Sequence[Edit], segment: Segment | None = None) -> list[Edited]:
        values: dict[str, object] = {"edits": msgspec.json.encode([_row(edit) for edit in edits]).decode()}
        if segment is not None:
            values |= {"segment_position": segment.position, "segment_recorded_at": segment.recorded_at}
        found = await self._connection.execute(text(statement), values)
        return [Edited(*row) for row in found] if self._tells else []


PROVENANCE = "segment, row, upload, position, recorded_at, change, actor"


def _row(edit: Edit) -> dict[str, object]:
    said = msgspec.structs.asdict(edit)
    return {**said, "changes": said.pop("values")}
