"""Writes read tables as a projector would, for tests of their reader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa

from shared.auth.callers import Role
from shared.database import make_engine
from shared.datasets.catalogue import Catalogue
from shared.read_tables import (
    history_table,
    provenance_columns,
    record_columns,
    records_table,
    rejects_table,
    row_errors_table,
    schema_of,
    segment_name,
)
from tests.signing import access_token

Row = Mapping[str, object]

DIALECT = {
    "encoding": "utf-8",
    "encoding_source": "detected",
    "delimiter": ",",
    "line_end": "lf",
    "bom_bytes": 0,
}


class Books:
    """The read tables of one database."""

    def __init__(self, url: str, catalogue: Catalogue) -> None:
        self._engine = make_engine(url, name="tests", pool_size=2)
        self._catalogue = catalogue

    async def close(self) -> None:
        await self._engine.dispose()

    async def execute(self, statement: str, **values: object) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(sa.text(statement), values)

    async def scalar(self, statement: str, **values: object) -> Any:
        """The one value that a query answers."""
        async with self._engine.connect() as connection:
            return (await connection.execute(sa.text(statement), values)).scalar_one()

    async def row(self, statement: str, **values: object) -> tuple[Any, ...]:
        """The one row that a query answers."""
        async with self._engine.connect() as connection:
            return tuple((await connection.execute(sa.text(statement), values)).one())

    @asynccontextmanager
    async def locked(self, table: str) -> AsyncIterator[None]:
        """Nobody can read the table meanwhile."""
        async with self._engine.begin() as connection:
            await connection.execute(sa.text(f"LOCK TABLE {table}"))
            yield

    async def create(self, name: str, generation: int = 1) -> None:
        """Empty read tables of a generation, all records in the open segment."""
        dataset = self._catalogue[name]
        schema = schema_of(dataset, generation)
        records = records_table(dataset, generation)
        async with self._engine.begin() as connection:
            await connection.execute(sa.schema.CreateSchema(schema))
            others = (table(dataset, generation) for table in (history_table, rejects_table, row_errors_table))
            for table in (records, *others):
                await connection.run_sync(table.create)
            partition = f"CREATE TABLE {schema}.segment_0 PARTITION OF {schema}.records FOR VALUES IN (0)"
            await connection.execute(sa.text(partition))
        await self._write("segments", dataset=name, generation=generation, number=0, position=0)

    async def segment(self, name: str, number: int, **said: object) -> None:
        """Attach an empty segment; `said` are columns of read.segments."""
        partition = f"CREATE TABLE {name}_1.segment_{number} PARTITION OF {name}_1.records FOR VALUES IN ({number})"
        await self.execute(partition)
        await self._write("segments", dataset=name, generation=1, number=number, **said)

    async def stage(self, name: str, number: int, rows: Sequence[Row]) -> None:
        """A segment that is not attached."""
        dataset = self._catalogue[name]
        metadata = sa.MetaData(schema=schema_of(dataset, 1))
        table = sa.Table(segment_name(number), metadata, *record_columns(dataset, 0), *provenance_columns())
        async with self._engine.begin() as connection:
            await connection.run_sync(table.create)
            full = [{**row, "upload": number, "row": 2 + index} for index, row in enumerate(rows)]
            await connection.execute(table.insert(), full)

    async def past(self, name: str, rows: Sequence[Row]) -> None:
        """Add versions to the history."""
        nothing = dict.fromkeys(("row", "upload", "change", "actor", "ended_by", "ended_actor"))
        async with self._engine.begin() as connection:
            full = [{"segment": 0, **nothing, **row} for row in rows]
            await connection.execute(history_table(self._catalogue[name], 1).insert(), full)

    async def outcome(self, name: str, position: int, **said: object) -> None:
        """What became of a command; `said` are columns of read.outcomes."""
        await self._write("outcomes", dataset=name, generation=1, position=position, **said)

    async def chunk(self, name: str, upload: int, **said: object) -> None:
        """A piece of a file; `said` are columns of read.chunks."""
        await self._write("chunks", dataset=name, generation=1, upload=upload, **said)

    async def _write(self, table: str, **columns: object) -> None:
        encoded = {
            one: msgspec.json.encode(value).decode() if isinstance(value, dict) else value
            for one, value in columns.items()
        }
        names = ", ".join(f'"{one}"' for one in encoded)
        values = ", ".join(f"CAST(:{one} AS json)" if isinstance(columns[one], dict) else f":{one}" for one in encoded)
        await self.execute(
            f"INSERT INTO {table if '.' in table else f'read.{table}'} ({names}) VALUES ({values})", **encoded
        )

    async def serve(self, name: str, generation: int = 1, position: int = 0) -> None:
        """Make a generation the one that is served."""
        await self.execute(
            "INSERT INTO read.datasets (dataset, generation) VALUES (:dataset, :generation) "
            "ON CONFLICT (dataset) DO UPDATE SET generation = excluded.generation",
            dataset=name,
            generation=generation,
        )
        await self.fold(name, position, generation)

    async def fold(self, name: str, position: int, generation: int = 1) -> None:
        """Move the checkpoint."""
        await self.execute(
            "INSERT INTO read.checkpoints (dataset, generation, position, epoch, folded_at) "
            "VALUES (:dataset, :generation, :position, 1, now()) "
            "ON CONFLICT (dataset, generation) DO UPDATE SET position = excluded.position",
            dataset=name,
            generation=generation,
            position=position,
        )

    async def insert(
        self, name: str, rows: Sequence[Row], upload: int | None = None, first_row: int = 2, generation: int = 1
    ) -> None:
        """Add records; they lie in the open segment unless they say otherwise."""
        table = records_table(self._catalogue[name], generation)
        nothing = dict.fromkeys(("position", "recorded_at", "change", "actor"))
        full = [
            {"segment": 0, "upload": upload, "row": first_row + index if upload else None, **nothing, **row}
            for index, row in enumerate(rows)
        ]
        async with self._engine.begin() as connection:
            await connection.execute(table.insert(), full)

    async def clear(self, name: str, generation: int = 1) -> None:
        table = records_table(self._catalogue[name], generation)
        async with self._engine.begin() as connection:
            await connection.execute(table.delete())

    async def upload(self, name: str, number: int, generation: int = 1, **said: object) -> UUID:
        """Write the books of one upload; `said` are columns of read.uploads."""
        upload_id = uuid4()
        columns: dict[str, object] = {
            "dataset": name,
            "generation": generation,
            "number": number,
            "id": upload_id,
            "state": "published",
            "received_position": number,
            "actor": "anonymous",
            "file_name": "debts.csv",
            "blob_key": f"{upload_id}",
            "text_key": f"{upload_id}",
            "media_type": "text/csv",
            "sha256": "0" * 64,
            "size_bytes": 0,
            "dialect": DIALECT,
            "header": {"columns": ["debtId", "name"], "fields": ["debt_id", "name"], "ignored": []},
            "segment": 0,
            "chunks": 1,
            "received_at": datetime(2026, 1, 1, tzinfo=UTC),
            "folded_at": datetime(2026, 1, 1, tzinfo=UTC),
            **said,
        }
        await self._write("uploads", **columns)
        return upload_id

    async def rebuild(self, name: str, **said: object) -> UUID:
        """Ask for a rebuild, as an operator does; `said` are columns of store.rebuilds."""
        rebuild_id = uuid4()
        columns: dict[str, object] = {"id": rebuild_id, "dataset": name, "purpose": "verify", "asked_by": "ann", **said}
        await self._write("store.rebuilds", **columns)
        return rebuild_id

    async def build(self, name: str, generation: int, rebuild_id: UUID, **said: object) -> None:
        """Take up a rebuild, as a projector does; `said` are columns of read.generations."""
        of = {"dataset": name, "generation": generation}
        await self._write("generations", **of, purpose="verify", state="building", rebuild_id=rebuild_id, **said)
        await self._write("rebuilds", id=rebuild_id, **of)

    async def somebody(self, role: Role, *scopes: str, **dataset_roles: str) -> tuple[str, str]:
        """The name of a new user who is logged in, and an access token with these scopes."""
        user, session = uuid4(), uuid4()
        name = f"user-{user.hex[:12]}"
        await self.execute(
            "INSERT INTO store.users (user_id, name, role, scopes) VALUES (:user, :name, :role, :scopes)",
            user=user,
            name=name,
            role=role.value,
            scopes=list(scopes),
        )
        for dataset, in_it in dataset_roles.items():
            values = {"user": user, "dataset": dataset, "role": in_it}
            await self.execute("INSERT INTO store.dataset_roles VALUES (:user, :dataset, :role)", **values)
        await self.execute(
            "INSERT INTO store.sessions (session_id, user_id, scopes, secret, expires_at)"
            " VALUES (:session, :user, :scopes, 'unused', 'infinity')",
            session=session,
            user=user,
            scopes=list(scopes),
        )
        return name, access_token(user, session, scopes)

    async def reject(self, name: str, rejects: Sequence[Row], errors: Sequence[Row], generation: int = 1) -> None:
        """Add rows that did not become records, and why."""
        dataset = self._catalogue[name]
        async with self._engine.begin() as connection:
            await connection.execute(rejects_table(dataset, generation).insert(), list(rejects))
            if errors:
                await connection.execute(row_errors_table(dataset, generation).insert(), list(errors))
