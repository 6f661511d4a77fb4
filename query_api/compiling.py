"""Statements as asyncpg takes them, for what SQLAlchemy does not do: COPY and EXPLAIN; read table -> *query*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

AnySelect = sa.Select[Any]


class _Plan(msgspec.Struct):
    plan_rows: float = msgspec.field(name="Plan Rows")


class _Explained(msgspec.Struct):
    plan: _Plan = msgspec.field(name="Plan")


class Compiled(msgspec.Struct, frozen=True):
    """SQL with $1, $2, ..., what each of these is called, and the values with which it was compiled."""

    sql: str
    names: tuple[str, ...]
    params: dict[str, Any]

    def values(self, others: Mapping[str, Any]) -> list[Any]:
        """Its values in order, `others` in place of those with the same names."""
        return [others[name] if name in others else self.params[name] for name in self.names]


def compile_for(dialect: sa.Dialect, statement: AnySelect) -> Compiled:
    """No value ever stands in the SQL."""
    found = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return Compiled(found.string, tuple(found.positiontup or ()), dict(found.params))


def compiled(connection: AsyncConnection, statement: AnySelect) -> tuple[str, list[Any]]:
    """SQL with $1, $2, ... and their values."""
    found = compile_for(connection.dialect, statement)
    return found.sql, found.values({})


async def driver(connection: AsyncConnection) -> asyncpg.Connection[Any]:
    """asyncpg's own connection under this one, in the same transaction."""
    raw = (await connection.get_raw_connection()).driver_connection
    if not isinstance(raw, asyncpg.Connection):
        raise TypeError(f"{raw!r} is no connection of asyncpg.")
    return raw


async def estimated_rows(connection: AsyncConnection, selection: AnySelect) -> int:
    """How many rows PostgreSQL expects; as good as its statistics, and at once at any size."""
    sql, values = compiled(connection, selection)
    said = await (await driver(connection)).fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *values)
    (explained,) = msgspec.convert(said, tuple[_Explained])
    return round(explained.plan.plan_rows)
