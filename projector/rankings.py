"""The totals of rankings change with the records, in the same transaction; log -> *projection* -> read table.

Versions that begin one by one are inserted into the open segment, those that end one by one into the history: triggers
of these two tables add and subtract them, in the very statement. What begins or ends as a whole segment does so here.
A dataset without rankings has neither tables nor triggers.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from projector.copying import Connection
from projector.making import make_table
from projector.totals import RECORDS_OF_STATEMENT, added, fields_of, subtracted, sum_of
from shared.datasets.declaration import Dataset
from shared.ranking_tables import kept_tables, stored_table
from shared.read_tables import OPEN_SEGMENT, Names, segment_name


async def make_group_tables(connection: AsyncConnection, dataset: Dataset, generation: int) -> None:
    """Create the group tables of a generation, empty, and what changes them from then on."""
    tables, names = kept_tables(dataset), Names(dataset, generation)
    if not tables:
        return
    for groups in tables:
        await make_table(connection, stored_table(dataset, generation, groups))
    records = fields_of(dataset, RECORDS_OF_STATEMENT)
    begun = [added(names, groups, sum_of(groups, records)) for groups in tables]
    ended = [subtracted(names, groups, sum_of(groups, records)) for groups in tables]
    for table, function, statements in (
        (names.segment(OPEN_SEGMENT), names.function("rankings_add"), begun),
        (names.history, names.function("rankings_subtract"), ended),
    ):
        for statement in _trigger(table, function, statements):
            await connection.exec_driver_sql(statement)


def _trigger(table: str, function: str, statements: list[str]) -> tuple[str, str]:
    body = ";\n".join(statements)
    return (
        f"""
            CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $rankings$
            #variable_conflict use_column
            BEGIN
                {body};
                RETURN NULL;
            END $rankings$
        """,
        f"""
            CREATE TRIGGER rankings AFTER INSERT ON {table} REFERENCING NEW TABLE AS {RECORDS_OF_STATEMENT}
            FOR EACH STATEMENT EXECUTE FUNCTION {function}()
        """,
    )


async def add_up_upload(connection: Connection, dataset: Dataset, generation: int, number: int) -> None:
    """Make the partial totals of a loaded segment, outside of the lane; again after a crash."""
    names = Names(dataset, generation)
    for groups in kept_tables(dataset):
        partial = names.partial(number, groups.name)
        query = sum_of(groups, fields_of(dataset, segment_name(number), names.schema))
        await connection.execute(f"DROP TABLE IF EXISTS {partial}")
        await connection.execute(f"CREATE TABLE {partial} AS {query}")


async def add_segment(connection: AsyncConnection, dataset: Dataset, generation: int, number: int) -> None:
    """Add a segment that becomes live as a whole, by its partial totals, and drop these."""
    names = Names(dataset, generation)
    for groups in kept_tables(dataset):
        partial = names.partial(number, groups.name)
        await connection.exec_driver_sql(added(names, groups, f"SELECT * FROM {partial}"))
        await connection.exec_driver_sql(f"DROP TABLE {partial}")


async def subtract_segment(connection: AsyncConnection, dataset: Dataset, generation: int, number: int) -> None:
    """Subtract what is left in a live segment, which then ends as a whole."""
    names = Names(dataset, generation)
    for groups in kept_tables(dataset):
        query = sum_of(groups, fields_of(dataset, segment_name(number), names.schema))
        await connection.exec_driver_sql(subtracted(names, groups, query))
