"""Gives back the space of generations that nobody reads any more; *projection* -> read table."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector.sweeping import LOCK_NOT_AVAILABLE
from shared.read_tables import quoted

BOOKS = text("""
    SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'generation'
    WHERE relnamespace = 'read'::regnamespace AND relkind = 'r'
        AND relname NOT IN ('datasets', 'generations', 'rebuilds')
""")
"""Tables of `read` that are kept for each generation; what came of it stays."""

READERS_S = 60.0
"""A snapshot of a reader may still show a generation that was replaced so long ago."""

USELESS = """
    SELECT dataset, generation FROM read.generations AS old
    WHERE dropped_at IS NULL AND (
        state IN ('verified', 'differs', 'failed')
        OR state = 'cancelled' AND (purpose <> 'as-of' OR ended_at < clock_timestamp() - :readers * interval '1 s')
        OR state = 'retired' AND retired_at < clock_timestamp() - :retired * interval '1 s'
        OR state = 'retired' AND retired_at < clock_timestamp() - :readers * interval '1 s' AND EXISTS (
            SELECT FROM read.generations AS newer
            WHERE newer.dataset = old.dataset AND newer.state = 'retired' AND newer.retired_at > old.retired_at
        )
    )
"""

DROPPED = text("""
    UPDATE read.generations SET dropped_at = clock_timestamp() WHERE dataset = :dataset AND generation = :generation
""")


async def drop_useless(engine: AsyncEngine, retired_s: float) -> None:
    """Drop the tables of generations that have come to nothing, or were replaced `retired_s` or two rebuilds ago.

    Whatever somebody still holds is left for the next time; nobody queues behind this.
    """
    limits = {"readers": READERS_S, "retired": max(retired_s, READERS_S)}
    async with engine.connect() as connection:
        found = (await connection.execute(text(USELESS), limits)).all()
    for dataset, generation in found:
        try:
            async with engine.begin() as connection:
                await _drop(connection, {"dataset": dataset, "generation": generation}, limits)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise


async def _drop(connection: AsyncConnection, of: dict[str, object], limits: dict[str, float]) -> None:
    await connection.execute(text("SET LOCAL lock_timeout = '100ms'"))
    one = text(f"{USELESS} AND dataset = :dataset AND generation = :generation FOR UPDATE OF old")
    if (await connection.execute(one, {**limits, **of})).first() is None:
        return  # It is to be served again, or somebody was quicker.
    schema = quoted(f"{of['dataset']}_{of['generation']}")
    await connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    for table in (await connection.scalars(BOOKS)).all():
        statement = f"DELETE FROM read.{quoted(table)} WHERE dataset = :dataset AND generation = :generation"
        await connection.execute(text(statement), of)
    await connection.execute(DROPPED, of)
