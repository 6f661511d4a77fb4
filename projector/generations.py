"""Makes the read tables of a generation and of its uploads; log -> *projection* -> read table."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.making import make_table
from projector.partitioning import create_partitions
from projector.rankings import make_group_tables
from projector.segments import Segment, Segments
from shared.datasets.declaration import Dataset
from shared.datasets.stored import declared_in, encode_declaration
from shared.read_tables import (
    OPEN_SEGMENT,
    Names,
    history_table,
    index_columns,
    partitioned_by,
    provenance_columns,
    quoted,
    records_table,
    rejects_table,
    row_errors_table,
    segment_name,
    segment_table,
    staging_table,
    trigram_columns,
    type_name,
)

LIVE = text("SELECT generation FROM read.datasets WHERE dataset = :dataset")

REGISTER = text("INSERT INTO read.datasets (dataset, generation) VALUES (:dataset, :generation)")

BEGIN_CHECKPOINT = text("""
    INSERT INTO read.checkpoints (dataset, generation, position, epoch, folded_at)
    VALUES (:dataset, :generation, 0, 0, clock_timestamp())
""")

FIRST = text("""
    INSERT INTO read.generations (dataset, generation, state, purpose) VALUES (:dataset, :generation, 'live', 'first')
    ON CONFLICT DO NOTHING
""")

DECLARE = text("""
    UPDATE read.generations SET fingerprint = :fingerprint, declaration = CAST(:declaration AS json)
    WHERE dataset = :dataset AND generation = :generation AND fingerprint IS NULL
""")

DECLARED = text("""
    SELECT fingerprint, CAST(declaration AS text) AS declaration FROM read.generations
    WHERE dataset = :dataset AND generation = :generation
""")

FIRST_GENERATION = 1


async def ensure_live(connection: AsyncConnection, dataset: Dataset) -> int:
    """The generation that is served; makes the first where there is none."""
    await lock_generations(connection, dataset.name)
    live = (await connection.execute(LIVE, {"dataset": dataset.name})).scalar_one_or_none()
    if live is None:
        values = {"dataset": dataset.name, "generation": FIRST_GENERATION}
        await connection.execute(FIRST, values)
        await begin_generation(connection, dataset, FIRST_GENERATION)
        await connection.execute(REGISTER, values)
        return FIRST_GENERATION
    await declare_generation(connection, dataset, int(live))
    return int(live)


async def lock_generations(connection: AsyncConnection, name: str) -> None:
    """Until the end of the transaction nobody else makes a generation of the dataset."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


async def begin_generation(
    connection: AsyncConnection, dataset: Dataset, generation: int, *, bare: bool = False
) -> None:
    """Make the tables of a generation that is in the books, and its checkpoint; nothing is folded into it yet."""
    await declare_generation(connection, dataset, generation)
    await make_generation(connection, dataset, generation, bare=bare)
    await connection.execute(BEGIN_CHECKPOINT, {"dataset": dataset.name, "generation": generation})


async def declare_generation(connection: AsyncConnection, dataset: Dataset, generation: int) -> None:
    """Keep the declaration of a generation with it, where that has not happened yet."""
    of = {"dataset": dataset.name, "generation": generation}
    said = {"fingerprint": dataset.fingerprint, "declaration": encode_declaration(dataset)}
    await connection.execute(DECLARE, {**of, **said})


async def declaration_of(connection: AsyncConnection, own: Dataset, generation: int) -> Dataset:
    """The declaration with which a generation is folded: that it was made with, whatever our own is by now."""
    of = {"dataset": own.name, "generation": generation}
    row = (await connection.execute(DECLARED, of)).one_or_none()
    return declared_in(own, row.fingerprint, row.declaration) if row else own


async def make_generation(
    connection: AsyncConnection, dataset: Dataset, generation: int, *, bare: bool = False
) -> None:
    """Create the schema with all tables, empty; a bare one lacks the indexes that only readers want."""
    names = Names(dataset, generation)
    await connection.execute(text(f"CREATE SCHEMA {quoted(names.schema)}"))
    for table in (
        records_table(dataset, generation),
        history_table(dataset, generation),
        rejects_table(dataset, generation),
        row_errors_table(dataset, generation),
    ):
        await make_table(connection, table)
    segment = names.segment(OPEN_SEGMENT)
    by = f" PARTITION BY {ranges}" if (ranges := partitioned_by(dataset)) else ""
    await connection.execute(text(f"CREATE TABLE {segment} PARTITION OF {names.records} FOR VALUES IN (0){by}"))
    statements = create_partitions(dataset, names, OPEN_SEGMENT)
    statements += create_indexes(dataset, segment, segment_name(OPEN_SEGMENT))[: 1 if bare else None]
    if dataset.key:
        statements.append(create_index(segment_name(OPEN_SEGMENT), segment, ("upload",)))
    statements.append(create_index("history", names.history, dataset.key_columns))
    if dataset.rejected_as:
        statements.append(f"CREATE INDEX rejects_by_key ON {names.rejects} (hashtext(key)) WHERE key IS NOT NULL")
    for statement in statements:
        await connection.execute(text(statement))
    await make_group_tables(connection, dataset, generation)
    await Segments(connection, dataset, generation).begin(Segment(OPEN_SEGMENT, 0, None))


async def complete_generation(connection: AsyncConnection, dataset: Dataset, generation: int) -> None:
    """Give the open segment the indexes that a bare generation lacks; does nothing where they are."""
    names = Names(dataset, generation)
    for statement in create_indexes(dataset, names.segment(OPEN_SEGMENT), segment_name(OPEN_SEGMENT)):
        await connection.execute(text(statement))
    await connection.execute(text(f"ANALYZE {names.segment(OPEN_SEGMENT)}"))


def create_indexes(dataset: Dataset, table: str, prefix: str) -> list[str]:
    """The statements that make the indexes of a segment, the unique one first."""
    unique, *others = index_columns(dataset)
    return [
        create_index(prefix, table, unique, "UNIQUE"),
        *(create_index(prefix, table, one) for one in others),
        *(create_trigrams(prefix, table, one) for one in trigram_columns(dataset)),
    ]


def create_trigrams(prefix: str, table: str, column: str) -> str:
    """The statement that makes an index for substrings unless it is there, or the database has no pg_trgm."""
    name = quoted(f"{prefix}_trigrams_{column}"[:63])
    made = f"CREATE INDEX IF NOT EXISTS {name} ON {table} USING gin ({quoted(column)} read.gin_trgm_ops)"
    return f"""
        DO $trigrams$ BEGIN {made}; EXCEPTION WHEN undefined_object THEN
            RAISE WARNING 'There is no pg_trgm in the schema read: substrings are searched without an index.';
        END $trigrams$
    """


def create_index(prefix: str, table: str, columns: tuple[str, ...], kind: str = "") -> str:
    """The statement that makes an index unless it is there."""
    name = quoted(f"{prefix}_{'_'.join(columns)}"[:63])
    return f"CREATE {kind} INDEX IF NOT EXISTS {name} ON {table} ({', '.join(quoted(column) for column in columns)})"


async def make_upload_tables(
    connection: AsyncConnection, dataset: Dataset, generation: int, number: int, segment: int
) -> None:
    """Create the bare tables into which an upload is loaded: its segment, and its staging where rows are grouped."""
    names = Names(dataset, generation)
    await make_table(connection, segment_table(dataset, generation, number, segment))
    if segment != OPEN_SEGMENT:
        for statement in create_partitions(dataset, names, number):
            await connection.execute(text(statement))
        # Says in advance what ATTACH would otherwise read the whole table for.
        bound = f"ALTER TABLE {names.segment(number)} ADD CHECK (segment = {segment})"
        await connection.execute(text(bound))
    if dataset.members is not None:
        await make_table(connection, staging_table(dataset, generation, number))


def complete_segment(dataset: Dataset, generation: int, number: int) -> str:
    """The statement that gives a loaded segment the columns that it says once for all its records; touches no row."""
    added = ", ".join(
        f"ADD COLUMN IF NOT EXISTS {quoted(column.name)} {type_name(column.type)}"
        + (f" DEFAULT {number}" if column.name == "upload" else "")
        for column in provenance_columns()
    )
    return f"ALTER TABLE {Names(dataset, generation).segment(number)} {added}"
