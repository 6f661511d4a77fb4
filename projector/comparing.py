"""Compares two generations in one snapshot, and names what differs; *read table* -> projection.

Digests by bucket first, one pass over each table; then only the rows of buckets that differ, key by key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.digests import Part, parts_of
from shared.datasets.declaration import Dataset

SAMPLES = 20
"""Rows of each sort that a report shows; it counts all."""

Buckets = Mapping[int, tuple[int, int]]
"""By bucket: how many rows, and the sum of their hashes."""


class Digest(msgspec.Struct, frozen=True):
    """How many rows a table has, and one value for all that they say."""

    rows: int
    digest: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is not the same: `before` in the generation that is served, `after` in the other one."""

    key: str
    kind: str
    before: Any = None
    after: Any = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table of both; `gone`, `new` and `changed` count rows that differ, `samples` are some of each."""

    name: str
    before: Digest
    after: Digest
    equal: bool
    gone: int = 0
    new: int = 0
    changed: int = 0
    samples: list[Difference] = []


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """How a generation stands to the one that is served, both folded up to `position`."""

    position: int
    before: int
    after: int
    declaration_changed: bool
    equal: bool
    tables: list[Table]


class Side(msgspec.Struct, frozen=True):
    """One of the two: a generation with the declaration that made it."""

    dataset: Dataset
    generation: int


async def compare(connection: AsyncConnection, before: Side, after: Side, position: int) -> Compared:
    """Hold all that both say against each other, in the connection's snapshot; in fields that both declare."""
    fields = _names(before.dataset) & _names(after.dataset)
    old = {part.name: part for part in parts_of(before.dataset, before.generation, fields)}
    new = {part.name: part for part in parts_of(after.dataset, after.generation, fields)}
    tables = [
        await _compare_part(connection, part, new[name], before.dataset) for name, part in old.items() if name in new
    ]
    return Compared(
        position=position,
        before=before.generation,
        after=after.generation,
        declaration_changed=before.dataset.fingerprint != after.dataset.fingerprint,
        equal=all(table.equal for table in tables),
        tables=tables,
    )


async def digests(connection: AsyncConnection, side: Side) -> dict[str, Digest]:
    """All that one generation says, by table, in the connection's snapshot."""
    parts = parts_of(side.dataset, side.generation, _names(side.dataset))
    return {part.name: _digest(await _buckets(connection, part, side.dataset)) for part in parts}


def _names(dataset: Dataset) -> set[str]:
    return {*(field.name for field in dataset.fields), *([dataset.members.name] if dataset.members else [])}


async def _compare_part(connection: AsyncConnection, old: Part, new: Part, dataset: Dataset) -> Table:
    before, after = await _buckets(connection, old, dataset), await _buckets(connection, new, dataset)
    table = Table(name=old.name, before=_digest(before), after=_digest(after), equal=before == after)
    if table.equal:
        return table
    buckets = sorted(one for one in before.keys() | after.keys() if before.get(one) != after.get(one))
    rows = await _differences(connection, old, new, dataset, buckets)
    counts = {kind: counted for _, kind, _, _, counted in rows}
    samples = [Difference(key=key, kind=kind, before=was, after=now) for key, kind, was, now, _ in rows]
    return msgspec.structs.replace(table, samples=samples, **counts)


async def _buckets(connection: AsyncConnection, part: Part, dataset: Dataset) -> Buckets:
    found = await connection.execute(text(part.digests), {"dataset": dataset.name})
    return {row.bucket: (row.rows, int(row.sum)) for row in found}


def _digest(buckets: Buckets) -> Digest:
    rows, total = sum(one[0] for one in buckets.values()), sum(one[1] for one in buckets.values())
    return Digest(rows, f"{total % 2**64:016x}")


async def _differences(
    connection: AsyncConnection, old: Part, new: Part, dataset: Dataset, buckets: Sequence[int]
) -> Sequence[tuple[str, str, Any, Any, int]]:
    """Key, sort, both rows and how many there are of the sort, for the first SAMPLES of each."""
    same = "old.identity = new.identity" + (" AND old.hash = new.hash" if old.by_value else "")
    statement = text(f"""
        SELECT key, kind, before, after, counted FROM (
            SELECT *, count(*) OVER (PARTITION BY kind) AS counted,
                row_number() OVER (PARTITION BY kind ORDER BY key) AS number
            FROM (
                SELECT coalesce(old.identity, new.identity) AS key, CAST(old.shown AS json) AS before,
                    CAST(new.shown AS json) AS after,
                    CASE WHEN new.identity IS NULL THEN 'gone' WHEN old.identity IS NULL THEN 'new'
                        ELSE 'changed' END AS kind
                FROM (SELECT * FROM ({old.hashed}) AS rows WHERE bucket = ANY(:buckets)) AS old
                FULL JOIN (SELECT * FROM ({new.hashed}) AS rows WHERE bucket = ANY(:buckets)) AS new ON {same}
                WHERE old.hash IS DISTINCT FROM new.hash
            ) AS differing
        ) AS numbered WHERE number <= {SAMPLES} ORDER BY kind, key
    """)
    found = await connection.execute(statement, {"dataset": dataset.name, "buckets": list(buckets)})
    return [(row.key, row.kind, row.before, row.after, row.counted) for row in found]
