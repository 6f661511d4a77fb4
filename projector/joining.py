"""Fixed rows become versions of records: one each, or members of one; log -> *projection* -> read table."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text

from projector.current import Current, read_current, segments_of
from projector.edits import Edit, Edits
from projector.folds import Fold
from projector.outcomes import APPLIED, Outcome
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.events import RecordedEvent, Value, Values
from shared.read_tables import OPEN_SEGMENT, Change, Ending, Names, quoted


class Row(msgspec.Struct, frozen=True):
    """A row that is good now."""

    event: RecordedEvent
    row: int
    values: Values


class RowFailure(msgspec.Struct, frozen=True):
    """One thing that is wrong with a row, as in the report of its upload."""

    column: str | None
    field: str | None
    code: str
    value: str
    message: str


class Joined(msgspec.Struct):
    """What became of rows: outcomes of those that entered, by position what keeps the others out.

    `members` counts rows that joined a record that was there instead of making one.
    """

    outcomes: list[Outcome] = []
    failed: dict[int, list[RowFailure]] = {}
    members: int = 0


async def join_rows(to: Fold, number: int, rows: Sequence[Row]) -> Joined:
    """Let rows of upload `number` supersede the live versions of their keys, one after the other."""
    joined = Joined()
    if to.dataset.key is None:
        edits = [_edit(row, number, f"{number}:{row.row}", row.values) for row in rows]
        await _begin(to, edits, joined)
    elif to.dataset.members is not None:
        for row in rows:
            await _join_member(to, number, row, joined)
    else:
        for wave in _waves(to.dataset, rows):
            current = await read_current(to, set(wave))
            edits = [_edit(row, number, key, row.values) for key, row in wave.items()]
            await _supersede(to, edits, current)
            await _begin(to, edits, joined)
    return joined


def canonical(dataset: Dataset, values: Values) -> str:
    """The key of a record as PostgreSQL writes it."""
    field = dataset.field(str(dataset.key))
    value = str(values[field.name])
    match field.kind:
        case Kind.UUID:
            return str(UUID(value))
        case Kind.INTEGER:
            return str(int(value))
        case _:
            return value


def _waves(dataset: Dataset, rows: Sequence[Row]) -> list[dict[str, Row]]:
    waves: list[dict[str, Row]] = [{}]
    for row in rows:
        key = canonical(dataset, row.values)
        if key in waves[-1]:
            waves.append({})
        waves[-1][key] = row
    return waves


def _edit(row: Row, number: int, key: str, values: Values) -> Edit:
    return Edit(
        key=key,
        at=row.event.position,
        recorded_at=row.event.recorded_at,
        actor=row.event.actor,
        values=values,
        kind=Ending.SUPERSEDED,
        by=number,
        change=Change.FIXED,
        upload=number,
        row=row.row,
    )


async def _supersede(to: Fold, edits: Sequence[Edit], current: dict[str, Current]) -> None:
    there = [edit for edit in edits if edit.key in current]
    if there:
        await Edits(to.connection, to.dataset, to.generation).end(segments_of(there, current), there)


async def _begin(to: Fold, edits: Sequence[Edit], joined: Joined) -> None:
    if not edits:
        return
    for one in await Edits(to.connection, to.dataset, to.generation).begin(edits):
        key = one.key if to.dataset.key else None
        joined.outcomes.append(Outcome(position=one.at, code=APPLIED, key=key, version=one.at, record=one.record))


async def _join_member(to: Fold, number: int, row: Row, joined: Joined) -> None:
    """Add the member of a row to the live record of its key, or begin a record with it."""
    members = to.dataset.members
    if members is None:
        raise TypeError(f"Dataset {to.dataset.name!r} has no members.")
    key = canonical(to.dataset, row.values)
    names = [field.name for field in members.fields]
    member: dict[str, str | None] = {name: _text(row.values.get(name)) for name in names}
    own = {name: value for name, value in row.values.items() if name not in names}
    current = await read_current(to, {key})
    there: list[dict[str, str | None]] = []
    if key in current:
        agrees, there = await _compared(to, current[key], own)
        if not agrees:
            says = f"says otherwise than the record with the same {to.dataset.key}"
            joined.failed[row.event.position] = [RowFailure(None, to.dataset.key, "conflicting-value", key, says)]
            return
        if member in there:
            says = "the record has the same already"
            joined.failed[row.event.position] = [RowFailure(None, to.dataset.key, "duplicate-key", key, says)]
            return
        joined.members += 1
    edit = _edit(row, number, key, {**own, members.name: [*there, member]})
    await _supersede(to, [edit], current)
    await _begin(to, [edit], joined)


async def _compared(to: Fold, current: Current, own: Values) -> tuple[bool, list[dict[str, str | None]]]:
    """Whether a live record agrees with other values of its own fields, and its members."""
    members = to.dataset.members
    names = Names(to.dataset, to.generation)
    fields = [quoted(field.name) for field in to.dataset.fields]
    old, new = (", ".join(f"{side}.{one}" for one in fields) for side in ("record", "new"))
    listed = quoted(members.name) if members else "NULL"
    statement = text(f"""
        SELECT ROW({old}) IS NOT DISTINCT FROM ROW({new}) AS agrees, CAST(record.{listed} AS text) AS members
        FROM {names.segment(current.segment.number)} AS record,
            jsonb_populate_record(NULL::{names.segment(OPEN_SEGMENT)}, CAST(:own AS jsonb)) AS new
        WHERE record.{quoted(str(to.dataset.key))} = new.{quoted(str(to.dataset.key))}
    """)
    found = (await to.connection.execute(statement, {"own": msgspec.json.encode(own).decode()})).one()
    return bool(found.agrees), msgspec.json.decode(found.members, type=list[dict[str, str | None]])


def _text(value: Value) -> str | None:
    if isinstance(value, list):
        raise TypeError("A member has no members.")
    return value
