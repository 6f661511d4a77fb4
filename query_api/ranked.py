"""What a ranking lists, as SQL: rows of a group table, sums that are made now, or records; read table -> *query*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from query_api.live_records import live_records
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.datasets.rankings import AnyRanking, Ranking
from shared.ranking_tables import group_table, shared_table, stored_table, totals
from shared.selection.filters import bound
from shared.selection.values import Value
from shared.served import Served

MOST_RANKINGS = 100
"""So many values of the field that a ranking is per are listed when none is asked for."""


class Ranked(msgspec.Struct, frozen=True):
    """Rows to be listed: `shown` of their columns, by `order` of which the first is descending, for each `per`."""

    rows: sa.FromClause
    shown: tuple[str, ...]
    order: tuple[str, ...]
    per: str | None

    def first(self, limit: int, chosen: Mapping[str, sa.ColumnElement[Any]]) -> sa.Select[Any]:
        """The first rows that have the chosen values; of each value of `per` where nothing is chosen."""
        if self.per and not chosen:
            return self._first_of_each(self.per, limit)
        same = [self.rows.c[name] == value for name, value in chosen.items()]
        return self._listed().where(*same).order_by(*self._by(self.rows)).limit(limit)

    def _first_of_each(self, per: str, limit: int) -> sa.Select[Any]:
        """Looks up one value after the other, and the first rows of each, in the index."""
        one = self.rows.c[per]
        values = sa.select(sa.func.min(one).label("value")).cte("values", recursive=True)
        following = sa.select(sa.func.min(one)).where(one > values.c.value).correlate(values).scalar_subquery()
        values = values.union_all(sa.select(following).where(values.c.value.is_not(None)))
        some = sa.select(values.c.value).where(values.c.value.is_not(None)).limit(MOST_RANKINGS).subquery("some")
        first = self._listed().where(one == some.c.value).order_by(*self._by(self.rows)).limit(limit).lateral("first")
        return sa.select(first).select_from(some.join(first, sa.true())).order_by(some.c.value, *self._by(first))

    def _listed(self) -> sa.Select[Any]:
        return sa.select(*(self.rows.c[name] for name in dict.fromkeys((*self.shown, *self.order))))

    def _by(self, rows: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        first, *ties = self.order
        return [rows.c[first].desc(), *(rows.c[name] for name in ties)]


class Column(msgspec.Struct, frozen=True):
    """What a ranking shows of each of its rows, beside the extras."""

    name: str
    kind: Kind
    sensitive: bool


def shown_columns(dataset: Dataset, ranking: AnyRanking) -> list[Column]:
    """The columns in the order in which they are shown."""
    if not isinstance(ranking, Ranking):
        fields = [dataset.field(name) for name in ranking.fields]
        return [Column(field.name, field.kind, field.sensitive) for field in fields]
    groups = group_table(dataset, ranking)
    keys = [Column(name, field.kind, field.sensitive) for name, field in groups.keys.items()]
    measures = [
        Column(name, field.kind if field else Kind.INTEGER, bool(field and field.sensitive))
        for name, (_, field) in groups.measures.items()
    ]
    return keys + measures


def body_of(shown: Sequence[Column], row: sa.RowMapping) -> dict[str, object]:
    """A row as it is answered; what was added up is numeric even where it counts."""
    return {one.name: int(row[one.name]) if one.kind is Kind.INTEGER else row[one.name] for one in shown}


def ranked(dataset: Dataset, ranking: AnyRanking, served: Served) -> Ranked:
    """What is to be ranked, of a dataset that has read tables."""
    records = live_records(dataset, served)
    if not isinstance(ranking, Ranking):
        return Ranked(records, ranking.fields, (ranking.order, *dataset.key_columns), ranking.per)
    groups = group_table(dataset, ranking)
    rows = (
        stored_table(dataset, served.generation or 0, groups)
        if ranking.kept
        else totals(groups, records).subquery("total")
    )
    return Ranked(rows, (*groups.keys, *groups.measures), groups.ranked_by, ranking.per)


def shared_items(
    dataset: Dataset, ranking: Ranking, extra: str, generation: int, listed: Sequence[Mapping[str, Any]]
) -> sa.Select[Any]:
    """The items, sorted, that enough of the listed groups have, with each that has it."""
    table = stored_table(dataset, generation, shared_table(dataset, ranking, extra))
    groups = [table.c[name] for name in ranking.group]
    among = sa.tuple_(*groups).in_([tuple(row[name] for name in ranking.group) for row in listed])
    holders = sa.func.count().over(partition_by=table.c[extra]).label("holders")
    held = sa.select(*groups, table.c[extra], holders).where(among).subquery("held")
    return sa.select(held).where(held.c.holders >= ranking.extras[extra].by_at_least).order_by(held.c[extra])


def chosen_columns(dataset: Dataset, ranking: AnyRanking) -> dict[str, Field]:
    """The columns by which a caller may choose rows. One with extras is for all its groups: these compare them."""
    if isinstance(ranking, Ranking):
        return {} if ranking.extras else dict(group_table(dataset, ranking).keys)
    return {ranking.per: dataset.field(ranking.per)} if ranking.per else {}


def chosen_value(field: Field, value: Value) -> sa.ColumnElement[Any]:
    """A caller's value as the column has it."""
    return bound(field.kind, value)
