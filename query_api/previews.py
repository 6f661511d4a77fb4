"""What an upload would change, what it waits for, and what its withdrawal undid; read table -> *query*."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.read_tables import row_errors_table

Body = dict[str, object]

SAMPLES = 5
"""Row errors that a preview shows."""

_earlier = uploads.alias("earlier")

WAITS_FOR = sa.case(
    (uploads.c.state == "review", sa.literal("review")),
    (
        uploads.c.state == "loaded",
        sa.select(sa.cast(_earlier.c.id, sa.Text))
        .where(_earlier.c.dataset == uploads.c.dataset, _earlier.c.generation == uploads.c.generation)
        .where(_earlier.c.number < uploads.c.number, _earlier.c.state.in_(("loading", "review", "loaded")))
        .order_by(_earlier.c.number)
        .limit(1)
        .scalar_subquery(),
    ),
).label("waits_for")
"""What keeps a loaded upload from being published: its review, or the first earlier one that is not decided yet."""


async def rejected_sample(connection: AsyncConnection, row: sa.RowMapping, dataset: Dataset | None) -> list[Body]:
    """The first errors of an upload that waits, or waited, for review; none where its dataset is declared no more."""
    if dataset is None or not row["review"] or row["preview"] is None:
        return []
    errors = row_errors_table(dataset, row["generation"])
    names = ("field", "value", "code", "message")
    columns = (errors.c.row, errors.c.line, errors.c.label.label("column"), *(errors.c[name] for name in names))
    wanted = sa.select(*columns).where(errors.c.upload == row["number"], errors.c.outcome == "rejected")
    found = await connection.execute(wanted.order_by(errors.c.row, errors.c.label, errors.c.code).limit(SAMPLES))
    return [dict(one) for one in found.mappings()]


def preview_of(row: sa.RowMapping, rejected: list[Body] | None) -> Body | None:
    """Counts as of a position, and samples where the upload is reviewed and `rejected` is given; None before that."""
    found: Body | None = row["preview"]
    if found is None:
        return None
    shown = row["review"] and rejected is not None
    return {
        **{name: found[name] for name in ("new", "changed", "unchanged")},
        "rejected": row["rows_rejected"],
        "as_of": row["previewed_position"],
        **({"samples": {**_samples(found), "rejected": rejected}} if shown else {}),
    }


def _samples(preview: Body) -> Body:
    given = preview.get("samples")
    samples = given if isinstance(given, dict) else {}
    return {name: samples.get(name, []) for name in ("new", "changed", "unchanged")}


def withdrawal_of(row: sa.RowMapping, *, whole: bool) -> Body | None:
    """What the withdrawal undid and kept, the list of what was kept only in the `whole` of it."""
    found: Body | None = row["withdrawal"]
    kept = found.get("kept") if found else None
    if found is None or whole or not isinstance(kept, dict):
        return found
    return {**found, "kept": {name: value for name, value in kept.items() if name != "records"}}
