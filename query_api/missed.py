"""What somebody has missed who comes back with the id of an event; read table -> *query*."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.event_ids import Since
from query_api.happenings import UNDER_WAY, Happening, moment, rebuild_happening, upload_happening
from query_api.previews import rejected_sample
from query_api.rebuilds import FOUND
from query_api.snapshots import POSITIONS, snapshot
from query_api.uploads import LIVE, find_upload, seen_by
from shared.auth.callers import Caller
from shared.books import datasets, uploads
from shared.datasets.catalogue import Catalogue
from shared.served import read_position

PAGE: Final = 500
MOST_REBUILDS: Final = 1_000
"""Of more rebuilds the newest are told."""

REBUILDS = sa.text(f"""
    {FOUND}
    WHERE asked.dataset = ANY(:datasets) AND (asked.asked_at > :after OR left(CAST(asked.id AS text), 8) = ANY(:known))
    ORDER BY asked.asked_at DESC, asked.id LIMIT {MOST_REBUILDS}
""")

Part = tuple[list[Happening], int | None]
"""Some of what was missed in a dataset, in order; with the last part how far it goes."""


async def missed_uploads(engine: AsyncEngine, caller: Caller, dataset: str, after: int) -> AsyncIterator[Part]:
    """What happened to uploads of a dataset after a position, each once, as it stands now, and what is under way."""
    while True:
        async with snapshot(engine) as connection:
            position = (await connection.execute(POSITIONS.where(datasets.c.dataset == dataset))).one_or_none()
            reached = 0 if position is None else int(position.position)
            of_caller = LIVE.where(uploads.c.dataset == dataset, seen_by(caller))
            changed = of_caller.where(uploads.c.changed_position > after)
            rows = await _rows(connection, changed.order_by(uploads.c.changed_position).limit(PAGE))
            found = [upload_happening(row, after, reached) for row in rows]
            is_last = len(rows) < PAGE
            if is_last:
                known = {row["id"] for row in rows}
                under_way = await _rows(connection, of_caller.where(uploads.c.state.in_(UNDER_WAY)))
                found += [upload_happening(row, reached, reached) for row in under_way if row["id"] not in known]
        yield found, reached if is_last else None
        if is_last:
            return
        after = rows[-1]["changed_position"]


async def missed_rebuilds(engine: AsyncEngine, caller: Caller, names: frozenset[str], since: Since) -> list[Happening]:
    """How rebuilds stand that were asked for since then, or were under way."""
    values = {"datasets": list(names), "after": moment(since.asked_us), "known": since.rebuilds}
    async with snapshot(engine) as connection:
        rows = (await connection.execute(REBUILDS, values)).mappings().all()
    found = [rebuild_happening(row) for row in reversed(rows)]
    return [one for one in found if one.is_for(caller)]


async def followed_upload(engine: AsyncEngine, catalogue: Catalogue, text: str, since: Since) -> Happening:
    """How one upload stands now; raises NotFound."""
    async with snapshot(engine) as connection:
        row = await find_upload(connection, text)
        reached = await read_position(connection, row["dataset"])
        rejected = await rejected_sample(connection, row, catalogue.get(row["dataset"]))
        return upload_happening(row, since.positions.get(row["dataset"], 0), reached, rejected=rejected)


async def _rows(connection: AsyncConnection, wanted: sa.Select[tuple[object, ...]]) -> list[sa.RowMapping]:
    return list((await connection.execute(wanted)).mappings())
