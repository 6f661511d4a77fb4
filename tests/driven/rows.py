"""What a file's rows say, one after the other in plain Python; rows -> *records and rejects* -> model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.datasets.declaration import Dataset
from shared.events import Values

Cells = Mapping[str, str]
"""A row of a file: text by field."""
Errors = frozenset[tuple[str, str]]
"""What is wrong with a row: fields and codes."""
Members = list[dict[str, str | None]]


@dataclass(frozen=True)
class Rules:
    """A dataset with its rules, written a second time.

    `read` gives the canonical values of the fields that are good and what is wrong with the others.
    """

    dataset: Dataset
    read: Callable[[Cells], tuple[Values, Errors]]

    def key(self, upload: int, row: int, values: Values) -> str:
        """What tells the record of a row from others."""
        return str(values[self.dataset.key]) if self.dataset.key else f"{upload}:{row}"

    def join(self, record: Values, row: Values) -> Errors:
        """Add the member of a row to a record, where many rows make one; or why that cannot be."""
        members = self.members(record)
        if self.own(row, members) != record:
            return self.about_key("conflicting-value")
        member = self.member(row)
        if member in members:
            return self.about_key("duplicate-key")
        members.append(member)
        return frozenset()

    def own(self, values: Values, members: Members) -> Values:
        """A record with the own fields of a row or record, and these members."""
        assert self.dataset.members
        own: Values = {one.name: values[one.name] for one in self.dataset.fields}
        return {**own, self.dataset.members.name: members}

    def members(self, record: Values) -> Members:
        """The list inside a record."""
        members = record[self.dataset.members.name] if self.dataset.members else None
        assert isinstance(members, list)
        return members

    def member(self, row: Values) -> dict[str, str | None]:
        """What a row adds to the list."""
        assert self.dataset.members
        values = {one.name: row[one.name] for one in self.dataset.members.fields}
        return {name: None if value is None else str(value) for name, value in values.items()}

    def about_key(self, code: str) -> Errors:
        """An error of a row that was good until others were seen."""
        return frozenset({(str(self.dataset.key), code)})


@dataclass
class PlainFile:
    """The rows of one file by number; those that are no record by themselves have an outcome and errors."""

    rows: Mapping[int, Cells]
    records: dict[int, tuple[str, Values]] = field(default_factory=dict)
    """Key and values of each record, by the row that stands for it."""
    outcomes: dict[int, str] = field(default_factory=dict)
    """rejected, duplicate, blank; later what a person made of the first: fixed, removed."""
    errors: dict[int, Errors] = field(default_factory=dict)

    def refuse(self, row: int, outcome: str, errors: Errors) -> None:
        """A row that is no record."""
        self.outcomes[row], self.errors[row] = outcome, errors


def read_file(rules: Rules, upload: int, rows: Mapping[int, Cells]) -> PlainFile:
    """Of rows with one key the last counts; where many rows make a record, those that agree with its first."""
    file, good = PlainFile(rows), {}
    for row, cells in rows.items():
        values, errors = rules.read(cells)
        if not any(cell.strip() for cell in cells.values()):
            file.refuse(row, "blank", frozenset())
        elif errors:
            file.refuse(row, "rejected", errors)
        else:
            good[row] = values
    if rules.dataset.members:
        _group(rules, file, good)
    else:
        last = {rules.key(upload, row, values): row for row, values in good.items()}
        for row, values in good.items():
            key = rules.key(upload, row, values)
            if last[key] == row:
                file.records[row] = (key, values)
            else:
                file.refuse(row, "duplicate", rules.about_key("duplicate-key"))
    return file


def _group(rules: Rules, file: PlainFile, good: Mapping[int, Values]) -> None:
    first: dict[str, int] = {}
    for row, values in good.items():
        key = rules.key(0, row, values)
        begun = first.setdefault(key, row)
        record = file.records.setdefault(begun, (key, rules.own(values, [])))[1]
        if refused := rules.join(record, values):
            file.refuse(row, "duplicate" if refused == rules.about_key("duplicate-key") else "rejected", refused)
