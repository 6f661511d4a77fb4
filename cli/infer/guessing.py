"""What a column of text may be declared as: seen, or guessed and said so; beside the flow, for `tablefold infer`.

Every guess is tried with the rules of validation on all values, so that a draft accepts the file it is made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import polars as pl

from shared.datasets.fields import Format, Marker, MaxLength, Pattern, Range, Scale, Search, Sensitive, read_field
from shared.tabular.header import normalized
from shared.validation import rules

DATES = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y")
TIMES = (
    *("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M"),
    *("%d.%m.%Y %H:%M:%S%.f", "%m/%d/%Y %H:%M:%S%.f", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"),
)
EMAIL = Pattern(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
SSN = "^[0-9]{3}-[0-9]{2}-[0-9]{4}$"
PERSONAL = re.compile(
    r"\b(ssn|social security|tax(payer)? (id|no|number)|government ?id|national id|passport|iban|account number"
    r"|card( number)?|cvv|pin|password|secret|token|date of birth|birth ?(date|day)|dob|salary|wage|diagnosis|cpf)\b"
)
WRITTEN_DIGITS = re.compile(r"\b(phone|telephone|mobile|fax|zip|postal|postcode|ssn|iban|card)\b")
"""Labels of what is written in digits and is no number."""

MOST_CHOICES = 12
ROWS_PER_CHOICE = 10
CHOICE_CHARACTERS = 40
MOST_DIGITS = 18
MOSTLY = 0.9
LENGTHS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)

REPEATED = "guess: an id that comes again: perhaps many rows make one record, as in `accounts`"
MISSING = "guess: the key, if rows without it are to be refused: no two rows have the same"

Declared = tuple[Any, tuple[Marker, ...]]
"""A plain type and markers."""

Guessed = tuple[Any, tuple[Marker, ...], tuple[str, ...]]
"""A plain type, markers and notes."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the draft.

    `unique` says that no two rows have the same value and none has none, `digits` that it is a text of digits such as
    a telephone number.
    """

    label: str
    name: str
    type: Any
    optional: bool
    markers: tuple[Marker, ...]
    notes: tuple[str, ...]
    unique: bool
    digits: bool

    @property
    def annotation(self) -> Any:
        """The annotation that the draft will have."""
        plain = self.type | None if self.optional else self.type
        return Annotated[plain, *self.markers] if self.markers else plain


def guess_column(label: str, name: str, cells: pl.Series) -> Column:
    """Declare one column by its cells, of which there is one for each row."""
    trimmed = cells.str.strip_chars().replace("", None)
    given = trimmed.drop_nulls()
    values = given.unique(maintain_order=True)
    personal = bool(PERSONAL.search(normalized(label)) or (len(values) and values.str.contains(SSN).all()))
    kind, markers, notes = _guessed(label, given, values, personal)
    if personal:
        markers, notes = (*markers, Sensitive()), (*notes, "guess: looks like personal data")
    missing = len(cells) - len(given)
    repeated = values.str.to_lowercase().n_unique() < len(given)
    if kind is UUID and (missing or repeated):
        notes = (*notes, REPEATED if repeated else MISSING)
    return Column(
        label=label,
        name=name,
        type=kind,
        optional=missing > 0 or not len(given),
        markers=markers,
        notes=(_counts(len(cells), missing, len(values)), *notes),
        unique=not missing and not repeated and len(given) > 1,
        digits=WRITTEN_DIGITS.search(normalized(label)) is not None,
    )


def _counts(rows: int, missing: int, different: int) -> str:
    empty = f", {missing:,} empty: optional" if missing else ", none empty: required (guess)" if rows else ""
    return f"{rows:,} rows, {different:,} different values{empty}"


def _guessed(label: str, given: pl.Series, values: pl.Series, personal: bool) -> Guessed:
    if not len(values):
        return str, (), ("no value was seen: a text (guess)",)
    digits_only = WRITTEN_DIGITS.search(normalized(label))
    for kind, markers, notes in () if digits_only else _candidates(values):
        if accepts(kind, markers, values):
            return kind, markers, notes
    return (None if personal else _choice(given, values)) or _text(values, digits_only is None)


def _candidates(values: pl.Series) -> Iterator[Guessed]:
    """Kinds that all values may be of, the strictest first."""
    yield UUID, (), ()
    if values.str.contains(r"^-?(?:0|[1-9][0-9]*)$").all():
        yield int, (Range(),), ()
    if values.str.contains(rf"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]{{1,{MOST_DIGITS}}})?$").all():
        scale = int(values.str.extract(r"\.([0-9]+)$").str.len_chars().fill_null(0).max() or 0)  # type: ignore[arg-type]  # Of integers.
        yield Decimal, (Scale(scale), Range()), (f"at most {scale} digits after the point were seen",)
    yield from _dates(values)


def _dates(values: pl.Series) -> Iterator[Guessed]:
    if not values.str.contains("^[0-9]").all():
        return
    mixed = Format.of(TIMES[0], TIMES[1], TIMES[2], DATES[0])
    tries: list[Declared] = [(date, (Format(one),)) for one in DATES]
    tries += [(datetime, (one,)) for one in (*map(Format, TIMES), mixed)]
    good = accepted(tries, values)
    fitting = [one for one, column in zip(tries, good, strict=True) if column.all()]
    if fitting:
        kind, markers = fitting[0]
        forms = [marker.format for one, (marker, *_) in fitting if one is kind and isinstance(marker, Format)]
        said = f"guess: {' and '.join(forms)} fit alike, the first was taken" if len(forms) > 1 else ""
        said = "several formats were seen" if markers == (mixed,) else said
        yield kind, (*markers, Range()), (said,) if said else ()


def _choice(given: pl.Series, values: pl.Series) -> Guessed | None:
    """A few values that come again and again; of ways to write one that differ in case, the most frequent."""
    written = given.value_counts(sort=True, name="rows").rename({given.name: "value"})
    distinct = written.with_columns(pl.col("value").str.to_lowercase().alias("lower")).unique("lower", keep="first")
    count = distinct.height
    longest = int(values.str.len_chars().max() or 0)  # type: ignore[arg-type]  # Of lengths.
    if not 1 < count <= MOST_CHOICES or len(given) < ROWS_PER_CHOICE * count or longest > CHOICE_CHARACTERS:
        return None
    kind: Any = Literal.__getitem__(tuple(sorted(distinct["value"].to_list())))
    return (kind, (), ("guess: a choice; any other value would be refused",)) if accepts(kind, (), values) else None


def _text(values: pl.Series, may_be_other: bool) -> Guessed:
    longest = int(values.str.len_chars().max() or 0)  # type: ignore[arg-type]  # Of lengths.
    notes = [f"longest: {longest:,} characters"]
    markers: tuple[Marker, ...] = (Search(),)
    if limit := next((one for one in LENGTHS if one >= 1.5 * longest), None):
        markers = (*markers, MaxLength(limit))
        notes.append("its limit is a guess")
    if accepts(str, (EMAIL,), values):
        markers = (*markers, EMAIL)
        notes.append("all are e-mail addresses")
    return str, markers, (", ".join(notes), *(_nearly(values) if may_be_other else ()))


def _nearly(values: pl.Series) -> Iterator[str]:
    """What most of the values are, where a few spoil it."""
    kinds: dict[str, Declared] = {
        "UUIDs": (UUID, ()),
        "numbers": (Decimal, (Scale(MOST_DIGITS),)),
        "e-mail addresses": (str, (EMAIL,)),
        **{f"dates written {form}": (date, (Format(form),)) for form in DATES},
    }
    for words, column in zip(kinds, accepted(list(kinds.values()), values), strict=True):
        good = int(column.sum())
        if MOSTLY * len(values) <= good < len(values):
            yield f"guess: {good:,} of {len(values):,} are {words}; declare that, and the others will be reported"


def accepts(kind: Any, markers: tuple[Marker, ...], values: pl.Series) -> bool:
    """Whether a field declared so takes all of these values."""
    (column,) = accepted([(kind, markers)], values)
    return bool(column.all())


def accepted(tries: Sequence[Declared], values: pl.Series) -> list[pl.Series]:
    """For each way to declare a field, which of the values it takes."""
    held = []
    for place, (kind, markers) in enumerate(tries):
        field = read_field("value", Annotated[kind, *markers] if markers else kind, msgspec.NODEFAULT)
        good = pl.all_horizontal(*(rule.holds.fill_null(False) for rule in rules(field, {})), pl.lit(True))
        held.append(good.alias(f"{place}"))
    return values.rename("value").to_frame().with_columns(held).drop("value").get_columns()
