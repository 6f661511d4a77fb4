"""What became of commands, for whoever waits for it; *projection* -> read table -> HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from projector.folds import Fold

KEPT = 10_000
"""Outcomes of a dataset that are kept: those of its last positions."""

WRITE = text("""
    INSERT INTO read.outcomes (dataset, generation, position, code, key, version, record, detail)
    VALUES (:dataset, :generation, :position, :code, :key, :version, CAST(:record AS json), CAST(:detail AS json))
""")

FORGET = text("""
    DELETE FROM read.outcomes WHERE dataset = :dataset AND generation = :generation AND position <= :position
""")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the event at `position` was folded; `record` is JSON text of the record afterwards."""

    position: int
    code: str
    key: str | None = None
    version: int | None = None
    record: str | None = None
    detail: object = None


APPLIED = "applied"
NOT_FOUND = "not-found"
EXISTS = "exists"
STALE = "stale"
REJECTED = "rejected"
CONFLICT = "conflict"


async def write_outcomes(to: Fold, all_outcomes: Sequence[Outcome]) -> None:
    """Write outcomes that somebody may ask for, and forget those that are too old."""
    outcomes = [one for one in all_outcomes if one.position > to.told_after]
    if not outcomes:
        return
    of = {"dataset": to.dataset.name, "generation": to.generation}
    rows = [
        {
            **of,
            **msgspec.structs.asdict(one),
            "detail": None if one.detail is None else msgspec.json.encode(one.detail).decode(),
        }
        for one in outcomes
    ]
    await to.connection.execute(WRITE, rows)
    oldest, newest = outcomes[0].position, outcomes[-1].position
    if oldest // 100 != newest // 100 or newest % 100 == 0:
        await to.connection.execute(FORGET, {**of, "position": newest - KEPT})
