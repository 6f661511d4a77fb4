"""Many rows make one record: staging -> segment; log -> *projection*."""

from __future__ import annotations

import msgspec

from projector.copying import Connection
from shared.datasets.declaration import Dataset
from shared.read_tables import Names, quoted


class Grouped(msgspec.Struct, frozen=True):
    """Rows that did not enter a record, each with what is said of it."""

    conflicting: dict[int, str]
    duplicate: dict[int, str]


async def group_rows(connection: Connection, dataset: Dataset, names: Names, number: int) -> Grouped:
    """Fill the segment of an upload from its staging and drop the staging; the caller's transaction holds all of it.

    A row that disagrees with the first row of its record is not taken; of equal members the first counts.
    """
    conflicting = await _drop_conflicting(connection, dataset, names, number)
    duplicate = await _drop_duplicate(connection, dataset, names, number)
    await connection.execute(_fill(dataset, names, number))
    await connection.execute(f"DROP TABLE {names.staging(number)}")
    return Grouped(conflicting, duplicate)


async def _drop_conflicting(connection: Connection, dataset: Dataset, names: Names, number: int) -> dict[int, str]:
    key, table = quoted(str(dataset.key)), names.staging(number)
    own = [quoted(field.name) for field in dataset.fields if field.name != dataset.key]
    if not own:
        return {}
    differs = (
        f"({', '.join(f'row.{one}' for one in own)}) IS DISTINCT FROM ({', '.join(f'first.{one}' for one in own)})"
    )
    found = await connection.fetch(f"""
        DELETE FROM {table} AS row USING (
            SELECT DISTINCT ON ({key}) {key}, row, {", ".join(own)} FROM {table} ORDER BY {key}, row
        ) AS first
        WHERE row.{key} = first.{key} AND {differs} RETURNING row.row, first.row AS kept
    """)
    fields = ", ".join(field.name for field in dataset.fields if field.name != dataset.key)
    return {
        each["row"]: f"says otherwise than row {each['kept']} of the same {dataset.key} about {fields}"
        for each in found
    }


async def _drop_duplicate(connection: Connection, dataset: Dataset, names: Names, number: int) -> dict[int, str]:
    table = names.staging(number)
    same = ", ".join(quoted(name) for name in (str(dataset.key), *_member_names(dataset)))
    found = await connection.fetch(f"""
        DELETE FROM {table} AS row USING (
            SELECT row, min(row) OVER (PARTITION BY {same}) AS first FROM {table}
        ) AS twin
        WHERE row.row = twin.row AND twin.first < twin.row RETURNING row.row, twin.first AS kept
    """)
    return {each["row"]: f"says the same as row {each['kept']}" for each in found}


def _fill(dataset: Dataset, names: Names, number: int) -> str:
    if dataset.members is None:
        raise TypeError(f"Dataset {dataset.name!r} has no members to group.")
    own = ", ".join(quoted(field.name) for field in dataset.fields)
    pairs = ", ".join(f"'{name}', {quoted(name)}" for name in _member_names(dataset))
    return f"""
        INSERT INTO {names.segment(number)} ({own}, row, {quoted(dataset.members.name)})
        SELECT {own}, min(row), jsonb_agg(jsonb_build_object({pairs}) ORDER BY row)
        FROM {names.staging(number)} GROUP BY {own}
    """


def _member_names(dataset: Dataset) -> list[str]:
    return [field.name for field in dataset.members.fields] if dataset.members else []
