"""A record, or changes of one, against the declaration of its dataset: *HTTP -> command* -> event."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from command_api.answering import pointer
from command_api.json_bodies import Repeating
from shared.checking import Fault, FieldCheck
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field
from shared.errors import InvalidRecord
from shared.events import Values
from shared.selection.parameters import short
from shared.selection.values import read_value, write_value

MOST_ERRORS = 100
"""So many things that are wrong with a body are told, not more."""

PROVENANCE = frozenset({"version", "source", "upload", "row"})
"""What a record that is read has beside its fields; nobody sets it."""

Errors = list[dict[str, str]]
Step = str | int


class ObjectCheck:
    """The fields of a record or of one of its members, made ready once."""

    def __init__(self, fields: tuple[Field, ...], lists: Collection[str] = ()) -> None:
        self.fields = {field.name: FieldCheck(field) for field in fields}
        self._names = (*self.fields, *lists)

    def given(self, body: Mapping[str, object], errors: Errors, *at: Step) -> dict[str, str | None]:
        """The fields that a body names, as canonical text; what is wrong with it is added to `errors`."""
        values: dict[str, str | None] = {}
        for name, value in body.items():
            check = self.fields.get(name)
            if check is not None:
                found = check.value(value)
                if isinstance(found, Fault):
                    errors.append(error_of(found, name, *at, name))
                else:
                    values[name] = found
            elif name not in self._names and len(errors) < MOST_ERRORS:
                errors.append(error_of(self._unknown(name), "", *at, name))
        for name in values:
            if fault := self.fields[name].beside(values):
                errors.append(error_of(fault, name, *at, name))
        if isinstance(body, Repeating):
            errors += [error_of(TWICE, name, *at, name) for name in body.repeated[:MOST_ERRORS]]
        return values

    def whole(self, body: Mapping[str, object], errors: Errors, *at: Step) -> dict[str, str | None]:
        """All fields, those that a body does not name with their defaults or None."""
        values = self.given(body, errors, *at)
        for name, check in self.fields.items():
            if name not in body:
                if isinstance(check.empty, Fault):
                    errors.append(error_of(check.empty, name, *at, name))
                else:
                    values[name] = check.empty
        return values

    def _unknown(self, name: str) -> Fault:
        if name in PROVENANCE:
            return Fault("unknown-label", f"{name} is not the caller's to set; leave it out")
        near = difflib.get_close_matches(name[:100], self._names, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._names)}"
        return Fault("unknown-label", f"{short(name)} is no field here; {remedy}")


class RecordCheck:
    """Checks bodies for one dataset that has a key; every error has a pointer to what it means."""

    def __init__(self, dataset: Dataset) -> None:
        if dataset.key is None:
            raise TypeError(f"Dataset {dataset.name!r} has no key.")
        self._key = dataset.key
        self._list = dataset.members.name if dataset.members else None
        self._own = ObjectCheck(dataset.fields, [self._list] if self._list else [])
        self._member = ObjectCheck(dataset.members.fields if dataset.members else ())

    def key(self, text: str) -> str | None:
        """The canonical text of a key as it stands in a path, or None where it can be no key."""
        check = self._own.fields[self._key]
        try:
            found = check.value(write_value(read_value(check.field.kind, text)))
        except ValueError:
            return None
        return found if isinstance(found, str) else None

    def whole(self, body: object) -> tuple[str, Values]:
        """Key and values of a new record, every field among them; raises InvalidRecord."""
        record, errors = _object(body), Errors()
        values: Values = {**self._own.whole(record, errors)}
        if self._list is not None:
            values[self._list] = self._members(record.get(self._list), errors)
        _refuse(errors)
        return str(values[self._key]), values

    def changes(self, body: object, key: str | None) -> Values:
        """The values that a body gives the record with this canonical key, or many with None; raises InvalidRecord."""
        record, errors = _object(body), Errors()
        values: Values = {**self._own.given(record, errors)}
        if self._list is not None and self._list in record:
            values[self._list] = self._members(record[self._list], errors)
        if values.pop(self._key, key) != key:
            errors.append(error_of(OTHER_KEY if key else SAME_KEY, self._key, self._key))
        if not values and not errors:
            errors.append(error_of(NOTHING, ""))
        _refuse(errors)
        return values

    def _members(self, value: object, errors: Errors) -> list[dict[str, str | None]]:
        """The members of a record; of equal ones the first counts."""
        name = str(self._list)
        if not isinstance(value, list):
            errors.append(error_of(NO_LIST, name, name))
            return []
        members: dict[tuple[str | None, ...], dict[str, str | None]] = {}
        for index, each in enumerate(value):
            if len(errors) >= MOST_ERRORS:
                break
            if isinstance(each, dict):
                found = self._member.whole(each, errors, name, index)
                members.setdefault(tuple(found.get(one) for one in self._member.fields), found)
            else:
                errors.append(error_of(NO_OBJECT, "the entry", name, index))
        return list(members.values())


NO_OBJECT = Fault("type-error", "must be a JSON object of fields")
NO_LIST = Fault("type-error", "must be a list of objects")
NOTHING = Fault("required", "The body names no field to change.")
TWICE = Fault("duplicate-label", "is given more than once")
SAME_KEY = Fault("constraint-error", "cannot be the same for many; leave it out")
OTHER_KEY = Fault("constraint-error", "must be the key in the path; leave it out, or add another record")


def error_of(fault: Fault, name: str, *at: Step) -> dict[str, str]:
    """One error of a body: where it is, its code, and a sentence."""
    return {"pointer": pointer(*at), "code": fault.code, "detail": f"{name} {fault.message}".strip()}


def _object(body: object) -> Mapping[str, object]:
    if not isinstance(body, dict):
        raise _invalid([error_of(NO_OBJECT, "The body")])
    return body


def _refuse(errors: Errors) -> None:
    if errors:
        raise _invalid(errors[:MOST_ERRORS])


def _invalid(errors: Errors) -> InvalidRecord:
    many = f"{len(errors)} things are" if len(errors) > 1 else "One thing is"
    return InvalidRecord(f"{many} wrong with the body; `errors` points to each. Nothing was changed.", errors)
