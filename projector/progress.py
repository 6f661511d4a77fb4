"""How far a generation is while it is built, for people; *projection* -> read table -> query."""

from __future__ import annotations

import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector.flipping import Served

EVERY_S = 1.0
ROW_EVENTS = 10.0
"""So many rows of files take as long as one other event: for the time that is left, which is a guess."""

LOOK = text("""
    SELECT coalesce(sum(rows_read) FILTER (WHERE generation = :generation), 0) AS rows,
        coalesce(sum(rows_read) FILTER (WHERE generation = :live), 0) AS rows_expected
    FROM read.uploads WHERE dataset = :dataset AND generation IN (:generation, :live)
        AND (CAST(:until AS bigint) IS NULL OR received_position <= :until)
""")

SHOW = text("""
    UPDATE read.generations SET head = :head, rows = :rows, rows_expected = :rows_expected, rows_per_s = :rows_per_s,
        events_per_s = :events_per_s, left_s = :left_s, moved_at = clock_timestamp()
    WHERE dataset = :dataset AND generation = :generation AND state = 'building'
""")


class Progress:
    """Notes once in a while how far one generation is; what it notes is never read to decide."""

    def __init__(self, engine: AsyncEngine, dataset: str, generation: int, until: int | None) -> None:
        self._engine = engine
        self._of = {"dataset": dataset, "generation": generation}
        self._until = until
        self._began: tuple[float, int, int] | None = None
        self._next = 0.0

    async def note(self, position: int, served: Served) -> bool:
        """Write it down unless that happened a moment ago; whether it was written."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + EVERY_S
        async with self._engine.begin() as connection:
            looked = (
                await connection.execute(LOOK, {**self._of, "live": served.generation, "until": self._until})
            ).one()
            head = served.head if self._until is None else self._until
            began_at, began_position, began_rows = self._began = self._began or (now, position, looked.rows)
            took_s = max(now - began_at, 0.001)
            done = (looked.rows - began_rows) / ROW_EVENTS + position - began_position
            left = max(looked.rows_expected - looked.rows, 0) / ROW_EVENTS + max(head - position, 0)
            shown = {
                "head": head,
                "rows": looked.rows,
                "rows_expected": looked.rows_expected,
                "rows_per_s": round((looked.rows - began_rows) / took_s, 1),
                "events_per_s": round((position - began_position) / took_s, 1),
                "left_s": round(left * took_s / done, 1) if done else None,
            }
            await connection.execute(SHOW, {**self._of, **shown})
        return True
