"""SQL that ends and begins versions one by one, many in a statement; log -> *projection* -> read table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.rendering import record_json
from projector.segments import Segment
from projector.versions import ENDED, all_columns, filled, since
from shared.datasets.declaration import Dataset
from shared.events import Values
from shared.read_tables import OPEN_SEGMENT, Change, Ending, Names, key_type, quoted, segment_name


class Edit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"values": "changes"}):
    """What one event does to one key: `kind` ends the version that is there, `values` and `change` begin another.

    `by` is the upload on whose behalf it is, `upload` and `row` are where the new version comes from. A version that is
    none of `expected` does not end.
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
    expected: tuple[int, ...] | None = None


class Edited(msgspec.Struct, frozen=True):
    """A record as it is after the edit at a position (or was before a removal), as JSON."""

    at: int
    key: str
    record: str


class Edits:
    """Applies edits of different keys in the transaction of a fold, in one statement.

    Values that a record lacks are NULL. `tells` says that somebody wants to know what the records are then; otherwise
    they are told as empty.
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

    async def correct(self, segments: Sequence[Segment], edits: Sequence[Edit]) -> list[Edited]:
        """End versions in these segments and begin others in the open one with changed values; upload and row stay."""
        statement = f"""
            {self._ended(segments)}, history AS ({self._to_history()})
            {self._corrected()} {self._edited("position")}
        """
        return await self._execute(statement, edits, segments)

    async def end(self, segments: Sequence[Segment], edits: Sequence[Edit]) -> list[Edited]:
        """End versions in these segments; the records as they were."""
        statement = f"{self._ended(segments)} {self._to_history()} {self._edited('ended_position')}"
        return await self._execute(statement, edits, segments)

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

    async def apply_unseen(self, segments: Sequence[Segment], edits: Sequence[Edit]) -> set[str]:
        """Correct or end versions in whichever of these segments they are; the keys of which none ended."""
        statement = f"""
            {self._ended(segments)}, history AS ({self._to_history()}), corrected AS ({self._corrected()})
            SELECT CAST(edit.key AS text) AS key FROM edit
            WHERE NOT EXISTS (SELECT FROM gone WHERE (gone.old).{self._key} = edit.key)
        """
        return {row.key for row in await self._run(statement, edits, segments)}

    def _edit(self) -> str:
        kind = key_type(self._dataset) if self._dataset.key else "text"
        return f"""
            SELECT * FROM jsonb_to_recordset(CAST(:edits AS jsonb)) AS edit (key {kind}, at bigint,
                recorded_at timestamptz, kind text, actor text, by int, change text, upload int, row int, changes jsonb,
                expected bigint[])
        """

    def _ended(self, segments: Sequence[Segment]) -> str:
        """What ends, as `gone`, whatever segments it was in; it says of itself what these said once for all."""
        deleted = [f"gone_{segment_name(one.number)} AS ({self._deleted(one)})" for one in segments]
        gone = " UNION ALL ".join(f"SELECT * FROM gone_{segment_name(one.number)}" for one in segments)
        return f"WITH edit AS ({self._edit()}), {', '.join(deleted)}, gone AS ({gone})"

    def _deleted(self, segment: Segment) -> str:
        version = filled('"position"', "record", segment.number)
        return f"""
            DELETE FROM {self._names.segment(segment.number)} AS record
            USING edit WHERE record.{self._key} = edit.key AND (edit.expected IS NULL OR {version} = ANY(edit.expected))
            RETURNING CAST(record AS {self._names.records}) AS old, {version} AS version,
                {filled('"recorded_at"', "record", segment.number)} AS versioned_at, edit.at, edit.recorded_at,
                edit.kind, edit.actor, edit.by, edit.change, edit.changes
        """

    def _to_history(self) -> str:
        said = {'"position"': "version", '"recorded_at"': "versioned_at"}
        old = [said.get(column, f"(old).{column}") for column in self._columns]
        return f"""
            INSERT INTO {self._names.history} AS record ({", ".join((*self._columns, *ENDED))})
            SELECT {", ".join(old)}, at, recorded_at, kind, by, actor FROM gone
        """

    def _corrected(self) -> str:
        kept = ", ".join(f"new.{column}" for column in self._values)
        return f"""
            INSERT INTO {self._names.segment(OPEN_SEGMENT)} AS record ({", ".join(self._values)}, {PROVENANCE})
            SELECT {kept}, {OPEN_SEGMENT}, (gone.old).row, (gone.old).upload, gone.at, gone.recorded_at,
                gone.change, gone.actor
            FROM gone, LATERAL jsonb_populate_record(gone.old, gone.changes) AS new WHERE gone.change IS NOT NULL
        """

    def _edited(self, at: str) -> str:
        record = f"CAST({record_json(self._dataset, 'record')} AS text)" if self._tells else "''"
        return f"RETURNING record.{at} AS at, CAST(record.{self._key} AS text) AS key, {record} AS record"

    async def _execute(self, statement: str, edits: Sequence[Edit], segments: Sequence[Segment] = ()) -> list[Edited]:
        return [Edited(row.at, row.key, row.record) for row in await self._run(statement, edits, segments)]

    async def _run(self, statement: str, edits: Sequence[Edit], segments: Sequence[Segment]) -> Sequence[Row[Any]]:
        values = {"edits": msgspec.json.encode(edits).decode(), **since(segments)}
        return (await self._connection.execute(text(statement), values)).all()


PROVENANCE = "segment, row, upload, position, recorded_at, change, actor"
