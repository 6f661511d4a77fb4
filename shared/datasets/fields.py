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


class Le(msgspec.Struct, frozen=True):
    """The largest value that is accepted (inclusive)."""

    value: int


class When(msgspec.Struct, frozen=True):
    """A bound that holds only in rows where another field has this value, as in `When("kind", "refund", Le(0))`.

    The other field is read as it will be stored: a choice in any case, a text in the case that it is brought to. A row
    in which it is empty or wrong is not held to the bound.
    """

    field: str
    value: str
    bound: Ge | Le


class Scale(msgspec.Struct, frozen=True):
    """Digits after the point; a value with more (other than zeros) is refused, never rounded."""

    digits: int


class MaxLength(msgspec.Struct, frozen=True):
    """The most characters that are accepted (inclusive)."""

    characters: int


class Length(msgspec.Struct, frozen=True):
    """Exactly so many characters are accepted."""

    characters: int


class Lower(msgspec.Struct, frozen=True):
    """A text is brought to lower case before any rule looks at it, and stored so."""


class Upper(msgspec.Struct, frozen=True):
    """A text is brought to upper case before any rule looks at it, and stored so."""


class Pattern(msgspec.Struct, frozen=True):
    """A regular expression that the whole value must match; `says` is what people are told."""

    expression: str
    says: str


class Format(msgspec.Struct, frozen=True):
    """How dates and times are written in files, as for strptime; ISO 8601 dates unless said.

    Of several formats the first that fits a cell reads it. `%.f` is a fraction of a second that may be missing; plain
    characters stand for themselves, so `%Y-%m-%d 00:00:00` takes a midnight only.
    """

    format: str
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, first: str, *others: str) -> Format:
        return cls(first, others)


class Sensitive(msgspec.Struct, frozen=True):
    """Personal data that is masked unless the reader may see it."""


class Refers(msgspec.Struct, frozen=True):
    """The field holds keys of another dataset; a row whose record is not there (yet) is accepted all the same."""

    dataset: str


class PartitionBy(msgspec.Struct, frozen=True):
    """Segments are partitioned by this date, in ranges of so many years that begin at multiples of it.

    Of at most one field of a dataset, which every row must have.
    """

    years: int


Marker = (
    Label
    | Parameter
    | Search
    | Range
    | Indexed
    | Ge
    | Le
    | When
    | Scale
    | MaxLength
    | Length
    | Lower
    | Upper
    | Pattern
    | Format
    | Sensitive
    | Refers
    | PartitionBy
)

Case = Literal["lower", "upper"]

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
    partition_years: int | None = None


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
        case Search():
            return {"search": True}
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
        case PartitionBy(years):
            return {"partition_years": years}
        case _:
            return {}
