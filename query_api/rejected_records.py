"""Rejected rows as records: the cells that can be read, and what is wrong with them; read table -> *query*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from query_api.ordering import SortKey
from query_api.parts import Part
from query_api.places import place_table
from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.read_tables import rejects_table, row_errors_table
from shared.selection.filters import Condition
from shared.selection.values import Value, write_value
from shared.served import Served

Body = dict[str, object]
Upload = sa.RowMapping
Rejected = tuple[Upload, sa.RowMapping]

REJECTED = "rejected"


class RejectedRecords:
    """Reads the rejected rows of one dataset; `upload` is always a row of the books of a published one."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._tables: dict[int, sa.Table] = {}

    def part(self, served: Served, rank: int, upload: Upload, key: Value | None) -> Part:
        """The rejected rows of an upload in the order of its file, all or those with a key."""
        row = self._rejects(served).c.row
        return Part(rank, self.rows_of(served, [upload], key), (SortKey("row", row, Kind.INTEGER),))

    def rows_of(self, served: Served, uploads: Sequence[Upload], key: Value | None) -> sa.Select[Any]:
        """The rejected rows of some uploads, all or those with a key."""
        rejects = self._rejects(served)
        numbers = [upload["number"] for upload in uploads]
        several = rejects.c.upload == sa.any_(sa.literal(numbers, sa.ARRAY(sa.Integer)))
        of_uploads = rejects.c.upload == numbers[0] if len(numbers) == 1 else several  # Only `=` is read in order.
        wanted = rejects.select().where(of_uploads, rejects.c.outcome == REJECTED)
        return wanted if key is None else wanted.where(_has_key(rejects, key))

    def _rejects(self, served: Served) -> sa.Table:
        generation = served.generation or 0
        if generation not in self._tables:
            self._tables[generation] = rejects_table(self.dataset, generation)
        return self._tables[generation]

    async def holding(self, connection: AsyncConnection, served: Served, key: Value) -> set[int]:
        """The uploads of which a rejected row has that key."""
        rejects = self._rejects(served)
        wanted = sa.select(rejects.c.upload).where(_has_key(rejects, key), rejects.c.outcome == REJECTED)
        return set(await connection.scalars(wanted))

    async def find(self, connection: AsyncConnection, served: Served, key: Value) -> Body | None:
        """The newest rejected row of a published upload with that key: the one that a correction of it fixes."""
        rejects = self._rejects(served)
        of_upload = (
            (uploads.c.dataset == self.dataset.name)
            & (uploads.c.generation == served.generation)
            & (uploads.c.number == rejects.c.upload)
        )
        wanted = (
            sa.select(rejects, uploads.c.number, uploads.c.id, uploads.c.source, uploads.c.header)
            .select_from(rejects.join(uploads, of_upload))
            .where(_has_key(rejects, key), rejects.c.outcome == REJECTED, uploads.c.state == "published")
            .order_by(rejects.c.upload.desc(), rejects.c.row.desc())
            .limit(1)
        )
        rows = (await connection.execute(wanted)).mappings().all()
        return next(iter(await self.bodies(connection, served, [(row, row) for row in rows])), None)

    async def bodies(self, connection: AsyncConnection, served: Served, rows: Sequence[Rejected]) -> list[Body]:
        """Rejected rows as records: what can be read of their cells, and what is wrong with them."""
        if not rows:
            return []
        errors = row_errors_table(self.dataset, served.generation or 0)
        place = place_table([(row["upload"], row["row"]) for _, row in rows])
        names = ("field", "code", "value", "message")
        wanted = (
            sa.select(errors.c.upload, errors.c.row, errors.c.label.label("column"), *(errors.c[one] for one in names))
            .select_from(place.join(errors, (errors.c.upload == place.c.upload) & (errors.c.row == place.c.row)))
            .order_by(errors.c.label, errors.c.code)
        )
        said: dict[tuple[int, int], list[Body]] = {}
        for error in (await connection.execute(wanted)).mappings():
            told = {name: error[name] for name in ("column", *names)}
            said.setdefault((error["upload"], error["row"]), []).append(told)
        return [
            {
                **self._readable(upload, row),
                "version": None,
                "source": upload["source"],
                "upload": upload["id"],
                **{name: row[name] for name in ("row", "line")},
                "errors": said.get((row["upload"], row["row"]), []),
            }
            for upload, row in rows
        ]

    def _readable(self, upload: Upload, row: sa.RowMapping) -> Body:
        """The cells by field, as the file writes them; the key as it is known, and the declared value."""
        texts = {
            field: cell
            for field, cell in zip(upload["header"]["fields"], row["cells"], strict=False)
            if field is not None and cell
        }
        members = self.dataset.members
        own = {members.name: [{one.name: texts.get(one.name) for one in members.fields}]} if members else {}
        key = {self.dataset.key: row["key"]} if self.dataset.key and row["key"] else {}
        said = dict([self.dataset.rejected_as]) if self.dataset.rejected_as else {}
        return {**{field.name: texts.get(field.name) for field in self.dataset.fields}, **own, **key, **said}


def _has_key(rejects: sa.Table, key: Value) -> Condition:
    """By the index on the hash, which takes keys of any length."""
    text = sa.literal(write_value(key), sa.Text())
    return (sa.func.hashtext(rejects.c.key) == sa.func.hashtext(text)) & (rejects.c.key == text)
