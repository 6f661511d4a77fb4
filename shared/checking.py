"""One value against its declared field, by the rules of `shared.validation`; *HTTP -> command*, without columns.

Both say the same of every text, which `tests/unit/test_checking.py` holds. What is good comes out as canonical text,
one for each value: `12.50`, `2026-01-31`, `2026-01-31T12:00:00Z`, a lower-case UUID, a choice as it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from shared.datasets.fields import Case, Field, Ge, Kind, Le, When
from shared.formats import python_expression, written_in
from shared.selection.values import read_value
from shared.tabular.row_errors import ERROR_MARK
from shared.wording import (
    ERROR_CELL,
    ISO_DATE,
    REQUIRED,
    UUID_TEXT,
    at_least,
    at_most,
    decimal_text,
    integer_text,
    type_message,
    where,
)

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space, as Rust trims it; Python's `strip` takes four more."""

MOST_EXPONENT = 40
"""Powers of ten that a JSON number may have: no field holds more digits."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a value: a code of the catalogue, and a message that follows the field's name."""

    code: str
    message: str


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class Rule(NamedTuple):
    """One thing that a text must be."""

    code: str
    message: str
    holds: Callable[[str], object]

    def fault(self) -> Fault:
        return Fault(self.code, self.message)


Checked = str | Fault | None
ReadNumber = Callable[[str], float]

CASES: dict[Case | None, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, None: str}
"""How a text is brought to the case of its field."""


class FieldCheck:
    """The rules of one field, made ready once."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._cased = CASES[field.case]
        self._rules = _rules(field)
        self._canonical = CANONICAL[field.kind](field)
        self.empty = self._no_value()
        """What it is to have no value: the default, None, or a fault."""
        self._beside = [_beside(when, int if field.kind is Kind.INTEGER else float) for when in field.when]

    def cell(self, text: str) -> Checked:
        """The canonical text of a cell of a file, the default where it has none, or the first thing that is wrong."""
        trimmed = self._cased(text.strip(WHITE_SPACE))
        if not trimmed:
            return self.empty
        if trimmed.startswith(f"{ERROR_MARK}#"):
            return Fault("error-cell", ERROR_CELL)
        for rule in self._rules:
            if not rule.holds(trimmed):
                return rule.fault()
        return self._canonical(trimmed)

    def _no_value(self) -> Checked:
        if self.field.required:
            return Fault("required", REQUIRED)
        default = self.field.default
        checked = None if default is None else self.value(default)
        return default if isinstance(checked, Fault) else checked

    def beside(self, values: Mapping[str, object]) -> Fault | None:
        """What is wrong with this field among the canonical values of one row or record, each of them good."""
        text = values.get(self.field.name)
        if isinstance(text, str):
            for when, rule in self._beside:
                if values.get(when.field) == when.value and not rule.holds(text):
                    return rule.fault()
        return None

    def value(self, value: object) -> Checked:
        """The same of a value in JSON: null is no value, numbers may be numbers, dates and times may be ISO 8601."""
        if value is None:
            return self.empty
        if isinstance(value, Number):
            return self._number(value)
        if not isinstance(value, str):
            return Fault("type-error", type_message(self.field))
        if "\0" in value:
            return Fault("nul-character", "must have no NUL character")
        if self.field.kind in (Kind.DATE, Kind.TIMESTAMP):
            return self._moment(value)
        return self.cell(value)

    def _number(self, number: Number) -> Checked:
        if self.field.kind not in (Kind.INTEGER, Kind.DECIMAL):
            return Fault("type-error", f"{type_message(self.field)}, in quotes")
        if "e" not in number.lower():
            return self.cell(number)
        exact = Decimal(number)
        if exact and abs(exact.adjusted()) > MOST_EXPONENT:
            return Fault("type-error", type_message(self.field))
        return self.cell(f"{exact:f}")

    def _moment(self, text: str) -> Checked:
        try:
            moment = read_value(self.field.kind, text.strip(WHITE_SPACE))
        except ValueError:
            checked = self.cell(text)
            if isinstance(checked, Fault) and checked.code == "type-error" and self.field.formats != (ISO_DATE,):
                return Fault(checked.code, f"{checked.message}, or as ISO 8601 has it")
            return checked
        return written(moment, self.field.kind)


def _rules(field: Field) -> tuple[Rule, ...]:
    """What a value of the field must be, in the order in which people are told."""
    message = type_message(field)
    match field.kind:
        case Kind.TEXT:
            return tuple(_text_rules(field))
        case Kind.CHOICE:
            choices = {choice.lower() for choice in field.choices}
            return (Rule("enum", message, lambda text: text.lower() in choices),)
        case Kind.UUID:
            return (Rule("type-error", message, re.compile(UUID_TEXT).fullmatch),)
        case Kind.INTEGER:
            whole = Rule("type-error", message, re.compile(integer_text()).fullmatch)
            return (whole, *_bounds(field, int))
        case Kind.DECIMAL:
            number = Rule("type-error", message, re.compile(decimal_text(field.scale)).fullmatch)
            return (number, *_bounds(field, float))
        case Kind.DATE | Kind.TIMESTAMP:
            read = written_in(field.formats)
            return (Rule("type-error", message, lambda text: read(text) is not None),)


def _text_rules(field: Field) -> list[Rule]:
    found = []
    if (most := field.max_length) is not None:
        found.append(Rule("max-length", f"must have at most {most} characters", lambda text: len(text) <= most))
    if (length := field.length) is not None:
        says = f"must have exactly {length} characters"
        found.append(Rule("min-length", says, lambda text: len(text) >= length))
        found.append(Rule("max-length", says, lambda text: len(text) <= length))
    if field.pattern is not None:
        matches = re.compile(python_expression(field.pattern.expression)).fullmatch
        found.append(Rule("pattern", f"must be {field.pattern.says}", matches))
    return found


def _bounds(field: Field, number: ReadNumber) -> list[Rule]:
    bounds: list[Ge | Le] = [] if field.minimum is None else [Ge(field.minimum)]
    bounds += [] if field.maximum is None else [Le(field.maximum)]
    return [_bound(bound, number) for bound in bounds]


def _bound(bound: Ge | Le, number: ReadNumber) -> Rule:
    match bound:
        case Ge(least):
            return Rule("minimum", at_least(least), lambda text: number(text) >= least)
        case Le(most):
            return Rule("maximum", at_most(most), lambda text: number(text) <= most)


def _beside(when: When, number: ReadNumber) -> tuple[When, Rule]:
    rule = _bound(when.bound, number)
    return when, rule._replace(message=where(rule.message, when))


def written(value: object, kind: Kind) -> str:
    """A date or a time as canonical text; a time is UTC, a date alone is its midnight."""
    if not isinstance(value, date):
        raise TypeError(f"{value!r} is no date.")
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return moment.date().isoformat() if kind is Kind.DATE else moment.replace(tzinfo=None).isoformat() + "Z"


def _number_text(text: str, scale: int) -> str:
    """A number without a sign that says nothing, and with all digits that its column has."""
    whole, _, fraction = text.lstrip("+-").partition(".")
    digits = (whole.lstrip("0") or "0") + ("." + fraction[:scale].ljust(scale, "0") if scale else "")
    return f"-{digits}" if text[0] == "-" and digits.strip("0.") else digits


def _moments(field: Field) -> Callable[[str], str]:
    read = written_in(field.formats)
    return lambda text: written(read(text), field.kind)


def _choices(field: Field) -> Callable[[str], str]:
    declared = {choice.lower(): choice for choice in field.choices}
    return lambda text: declared[text.lower()]


CANONICAL: dict[Kind, Callable[[Field], Callable[[str], str]]] = {
    Kind.TEXT: lambda _: str,
    Kind.CHOICE: _choices,
    Kind.INTEGER: lambda _: lambda text: _number_text(text, 0),
    Kind.DECIMAL: lambda field: lambda text: _number_text(text, field.scale),
    Kind.DATE: _moments,
    Kind.TIMESTAMP: _moments,
    Kind.UUID: lambda _: str.lower,
}
"""What makes canonical text of a good one, by kind."""
