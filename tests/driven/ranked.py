"""Tiny datasets with rankings, and the totals that follow from plain records; records -> *totals*."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import text

from shared.datasets.rankings import Count, Measure, Ranking, Shared, Sum
from shared.events import Values
from shared.ranking_tables import GroupTable, kept_tables
from shared.read_tables import Names, quoted
from tests.driven.driver import Driver
from tests.driven.play import Play
from tests.driven.tiny import CREWS, NOTES, SHIFTS, TASKS

DONE = ("state", "DONE")
MEASURES: dict[str, Measure] = {
    "effort": Sum("effort"),
    "done": Count(where=DONE),
    "done_effort": Sum("effort", where=DONE, absolute=True),
    "numbers": Sum("number"),
}

RANKED_TASKS = msgspec.structs.replace(
    TASKS,
    rankings=(
        Ranking(
            name="titles",
            title="Titles by effort",
            group={"name": "title"},
            measures=MEASURES,
            order="effort",
            extras={"states": Shared("state")},
        ),
        Ranking(
            name="per-state", title="In each", group={"title": "title"}, per="state", measures=MEASURES, order="done"
        ),
    ),
)
RANKED_CREWS = msgspec.structs.replace(
    CREWS,
    rankings=(Ranking(name="ships", title="Ships", group={"no": "ship"}, measures={"crews": Count()}, order="crews"),),
)
RANKED_SHIFTS = msgspec.structs.replace(
    SHIFTS,
    rankings=(
        Ranking(
            name="shifts",
            title="Shifts",
            group={"no": "number"},
            measures={"effort": Sum("effort"), "times": Count()},
            order="effort",
        ),
    ),
)
REPLACED_NOTES = msgspec.structs.replace(
    NOTES,
    replaces=True,
    rankings=(
        Ranking(name="texts", title="Texts", group={"text": "text"}, measures={"times": Count()}, order="times"),
    ),
)


class RankedPlay(Play):
    """Holds the group tables, too, to what follows from the records of the model."""

    async def compare(self) -> None:
        """Hold everything to the model."""
        await super().compare()
        live = [found.values for key in self.model.chains if (found := self.model.live(key))]
        for groups in kept_tables(self.driver.dataset):
            assert await stored(self.driver, groups) == recomputed(groups, live), groups.name

    async def partials(self) -> set[str]:
        """The partial totals that have not been dropped."""
        return {name for name in await self.driver.read.tables() if name.startswith("partial_")}


async def stored(driver: Driver, groups: GroupTable) -> dict[tuple[str, ...], tuple[Decimal, ...]]:
    """A group table as it is."""
    keys = [f"CAST({quoted(name)} AS text)" for name in groups.keys]
    columns = ", ".join([*keys, "records", *(quoted(name) for name in groups.measures)])
    table = Names(driver.dataset, driver.generation).groups(groups.name)
    async with driver.place.engine.connect() as connection:
        rows = (await connection.execute(text(f"SELECT {columns} FROM {table}"))).all()
    width = len(keys)
    return {tuple(row[:width]): tuple(Decimal(value) for value in row[width:]) for row in rows}


def recomputed(groups: GroupTable, records: Iterable[Values]) -> dict[tuple[str, ...], tuple[Decimal, ...]]:
    """A group table as it should be."""
    members: dict[tuple[str, ...], list[Values]] = {}
    for record in records:
        members.setdefault(tuple(str(record[field.name]) for field in groups.keys.values()), []).append(record)
    return {
        key: (Decimal(len(those)), *(measured(measure, those) for measure, _ in groups.measures.values()))
        for key, those in members.items()
    }


def measured(measure: Measure, records: Iterable[Mapping[str, Any]]) -> Decimal:
    """A measure of a group's records."""
    those = [one for one in records if measure.where is None or one[measure.where[0]] == measure.where[1]]
    if isinstance(measure, Count):
        return Decimal(len(those))
    values = [Decimal(one[measure.field] or 0) for one in those]
    return sum(map(abs, values) if measure.absolute else values, Decimal(0))
