"""The kinds that all values of a column are of; beside the flow, for `tablefold infer`.

Every guess is tried with the rules of validation on all values, so that a draft accepts the file it is made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import polars as pl

from shared.datasets.fields import Format, Marker, MaxLength, Pattern, Range, Scale, Search, read_field
from shared.validation import rules

DATES = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y")
TIMES = (
    *("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M"),
    *("%d.%m.%Y %H:%M:%S%.f", "%m/%d/%Y %H:%M:%S%.f", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"),
)
EMAIL = Pattern(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")

MOST_CHOICES = 12
ROWS_PER_CHOICE = 10
CHOICE_CHARACTERS = 40
MOST_DIGITS = 18
MOSTLY = 0.9
LENGTHS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)

Declared = tuple[Any, tuple[Marker, ...]]
"""A plain type and markers."""

Guessed = tuple[Any, tuple[Marker, ...], tuple[str, ...]]
"""A plain type, markers and notes."""


def guess_kind(given: pl.Series, values: pl.Series, *, digits: bool, personal: bool) -> Guessed:
    """Declare `values`, the different ones of `given`; `digits` are no numbers, `personal` data makes no choices."""
    if not len(values):
        return str, (), ("no value was seen: a text (guess)",)
    for kind, markers, notes in () if digits else _candidates(values):
        if accepts(kind, markers, values):
            return kind, markers, notes
    return (None if personal else _choice(given, values)) or _text(values, not digits)


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
