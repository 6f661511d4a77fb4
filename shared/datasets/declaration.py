"""A dataset as declared in one file; validation, tables, filters and OpenAPI derive from it; beside the flow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from shared.datasets.fields import Field, Kind, PartitionBy, read_field
from shared.datasets.rankings import AnyRanking, RecordRanking, faults_of_rankings
from shared.datasets.stored import fingerprint

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
    `replaces` says that a new file replaces all earlier ones: once it is published, only its records are there.
    `fingerprint` tells declarations apart that give other read tables.
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
    replaces: bool = False
    rankings: tuple[AnyRanking, ...] = ()
    fingerprint: str = ""

    def __post_init__(self) -> None:
        ranked = [one for one in self.rankings if isinstance(one, RecordRanking) or one.kept]
        shape = (self.key, self.fields, self.members, self.rejected_as, self.replaces, ranked)
        msgspec.structs.force_setattr(self, "fingerprint", fingerprint(shape))

    @property
    def file_fields(self) -> tuple[Field, ...]:
        """The fields that a row of a file can have."""
        return self.fields + (self.members.fields if self.members else ())

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a record in the read table."""
        return (self.key,) if self.key else ("upload", "row")

    @property
    def partition(self) -> Field | None:
        """The date by which segments are partitioned, as its `partition` says."""
        return next((field for field in self.fields if field.partition), None)

    @property
    def record_rankings(self) -> tuple[RecordRanking, ...]:
        """The rankings of records, not of groups."""
        return tuple(one for one in self.rankings if isinstance(one, RecordRanking))

    def field(self, name: str) -> Field:
        """The field of a record or of its members by that name; raises KeyError."""
        for field in self.file_fields:
            if field.name == name:
                return field
        raise KeyError(name)


def declare(
    name: str,
    record: type[Record],
    *,
    title: str,
    key: str | None,
    encodings: tuple[str, ...] = (),
    rejected_as: tuple[str, str] | None = None,
    staged_as: tuple[str, str] | None = None,
    replaces: bool = False,
    rankings: tuple[AnyRanking, ...] = (),
) -> Dataset:
    """Read a declaration; see Dataset.

    Raises TypeError for a type that cannot be stored, a name used twice, an unknown key, and markers that do not fit.
    """
    fields: list[Field] = []
    members: Members | None = None
    for attribute, annotation, default in _attributes(record):
        inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
        if get_origin(inner) is list:
            (member,) = get_args(inner)
            members = Members(attribute, tuple(read_field(*each) for each in _attributes(member)))
        else:
            fields.append(read_field(attribute, annotation, default))
    dataset = Dataset(
        name=name,
        title=title,
        record=record,
        key=key,
        fields=tuple(fields),
        members=members,
        encodings=encodings,
        rejected_as=rejected_as,
        staged_as=staged_as,
        replaces=replaces,
        rankings=rankings,
    )
    if wrong := next(_faults(dataset), None):
        raise TypeError(f"Dataset {name!r} {wrong}")
    return dataset


def _faults(dataset: Dataset) -> Iterator[str]:
    """What is wrong with a declaration as a whole, to stand behind its name."""
    names = [field.name for field in dataset.file_fields]
    if any(len(each) > NAME_CHARACTERS for each in names):
        yield f"has a field with a name of more than {NAME_CHARACTERS} characters."
    if len(set(names)) < len(names):
        yield "has a member's field named like one of its own; choose another name."
    if dataset.key is not None and dataset.key not in {field.name for field in dataset.fields}:
        yield f"has the key {dataset.key!r}, which is none of its fields."
    for field in dataset.file_fields:
        yield from _faults_of_field(field, dataset)
    parted = [field for field in dataset.file_fields if field.partition is not None]
    if len(parted) > 1 or any(field not in dataset.fields for field in parted):
        yield "can be partitioned by one field of its own only."
    if dataset.replaces and dataset.key is not None:
        yield "has a key, by which files change records one by one: it cannot replace all of them."
    yield from faults_of_rankings(dataset.rankings, {field.name: field for field in dataset.fields})


def _faults_of_field(field: Field, dataset: Dataset) -> Iterator[str]:
    known = {one.name: one for one in dataset.file_fields if one is not field}
    for when in field.when:
        other = known.get(when.field)
        if other is None or other.kind not in (Kind.CHOICE, Kind.TEXT):
            yield f"has a When of {field.name!r} that names no choice or text beside it: {when.field!r}."
        elif other.choices and when.value not in other.choices:
            yield f"has a When of {field.name!r} for {when.value!r}, which is no choice of {when.field!r}."
    if field.case and field.kind is not Kind.TEXT:
        yield f"brings {field.name!r} to a case, which is for texts; choices are found in any case."
    if field.trigrams and (field.kind is not Kind.TEXT or field not in dataset.fields):
        yield f"has an index for parts of {field.name!r}, which is for texts of a record itself."
    if field.partition is not None:
        yield from _faults_of_partition(field, field.partition)


def _faults_of_partition(field: Field, by: PartitionBy) -> Iterator[str]:
    if field.kind not in (Kind.DATE, Kind.TIMESTAMP) or not field.required or by.years < 1:
        yield f"is partitioned by {field.name!r}, which must be a date that every row has, in steps of whole years."
    elif not 1 <= by.since < by.until <= MAXYEAR or (by.until - by.since) % by.years:
        yield f"is partitioned by {field.name!r} from {by.since} to {by.until}, which is no number of whole steps."


def _attributes(record: type[msgspec.Struct]) -> list[tuple[str, Any, object]]:
    """Name, type and default of each; a field may be called like a type, as `date: date`."""
    hints = get_type_hints(record, localns={}, include_extras=True)
    without = len(record.__struct_fields__) - len(record.__struct_defaults__)
    defaults = (*[msgspec.NODEFAULT] * without, *record.__struct_defaults__)
    return [(name, hints[name], default) for name, default in zip(record.__struct_fields__, defaults, strict=True)]
