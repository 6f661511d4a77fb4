"""Rejected rows with better cells enter as records; log -> *projection* -> read table.

A row is validated by the rules of its dataset, as when its file was loaded; what is still wrong with it refuses the
event and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from uuid import UUID

import msgspec
import polars as pl
from sqlalchemy import text

from projector.folds import Fold
from projector.joining import Row, RowFailure, join_rows
from projector.outcomes import APPLIED, CONFLICT, NOT_FOUND, REJECTED, Outcome
from shared.datasets.declaration import Dataset
from shared.events import RecordCorrected, RecordedEvent, RowCorrected, Values
from shared.read_tables import Names
from shared.tabular.header import Header
from shared.validation import validate

UPLOAD = text("""
    SELECT number, state, CAST(header AS text) AS header FROM read.uploads WHERE id = :id AND generation = :generation
""")

COUNT = text("""
    UPDATE read.uploads SET rows_rejected = rows_rejected - :rows, rows_accepted = rows_accepted + :rows,
        records = records + :records
    WHERE id = :id AND generation = :generation
""")


SHOWN = text("""
    SELECT id FROM read.uploads
    WHERE dataset = :dataset AND generation = :generation AND state = 'published' AND records > 0
    ORDER BY published_position DESC LIMIT 1
""")


class Place(msgspec.Struct, frozen=True):
    """Where a rejected row stands."""

    upload_id: UUID
    row: int


class Rejected(msgspec.Struct, frozen=True):
    """A rejected row with its cells corrected; `values` are fields that its file has no column for."""

    event: RecordedEvent
    row: int
    line: int
    cells: list[str]
    values: Values


async def rejected_row(to: Fold, key: str) -> Place | None:
    """The newest rejected row of a published upload with that key."""
    statement = text(f"""
        SELECT upload.id, reject.row FROM {Names(to.dataset, to.generation).rejects} AS reject
        JOIN read.uploads AS upload ON upload.number = reject.upload
        WHERE hashtext(reject.key) = hashtext(:key) AND reject.key = :key AND reject.outcome = 'rejected'
            AND (upload.dataset, upload.generation) = (:dataset, :generation) AND upload.state = 'published'
        ORDER BY upload.number DESC, reject.row DESC LIMIT 1
    """)
    values = {"key": key, "dataset": to.dataset.name, "generation": to.generation}
    found = (await to.connection.execute(statement, values)).one_or_none()
    return Place(*found) if found else None


async def remove_rejected(to: Fold, event: RecordedEvent, place: Place) -> Outcome:
    """Show a rejected row no more."""
    upload = (await to.connection.execute(UPLOAD, {"id": place.upload_id, "generation": to.generation})).one()
    await _mark(to, upload.number, [place.row], "removed")
    return Outcome(position=event.position, code=APPLIED)


async def fix_rows(
    to: Fold, events: Sequence[RecordedEvent], places: Mapping[int, Place] | None = None
) -> list[Outcome]:
    """Make records of rejected rows; `places` says where, by position, for events that name a key instead."""
    where = places or {event.position: _place(event) for event in events}
    outcomes: list[Outcome] = []
    for upload_id, group in groupby(events, key=lambda event: where[event.position].upload_id):
        mine = list(group)
        outcomes += await _fix_upload(
            to, upload_id, mine, {event.position: where[event.position].row for event in mine}
        )
    return outcomes


def _place(event: RecordedEvent) -> Place:
    if not isinstance(event.data, RowCorrected):
        raise TypeError(f"{type(event.data).__name__} names no row.")
    return Place(event.data.upload_id, event.data.row)


async def _fix_upload(
    to: Fold, upload_id: UUID, events: Sequence[RecordedEvent], rows: Mapping[int, int]
) -> list[Outcome]:
    upload = (await to.connection.execute(UPLOAD, {"id": upload_id, "generation": to.generation})).one_or_none()
    if upload is None:
        return [Outcome(position=event.position, code=NOT_FOUND) for event in events]
    if reason := await _closed(to, upload_id, upload.state):
        return [Outcome(position=event.position, code=CONFLICT, detail={"reason": reason}) for event in events]
    header = msgspec.json.decode(upload.header, type=Header)
    wide = widened(header, to.dataset, events)
    rejected, outcomes = await _with_cells(to, upload.number, len(header.columns), wide, events, rows)
    good, failures = read_rows(rejected, wide, to.dataset)
    joined = await join_rows(to, upload.number, good)
    failures |= joined.failed
    outcomes += [
        _failed(rejected_one, failures) for rejected_one in rejected if rejected_one.event.position in failures
    ]
    outcomes += joined.outcomes
    fixed = [one.row for one in good if one.event.position not in failures]
    if fixed:
        await _mark(to, upload.number, fixed, "fixed")
        counts = {"rows": len(fixed), "records": len(fixed) - joined.members}
        await to.connection.execute(COUNT, {**counts, "id": upload_id, "generation": to.generation})
    return outcomes


async def _closed(to: Fold, upload_id: UUID, state: str) -> str:
    """Why no row of an upload can be corrected; empty if rows can."""
    if state != "published":
        return f"The upload is {state}: rows of published uploads can be corrected."
    if to.dataset.replaces:
        of = {"dataset": to.dataset.name, "generation": to.generation}
        shown = (await to.connection.execute(SHOWN, of)).scalar_one_or_none()
        if shown != upload_id:
            return "The records of another file are shown, not those of this one: send it again."
    return ""


async def _with_cells(
    to: Fold, number: int, width: int, header: Header, events: Sequence[RecordedEvent], rows: Mapping[int, int]
) -> tuple[list[Rejected], list[Outcome]]:
    statement = text(f"""
        SELECT row, line, CAST(cells AS text) AS cells FROM {Names(to.dataset, to.generation).rejects}
        WHERE upload = :upload AND row = ANY(:rows) AND outcome = 'rejected'
    """)
    found = await to.connection.execute(statement, {"upload": number, "rows": sorted(set(rows.values()))})
    kept = {one.row: one for one in found}
    rejected, outcomes = [], []
    for event in events:
        row = kept.get(rows[event.position])
        if row is None:
            outcomes.append(Outcome(position=event.position, code=NOT_FOUND))
        else:
            cells, values = corrected(msgspec.json.decode(row.cells, type=list[str])[:width], header, event)
            rejected.append(Rejected(event, row.row, row.line, cells, values))
    return rejected, outcomes


def widened(header: Header, dataset: Dataset, events: Sequence[RecordedEvent]) -> Header:
    """With a column for every field that a corrected row names and its file has not: it is held to the same rules."""
    named = {name for event in events if isinstance(event.data, RowCorrected) for name in event.data.cells}
    fields = [field.name for field in dataset.file_fields if field.name in named]
    more = tuple(name for name in fields if _column(header, name) is None)
    return Header((*header.columns, *more), (*header.fields, *more), header.ignored)


def corrected(cells: list[str], header: Header, event: RecordedEvent) -> tuple[list[str], Values]:
    """The cells of a row, as many as the header has, some of them replaced; and values of fields that have none."""
    width = len(header.columns)
    whole = [*cells, *[""] * (width - len(cells))]
    changes: Mapping[str, object] = {}
    if isinstance(event.data, RowCorrected):
        changes = event.data.cells
    elif isinstance(event.data, RecordCorrected):
        changes = event.data.changes
    values: Values = {}
    for name, value in changes.items():
        at = _column(header, name)
        if at is None and isinstance(event.data, RowCorrected):
            continue  # A label that no field knows.
        if at is None:
            values[name] = value  # type: ignore[assignment]  # both events have texts, None or members
        else:
            whole[at] = "" if value is None else str(value)
    return whole, values


def _column(header: Header, name: str) -> int | None:
    for names in (header.columns, header.fields):
        if name in names:
            return names.index(name)
    return None


def read_rows(
    rejected: Sequence[Rejected], header: Header, dataset: Dataset
) -> tuple[list[Row], dict[int, list[RowFailure]]]:
    """The rows that are good now, with canonical values, and by position what is wrong with the others."""
    numbered = dict(enumerate(rejected))
    columns = {f"c{at}": [one.cells[at] or None for one in rejected] for at in range(len(header.columns))}
    frame = pl.DataFrame(
        {**columns, "row": list(numbered), "line": [one.line for one in rejected]},
        schema={**dict.fromkeys(columns, pl.String), "row": pl.Int32, "line": pl.Int32},
    )
    validated = validate(frame, header, dataset)
    failures: dict[int, list[RowFailure]] = {}
    for said in validated.errors.iter_rows(named=True):
        position = numbered[said["row"]].event.position
        failures.setdefault(position, []).append(
            RowFailure(said["label"], said["field"], said["code"], said["value"], said["message"])
        )
    good = validated.good.with_columns(pl.exclude("row").cast(pl.String)).iter_rows(named=True)
    defaults: Values = {field.name: field.default for field in dataset.file_fields}
    return [_row(numbered[values.pop("row")], {**defaults, **values}) for values in good], failures


def _row(rejected: Rejected, values: Values) -> Row:
    return Row(rejected.event, rejected.row, {**values, **rejected.values})


def _failed(rejected: Rejected, failures: Mapping[int, list[RowFailure]]) -> Outcome:
    errors = [msgspec.structs.asdict(one) for one in failures[rejected.event.position]]
    return Outcome(position=rejected.event.position, code=REJECTED, detail={"errors": errors})


async def _mark(to: Fold, number: int, rows: Sequence[int], outcome: str) -> None:
    names = Names(to.dataset, to.generation)
    for table in (names.rejects, names.row_errors):
        statement = text(f"""
            UPDATE {table} SET outcome = :outcome WHERE upload = :upload AND row = ANY(:rows) AND outcome = 'rejected'
        """)
        await to.connection.execute(statement, {"outcome": outcome, "upload": number, "rows": list(rows)})
