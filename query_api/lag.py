"""How far the read tables are behind the log, as far as that is known; read table -> *query*.

The query API does not read the log: it believes what the owner of a dataset's lane has noted, for as long as that one
lives. After that the lag is not known, and never reads as none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.books import checkpoints

KNOWN_FOR = timedelta(seconds=15)
"""What was seen longer ago says nothing of now."""


class Lag(msgspec.Struct, frozen=True):
    """`lag_s` is how long the first event that is not folded has been waiting.

    `lag_events` and `lag_s` are None where nobody has looked at the log for a while: `head` is its last known end.
    """

    position: int
    head: int | None
    head_seen_at: datetime | None
    lag_events: int | None
    lag_s: float | None
    folded_at: datetime | None


NOTHING = Lag(0, None, None, None, None, None)
"""Of a dataset that no projector has ever seen."""

_KNOWN = checkpoints.c.head_seen_at > sa.func.now() - sa.literal(KNOWN_FOR, sa.Interval())
_BEHIND = sa.func.greatest(checkpoints.c.head - checkpoints.c.position, 0)
_WAITED = sa.func.extract("epoch", sa.func.now() - checkpoints.c.waiting_since)

LAG_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    checkpoints.c.position,
    checkpoints.c.head,
    checkpoints.c.head_seen_at,
    sa.case((_KNOWN, _BEHIND)).label("lag_events"),
    sa.case(
        (_KNOWN & (_BEHIND > 0), sa.cast(sa.func.greatest(sa.func.coalesce(_WAITED, 0), 0), sa.Float)),
        (_KNOWN, sa.literal(0.0)),
    ).label("lag_s"),
    checkpoints.c.folded_at,
)
"""What a Lag is read from, in the order of its fields."""


def lag_of(row: sa.Row[Any] | None) -> Lag:
    """The Lag in a row that has these columns at its end; NOTHING where there is none."""
    if row is None:
        return NOTHING
    found = Lag(*row[-len(LAG_COLUMNS) :])
    return found if found.lag_s is None else msgspec.structs.replace(found, lag_s=round(found.lag_s, 3))
