"""The group tables behind rankings, derived from declarations; log -> projection -> *read table* -> query.

Beside the read tables of a generation, for each ranking that is kept:

    ranking_<name>             a row for each group: how many records it has, and its measures
    ranking_<name>_<extra>     a row for each group and item: how many records have both
    partial_<n>_<one of them>  the same of the records of upload n alone; gone once it is published

Names have `_` for `-`. A group without records has no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.datasets.declaration import Dataset
from shared.datasets.fields import INTEGER_DIGITS, Field, Kind
from shared.datasets.rankings import Measure, Ranking, Sum
from shared.read_tables import column_type, schema_of

RECORDS = "records"
"""The column that counts the records of a group."""


class GroupTable(msgspec.Struct, frozen=True):
    """A group table: what tells its rows apart, what is added up in them, and the columns by which they are ranked.

    The first of `ranked_by` is descending. Empty means that they are not ranked.
    """

    name: str
    keys: Mapping[str, Field]
    measures: Mapping[str, tuple[Measure, Field | None]]
    ranked_by: tuple[str, ...] = ()
    per: str | None = None


def group_table(dataset: Dataset, ranking: Ranking) -> GroupTable:
    """The table of a ranking's groups."""
    return GroupTable(
        name=f"ranking_{ranking.name.replace('-', '_')}",
        keys={name: dataset.field(field) for name, field in ranking.keys.items()},
        measures={
            name: (measure, dataset.field(measure.field) if isinstance(measure, Sum) else None)
            for name, measure in ranking.measures.items()
        },
        ranked_by=(ranking.order, *ranking.group),
        per=ranking.per,
    )


def shared_table(dataset: Dataset, ranking: Ranking, extra: str) -> GroupTable:
    """The table of the items that the groups of a ranking have; the item's column is called like the extra."""
    groups = group_table(dataset, ranking)
    item = dataset.field(ranking.extras[extra].field)
    return GroupTable(name=f"{groups.name}_{extra}", keys={**groups.keys, extra: item}, measures={})


def kept_tables(dataset: Dataset) -> list[GroupTable]:
    """All group tables that a dataset's rankings keep."""
    kept = [one for one in dataset.rankings if isinstance(one, Ranking) and one.kept]
    return [
        table
        for ranking in kept
        for table in (
            group_table(dataset, ranking),
            *(shared_table(dataset, ranking, extra) for extra in ranking.extras),
        )
    ]


def measure_type(field: Field | None) -> sa.types.TypeEngine[Any]:
    """The type of a measure of that field, of a count if None: as many digits as no dataset will ever need."""
    if field is None:
        return sa.BigInteger()
    scale = field.scale if field.kind is Kind.DECIMAL else 0
    return sa.Numeric(2 * INTEGER_DIGITS + scale, scale)


def stored_table(dataset: Dataset, generation: int, groups: GroupTable) -> sa.Table:
    """A group table with its indexes: by key, and by rank."""
    metadata = sa.MetaData(schema=schema_of(dataset, generation))
    keys = [sa.Column(name, column_type(field), primary_key=True) for name, field in groups.keys.items()]
    totals = [sa.Column(name, measure_type(field), nullable=False) for name, (_, field) in groups.measures.items()]
    table = sa.Table(groups.name, metadata, *keys, sa.Column(RECORDS, sa.BigInteger(), nullable=False), *totals)
    if groups.ranked_by:
        first, *ties = groups.ranked_by
        ranked = [
            *([table.c[groups.per]] if groups.per else []),
            table.c[first].desc(),
            *(table.c[one] for one in ties),
        ]
        sa.Index(f"{groups.name}_ranked", *ranked)
    return table


def totals(groups: GroupTable, records: sa.FromClause) -> sa.Select[Any]:
    """The rows of a group table as they follow from records, which are there with all their fields."""
    keys = [records.c[field.name].label(name) for name, field in groups.keys.items()]
    measures = [_total(measure, field, records).label(name) for name, (measure, field) in groups.measures.items()]
    return sa.select(*keys, sa.func.count().label(RECORDS), *measures).group_by(*(one.element for one in keys))


def _total(measure: Measure, field: Field | None, records: sa.FromClause) -> sa.ColumnElement[Any]:
    where = records.c[measure.where[0]] == sa.literal(measure.where[1], sa.Text()) if measure.where else None
    if field is None or not isinstance(measure, Sum):
        counted = sa.func.count()
        return counted if where is None else counted.filter(where)
    value = sa.func.abs(records.c[field.name]) if measure.absolute else records.c[field.name]
    added = sa.func.sum(value) if where is None else sa.func.sum(value).filter(where)
    return sa.cast(sa.func.coalesce(added, 0), measure_type(field))
