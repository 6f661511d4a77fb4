"""Creates tables by their text; log -> *projection* -> read table.

After a DDL construct SQLAlchemy would prepare all statements of the engine anew, on every connection: a fold that makes
the table of one upload would cost as many ways to PostgreSQL again as there are statements.
"""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement


async def make_table(connection: AsyncConnection, table: Table) -> None:
    """Create a table with its indexes."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    statements: list[DDLElement] = [CreateTable(table), *map(CreateIndex, indexes)]
    for statement in statements:
        await connection.exec_driver_sql(str(statement.compile(dialect=connection.dialect)))
