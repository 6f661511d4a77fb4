"""Rows that are no records, shown among them where a declaration says so; read table -> *query* -> HTTP.

A dataset's `rejected_as` and `staged_as` name a field and a value. A list that asks for the value is made of parts: the
rows that were rejected (or wait for review), newest upload first and each file in its order, then the records whose own
field says so. Only rejected rows of published uploads are shown: those that a person can fix or remove.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.cursors import Cursors
from query_api.live_records import segment_records
from query_api.moments import Moment
from query_api.ordering import record_order
from query_api.pages import Page, empty_page, read_paging
from query_api.parts import Part, joined, read_parts
from query_api.prepared import Prepared
from query_api.records import Body, Records, values_of
from query_api.rejected_records import RejectedRecords, Upload
from query_api.snapshots import snapshot
from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.errors import BadParameter
from shared.selection.comparing import conditions
from shared.selection.filters import PROVENANCE, Filters, in_case
from shared.selection.parameters import Query
from shared.selection.values import Value
from shared.served import Served


def records_of(dataset: Dataset, engine: AsyncEngine, cursors: Cursors, prepared: Prepared | None) -> Records:
    """The reader of a dataset's records."""
    return (Unpublished if dataset.rejected_as or dataset.staged_as else Records)(dataset, engine, cursors, prepared)


class Unpublished(Records):
    """Reads the records of a dataset, and rejected and staged rows where they are asked for."""

    def __init__(
        self, dataset: Dataset, engine: AsyncEngine, cursors: Cursors, prepared: Prepared | None = None
    ) -> None:
        super().__init__(dataset, engine, cursors, prepared)
        self._rejected = RejectedRecords(dataset)

    def is_of_records(self, query: Query) -> bool:
        """Not where rejected or staged rows are asked for as well."""
        return not any(self._asked(query))

    async def page(self, query: Query) -> tuple[Page, list[Body], Moment]:
        """One page of what the query selects. Raises BadParameter, also for a filter that rows do not have."""
        rejected, staged = self._asked(query)
        if not rejected and not staged:
            return await super().page(query)
        self._check(query)
        paging = read_paging(query, self._cursors)
        async with snapshot(self._engine) as connection:
            found = await self.select(connection, query)
            served = found.served
            if served.generation is None:
                return empty_page(paging), [], found.moment
            shown = await self._uploads(connection, served, query, rejected=rejected, staged=staged)
            parts = [self._part(served, query, rank, upload) for rank, upload in shown.items()]
            parts.append(Part(0, found.table.select().where(*found.conditions), found.order))
            bad = [upload for rank, upload in shown.items() if rank % 2]
            others = [part.selection for part in parts if not part.rank % 2]
            whole = joined([self._rejected.rows_of(served, bad, self._key(query)), *others])
            page, of = await read_parts(connection, query, parts, whole, paging)
            rows = [(shown.get(part.rank), part.rank, row) for part, row in zip(of, page.rows, strict=True)]
            return page, await self._shown(connection, served, rows), found.moment

    def is_exact(self, query: Query) -> bool:
        """Not where staged rows are asked for: an upload comes to wait for its review without an event."""
        return super().is_exact(query) and not self._means(query, self.dataset.staged_as)

    async def find_other(self, connection: AsyncConnection, served: Served, key: Value) -> Body | None:
        """The newest rejected row with that key."""
        return await self._rejected.find(connection, served, key) if self.dataset.rejected_as else None

    def _asked(self, query: Query) -> tuple[bool, bool]:
        """Whether rejected rows are asked for, and staged ones."""
        rejected, staged = (self._means(query, said) for said in (self.dataset.rejected_as, self.dataset.staged_as))
        return rejected, staged

    def _means(self, query: Query, said: tuple[str, str] | None) -> bool:
        return said is not None and said[1] in query.all(self.dataset.field(said[0]).parameter)

    def _check(self, query: Query) -> None:
        """Raises BadParameter for what rows that are no records cannot be asked."""
        said = (self.dataset.rejected_as, self.dataset.staged_as)
        allowed = {self.dataset.field(one[0]).parameter for one in said if one} | {*PROVENANCE, *self._by_key}
        for name in (*self.filters, "sort", "offset"):
            if query.has(name) and name not in allowed:
                says = f"{name}: this list has rejected or staged rows; only {', '.join(sorted(allowed))} narrow it."
                raise BadParameter(name, says)

    @property
    def _by_key(self) -> Filters:
        """The filter by key alone, where the dataset has a key."""
        name = self.dataset.field(self.dataset.key).parameter if self.dataset.key else None
        return {name: self.filters[name]} if name else {}

    def _key(self, query: Query) -> Value | None:
        """The key that the query names, as it is stored."""
        given = [value for name in self._by_key for value in query.all(name)]
        return in_case(self.dataset.field(self.dataset.key_columns[0]), given)[0] if given else None

    async def _uploads(
        self, connection: AsyncConnection, served: Served, query: Query, *, rejected: bool, staged: bool
    ) -> dict[int, Upload]:
        """Uploads by the rank of their part: odd for rejected rows, even for staged ones."""
        names = ("number", "id", "source", "header", "state", "rows_rejected")
        wanted = sa.select(*(uploads.c[name] for name in names)).where(
            uploads.c.dataset == self.dataset.name,
            uploads.c.generation == served.generation,
            ((uploads.c.state == "published") & (uploads.c.rows_rejected > 0)) | (uploads.c.state == "review"),
        )
        numbers = await self.numbers(connection, served, query)
        if numbers is not None:
            wanted = wanted.where(uploads.c.number.in_(numbers))
        found = (await connection.execute(wanted)).mappings().all()
        key = self._key(query)
        holding = await self._rejected.holding(connection, served, key) if rejected and key is not None else None
        waiting = [one for one in found if one["state"] == "review"]
        bad = [one for one in found if one["state"] == "published" and (holding is None or one["number"] in holding)]
        return {
            **{2 * one["number"] + 1: one for one in bad if rejected},
            **{2 * one["number"]: one for one in waiting if staged},
        }

    def _part(self, served: Served, query: Query, rank: int, upload: Upload) -> Part:
        if rank % 2:
            return self._rejected.part(served, rank, upload, self._key(query))
        staged = segment_records(self.dataset, served.generation or 0, upload["number"])
        wanted = staged.select().where(*conditions(query, self._by_key, staged, self.dataset, None))
        return Part(rank, wanted, record_order(query, self.dataset, staged))

    async def _shown(
        self, connection: AsyncConnection, served: Served, rows: Sequence[tuple[Upload | None, int, sa.RowMapping]]
    ) -> list[Body]:
        records = iter(await self.bodies(connection, served, [row for upload, _, row in rows if upload is None]))
        bad = [(upload, row) for upload, rank, row in rows if upload is not None and rank % 2]
        rejected = iter(await self._rejected.bodies(connection, served, bad))
        return [
            next(records) if upload is None else next(rejected) if rank % 2 else self._staged(upload, row)
            for upload, rank, row in rows
        ]

    def _staged(self, upload: Upload, row: sa.RowMapping) -> Body:
        said = dict([self.dataset.staged_as]) if self.dataset.staged_as else {}
        provenance = {"version": None, "source": upload["source"], "upload": upload["id"], "row": row["row"]}
        return {**values_of(self.dataset, row), **said, **provenance}
