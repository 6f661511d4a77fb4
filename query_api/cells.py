"""How each kind of field stands in a file or a page, as SQL: PostgreSQL writes the cells; read table -> *query*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.served import Served
from shared.tabular.formulas import FORMULA, GUARD, PLAIN_NUMBER

Column = sa.ColumnElement[Any]
Shape = Callable[[Column, Kind], Column]


ENDS = {
    Kind.DATE: ("DATE '0001-01-01'", "DATE '9999-12-31'"),
    Kind.TIMESTAMP: ("TIMESTAMPTZ '0001-01-01 00:00:00+00'", "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"),
}
"""The first and the last, which asyncpg writes as infinite."""


def plain(column: Column, kind: Kind) -> Column:
    """A value as it is; a time in ISO 8601 with a Z, as in JSON answers."""
    if kind not in ENDS:
        return column
    ends = zip(("'-infinity'", "'infinity'"), ENDS[kind], strict=True)
    finite: Column = sa.case(
        *((column == sa.literal_column(one, column.type), sa.literal_column(end, column.type)) for one, end in ends),
        else_=column,
    )
    if kind is not Kind.TIMESTAMP:
        return finite
    text = sa.func.btrim(sa.cast(sa.func.to_json(finite), sa.Text()), '"')
    return sa.func.replace(text, "+00:00", "Z")


def formula_safe(column: Column, kind: Kind) -> Column:
    """As `plain`, but a text that a spreadsheet would run is guarded; numbers stay numbers."""
    if kind not in (Kind.TEXT, Kind.CHOICE):
        return plain(column, kind)
    runs = column.regexp_match(FORMULA) & ~column.regexp_match(PLAIN_NUMBER)
    return sa.case((runs, sa.literal(GUARD) + column), else_=column)


def json_value(column: Column, kind: Kind) -> Column:
    """As JSON answers have it: a decimal as text, so that no digit is lost."""
    return sa.cast(column, sa.Text()) if kind is Kind.DECIMAL else plain(column, kind)


def as_is(column: Column, _kind: Kind) -> Column:
    """The value itself, for a format that has types."""
    return column


def record_cells(
    dataset: Dataset, records: sa.FromClause, served: Served, shape: Shape, *, members_as_text: bool
) -> dict[str, Column]:
    """All that a record is answered with, in order; its provenance is there once `with_uploads` is selected from."""
    columns = records.c
    cells = {field.name: shape(columns[field.name], field.kind) for field in dataset.fields}
    if dataset.members:
        members = columns[dataset.members.name]
        cells[dataset.members.name] = sa.cast(members, sa.Text()) if members_as_text else members
    since = sa.case(served.since, value=columns.segment)
    version = sa.func.coalesce(columns.position, since)
    source = shape(uploads.c.source, Kind.TEXT)
    return {**cells, "version": version, "source": source, "upload": uploads.c.id, "row": columns.row}


def with_uploads(dataset: Dataset, records: sa.FromClause, served: Served) -> sa.FromClause:
    """Records beside the uploads that they come from."""
    of_record = (uploads.c.dataset == dataset.name) & (uploads.c.generation == served.generation)
    return records.outerjoin(uploads, of_record & (uploads.c.number == records.c.upload))
