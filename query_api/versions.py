"""Every version of one record, wherever it lies; *read table* -> query."""

from __future__ import annotations

import sqlalchemy as sa

from shared.books import segments
from shared.datasets.declaration import Dataset
from shared.read_tables import history_table, records_table
from shared.selection.filters import bound
from shared.selection.values import Value

OWN = ("row", "upload", "change", "actor")
ENDED = ("ended_position", "ended_at", "ended_kind", "ended_by", "ended_actor")


def versions(dataset: Dataset, generation: int, key: Value) -> sa.Subquery:
    """Every version of a key: those in the history, and those in segments, live or ended as a whole."""
    history, records = history_table(dataset, generation), records_table(dataset, generation)
    name = dataset.key_columns[0]
    members = (dataset.members.name,) if dataset.members else ()
    names = (*(field.name for field in dataset.fields), *members, *OWN)
    value = bound(dataset.field(name).kind, key)
    past = sa.select(
        *(history.c[one] for one in names),
        history.c.position.label("position"),
        history.c.recorded_at.label("recorded_at"),
        *(history.c[one] for one in ENDED),
    ).where(history.c[name] == value)
    of_segment = (
        (segments.c.dataset == dataset.name)
        & (segments.c.generation == generation)
        & (segments.c.number == records.c.segment)
    )
    kept = (
        sa.select(
            *(records.c[one] for one in names),
            sa.func.coalesce(records.c.position, segments.c.position),
            sa.func.coalesce(records.c.recorded_at, segments.c.recorded_at),
            *(segments.c[one] for one in ENDED),
        )
        .select_from(records.join(segments, of_segment))
        .where(records.c[name] == value)
    )
    return sa.union_all(past, kept).subquery("versions")
