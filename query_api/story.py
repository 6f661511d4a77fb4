"""The versions of one record as a story: what happened when, what became what, and who did it; *read table* -> query.

A version begins at its position and ends at `ended_position`. Where the next one begins at that very position it took
its place; otherwise the record was gone from then on, which is an entry of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from query_api.versions import ENDED
from shared.read_tables import Change, Ending

Values = Mapping[str, object]

RESTORED = "restored"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a record; `record` is the record from then on, None where there is none any more.

    `upload` and `by` are numbers of uploads: where the version comes from, and which one ended it.
    """

    position: int
    at: object
    change: str
    before: Values | None
    record: Values | None
    actor: str | None
    upload: int | None = None
    row: int | None = None
    ended: Values | None = None


def entries(rows: Sequence[sa.RowMapping], values: Sequence[Values]) -> list[Entry]:
    """What happened, from versions in the order of their positions; `values` are their fields and members."""
    found: list[Entry] = []
    for index, (row, record) in enumerate(zip(rows, values, strict=True)):
        before = rows[index - 1] if index else None
        took_place = before is not None and before["ended_position"] == row["position"]
        found.append(_begun(row, record, before if took_place else None, values[index - 1] if took_place else None))
        following = rows[index + 1]["position"] if index + 1 < len(rows) else None
        if row["ended_position"] not in (None, following):
            found.append(_gone(row, record))
    return found


def _begun(row: sa.RowMapping, record: Values, before: sa.RowMapping | None, values: Values | None) -> Entry:
    restored = before is not None and before["ended_kind"] == Ending.WITHDRAWN
    return Entry(
        position=row["position"],
        at=row["recorded_at"],
        change=RESTORED if restored else row["change"] or Change.UPLOADED,
        before=values,
        record=record,
        actor=before["ended_actor"] if before is not None and restored else row["actor"],
        upload=row["upload"],
        row=row["row"],
        ended={name: row[name] for name in ENDED} if row["ended_position"] is not None else None,
    )


def _gone(row: sa.RowMapping, record: Values) -> Entry:
    return Entry(
        position=row["ended_position"],
        at=row["ended_at"],
        change=row["ended_kind"],
        before=record,
        record=None,
        actor=row["ended_actor"],
        upload=row["ended_by"],
    )


def changes_of(before: Values | None, after: Values | None) -> dict[str, dict[str, object]]:
    """What became what, by field; what is not there is null."""
    names = before or after or {}
    pairs = {name: ((before or {}).get(name), (after or {}).get(name)) for name in names}
    return {name: {"from": old, "to": new} for name, (old, new) in pairs.items() if old != new}
