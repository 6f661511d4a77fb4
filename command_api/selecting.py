"""Which records a filter means, so that one event can name them all; *HTTP -> command*.

The fold decides what becomes of them: one that is no more by then is passed over.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import make_engine
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.errors import BadParameter
from shared.read_tables import records_table
from shared.selection.comparing import conditions
from shared.selection.filters import filter_parameters, filters_of, uploads_meant
from shared.selection.parameters import Parameter, Query, read_query
from shared.served import read_served

MOST = 10_000

MAX_AFFECTED = Parameter(
    name="max_affected",
    kind=Kind.INTEGER,
    description="Refuse the whole change when more records than this match. There is no default.",
    minimum=1,
    maximum=MOST,
)


class Selected(msgspec.Struct, frozen=True):
    """How many live records match as of `position`, and their keys as canonical text, unless they are too many."""

    matching: int
    keys: tuple[str, ...]
    position: int


class Selection:
    """Resolves the filters of one dataset that has a key; raises BadSettings like `filters_of`."""

    def __init__(self, dataset: Dataset, engine: AsyncEngine) -> None:
        self._dataset = dataset
        self._engine = engine
        self._filters = filters_of(dataset)
        self.parameters = {**filter_parameters(self._filters), MAX_AFFECTED.name: MAX_AFFECTED}

    def read(self, path: str, raw: bytes) -> tuple[Query, int]:
        """The query and its `max_affected`; raises BadParameter where it has no filter or no bound."""
        query = read_query(path, raw, self.parameters)
        if not query.has(MAX_AFFECTED.name):
            says = f"max_affected is missing. Say how many records may be changed at most, from 1 to {MOST}."
            raise BadParameter(MAX_AFFECTED.name, says)
        if all(name == MAX_AFFECTED.name for name, _ in query.pairs):
            raise BadParameter("", f"Say which records are meant. There is {', '.join(self.parameters)}.")
        most = query.one(MAX_AFFECTED.name)
        if not isinstance(most, int):
            raise TypeError("max_affected is an integer.")
        return query, most

    async def select(self, query: Query, most: int) -> Selected:
        """The records that match now; without keys where they are more than `most`. Raises BadParameter."""
        async with self._engine.connect() as connection:
            served = await read_served(connection, self._dataset)
            if served.generation is None:
                return Selected(0, (), 0)
            table = records_table(self._dataset, served.generation)
            meant = uploads_meant(query, self._dataset, served.generation)
            numbers = None if meant is None else [row.number for row in await connection.execute(meant)]
            found = conditions(query, self._filters, table, self._dataset, numbers)
            key = sa.cast(table.c[str(self._dataset.key)], sa.Text())
            wanted = sa.select(key).where(table.c.segment.in_(served.segments), *found)
            keys = tuple(await connection.scalars(wanted.limit(most + 1)))
            if len(keys) <= most:
                return Selected(len(keys), keys, served.position)
            matching = await connection.scalar(sa.select(sa.func.count()).select_from(wanted.subquery()))
            return Selected(matching or 0, (), served.position)


def make_reader(url: str, timeout_s: float) -> AsyncEngine:
    """An engine that cannot write, whose transactions are snapshots and whose statements end in time."""
    only = {"default_transaction_read_only": "on"}
    engine = make_engine(url, name="tablefold-command-api", pool_size=2, timeout_s=timeout_s, **only)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
