"""Reads the text of a query parameter as the type of its field; *HTTP -> query*."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from shared.datasets.fields import INTEGER_DIGITS, Kind

Value = str | int | Decimal | date | datetime | UUID

_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{INTEGER_DIGITS}}}")
DECIMAL_TEXT = rf"^[+-]?([0-9]{{1,{INTEGER_DIGITS}}}(\.[0-9]{{0,30}})?|\.[0-9]{{1,30}})$"
_DECIMAL = re.compile(DECIMAL_TEXT)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|[+ -][0-9]{2}:?[0-9]{2})?", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")

EXPECTED: dict[Kind, str] = {
    Kind.TEXT: "a text without NUL characters",
    Kind.CHOICE: "one of its choices",
    Kind.INTEGER: f"an integer of at most {INTEGER_DIGITS} digits, as 42",
    Kind.DECIMAL: f"a decimal number of at most {INTEGER_DIGITS} digits before the point, as 100 or 100.25",
    Kind.DATE: "a date, as 2026-01-31",
    Kind.TIMESTAMP: "a date or a time, as 2026-01-31 or 2026-01-31T23:59:59Z",
    Kind.UUID: "a UUID, as 6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10",
}
"""What each kind asks for, to stand after "is not"."""


def read_value(kind: Kind, text: str) -> Value:
    """The value that `text` says; a TIMESTAMP without a time is a date. Raises ValueError with what was expected."""
    try:
        return READERS[kind](text if kind is Kind.TEXT else text.strip())
    except (ValueError, OverflowError) as error:
        raise ValueError(EXPECTED[kind]) from error


def read_choice(text: str, choices: tuple[str, ...]) -> str:
    """The choice that `text` says in any case; raises ValueError with the choices."""
    wanted = text.strip().casefold()
    for choice in choices:
        if choice.casefold() == wanted:
            return choice
    raise ValueError(f"one of {', '.join(choices)}")


def write_value(value: object) -> str:
    """The text from which `read_value` reads the same value."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError(text)
    return text


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _time(text: str) -> date | datetime:
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    day, rest = _matched(_TIME, text)[:10], text[11:]
    moment = datetime.fromisoformat(f"{day}T{rest.replace(' ', '+')}")  # "+" arrives as a blank where it is not escaped
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


READERS: dict[Kind, Callable[[str], Value]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _text,
    Kind.INTEGER: lambda text: int(_matched(_INTEGER, text)),
    Kind.DECIMAL: lambda text: Decimal(_matched(_DECIMAL, text)),
    Kind.DATE: lambda text: date.fromisoformat(_matched(_DATE, text)),
    Kind.TIMESTAMP: _time,
    Kind.UUID: lambda text: UUID(_matched(_UUID, text)),
}
