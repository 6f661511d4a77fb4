"""What an event says against the declaration by which it is folded, which may be newer; event -> *projection*.

Whoever wrote the event has checked it, by the declaration of that day. A replay by another one holds it to that, as it
holds the rows of files to it: state follows from the log and the declaration, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.checking import Fault, FieldCheck
from shared.datasets.declaration import Dataset
from shared.events import Values
from shared.tabular.header import Header, normalized

RowErrors = list[dict[str, str | None]]


class Fitting:
    """Checks single values by one declaration; the checks of a field are made when it is first named."""

    def __init__(self, dataset: Dataset) -> None:
        self._fields = {field.name: field for field in dataset.fields}
        self._checks: dict[str, FieldCheck] = {}
        self.is_joint = any(field.when for field in dataset.fields)
        """Whether a rule looks at two fields of a record."""

    def errors(self, values: Values) -> RowErrors:
        """What is wrong with the values of fields, as row errors; what is no field any more says nothing."""
        found: RowErrors = []
        for name, value in values.items():
            if name in self._fields and not isinstance(value, list):
                fault = self._check(name).value(value)
                if isinstance(fault, Fault):
                    found.append(_error(name, value, fault))
        return found

    def whole(self, values: Values) -> tuple[Values, RowErrors]:
        """The values of a new record, with defaults of fields that did not exist when it was added; what is wrong."""
        errors, added = self.errors(values), dict(values)
        for name in self._fields.keys() - values.keys():
            empty = self._check(name).empty
            if isinstance(empty, Fault):
                errors.append(_error(name, None, empty))
            else:
                added[name] = empty
        return added, errors

    def _check(self, name: str) -> FieldCheck:
        if name not in self._checks:
            self._checks[name] = FieldCheck(self._fields[name])
        return self._checks[name]


def _error(name: str, value: str | None, fault: Fault) -> dict[str, str | None]:
    return {"column": None, "field": name, "code": fault.code, "value": value or "", "message": fault.message}


def refitted(header: Header, dataset: Dataset) -> Header:
    """The header of a file by another declaration than that which received it: the same where they agree.

    A column keeps its field; one that had none, or whose field is gone, is looked up by its label.
    """
    names = {field.name for field in dataset.file_fields}
    kept = [name if name in names else None for name in header.fields]
    known = _labels(dataset)
    for at, column in enumerate(header.columns):
        found = known.get(normalized(column))
        if kept[at] is None and found is not None and found not in kept:
            kept[at] = found
    if tuple(kept) == header.fields:
        return header
    return Header(header.columns, tuple(kept), _ignored(header.columns, kept))


def _labels(dataset: Dataset) -> dict[str, str]:
    return {normalized(label): field.name for field in dataset.file_fields for label in (field.name, *field.labels)}


def _ignored(columns: Sequence[str], fields: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(column for column, field in zip(columns, fields, strict=True) if column and field is None)
