"""Who may do what only one may do: leases with epochs, by PostgreSQL's clock alone; beside the flow.

A lease is a hint, the epoch is the proof: whoever acts under a lease writes its epoch into the transaction that matters
(a projector's checkpoint), so that an owner who slept through its expiry can do no harm.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import each_alone
from shared.errors import Fenced

Schema = Literal["store", "read"]

ACQUIRE = """
    INSERT INTO {schema}.leases AS lease (name, owner, epoch, expires_at)
    VALUES (:name, :owner, 1, clock_timestamp() + make_interval(secs => :lease_s))
    ON CONFLICT (name) DO UPDATE
    SET owner = excluded.owner, epoch = lease.epoch + 1, expires_at = excluded.expires_at
    WHERE lease.expires_at < clock_timestamp()
    RETURNING epoch
"""

RENEW = """
    UPDATE {schema}.leases SET expires_at = clock_timestamp() + make_interval(secs => :lease_s)
    WHERE name = :name AND owner = :owner AND epoch = :epoch
"""

RELEASE = """
    UPDATE {schema}.leases SET expires_at = '-infinity' WHERE name = :name AND owner = :owner AND epoch = :epoch
"""


class Leases:
    """Leases of one process; `owner` is its name, `lease_s` how long a lease lives unrenewed."""

    def __init__(self, engine: AsyncEngine, schema: Schema, owner: str, lease_s: float) -> None:
        self._engine = each_alone(engine)
        self._schema = schema
        self._owner = owner
        self.lease_s = lease_s

    async def acquire(self, name: str) -> int | None:
        """The lease's new epoch, or None while somebody else holds it."""
        async with self._engine.connect() as connection:
            values = {"name": name, "owner": self._owner, "lease_s": self.lease_s}
            return (await connection.execute(self._sql(ACQUIRE), values)).scalar_one_or_none()

    async def renew(self, name: str, epoch: int) -> bool:
        """Whether the lease is still ours; then it lives on for `lease_s`."""
        async with self._engine.connect() as connection:
            values = {"name": name, "owner": self._owner, "epoch": epoch, "lease_s": self.lease_s}
            return (await connection.execute(self._sql(RENEW), values)).rowcount == 1

    async def keep(self, name: str, epoch: int) -> None:
        """Renew a lease at a third of its life until it is lost; then raises Fenced."""
        while True:
            if not await self.renew(name, epoch):
                raise Fenced(f"The lease {name!r} was lost.")
            await asyncio.sleep(self.lease_s / 3)

    async def release(self, name: str, epoch: int) -> None:
        """Let the next one have it at once."""
        async with self._engine.connect() as connection:
            values = {"name": name, "owner": self._owner, "epoch": epoch}
            await connection.execute(self._sql(RELEASE), values)

    def _sql(self, statement: str) -> TextClause:
        return text(statement.format(schema=self._schema))
