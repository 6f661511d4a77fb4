"""How Alembic reaches the database; before the flow."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from shared.database import make_engine


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, version_table="tablefold_version")
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    engine = make_engine(context.config.attributes["database_url"], name="tablefold-migrate", pool_size=1)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


asyncio.run(_run())
