"""Segments in ranges of a date, where a declaration says so; log -> *projection* -> read table."""

from __future__ import annotations

from itertools import pairwise

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.read_tables import Names, quoted, segment_name


def create_partitions(dataset: Dataset, names: Names, number: int) -> list[str]:
    """The statements that make the partitions of a segment, `segment_<n>_<first year>`; none where it has none.

    The first takes everything before its year, from `segment_<n>_before` on; together they take every date.
    """
    field = dataset.partition
    if field is None or field.partition is None:
        return []
    ends = ["MINVALUE", *(_first_day(field, year) for year in field.partition.first_years), "MAXVALUE"]
    suffixes = ["before", *(str(year) for year in field.partition.first_years)]
    return [
        f"CREATE TABLE {quoted(names.schema)}.{quoted(f'{segment_name(number)}_{suffix}')}"
        f" PARTITION OF {names.segment(number)} FOR VALUES FROM ({low}) TO ({high})"
        for suffix, (low, high) in zip(suffixes, pairwise(ends), strict=True)
    ]


def _first_day(field: Field, year: int) -> str:
    day = f"{year:04}-01-01"
    return f"'{day} 00:00:00+00'" if field.kind is Kind.TIMESTAMP else f"'{day}'"
