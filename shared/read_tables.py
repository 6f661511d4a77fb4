"""The read tables of a dataset, derived from its declaration; log -> projection -> *read table* -> query.

A *generation* of a dataset is the schema `<dataset>_<generation>` with these tables:

    records      partitioned by `segment`; what the query API reads
    segment_0    the open segment: small uploads and single records
    segment_<n>  the records of upload n, attached when it is published
    staging_<n>  the rows of upload n where many rows make one record; gone once its segment is made
    history      records that were superseded, with the position at which they were
    rejects      rows of files that did not become records, with their cells
    row_errors   why they did not
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.datasets.declaration import Dataset
from shared.datasets.fields import INTEGER_DIGITS, Field, Kind

OPEN_SEGMENT = 0


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

    def _table(self, name: str) -> str:
        return f"{quoted(self.schema)}.{quoted(name)}"


def segment_name(number: int) -> str:
    """The table of one upload's records."""
    return f"segment_{number}"


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


def field_columns(fields: tuple[Field, ...]) -> list[sa.Column[Any]]:
    """A column for each field, in the order given."""
    return [
        sa.Column(
            field.name,
            column_type(field),
            nullable=not field.required and field.default is None,
            server_default=field.default,
        )
        for field in fields
    ]


def provenance_columns(segment: int | None = None) -> list[sa.Column[Any]]:
    """Where a record comes from: its segment, the number of its upload and the row in that file."""
    default = None if segment in (None, OPEN_SEGMENT) else sa.text(str(segment))
    return [
        sa.Column("segment", sa.Integer(), nullable=False, server_default=default),
        sa.Column("upload", sa.Integer(), nullable=True, server_default=default),
        sa.Column("row", sa.Integer(), nullable=True),
    ]


def records_table(dataset: Dataset, generation: int, name: str = "records", segment: int | None = None) -> sa.Table:
    """`records` of a generation, or one of its segments; fixed widths stand first, so that rows carry no padding."""
    widths = {Kind.UUID: 0, Kind.INTEGER: 1, Kind.TIMESTAMP: 1, Kind.DATE: 2}
    fixed = sorted((one for one in dataset.fields if one.kind in widths), key=lambda one: widths[one.kind])
    variable = tuple(one for one in dataset.fields if one.kind not in widths)
    members = [sa.Column(dataset.members.name, pg.JSONB(), nullable=False)] if dataset.members else []
    return sa.Table(
        name,
        sa.MetaData(schema=schema_of(dataset, generation)),
        *field_columns(tuple(fixed)),
        *provenance_columns(segment),
        *field_columns(variable),
        *members,
        postgresql_partition_by="LIST (segment)" if name == "records" else None,
    )


def staging_table(dataset: Dataset, generation: int, number: int) -> sa.Table:
    """The rows of one upload as they stand in its file."""
    return sa.Table(
        staging_name(number),
        sa.MetaData(schema=schema_of(dataset, generation)),
        *field_columns(dataset.file_fields),
        sa.Column("row", sa.Integer(), nullable=False),
    )


def history_table(dataset: Dataset, generation: int) -> sa.Table:
    """Records as they were; `superseded_position` is the event that replaced them, `superseded_by` its upload."""
    table = records_table(dataset, generation, "history")
    table.append_column(sa.Column("superseded_by", sa.Integer()))
    table.append_column(sa.Column("superseded_position", sa.BigInteger(), nullable=False))
    return table


def rejects_table(dataset: Dataset, generation: int) -> sa.Table:
    """Rows that did not become records; `outcome` is rejected or duplicate, `cells` a JSON array of strings."""
    return sa.Table(
        "rejects",
        sa.MetaData(schema=schema_of(dataset, generation)),
        sa.Column("upload", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cells", pg.JSON(), nullable=False),
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


def index_columns(dataset: Dataset) -> list[tuple[str, ...]]:
    """The columns of every index; the first is unique and must be the same on parent and segment for a quick attach."""
    return [(*dataset.key_columns, "segment"), *((field.name,) for field in dataset.fields if field.indexed)]
