"""Cells to values, a column at a time; log -> *projection*: the same rules for a million rows and for one.

Every column arrives as text. A rule is an expression that is true where a cell is good; what fails any rule is a row
error, all of them, not only the first. Values stay text where PostgreSQL reads the same text, so that nothing is
rounded on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import polars as pl

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Ge, Kind, Le
from shared.tabular.formulas import GUARDED
from shared.tabular.header import Header
from shared.tabular.row_errors import ERROR_MARK
from shared.wording import (
    ERROR_CELL,
    ISO_DATE,
    REQUIRED,
    UUID_TEXT,
    at_least,
    at_most,
    date_text,
    decimal_text,
    integer_text,
    type_message,
    where,
)

Fields = Mapping[str, Field]

VALUE_CHARACTERS = 200
ERROR_COLUMNS = ("row", "line", "label", "field", "code", "value", "message")


class Rule(msgspec.Struct, frozen=True):
    """One thing that a value must be; `holds` is null-safe only where the value is not null."""

    code: str
    message: str
    holds: pl.Expr


class Validated(msgspec.Struct, frozen=True):
    """A chunk after validation.

    `good` has a column for each field that the file has, and `row`; `bad` has the rows that failed, as they arrived;
    `errors` has ERROR_COLUMNS, one line for each thing that is wrong, ordered by row.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    errors: pl.DataFrame


def validate(frame: pl.DataFrame, header: Header, dataset: Dataset) -> Validated:
    """Check and convert the columns `c0`.. of a frame that also has `row` and `line`.

    A file that lacks a mandatory column was received by an older declaration: no row of it is good.
    """
    present = [
        (dataset.field(name), f"c{index}", header.columns[index])
        for index, name in enumerate(header.fields)
        if name is not None
    ]
    others = {field.name: field for field, _, _ in present}
    lacking = [field for field in dataset.file_fields if field.required and field.name not in others]
    present += [(field, f"no {field.name}", field.name) for field in lacking]
    columns = frame.columns
    frame = frame.with_columns(pl.lit(None, pl.String).alias(f"no {field.name}") for field in lacking)
    cells = {column: _unguarded(column) if header.is_safe else pl.col(column) for _, column, _ in present}
    texts = frame.with_columns(_text(field, cells[column]).alias(field.name) for field, column, _ in present)
    checked = texts.with_columns(_is_good(field, others).alias(f"{field.name} good") for field, _, _ in present)
    all_good = pl.all_horizontal(pl.col(f"{field.name} good") for field, _, _ in present)
    failed = checked.filter(~all_good)
    good = (checked if failed.is_empty() else checked.filter(all_good)).select(
        *(_value(field).alias(field.name) for field, _, _ in present), pl.col("row")
    )
    errors = [
        _errors(wrong, field, column, label, others)
        for field, column, label in present
        if (wrong := failed.filter(~pl.col(f"{field.name} good"))).height
    ]
    return Validated(good, failed.select(columns), pl.concat([no_errors(), *errors]).sort("row"))


def no_errors() -> pl.DataFrame:
    """An empty frame of errors."""
    return pl.DataFrame(schema={name: pl.Int32 if name in ("row", "line") else pl.String for name in ERROR_COLUMNS})


def key_of(field: Field, cells: pl.Series) -> pl.Series:
    """The canonical text of keys as they were read; null where one is not good."""
    text = pl.DataFrame({field.name: cells}).select(_text(field, pl.col(field.name)).alias(field.name))
    value = pl.col(field.name)
    if field.kind is Kind.UUID:
        value = value.str.to_lowercase()
    elif field.kind is Kind.INTEGER:
        value = value.cast(pl.Int64, strict=False).cast(pl.String)
    return text.select(pl.when(_is_good(field, {})).then(value).alias("key")).to_series()


def _unguarded(column: str) -> pl.Expr:
    return pl.col(column).str.replace(GUARDED, "${1}")


def _text(field: Field, cell: pl.Expr) -> pl.Expr:
    """Without the white space (Unicode's) at both ends, in the field's case; nothing but white space is no value."""
    text = cell.str.strip_chars().replace("", None)
    match field.case:
        case "lower":
            return text.str.to_lowercase()
        case "upper":
            return text.str.to_uppercase()
        case _:
            return text


def _is_good(field: Field, others: Fields) -> pl.Expr:
    value = pl.col(field.name)
    checks = [rule.holds for rule in rules(field, others)]
    if field.kind is Kind.TEXT:  # No other kind takes the mark.
        checks.append(~_is_error(value))
    holds = pl.all_horizontal(*checks, pl.lit(True))
    return pl.when(value.is_null()).then(pl.lit(not field.required)).otherwise(holds.fill_null(False))


def _is_error(value: pl.Expr) -> pl.Expr:
    """Whether the value stands for the error of a workbook's cell."""
    return value.str.starts_with(f"{ERROR_MARK}#")


def rules(field: Field, others: Fields) -> Sequence[Rule]:
    """What a value of the field must be, in the order in which people are told; `others` are the fields of the file."""
    value, message = pl.col(field.name), type_message(field)
    match field.kind:
        case Kind.TEXT:
            return _text_rules(field)
        case Kind.CHOICE:
            found = value.str.to_lowercase().is_in([choice.lower() for choice in field.choices])
            return [Rule("enum", message, found)]
        case Kind.UUID:
            return [Rule("type-error", message, value.str.contains(UUID_TEXT))]
        case Kind.INTEGER:
            whole = Rule("type-error", message, value.str.contains(integer_text()))
            return [whole, *_bounds(field, pl.Int64(), others)]
        case Kind.DECIMAL:
            number = Rule("type-error", message, value.str.contains(decimal_text(field.scale)))
            return [number, *_bounds(field, pl.Float64(), others)]
        case Kind.DATE | Kind.TIMESTAMP:
            written = value.str.contains("|".join(map(date_text, field.formats)))
            return [Rule("type-error", message, written & (_parsed(field).dt.date() >= date(1, 1, 1)))]


def _text_rules(field: Field) -> list[Rule]:
    value = pl.col(field.name)
    found = []
    if field.max_length is not None:
        says = f"must have at most {field.max_length} characters"
        found.append(Rule("max-length", says, value.str.len_chars() <= field.max_length))
    if field.length is not None:
        says, length = f"must have exactly {field.length} characters", value.str.len_chars()
        found.append(Rule("min-length", says, length >= field.length))
        found.append(Rule("max-length", says, length <= field.length))
    if field.pattern is not None:
        digits = field.pattern.expression.replace(r"\d", "[0-9]")  # Or else ٣ is one, too.
        holds = value.str.contains(f"^(?:{digits})$")
        found.append(Rule("pattern", f"must be {field.pattern.says}", holds))
    return found


def _bounds(field: Field, number: pl.DataType, others: Fields) -> list[Rule]:
    value = pl.col(field.name).cast(number, strict=False)
    found = []
    if field.minimum is not None:
        found.append(_bound(value, Ge(field.minimum)))
    if field.maximum is not None:
        found.append(_bound(value, Le(field.maximum)))
    for when in field.when:
        if other := others.get(when.field):
            rule, applies = _bound(value, when.bound), _says(other, when.value)
            says = where(rule.message, when)
            found.append(Rule(rule.code, says, ~applies | rule.holds))
    return found


def _bound(value: pl.Expr, bound: Ge | Le) -> Rule:
    match bound:
        case Ge(least):
            return Rule("minimum", at_least(least), value >= least)
        case Le(most):
            return Rule("maximum", at_most(most), value <= most)


def _says(other: Field, wanted: str) -> pl.Expr:
    """Whether another cell of the row has this value; never null."""
    value = pl.col(other.name)
    said = value.str.to_lowercase() == wanted.lower() if other.kind is Kind.CHOICE else value == wanted
    return said.fill_null(False)


def _parsed(field: Field) -> pl.Expr:
    if len(field.formats) == 1:
        return _read(field, field.formats[0])
    fits = ((pl.col(field.name).str.contains(date_text(form)), form) for form in field.formats)
    return pl.coalesce(pl.when(fit).then(_read(field, form)) for fit, form in fits)


def _read(field: Field, form: str) -> pl.Expr:
    value = pl.col(field.name)
    if field.kind is Kind.DATE:
        return value.str.to_date(form, strict=False)
    return value.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)


def _value(field: Field) -> pl.Expr:
    value = pl.col(field.name)
    if field.kind is Kind.TIMESTAMP or (field.kind is Kind.DATE and field.formats != (ISO_DATE,)):
        value = _parsed(field)  # PostgreSQL reads ISO dates as they stand.
    elif field.kind is Kind.CHOICE:
        value = value.str.to_lowercase().replace({choice.lower(): choice for choice in field.choices})
    return value.fill_null(pl.lit(field.default)) if field.default is not None else value


def _errors(failed: pl.DataFrame, field: Field, column: str, label: str, others: Fields) -> pl.DataFrame:
    value = pl.col(field.name)
    wrong = [(value.is_null(), "required", REQUIRED), (_is_error(value), "error-cell", ERROR_CELL)]
    wrong += [(~rule.holds.fill_null(False), rule.code, rule.message) for rule in rules(field, others)]
    code = pl.coalesce(pl.when(broken).then(pl.lit(code)) for broken, code, _ in wrong)
    message = pl.coalesce(pl.when(broken).then(pl.lit(message)) for broken, _, message in wrong)
    return failed.select(
        "row",
        "line",
        pl.lit(label).alias("label"),
        pl.lit(field.name).alias("field"),
        code.alias("code"),
        pl.col(column).fill_null("").str.replace(f"^{ERROR_MARK}#", "#").str.slice(0, VALUE_CHARACTERS).alias("value"),
        message.alias("message"),
    )
