"""Makes the read tables of a generation and of its uploads; log -> *projection* -> read table."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable

from shared.datasets.declaration import Dataset
from shared.read_tables import (
    OPEN_SEGMENT,
    Names,
    history_table,
    index_columns,
    quoted,
    records_table,
    rejects_table,
    row_errors_table,
    segment_name,
    staging_table,
)

LIVE = text("SELECT generation FROM read.datasets WHERE dataset = :dataset")

REGISTER = text("INSERT INTO read.datasets (dataset, generation) VALUES (:dataset, :generation)")

BEGIN_CHECKPOINT = text("""
    INSERT INTO read.checkpoints (dataset, generation, position, epoch, folded_at)
    VALUES (:dataset, :generation, 0, 0, clock_timestamp())
""")

FIRST_GENERATION = 1


async def ensure_live(connection: AsyncConnection, dataset: Dataset) -> int:
    """The generation that is served; makes the first where there is none."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": dataset.name})
    live = (await connection.execute(LIVE, {"dataset": dataset.name})).scalar_one_or_none()
    if live is not None:
        return int(live)
    values = {"dataset": dataset.name, "generation": FIRST_GENERATION}
    await make_generation(connection, dataset, FIRST_GENERATION)
    await connection.execute(REGISTER, values)
    await connection.execute(BEGIN_CHECKPOINT, values)
    return FIRST_GENERATION


async def make_generation(connection: AsyncConnection, dataset: Dataset, generation: int) -> None:
    """Create the schema with all tables, empty."""
    names = Names(dataset, generation)
    await connection.execute(text(f"CREATE SCHEMA {quoted(names.schema)}"))
    for table in (
        records_table(dataset, generation),
        history_table(dataset, generation),
        rejects_table(dataset, generation),
        row_errors_table(dataset, generation),
    ):
        await connection.run_sync(table.create)
    for columns in index_columns(dataset):
        await connection.execute(text(create_index(f"{names.schema}.records", names.records, columns)))
    segment = names.segment(OPEN_SEGMENT)
    await connection.execute(text(f"CREATE TABLE {segment} PARTITION OF {names.records} FOR VALUES IN (0)"))
    if dataset.key:
        on_key = create_index(f"{names.schema}.history", names.history, (dataset.key,))
        await connection.execute(text(on_key))


def create_index(prefix: str, table: str, columns: tuple[str, ...]) -> str:
    """The statement that makes an index unless it is there; those that hold the segment are unique."""
    unique = "UNIQUE " if "segment" in columns else ""
    name = quoted(f"{prefix.rsplit('.', 1)[-1]}_{'_'.join(columns)}"[:63])
    listed = ", ".join(quoted(column) for column in columns)
    return f"CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} ({listed})"


async def make_upload_tables(
    connection: AsyncConnection, dataset: Dataset, generation: int, number: int, segment: int
) -> None:
    """Create the bare tables into which an upload is loaded: its segment, and its staging where rows are grouped."""
    table = records_table(dataset, generation, segment_name(number), segment)
    table.c.segment.server_default = sa.DefaultClause(sa.text(str(segment)))
    table.c.upload.server_default = sa.DefaultClause(sa.text(str(number)))
    await connection.execute(CreateTable(table))
    if segment != OPEN_SEGMENT:
        # Says in advance what ATTACH would otherwise read the whole table for.
        bound = f"ALTER TABLE {Names(dataset, generation).segment(number)} ADD CHECK (segment = {segment})"
        await connection.execute(text(bound))
    if dataset.members is not None:
        await connection.execute(CreateTable(staging_table(dataset, generation, number)))
