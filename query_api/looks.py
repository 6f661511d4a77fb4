"""One look at all that moves: uploads, lags, rebuilds, in one snapshot, whoever listens; read table -> *query*."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.happenings import UNDER_WAY, Body
from query_api.lag import LAG_COLUMNS, Lag, lag_of
from query_api.previews import rejected_sample
from query_api.rebuilds import FOUND
from query_api.snapshots import snapshot
from query_api.uploads import LIVE, senders
from shared.books import checkpoints, datasets, uploads
from shared.datasets.catalogue import Catalogue

MOST_UNDER_WAY: Final = 1_000
"""Of so many uploads at once progress is told, those that were received first; of the others only facts."""

OVERLAP: Final = timedelta(seconds=10)
"""A request for a rebuild may be committed so much later than its time says."""

LAGS = sa.select(datasets.c.dataset, datasets.c.generation, *LAG_COLUMNS).join(
    checkpoints, (checkpoints.c.dataset == datasets.c.dataset) & (checkpoints.c.generation == datasets.c.generation)
)
OPEN = LIVE.where(uploads.c.state.in_(UNDER_WAY)).order_by(uploads.c.received_at).limit(MOST_UNDER_WAY)
NEWEST = sa.text("SELECT max(asked_at) FROM store.rebuilds")
REBUILDS = sa.text(f"""
    {FOUND}
    WHERE asked.asked_at > :after OR asked.id = ANY(:known) OR (taken.id IS NULL AND asked.cancelled_at IS NULL)
        OR (made.state = 'building' AND made.rebuild_id = asked.id)
    ORDER BY asked.asked_at, asked.id
""")


class Asked(msgspec.Struct, frozen=True):
    """What a look is to find: uploads that changed after these positions, rebuilds asked for after that time.

    None stands for whoever looks for the first time: what is under way, and nothing that is over.
    """

    positions: Mapping[str, int] | None = None
    rebuilds_after: datetime | None = None
    rebuilds: Collection[UUID] = ()
    followed: Collection[UUID] = ()
    """Uploads that are to be read as a whole."""


class Look(msgspec.Struct, frozen=True):
    """What was found, all of one moment: `uploads` are those under way and those that changed."""

    lags: Mapping[str, tuple[int, Lag]]
    uploads: Sequence[sa.RowMapping] = ()
    senders: Mapping[UUID, frozenset[str]] = {}
    rejected: Mapping[UUID, list[Body]] = {}
    rebuilds: Sequence[sa.RowMapping] = ()
    newest_rebuild: datetime | None = None


class Looking(Protocol):
    """Reads; raises what the database raises."""

    async def look(self, asked: Asked) -> Look:
        """What is found now."""
        ...


class Reader:
    """Reads the books with six statements at most, and one more for each followed upload that waits for review."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue) -> None:
        self._engine = engine
        self._catalogue = catalogue

    async def look(self, asked: Asked) -> Look:
        """What is found now."""
        async with snapshot(self._engine) as connection:
            rows = (await connection.execute(LAGS)).all()
            lags = {row.dataset: (row.generation, lag_of(row)) for row in rows}
            found = await _uploads(connection, lags, asked.positions)
            after = asked.rebuilds_after or (await connection.execute(NEWEST)).scalar_one()
            rebuilds = await _rebuilds(connection, after, asked.rebuilds)
            return Look(
                lags,
                found,
                await _senders(connection, [row["id"] for row in found]),
                await self._rejected(connection, [row for row in found if row["id"] in asked.followed]),
                rebuilds,
                after and max(after, *(row["asked_at"] for row in rebuilds), after),
            )

    async def _rejected(self, connection: AsyncConnection, followed: Sequence[sa.RowMapping]) -> dict[UUID, list[Body]]:
        return {
            row["id"]: await rejected_sample(connection, row, self._catalogue.get(row["dataset"])) for row in followed
        }


async def _uploads(
    connection: AsyncConnection, lags: Mapping[str, tuple[int, Lag]], positions: Mapping[str, int] | None
) -> list[sa.RowMapping]:
    found = {row["id"]: row for row in (await connection.execute(OPEN)).mappings()}
    moved = {} if positions is None else lags
    changed = [
        (uploads.c.dataset == dataset)
        & (uploads.c.generation == generation)
        & (uploads.c.changed_position > positions.get(dataset, 0))
        for dataset, (generation, lag) in moved.items()
        if positions is not None and lag.position > positions.get(dataset, 0)
    ]
    if changed:
        found |= {row["id"]: row for row in (await connection.execute(LIVE.where(sa.or_(*changed)))).mappings()}
    return list(found.values())


async def _senders(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    found: defaultdict[UUID, set[str]] = defaultdict(set)
    if ids:
        wanted = sa.select(senders).where(senders.c.upload_id.in_(ids))
        for row in await connection.execute(wanted):
            found[row.upload_id].add(row.actor)
    return {upload: frozenset(names) for upload, names in found.items()}


async def _rebuilds(
    connection: AsyncConnection, after: datetime | None, known: Collection[UUID]
) -> Sequence[sa.RowMapping]:
    if after is None:
        return []
    values = {"after": after - OVERLAP, "known": list(known)}
    return (await connection.execute(REBUILDS, values)).mappings().all()
