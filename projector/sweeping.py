"""Drops the tables of uploads that will never be visible; *projection* -> read table, after the fold."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.datasets.declaration import Dataset
from shared.ranking_tables import kept_tables
from shared.read_tables import Names, schema_of

RETRY_S = 0.5

CANCELLED = text("""
    SELECT number FROM read.uploads AS upload
    WHERE dataset = :dataset AND generation = :generation AND state IN ('failed', 'withdrawn')
        AND published_position IS NULL
        AND EXISTS (
            SELECT FROM pg_catalog.pg_tables WHERE schemaname = :schema AND (
                tablename IN ('segment_' || number, 'staging_' || number, 'overlap_' || number)
                OR starts_with(tablename, 'partial_' || number || '_')
            )
        )
    ORDER BY number
""")

LOCK_NOT_AVAILABLE = "55P03"


async def sweep(engine: AsyncEngine, dataset: Dataset, generation: int) -> None:
    """Return when no table is left; whoever still loads into one is waited for without holding anybody up."""
    names = Names(dataset, generation)
    of = {"dataset": dataset.name, "generation": generation, "schema": schema_of(dataset, generation)}
    while True:
        async with engine.connect() as connection:
            numbers = list(await connection.scalars(CANCELLED, of))
        if not numbers:
            return
        for number in numbers:
            partials = (names.partial(number, groups.name) for groups in kept_tables(dataset))
            await _drop(engine, (names.segment(number), names.staging(number), names.overlap(number), *partials))


async def _drop(engine: AsyncEngine, tables: tuple[str, ...]) -> None:
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '100ms'"))
            await connection.execute(text(f"DROP TABLE IF EXISTS {', '.join(tables)}"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        await asyncio.sleep(RETRY_S)
