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
    SELECT CAST(:dataset AS text), CAST(:generation AS int), position, code, key, version, record, detail
    FROM json_to_recordset(CAST(:outcomes AS json))
        AS outcome (position bigint, code text, key text, version bigint, record json, detail json)
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
PARKED = "parked"


async def write_outcomes(to: Fold, all_outcomes: Sequence[Outcome]) -> None:
    """Write outcomes that somebody may ask for, and forget those that are too old."""
    outcomes = [one for one in all_outcomes if one.position > to.told_after]
    if not outcomes:
        return
    of = {"dataset": to.dataset.name, "generation": to.generation}
    written = msgspec.json.encode([_row(one) for one in outcomes]).decode()
    await to.connection.execute(WRITE, {**of, "outcomes": written})
    oldest, newest = outcomes[0].position, outcomes[-1].position
    if oldest // 100 != newest // 100 or newest % 100 == 0:
        await to.connection.execute(FORGET, {**of, "position": newest - KEPT})


def _row(outcome: Outcome) -> dict[str, object]:
    record = None if outcome.record is None else msgspec.Raw(outcome.record.encode())
    return {**msgspec.structs.asdict(outcome), "record": record}
