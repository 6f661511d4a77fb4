"""The plain `Field` that all else derives from, read from an annotation with its markers; beside the flow."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

import msgspec

from shared.datasets.markers import (
    Case,
    Format,
    Ge,
    Indexed,
    Label,
    Le,
    Length,
    Lower,
    Marker,
    MaxLength,
    Parameter,
    PartitionBy,
    Pattern,
    Range,
    Refers,
    Scale,
    Search,
    Sensitive,
    Upper,
    When,
)

__all__ = [
    "INTEGER_DIGITS",
    "Case",
    "Field",
    "Format",
    "Ge",
    "Indexed",
    "Kind",
    "Label",
    "Le",
    "Length",
    "Lower",
    "Marker",
    "MaxLength",
    "Parameter",
    "PartitionBy",
    "Pattern",
    "Range",
    "Refers",
    "Scale",
    "Search",
    "Sensitive",
    "Upper",
    "When",
    "kind_of",
    "read_field",
    "unwrap",
]


class Kind(StrEnum):
    """How a field's text is read, stored and answered."""

    TEXT = "text"
    CHOICE = "choice"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIMESTAMP = "timestamp"
    UUID = "uuid"


INTEGER_DIGITS = 18
"""Most digits of an integer and most digits before the point of a decimal: both fit PostgreSQL's types."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a record, as declared; `required` means that a row without it is rejected."""

    name: str
    kind: Kind
    required: bool
    default: str | None = None
    labels: tuple[str, ...] = ()
    parameter: str = ""
    choices: tuple[str, ...] = ()
    search: bool = False
    trigrams: bool = False
    low: str = ""
    high: str = ""
    indexed: bool = False
    minimum: int | None = None
    maximum: int | None = None
    when: tuple[When, ...] = ()
    scale: int = 2
    max_length: int | None = None
    length: int | None = None
    case: Case | None = None
    pattern: Pattern | None = None
    formats: tuple[str, ...] = ("%Y-%m-%d",)
    sensitive: bool = False
    refers: str = ""
    partition: PartitionBy | None = None

    @property
    def nullable(self) -> bool:
        """Whether a record may be without a value."""
        return not self.required and self.default is None


def kind_of(annotation: Any) -> Kind:
    """The kind of a plain Python type; raises TypeError for one that no field can have."""
    if get_origin(annotation) is Literal:
        return Kind.CHOICE
    kinds = {
        str: Kind.TEXT,
        int: Kind.INTEGER,
        Decimal: Kind.DECIMAL,
        date: Kind.DATE,
        datetime: Kind.TIMESTAMP,
        UUID: Kind.UUID,
    }
    if annotation not in kinds:
        raise TypeError(f"A field cannot be of type {annotation}; it can be {', '.join(k.__name__ for k in kinds)}.")
    return kinds[annotation]


def unwrap(annotation: Any) -> tuple[Any, tuple[Marker, ...], bool]:
    """The plain type inside `Annotated` and `| None`, the markers, and whether None is allowed."""
    markers: tuple[Marker, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *found = get_args(annotation)
        markers = tuple(found)
    options = [one for one in get_args(annotation) if one is not type(None)]
    if len(options) == 1 and type(None) in get_args(annotation):
        return options[0], markers, True
    return annotation, markers, False


def read_field(name: str, annotation: Any, default: object) -> Field:
    """Turn one annotated attribute of a declaration into a Field; raises TypeError."""
    plain, markers, optional = unwrap(annotation)
    kind = kind_of(plain)
    said: dict[str, Any] = {"parameter": name, "choices": get_args(plain) if kind is Kind.CHOICE else ()}
    for marker in markers:
        said |= _said(name, kind, marker)
    said["when"] = tuple(marker for marker in markers if isinstance(marker, When))
    given = None if default in (msgspec.NODEFAULT, None) else str(default)
    return Field(name=name, kind=kind, required=not optional and given is None, default=given, **said)


def _said(name: str, kind: Kind, marker: Marker) -> dict[str, Any]:
    """What one marker says of a field, by the attributes of Field."""
    match marker:
        case Label(names):
            return {"labels": names}
        case Parameter(parameter):
            return {"parameter": parameter}
        case Search(index):
            return {"search": True, "trigrams": index}
        case Range(low, high):
            by_date = kind in (Kind.DATE, Kind.TIMESTAMP)
            return {
                "low": low or (f"{name}_from" if by_date else f"min_{name}"),
                "high": high or (f"{name}_to" if by_date else f"max_{name}"),
            }
        case Indexed():
            return {"indexed": True}
        case Ge(value):
            return {"minimum": value}
        case Le(value):
            return {"maximum": value}
        case Scale(digits):
            return {"scale": digits}
        case MaxLength(characters):
            return {"max_length": characters}
        case Length(characters):
            return {"length": characters}
        case Lower():
            return {"case": "lower"}
        case Upper():
            return {"case": "upper"}
        case Pattern():
            return {"pattern": marker}
        case Format(first, others):
            return {"formats": (first, *others)}
        case Sensitive():
            return {"sensitive": True}
        case Refers(dataset):
            return {"refers": dataset}
        case PartitionBy():
            return {"partition": marker}
        case _:
            return {}
