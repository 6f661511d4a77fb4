"""The filters of a dataset, derived from its declaration; *HTTP -> query*."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.books import uploads
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.errors import BadSettings
from shared.selection.parameters import Parameter, Query
from shared.selection.values import Value

Condition = sa.ColumnElement[bool]
Column = sa.ColumnElement[object]


class Operator(StrEnum):
    """How a filter compares; ranges are inclusive at both ends, a day as an end counts whole."""

    EQUALS = "equals"
    CONTAINS = "contains"
    ANY_OF = "any of"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    IS_NULL = "is null"


class Filter(msgspec.Struct, frozen=True):
    """One query parameter that narrows a list; `member` means that one member of the record must match."""

    parameter: Parameter
    field: Field
    operator: Operator
    member: bool = False


Filters = Mapping[str, Filter]

PROVENANCE = {
    "source": Parameter(name="source", kind=Kind.TEXT, description="The partner named when the file was uploaded."),
    "upload": Parameter(name="upload", kind=Kind.UUID, description="The id of the upload that brought the record."),
}

RESERVED = {
    *("source", "upload", "row", "segment", "version", "position", "recorded_at", "change", "actor"),
    *("ended_position", "ended_at", "ended_kind", "ended_by", "ended_actor"),
}
"""Names of a record's provenance and version, and of what its history says."""


def filters_of(dataset: Dataset) -> Filters:
    """Every filter by its parameter; raises BadSettings where a declaration gives one name two meanings."""
    if taken := RESERVED & {field.name for field in dataset.fields}:
        raise BadSettings(
            f"Dataset {dataset.name!r} has a field {', '.join(taken)}, which every record has; rename it."
        )
    found: dict[str, Filter] = {}
    for one in _declared(dataset):
        name = one.parameter.name
        if name in found or name in PROVENANCE:
            raise BadSettings(
                f"Dataset {dataset.name!r} has two parameters {name!r}; rename one by Parameter or Range."
            )
        found[name] = one
    return found


def filter_parameters(filters: Filters) -> dict[str, Parameter]:
    """The parameters that narrow a list of records."""
    return {**{name: one.parameter for name, one in filters.items()}, **PROVENANCE}


def _declared(dataset: Dataset) -> Iterator[Filter]:
    members = dataset.members.fields if dataset.members else ()
    for field in dataset.file_fields:
        member = field in members
        yield _by_value(field, member)
        if field.low:
            yield _end(field, Operator.AT_LEAST, field.low, member)
        if field.high:
            yield _end(field, Operator.AT_MOST, field.high, member)
        if field.nullable:
            yield _null_test(field, member)


def _by_value(field: Field, member: bool) -> Filter:
    operator = Operator.CONTAINS if field.search else Operator.ANY_OF if field.choices else Operator.EQUALS
    says = {
        Operator.CONTAINS: f"A part of {field.name}, in any case.",
        Operator.ANY_OF: f"{field.name}, in any case; given more than once it means any of them.",
        Operator.EQUALS: f"Exactly this {field.name}" + (", in any case." if field.case else "."),
    }[operator]
    parameter = Parameter(
        name=field.parameter,
        kind=Kind.TEXT if field.search else field.kind,
        description=says,
        choices=field.choices,
        repeatable=operator is Operator.ANY_OF,
    )
    return Filter(parameter, field, operator, member)


def _end(field: Field, operator: Operator, name: str, member: bool) -> Filter:
    says = f"{field.name} {operator} this (inclusive)."
    return Filter(Parameter(name=name, kind=field.kind, description=says), field, operator, member)


def _null_test(field: Field, member: bool) -> Filter:
    says = f"`true`: only where {field.name} has no value; `false`: only where it has one."
    name = f"{field.parameter}_is_null"
    parameter = Parameter(name=name, kind=Kind.CHOICE, description=says, choices=("true", "false"))
    return Filter(parameter, field, Operator.IS_NULL, member)


def uploads_meant(query: Query, dataset: Dataset, generation: int) -> sa.Select[tuple[int]] | None:
    """The numbers of the uploads that `source` and `upload` name, None where neither is given; raises BadParameter.

    Asked beforehand: PostgreSQL then knows how many records they have, and what finds none is answered at once.
    """
    wanted = sa.select(uploads.c.number).where(uploads.c.dataset == dataset.name, uploads.c.generation == generation)
    values = {name: query.one(name) for name in PROVENANCE}
    for name, column in (("source", uploads.c.source), ("upload", uploads.c.id)):
        if values[name] is not None:
            wanted = wanted.where(column == values[name])
    return None if set(values.values()) == {None} else wanted


def in_case(field: Field, values: list[Value]) -> list[Value]:
    """Texts in the case in which the field is stored."""
    match field.case:
        case "lower":
            return [str(value).lower() for value in values]
        case "upper":
            return [str(value).upper() for value in values]
        case _:
            return values


def bound(kind: Kind, value: Value, name: str | None = None) -> sa.BindParameter[Value]:
    """A bound parameter of the field's type; a decimal keeps all its digits, so that comparing never rounds it.

    A statement that is kept for other values has them by `name`.
    """
    return sa.literal(value, BOUND[kind]) if name is None else sa.bindparam(name, value, BOUND[kind])


BOUND: dict[Kind, sa.types.TypeEngine[Any]] = {
    Kind.TEXT: sa.Text(),
    Kind.CHOICE: sa.Text(),
    Kind.INTEGER: sa.BigInteger(),
    Kind.DECIMAL: sa.Numeric(),
    Kind.DATE: sa.Date(),
    Kind.TIMESTAMP: sa.DateTime(timezone=True),
    Kind.UUID: sa.Uuid(),
}
