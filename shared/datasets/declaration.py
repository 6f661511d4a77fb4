"""A dataset as declared in one file; validation, tables, filters and OpenAPI derive from it; beside the flow."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from shared.datasets.fields import Field, read_field

NAME_CHARACTERS = 40
"""The longest name of a field: PostgreSQL's names of indexes hold 63 bytes, and ours hold more than the field's."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a dataset; subclasses annotate its fields with their types and the markers of `fields`."""


class Members(msgspec.Struct, frozen=True):
    """A list inside a record, made of the rows of a file that share the record's key.

    Equal members count once. `name` is the list's name in the record; `fields` are read from each row.
    """

    name: str
    fields: tuple[Field, ...]


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Everything Tablefold knows about one kind of table.

    `key` names the field that identifies a record; None where a record is (upload, row). `fields` are the columns of a
    record without its members. `encodings` are tried, in order, for files that are not UTF-8. `rejected_as` and
    `staged_as` name a field and the value with which rejected rows, and those that wait for review, show as records.
    """

    name: str
    title: str
    record: type[Record]
    key: str | None
    fields: tuple[Field, ...]
    members: Members | None
    encodings: tuple[str, ...]
    rejected_as: tuple[str, str] | None = None
    staged_as: tuple[str, str] | None = None

    @property
    def file_fields(self) -> tuple[Field, ...]:
        """The fields that a row of a file can have."""
        return self.fields + (self.members.fields if self.members else ())

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a record in the read table."""
        return (self.key,) if self.key else ("upload", "row")

    def field(self, name: str) -> Field:
        """The field of a record or of its members by that name; raises KeyError."""
        return {field.name: field for field in self.file_fields}[name]


def declare(
    name: str,
    record: type[Record],
    *,
    title: str,
    key: str | None,
    encodings: tuple[str, ...] = (),
    rejected_as: tuple[str, str] | None = None,
    staged_as: tuple[str, str] | None = None,
) -> Dataset:
    """Read a declaration; raises TypeError for a type that cannot be stored, a name used twice, an unknown key."""
    fields: list[Field] = []
    members: Members | None = None
    for attribute, annotation, default in _attributes(record):
        inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
        if get_origin(inner) is list:
            (member,) = get_args(inner)
            members = Members(attribute, tuple(read_field(*each) for each in _attributes(member)))
        else:
            fields.append(read_field(attribute, annotation, default))
    names = [field.name for field in (*fields, *(members.fields if members else ()))]
    if any(len(each) > NAME_CHARACTERS for each in names):
        raise TypeError(f"Dataset {name!r} has a field with a name of more than {NAME_CHARACTERS} characters.")
    if len(set(names)) < len(names):
        raise TypeError(f"Dataset {name!r} has a member's field named like one of its own; choose another name.")
    if key is not None and key not in {field.name for field in fields}:
        raise TypeError(f"The key {key!r} of dataset {name!r} is none of its fields.")
    return Dataset(
        name=name,
        title=title,
        record=record,
        key=key,
        fields=tuple(fields),
        members=members,
        encodings=encodings,
        rejected_as=rejected_as,
        staged_as=staged_as,
    )


def _attributes(record: type[msgspec.Struct]) -> list[tuple[str, Any, object]]:
    hints = get_type_hints(record, include_extras=True)
    return [(one.name, hints[one.name], one.default) for one in msgspec.structs.fields(record)]
