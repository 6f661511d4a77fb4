"""What the read tables say, as the model would say it; read table -> *plain data*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.datasets.declaration import Dataset
from shared.events import Value, Values
from shared.read_tables import Names, quoted
from tests.driven.rows import Errors
from tests.driven.versions import End, Outcome, Version

ORIGIN = ("upload", "row", "actor")

UPLOADS = text("""
    SELECT id, number, state, segment, rows_read, rows_accepted, rows_rejected, rows_duplicate, rows_blank, records,
        records_superseded, published_position, withdrawn_position, CAST(withdrawal AS text) AS withdrawal,
        CAST(preview AS text) AS preview, previewed_position
    FROM read.uploads WHERE dataset = :dataset AND generation = :generation ORDER BY number
""")

OUTCOMES = text("""
    SELECT position, code, key, version, CAST(record AS text) AS record, CAST(detail AS text) AS detail
    FROM read.outcomes WHERE dataset = :dataset AND generation = :generation
""")


PARKED = text("""
    SELECT position, keys, state, reason, behind, ended_position, ended_by, ended_reason FROM read.parked
    WHERE dataset = :dataset AND generation = :generation ORDER BY position
""")


class ReadBack:
    """Reads one generation of a dataset, by what its tables are documented to mean."""

    def __init__(self, engine: AsyncEngine, dataset: Dataset, generation: int) -> None:
        self._engine = engine
        self._dataset = dataset
        self._names = Names(dataset, generation)
        self._of = {"dataset": dataset.name, "generation": generation}

    async def chains(self) -> dict[str, list[Version]]:
        """All versions of each key, oldest first: live, in the history, and in segments that have ended."""
        chains: dict[str, list[Version]] = {}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(text(self._versions()), self._of)).mappings().all()
        for row in rows:
            key = str(row[self._dataset.key]) if self._dataset.key else f"{row['upload']}:{row['row']}"
            chains.setdefault(key, []).append(self._version(row))
        return chains

    def _versions(self) -> str:
        fields = ", ".join(f"CAST(record.{quoted(one.name)} AS text)" for one in self._dataset.fields)
        if self._dataset.members:
            fields += f", CAST(record.{quoted(self._dataset.members.name)} AS text)"
        return f"""
            SELECT {fields}, record.upload, record.row, record.actor, coalesce(change, 'uploaded') AS change,
                coalesce(record.position, segment.position) AS position,
                coalesce(record.recorded_at, segment.recorded_at) AS recorded_at,
                ended_position, ended_at, ended_kind, ended_by, ended_actor
            FROM {self._names.records} AS record JOIN read.segments AS segment ON segment.number = record.segment
            WHERE segment.dataset = :dataset AND segment.generation = :generation
            UNION ALL
            SELECT {fields}, record.upload, record.row, record.actor, coalesce(change, 'uploaded'),
                position, recorded_at, ended_position, ended_at, ended_kind, ended_by, ended_actor
            FROM {self._names.history} AS record
            ORDER BY position
        """

    def _version(self, row: RowMapping) -> Version:
        values: Values = {one.name: row[one.name] for one in self._dataset.fields}
        if self._dataset.members:
            values[self._dataset.members.name] = msgspec.json.decode(row[self._dataset.members.name])
        end = End(*(row[f"ended_{one}"] for one in ("position", "at", "kind", "by", "actor")))
        origin = {name: row[name] for name in ORIGIN}
        ended = end if row["ended_position"] else None
        return Version(row["position"], row["recorded_at"], values, row["change"], **origin, end=ended)

    async def uploads(self) -> dict[UUID, RowMapping]:
        """The reports."""
        async with self._engine.connect() as connection:
            return {row["id"]: row for row in (await connection.execute(UPLOADS, self._of)).mappings()}

    async def outcomes(self) -> dict[int, Outcome]:
        """What became of commands, by position."""
        async with self._engine.connect() as connection:
            found = (await connection.execute(OUTCOMES, self._of)).mappings().all()
        return {
            row["position"]: Outcome(
                row["code"], row["key"], row["version"], plain_record(row["record"]), plain_detail(row["detail"])
            )
            for row in found
        }

    async def parked(self) -> list[tuple[Any, ...]]:
        """What waits or has waited: position, keys, state, reason, behind, and how that ended."""
        async with self._engine.connect() as connection:
            found = (await connection.execute(PARKED, self._of)).all()
        return [(row[0], frozenset(row[1]), *row[2:]) for row in found]

    async def rejects(self) -> tuple[dict[int, dict[int, str]], dict[int, dict[int, Errors]]]:
        """Outcomes and errors of rows that are no record by themselves, by upload and row."""
        outcomes: dict[int, dict[int, str]] = {}
        errors: dict[int, dict[int, set[tuple[str, str]]]] = {}
        async with self._engine.connect() as connection:
            for upload, row, outcome in await self._select(connection, self._names.rejects, "outcome"):
                assert row not in outcomes.setdefault(upload, {}), "a row is rejected once"
                outcomes[upload][row] = outcome
            said = await self._select(connection, self._names.row_errors, "outcome, field, code")
        for upload, row, outcome, field, code in said:
            assert outcomes[upload][row] == outcome
            errors.setdefault(upload, {}).setdefault(row, set()).add((field, code))
        return outcomes, {
            upload: {row: frozenset(of_row) for row, of_row in found.items()} for upload, found in errors.items()
        }

    async def _select(self, connection: AsyncConnection, table: str, columns: str) -> Any:
        return (await connection.execute(text(f"SELECT upload, row, {columns} FROM {table}"))).all()

    async def segments(self) -> set[int]:
        """The numbers of all segments that the books know, live or ended."""
        statement = text("SELECT number FROM read.segments WHERE dataset = :dataset AND generation = :generation")
        async with self._engine.connect() as connection:
            return set(await connection.scalars(statement, self._of))

    async def tables(self) -> set[str]:
        """The names of all tables."""
        statement = text("SELECT tablename FROM pg_tables WHERE schemaname = :schema")
        async with self._engine.connect() as connection:
            return set(await connection.scalars(statement, {"schema": self._names.schema}))


async def everything(engine: AsyncEngine, dataset: Dataset, generation: int) -> dict[str, list[str]]:
    """Every row of every table of a generation and of its books, as text in some fixed order."""
    names = Names(dataset, generation)
    own = (names.records, names.history, names.rejects, names.row_errors)
    books = ("uploads", "chunks", "segments", "outcomes", "parked")
    parts = [(table, "true") for table in own]
    parts += [(f"read.{table}", "dataset = :dataset AND generation = :generation") for table in books]
    found = {}
    async with engine.connect() as connection:
        for table, of in parts:
            statement = text(f"SELECT CAST(one AS text) FROM {table} AS one WHERE {of} ORDER BY 1")
            values = {"dataset": dataset.name, "generation": generation} if ":" in of else {}
            found[table] = list(await connection.scalars(statement, values))
    return found


def plain_record(said: str | None) -> Values | None:
    """A record as the query API shows it, its values as text."""
    return None if said is None else plain_values(msgspec.json.decode(said))


def plain_values(record: Mapping[str, Any]) -> Values:
    """JSON values as text."""
    return {name: _plain(value) for name, value in record.items()}


def _plain(value: Any) -> Value:
    return value if value is None or isinstance(value, list) else str(value)


def plain_detail(said: str | None) -> Any:
    """What else an outcome tells, as far as the model tells it."""
    detail: Any = msgspec.json.decode(said) if said else None
    match detail:
        case {"errors": errors}:
            assert all(set(one) == {"column", "field", "code", "value", "message"} for one in errors)
            return frozenset((one["field"], one["code"]) for one in errors)
        case {"reason": str()} | None:
            return None
        case {"kept": kept}:
            reasons = {one["key"]: one["reason"] for one in kept["records"]}
            assert len(reasons) == kept["count"] == kept["person"] + kept["upload"]
            assert [*reasons.values()].count("person") == kept["person"]
            return {**detail, "kept": reasons}
        case _:
            return detail or None
