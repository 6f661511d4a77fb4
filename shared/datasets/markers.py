"""What a declaration may say of a field, beside its type; beside the flow."""

from __future__ import annotations

from typing import Literal

import msgspec


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
    """The field's filter finds a substring, in any case.

    With `index` every segment has an index of the field's trigrams: a substring of three characters or more is found at
    once among millions, and a load takes about as much longer as for two further `Indexed` fields.
    """

    index: bool = False


class Range(msgspec.Struct, frozen=True):
    """The field has range filters; both ends are inclusive.

    Numbers: `min_<field>`, `max_<field>`. Dates: `<field>_from`, `<field>_to`. Other names may be given.
    """

    low: str = ""
    high: str = ""


class Indexed(msgspec.Struct, frozen=True):
    """The field has an index in every segment."""


class Ge(msgspec.Struct, frozen=True, tag=True):
    """The smallest value that is accepted (inclusive)."""

    value: int


class Le(msgspec.Struct, frozen=True, tag=True):
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
    """Segments are partitioned by this date, in ranges of so many years from `since` (inclusive) on.

    One more holds all that is before, one more all from `until` on. Of at most one field of a dataset, which every row
    must have; `until` is whole steps behind `since`.
    """

    years: int
    since: int = 2010
    until: int = 2030

    @property
    def first_years(self) -> tuple[int, ...]:
        """The years with whose first day a range begins, in order; that before all of them has none."""
        return tuple(range(self.since, self.until + 1, self.years))


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
