"""What a declaration may say of a field, and the plain `Field` that all else derives from; beside the flow."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

import msgspec


class Kind(StrEnum):
    """How a field's text is read, stored and answered."""

    TEXT = "text"
    CHOICE = "choice"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIMESTAMP = "timestamp"
    UUID = "uuid"


class Label(msgspec.Struct, frozen=True):
    """Header labels beside the field's own name. Case, spaces, `_` and `-` do not matter."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, *names: str) -> Label:
        return cls(names)


class Parameter(msgspec.Struct, frozen=True):
    """The name of the field's query parameter where it is not the field's own."""

    name: str


class Search(msgspec.Struct, frozen=True):
    """The field's filter finds a substring, in any case."""


class Range(msgspec.Struct, frozen=True):
    """The field has range filters; both ends are inclusive.

    Numbers: `min_<field>`, `max_<field>`. Dates: `<field>_from`, `<field>_to`. Other names may be given.
    """

    low: str = ""
    high: str = ""


class Indexed(msgspec.Struct, frozen=True):
    """The field has an index in every segment."""


class Ge(msgspec.Struct, frozen=True):
    """The smallest value that is accepted (inclusive)."""

    value: int


class Scale(msgspec.Struct, frozen=True):
    """Digits after the point; a value with more (other than zeros) is refused, never rounded."""

    digits: int


class MaxLength(msgspec.Struct, frozen=True):
    """The most characters that are accepted (inclusive)."""

    characters: int


class Pattern(msgspec.Struct, frozen=True):
    """A regular expression that the whole value must match; `says` is what people are told."""

    expression: str
    says: str


class Format(msgspec.Struct, frozen=True):
    """How dates are written in files, as for strptime; ISO 8601 unless said."""

    format: str


class Sensitive(msgspec.Struct, frozen=True):
    """Personal data that is masked unless the reader may see it."""


Marker = Label | Parameter | Search | Range | Indexed | Ge | Scale | MaxLength | Pattern | Format | Sensitive

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
    low: str = ""
    high: str = ""
    indexed: bool = False
    minimum: int | None = None
    scale: int = 2
    max_length: int | None = None
    pattern: Pattern | None = None
    format: str = "%Y-%m-%d"
    sensitive: bool = False


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
    """Turn one annotated attribute of a declaration into a Field."""
    plain, markers, optional = unwrap(annotation)
    kind = kind_of(plain)
    said: dict[str, Any] = {}
    for marker in markers:
        match marker:
            case Label(names):
                said["labels"] = names
            case Parameter(parameter):
                said["parameter"] = parameter
            case Search():
                said["search"] = True
            case Range(low, high):
                by_date = kind in (Kind.DATE, Kind.TIMESTAMP)
                said["low"] = low or (f"{name}_from" if by_date else f"min_{name}")
                said["high"] = high or (f"{name}_to" if by_date else f"max_{name}")
            case Indexed():
                said["indexed"] = True
            case Ge(value):
                said["minimum"] = value
            case Scale(digits):
                said["scale"] = digits
            case MaxLength(characters):
                said["max_length"] = characters
            case Pattern():
                said["pattern"] = marker
            case Format(form):
                said["format"] = form
            case Sensitive():
                said["sensitive"] = True
    if kind is Kind.CHOICE:
        said["choices"] = get_args(plain)
    said.setdefault("parameter", name)
    given = None if default in (msgspec.NODEFAULT, None) else str(default)
    return Field(name=name, kind=kind, required=not optional and given is None, default=given, **said)
