"""Which moment of its dataset an answer shows, and which is served now: one indexed lookup; read table -> *query*."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from query_api.as_of import AS_OF
from query_api.at_hand import Row
from query_api.prepared import Prepared
from shared.datasets.declaration import Dataset
from shared.http.positions import Position
from shared.selection.parameters import Query
from shared.served import Served

LIVE = """
    SELECT live.dataset, live.generation, coalesce(folded.position, 0) AS position, made.fingerprint
    FROM read.datasets AS live
    LEFT JOIN read.checkpoints AS folded USING (dataset, generation)
    LEFT JOIN read.generations AS made USING (dataset, generation)
    WHERE live.dataset = ANY ($1)
"""

NAMED = """
    SELECT made.dataset, made.generation, coalesce(folded.position, 0) AS position, made.fingerprint
    FROM read.generations AS made LEFT JOIN read.checkpoints AS folded USING (dataset, generation)
    WHERE made.dataset = ANY ($1) AND made.name = $2 AND made.state = 'ready'
"""


class Moment(msgspec.Struct, frozen=True):
    """So many events of a dataset, in one of its generations: what is read of that never changes."""

    dataset: str
    generation: int | None
    position: int

    @property
    def folded(self) -> Position:
        """How far the log is folded in it."""
        return Position(self.dataset, self.position)


def moment_of(dataset: Dataset, served: Served) -> Moment:
    """The moment that a snapshot shows."""
    return Moment(dataset.name, served.generation, served.position)


Key = tuple[str, ...]
Found = tuple[Moment, ...] | None


class _Lookup:
    """What is being looked up for the same readers: now, and for those who came since."""

    def __init__(self) -> None:
        self.running: asyncio.Task[Found] | None = None
        self.next: asyncio.Task[Found] | None = None


class Moments:
    """Looks up what is served; whoever asks while the same is being looked up shares the lookup after that."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._lookups: dict[Key, _Lookup] = {}

    async def now(self, datasets: Sequence[Dataset], query: Query) -> Found:
        """The moments that are served at some time after the call; raises what the database raises.

        None where nothing is served of one of the datasets, or something that these declarations did not make: then the
        read itself has to say so.
        """
        name = query.one(AS_OF.name) if AS_OF.name in query.known else None
        key = (str(name or ""), *(one.name for one in datasets))
        lookup = self._lookups.setdefault(key, _Lookup())
        if lookup.next is None:
            lookup.next = asyncio.create_task(self._look(key, lookup, datasets, name))
        return await asyncio.shield(lookup.next)

    async def _look(self, key: Key, lookup: _Lookup, datasets: Sequence[Dataset], name: object) -> Found:
        if lookup.running is not None:
            await asyncio.wait([lookup.running])
        lookup.running, lookup.next = lookup.next, None
        try:
            names = [one.name for one in datasets]
            asked = (LIVE, names) if name is None else (NAMED, names, name)
            found = {row["dataset"]: row for row in await self._prepared.fetch(*asked)}
            moments = [_moment(found.get(one.name), one) for one in datasets]
            return None if None in moments else tuple(one for one in moments if one is not None)
        finally:
            lookup.running = None
            if lookup.next is None:
                del self._lookups[key]


def _moment(row: Row | None, dataset: Dataset) -> Moment | None:
    if row is None or row["fingerprint"] not in (None, dataset.fingerprint):
        return None
    return Moment(dataset.name, row["generation"], row["position"])
