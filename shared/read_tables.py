"""The read tables of a dataset, derived from its declaration; log -> projection -> *read table* -> query.

A *generation* of a dataset is the schema `<dataset>_<generation>` with these tables:

    records      partitioned by `segment`; what the query API reads, as far as `read.segments` calls a segment live
    segment_0    the open segment: small uploads and records that a person made or changed
    segment_<n>  the records of upload n, attached when it is published; where a declaration says `PartitionBy`, both
                 kinds of segments are partitioned by that date once more
    merged_<n>   the records of several segments, which it has replaced; its number in the books is -n
    staging_<n>  the rows of upload n where many rows make one record; gone once its segment is made
    overlap_<n>  the keys of upload n that are live already, as its preview found them; gone once it is published
    history      versions that have ended, one by one; a segment that has ended as a whole stays where it is
    rejects      rows of files that did not become records, with their cells
    row_errors   why they did not

and the group tables of its rankings (shared/ranking_tables.py).

A version of a record is known by the position of the event that made it. Segments of one upload say it once: their
records have NULL in `position`, `recorded_at`, `change` and `actor`, columns that are added without touching a row.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.datasets.declaration import Dataset
from shared.datasets.fields import INTEGER_DIGITS, Field, Kind

OPEN_SEGMENT = 0


class Change(StrEnum):
    """How a version of a record came about; NULL in a read table is UPLOADED."""

    UPLOADED = "uploaded"
    FIXED = "fixed"
    """A rejected row of an upload, with better cells."""
    ADDED = "added"
    CORRECTED = "corrected"


OF_UPLOAD = (Change.UPLOADED, Change.FIXED)
"""What a withdrawal undoes; the others are a person's."""


class Ending(StrEnum):
    """Why a version ended."""

    SUPERSEDED = "superseded"
    CORRECTED = "corrected"
    REMOVED = "removed"
    WITHDRAWN = "withdrawn"


def schema_of(dataset: Dataset, generation: int) -> str:
    """The name of the schema that holds one generation."""
    return f"{dataset.name}_{generation}"


class Names:
    """The quoted names of one generation's tables, for SQL that is written by hand."""

    def __init__(self, dataset: Dataset, generation: int) -> None:
        self.schema = schema_of(dataset, generation)

    @property
    def records(self) -> str:
        return self._table("records")

    @property
    def history(self) -> str:
        return self._table("history")

    def segment(self, number: int) -> str:
        return self._table(segment_name(number))

    def staging(self, number: int) -> str:
        return self._table(staging_name(number))

    def overlap(self, number: int) -> str:
        return self._table(f"overlap_{number}")

    def groups(self, name: str) -> str:
        return self._table(name)

    def partial(self, number: int, name: str) -> str:
        return self._table(f"partial_{number}_{name}")

    def function(self, name: str) -> str:
        return self._table(name)

    @property
    def rejects(self) -> str:
        return self._table("rejects")

    @property
    def row_errors(self) -> str:
        return self._table("row_errors")

    def _table(self, name: str) -> str:
        return f"{quoted(self.schema)}.{quoted(name)}"


def segment_name(number: int) -> str:
    """The table of a segment: of one upload's records, or of several merged ones where the number is negative."""
    return f"segment_{number}" if number >= OPEN_SEGMENT else f"merged_{-number}"


def staging_name(number: int) -> str:
    """The table of one upload's rows, where many make one record."""
    return f"staging_{number}"


def quoted(identifier: str) -> str:
    """An identifier as SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def column_type(field: Field) -> sa.types.TypeEngine[Any]:
    """The PostgreSQL type of a field."""
    types: dict[Kind, sa.types.TypeEngine[Any]] = {
        Kind.TEXT: pg.TEXT(),
        Kind.CHOICE: pg.TEXT(),
        Kind.INTEGER: sa.BigInteger(),
        Kind.DECIMAL: sa.Numeric(INTEGER_DIGITS + field.scale, field.scale),
        Kind.DATE: sa.Date(),
        Kind.TIMESTAMP: sa.DateTime(timezone=True),
        Kind.UUID: sa.Uuid(),
    }
    return types[field.kind]


def type_name(kind: sa.types.TypeEngine[Any]) -> str:
    """A type as PostgreSQL writes it."""
    dialect = pg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not say
    return str(kind.compile(dialect))


def key_type(dataset: Dataset) -> str:
    """The PostgreSQL type of a dataset's key; raises TypeError where it has none."""
    if dataset.key is None:
        raise TypeError(f"Dataset {dataset.name!r} has no key.")
    return type_name(column_type(dataset.field(dataset.key)))


def field_columns(fields: tuple[Field, ...]) -> list[sa.Column[Any]]:
    """A column for each field, in the order given."""
    return [
        sa.Column(
            field.name,
            column_type(field),
            nullable=field.nullable,
            server_default=field.default,
        )
        for field in fields
    ]


def loaded_columns(segment: int | None = None) -> list[sa.Column[Any]]:
    """What a loader writes beside the fields: the segment and the row in the file."""
    default = None if segment is None else sa.text(str(segment))
    return [
        sa.Column("segment", sa.Integer(), nullable=False, server_default=default),
        sa.Column("row", sa.Integer(), nullable=True),
    ]


def provenance_columns() -> list[sa.Column[Any]]:
    """Where a version comes from: its upload, the event that made it, and the person where it was one."""
    return [
        sa.Column("upload", sa.Integer(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", pg.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("change", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
    ]


def record_columns(dataset: Dataset, segment: int | None = None) -> list[sa.Column[Any]]:
    """Fields and what a loader writes; fixed widths stand first, so that rows carry no padding."""
    widths = {Kind.UUID: 0, Kind.INTEGER: 1, Kind.TIMESTAMP: 1, Kind.DATE: 2}
    fixed = sorted((one for one in dataset.fields if one.kind in widths), key=lambda one: widths[one.kind])
    variable = tuple(one for one in dataset.fields if one.kind not in widths)
    members = [sa.Column(dataset.members.name, pg.JSONB(), nullable=False)] if dataset.members else []
    return [*field_columns(tuple(fixed)), *loaded_columns(segment), *field_columns(variable), *members]


def records_table(dataset: Dataset, generation: int) -> sa.Table:
    """`records` of a generation."""
    return sa.Table(
        "records",
        sa.MetaData(schema=schema_of(dataset, generation)),
        *record_columns(dataset),
        *provenance_columns(),
        postgresql_partition_by="LIST (segment)",
    )


def segment_table(dataset: Dataset, generation: int, upload: int, segment: int) -> sa.Table:
    """The bare table into which an upload is loaded; `provenance_columns` are added when all its rows are there."""
    return sa.Table(
        segment_name(upload),
        sa.MetaData(schema=schema_of(dataset, generation)),
        *record_columns(dataset, segment),
        postgresql_partition_by=partitioned_by(dataset) if segment != OPEN_SEGMENT else None,
    )


def merged_table(dataset: Dataset, generation: int, number: int) -> sa.Table:
    """The bare table into which segments are merged; each record says for itself where it comes from."""
    return sa.Table(
        segment_name(number),
        sa.MetaData(schema=schema_of(dataset, generation)),
        *record_columns(dataset, number),
        *provenance_columns(),
        postgresql_partition_by=partitioned_by(dataset),
    )


def partitioned_by(dataset: Dataset) -> str | None:
    """How segments that stay are partitioned, as PostgreSQL writes it; None where they are not."""
    return f"RANGE ({quoted(dataset.partition.name)})" if dataset.partition else None


def staging_table(dataset: Dataset, generation: int, number: int) -> sa.Table:
    """The rows of one upload as they stand in its file."""
    return sa.Table(
        staging_name(number),
        sa.MetaData(schema=schema_of(dataset, generation)),
        *field_columns(dataset.file_fields),
        sa.Column("row", sa.Integer(), nullable=False),
    )


def history_table(dataset: Dataset, generation: int) -> sa.Table:
    """Versions as they were, `position` and `recorded_at` filled in, and when and how they ended.

    `ended_by` is the upload that superseded or withdrew it, `ended_actor` the person where it was one.
    """
    return sa.Table(
        "history",
        sa.MetaData(schema=schema_of(dataset, generation)),
        *record_columns(dataset),
        *provenance_columns(),
        sa.Column("ended_position", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_kind", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Integer()),
        sa.Column("ended_actor", sa.Text()),
    )


def rejects_table(dataset: Dataset, generation: int) -> sa.Table:
    """Rows that did not become records; `cells` is a JSON array of strings.

    `outcome` is rejected or duplicate; a person makes of the first fixed or removed. `key` is the record's where the
    dataset shows such rows among its records (`rejected_as`) and the row has a good one.
    """
    return sa.Table(
        "rejects",
        sa.MetaData(schema=schema_of(dataset, generation)),
        sa.Column("upload", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cells", pg.JSON(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Index("rejects_by_row", "upload", "row"),
    )


def row_errors_table(dataset: Dataset, generation: int) -> sa.Table:
    """What is wrong with each row in `rejects`; `label` is the column's in the file, None for the whole row.

    `outcome` and `line` stand here again, so that a report is read from one table.
    """
    return sa.Table(
        "row_errors",
        sa.MetaData(schema=schema_of(dataset, generation)),
        sa.Column("upload", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("field", sa.Text()),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Index("row_errors_by_row", "upload", "row"),
    )


def trigram_columns(dataset: Dataset) -> list[str]:
    """The columns of whose trigrams a segment has an index, where PostgreSQL has pg_trgm."""
    return [field.name for field in dataset.fields if field.trigrams]


def index_columns(dataset: Dataset) -> list[tuple[str, ...]]:
    """The columns of every index of a segment; the first is unique.

    PostgreSQL wants that to hold what a segment is partitioned by: there it does not say that a key stands once.

    `records` itself has none: an index of the parent would have to hold the segment as well, and every ATTACH would
    compare it with the segment's own.
    """
    parted = [dataset.partition.name] if dataset.partition else []
    unique = tuple(dict.fromkeys((*dataset.key_columns, *parted)))
    ranked = [(*([one.per] if one.per else []), one.order) for one in dataset.record_rankings]
    single = [(field.name,) for field in dataset.fields if field.indexed]
    return [unique, *single, *(one for one in ranked if one not in single)]
