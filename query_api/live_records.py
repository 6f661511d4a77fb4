"""The records of a dataset that are live, read from its segments by their names; *read table* -> query.

Not from the table that the segments are partitions of: a filter on the segment would keep PostgreSQL from counting in
an index alone, and it shows an attached partition even to older snapshots.
"""

from __future__ import annotations

import sqlalchemy as sa

from shared.datasets.declaration import Dataset
from shared.read_tables import provenance_columns, record_columns, schema_of, segment_name
from shared.served import Served


def segment_records(dataset: Dataset, generation: int, number: int) -> sa.Table:
    """A segment of which all rows are loaded, whether it is published or not."""
    metadata = sa.MetaData(schema=schema_of(dataset, generation))
    return sa.Table(segment_name(number), metadata, *record_columns(dataset), *provenance_columns())


def live_records(dataset: Dataset, served: Served) -> sa.FromClause:
    """All columns of all records of the live segments; PostgreSQL merges what each of their indexes finds in order."""
    segments = [segment_records(dataset, served.generation or 0, number) for number in sorted(served.segments)]
    if len(segments) == 1:
        return segments[0].alias("record")
    return sa.union_all(*(one.select() for one in segments)).subquery("record")
