"""`?as_of=NAME`: what was known at a position, read from a generation of its own; read table -> *query*."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.selection.parameters import Parameter, Query
from shared.served import Served, read_as_of, read_served

AS_OF = Parameter(
    name="as_of",
    kind=Kind.TEXT,
    description="What was known then: the name of an as-of generation, see `/datasets/{name}/rebuilds`.",
)


async def read_asked(connection: AsyncConnection, dataset: Dataset, query: Query) -> Served:
    """What of a dataset this snapshot serves, or the generation that the query names; raises NotFound or Conflict."""
    name = query.one(AS_OF.name) if AS_OF.name in query.known else None
    return await (read_served(connection, dataset) if name is None else read_as_of(connection, dataset, str(name)))
