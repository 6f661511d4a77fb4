"""What events tell: changes of uploads, lags and rebuilds, as the GET of each answers; read table -> *query*."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from query_api.event_ids import Since
from query_api.lag import Lag
from query_api.rebuilds import UNDER_WAY as REBUILDS_UNDER_WAY
from query_api.rebuilds import body_of as rebuild_body
from query_api.uploads import body_of as upload_body
from shared.auth.callers import Caller, Role

Body = dict[str, object]

PROGRESS: Final = "progress"
LAG: Final = "lag"
REBUILD: Final = "rebuild"
END: Final = "end"

FACTS: Final = ("received", "published", "failed", "withdrawn")
"""What happens to an upload by an event of the log, each at its position."""

UNDER_WAY: Final = ("loading", "loaded", "publishing", "review")
"""States of uploads that are not decided yet."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One event. Of two of the same `subject` that nobody has read yet the later one tells all.

    `seen_at` is how far the dataset was folded where it was read, `position` that of a fact, None for mere progress.
    `whole` is what the GET of the upload itself would answer, for those who follow that one.
    """

    name: str
    subject: str
    dataset: str
    seen_at: int
    data: bytes
    position: int | None = None
    whole: bytes | None = None
    upload: UUID | None = None
    actor: str = ""
    senders: frozenset[str] = frozenset()
    rebuild: str = ""
    asked_us: int = 0
    is_over: bool = False

    def is_for(self, caller: Caller) -> bool:
        """Whether the caller may read it; the same as of the GET of what it tells."""
        if not caller.role_in(self.dataset).covers(Role.VIEWER):
            return False
        return self.upload is None or caller.sees_upload(self.dataset, self.actor) or caller.name in self.senders

    def is_known(self, since: Since) -> bool:
        """Whether who has come so far has read it, or something newer in its place."""
        if self.rebuild:
            return False
        known = since.positions.get(self.dataset, 0)
        return self.seen_at < known or (self.position is not None and self.position <= known)

    def move(self, since: Since) -> None:
        """Note that it is read."""
        if self.rebuild:
            since.asked_us = max(since.asked_us, self.asked_us)
            rest = [one for one in since.rebuilds if one != self.rebuild]
            since.rebuilds = rest if self.is_over else [*rest, self.rebuild]
        reached = self.seen_at if self.name == LAG else self.position
        if reached is not None:
            since.positions[self.dataset] = max(reached, since.positions.get(self.dataset, 0))


def upload_happening(
    row: sa.RowMapping, after: int, seen_at: int, senders: Iterable[str] = (), rejected: list[Body] | None = None
) -> Happening:
    """How an upload stands now; a fact where the last one that happened to it is behind the position `after`.

    With `rejected`, the first errors of its rows, also `whole`.
    """
    position, name = max((row[f"{fact}_position"] or 0, fact) for fact in FACTS)
    return Happening(
        name=name if position > after else PROGRESS,
        subject=f"upload {row['id']}",
        dataset=row["dataset"],
        seen_at=seen_at,
        data=msgspec.json.encode(upload_body(row)),
        position=position if position > after else None,
        whole=None if rejected is None else msgspec.json.encode(upload_body(row, rejected)),
        upload=row["id"],
        actor=row["actor"],
        senders=frozenset(senders),
        is_over=row["state"] not in UNDER_WAY,
    )


def lag_happening(dataset: str, generation: int, lag: Lag) -> Happening:
    """How far a dataset is folded: those members of `GET /datasets/{name}` that move."""
    body = {"name": dataset, "generation": generation, **msgspec.structs.asdict(lag)}
    data = msgspec.json.encode(body)
    return Happening(name=LAG, subject=f"lag {dataset}", dataset=dataset, seen_at=lag.position, data=data)


def rebuild_happening(row: sa.RowMapping) -> Happening:
    """How far a rebuild or verification is, or what came of it."""
    body = rebuild_body(row, whole=False)
    return Happening(
        name=REBUILD,
        subject=f"rebuild {row['id']}",
        dataset=row["dataset"],
        seen_at=0,
        data=msgspec.json.encode(body),
        rebuild=str(row["id"])[:8],
        asked_us=microseconds(row["asked_at"]),
        is_over=body["state"] not in REBUILDS_UNDER_WAY,
    )


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds_since: int) -> datetime:
    """The time that `microseconds` tells."""
    return _EPOCH + timedelta(microseconds=microseconds_since)
