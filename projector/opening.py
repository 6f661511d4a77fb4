"""Makes generations of what people asked for, one at a time for each dataset; command -> *projection*."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector.generations import begin_generation, declaration_of, lock_generations
from shared.datasets.declaration import Dataset

ASKED = text("""
    SELECT asked.id, asked.dataset, asked.purpose, asked.name, asked.until_position, asked.restores,
        live.generation AS live
    FROM store.rebuilds AS asked JOIN read.datasets AS live USING (dataset)
    WHERE asked.cancelled_at IS NULL AND asked.dataset = ANY(:datasets)
        AND NOT EXISTS (SELECT FROM read.rebuilds AS taken WHERE taken.id = asked.id)
        AND NOT EXISTS (
            SELECT FROM read.generations AS other WHERE other.dataset = asked.dataset AND other.state = 'building'
        )
    ORDER BY asked.asked_at, asked.id
""")

OPEN = text("""
    INSERT INTO read.generations (dataset, generation, state, purpose, rebuild_id, name, until_position)
    SELECT :dataset, max(generation) + 1, 'building', :purpose, :id, :name, :until_position
    FROM read.generations WHERE dataset = :dataset
    RETURNING generation
""")

RESTORE = text("""
    UPDATE read.generations AS old
    SET rebuild_id = :id, state = 'building', began_at = clock_timestamp(), moved_at = NULL
    FROM read.rebuilds AS flipped JOIN read.generations AS new USING (dataset, generation)
    WHERE flipped.id = :restores AND old.dataset = new.dataset AND old.generation = new.replaced
        AND old.state = 'retired' AND old.dropped_at IS NULL
    RETURNING old.generation
""")

TAKEN = text("""
    INSERT INTO read.rebuilds (id, dataset, generation, failure) VALUES (:id, :dataset, :generation, :failure)
""")

BUILDING = text("""
    SELECT made.dataset, made.generation, asked.id, asked.purpose, asked.name, made.until_position,
        asked.accept_differences, asked.purpose IN ('rebuild', 'restore') AS is_to_be_served
    FROM read.generations AS made
    JOIN store.rebuilds AS asked ON asked.id = made.rebuild_id
    WHERE made.state = 'building' AND made.dataset = ANY(:datasets)
""")

CANCEL = text("""
    WITH cancelled AS (
        UPDATE read.generations AS made SET ended_at = clock_timestamp(),
            state = CASE asked.purpose WHEN 'restore' THEN 'retired' ELSE 'cancelled' END
        FROM store.rebuilds AS asked
        WHERE asked.id = made.rebuild_id AND asked.cancelled_at IS NOT NULL
            AND made.state IN ('building', 'ready')
        RETURNING made.dataset, made.generation
    )
    UPDATE read.checkpoints AS checkpoint SET epoch = epoch + 1 FROM cancelled
    WHERE (checkpoint.dataset, checkpoint.generation) = (cancelled.dataset, cancelled.generation)
""")


class Build(msgspec.Struct, frozen=True):
    """A generation that is being built, and what for."""

    dataset: str
    generation: int
    id: object
    purpose: str
    name: str | None
    until_position: int | None
    accept_differences: bool
    is_to_be_served: bool


async def open_asked(engine: AsyncEngine, catalogue: Mapping[str, Dataset]) -> None:
    """Begin what was asked for first, of each dataset in which nothing is being built; again after a crash."""
    async with engine.connect() as connection:
        asked = (await connection.execute(ASKED, {"datasets": list(catalogue)})).all()
    for dataset in {one.dataset for one in asked}:
        async with engine.begin() as connection:
            await lock_generations(connection, dataset)
            first = (await connection.execute(ASKED, {"datasets": [dataset]})).mappings().first()
            if first is not None:
                await _open(connection, catalogue[dataset], first)


async def _open(connection: AsyncConnection, own: Dataset, asked: RowMapping) -> None:
    """A rebuild is made by our own declaration, everything else by that of what is served."""
    if asked["purpose"] == "restore":
        generation = (await connection.execute(RESTORE, dict(asked))).scalar_one_or_none()
    else:
        declared = own if asked["purpose"] == "rebuild" else await declaration_of(connection, own, asked["live"])
        generation = (await connection.execute(OPEN, dict(asked))).scalar_one()
        await begin_generation(connection, declared, generation, bare=True)
    failure = "The tables that it would bring back are gone." if generation is None else None
    await connection.execute(TAKEN, {**asked, "generation": generation, "failure": failure})


async def building(engine: AsyncEngine, catalogue: Mapping[str, Dataset]) -> list[Build]:
    """What is to be built now; what was cancelled is no more, whoever may be at it."""
    async with engine.begin() as connection:
        await connection.execute(CANCEL)
        return [Build(**row) for row in (await connection.execute(BUILDING, {"datasets": list(catalogue)})).mappings()]
