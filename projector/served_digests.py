"""What all tables that are served say, as one value for each; *read table* -> people who compare installations."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.comparing import Digest, Side, digests
from projector.flipping import SERVED
from projector.generations import declaration_of
from shared.database import make_engine
from shared.datasets.declaration import Dataset


class ServedDigests(msgspec.Struct, frozen=True, kw_only=True):
    """The digests of a dataset by table, folded up to `position`."""

    dataset: str
    position: int
    tables: dict[str, Digest]


async def digests_of(database_url: str, datasets: Iterable[Dataset]) -> list[ServedDigests]:
    """Of those that have been folded, each in a snapshot of its own."""
    engine = make_engine(database_url, name="digests", pool_size=1)
    try:
        found = []
        for dataset in datasets:
            async with engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                found.append(await _digests(connection, dataset))
        return [one for one in found if one is not None]
    finally:
        await engine.dispose()


async def _digests(connection: AsyncConnection, own: Dataset) -> ServedDigests | None:
    served = (await connection.execute(SERVED, {"dataset": own.name})).one_or_none()
    if served is None:
        return None
    declared = await declaration_of(connection, own, served.generation)
    tables = await digests(connection, Side(declared, served.generation))
    return ServedDigests(dataset=own.name, position=served.position, tables=tables)
