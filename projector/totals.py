"""SQL that adds records to group tables and takes them away; log -> *projection* -> read table.

Everything is derived from a declaration, nothing from what callers send: the statements have no parameters.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.datasets.declaration import Dataset
from shared.ranking_tables import RECORDS, GroupTable, totals
from shared.read_tables import Names, column_type, quoted

RECORDS_OF_STATEMENT = "changed"
"""What triggers call the records that a statement has inserted."""


def fields_of(dataset: Dataset, table: str, schema: str | None = None) -> sa.TableClause:
    """A table, or what a trigger sees, with the fields of records."""
    columns = (sa.column(field.name, column_type(field)) for field in dataset.fields)
    return sa.table(table, *columns, schema=schema)


def sum_of(groups: GroupTable, records: sa.TableClause) -> str:
    """The query of all rows that follow from records."""
    dialect = pg.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy does not say
    return str(totals(groups, records).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def added(names: Names, groups: GroupTable, source: str) -> str:
    """The statement that adds the rows of a query to a group table."""
    columns = ", ".join(quoted(one) for one in (*groups.keys, RECORDS, *groups.measures))
    keys = ", ".join(quoted(one) for one in groups.keys)
    sums = ", ".join(f"{one} = total.{one} + excluded.{one}" for one in _sums(groups))
    return f"""
        INSERT INTO {names.groups(groups.name)} AS total ({columns}) {source}
        ON CONFLICT ({keys}) DO UPDATE SET {sums}
    """


def subtracted(names: Names, groups: GroupTable, source: str) -> str:
    """The statement that subtracts the rows of a query from a group table; groups that have no records left go."""
    table = names.groups(groups.name)
    same = " AND ".join(f"total.{quoted(one)} = gone.{quoted(one)}" for one in groups.keys)
    sums = ", ".join(f"{one} = total.{one} - gone.{one}" for one in _sums(groups))
    left = f"total.{quoted(RECORDS)} > gone.{quoted(RECORDS)}"
    return f"""
        WITH gone AS MATERIALIZED ({source}),
        emptied AS (DELETE FROM {table} AS total USING gone WHERE {same} AND NOT {left})
        UPDATE {table} AS total SET {sums} FROM gone WHERE {same} AND {left}
    """


def _sums(groups: GroupTable) -> list[str]:
    return [quoted(one) for one in (RECORDS, *groups.measures)]
