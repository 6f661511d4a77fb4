"""The values of cells as the text that a CSV file would have; in the child."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

Value = str | int | float | bool | date | datetime | time | timedelta
_EXACT: Final = 10**15
"""From here on a float has no digits to spare."""


def cell_text(value: Value, form: str | None) -> str:
    """The text of a cell; `form` is how its column writes dates, None where it is no column of dates.

    Dates in other columns are written as ISO 8601, and so is a time of day that `form` would lose. Numbers have the
    digits that a spreadsheet shows, at most 15 where there is a fraction, and no exponent.
    """
    match value:
        case str():
            return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return number_text(value)
        case datetime():
            return _moment_text(value, form)
        case date():
            return _moment_text(datetime.combine(value, time()), form)
        case time():
            return value.isoformat()
        case timedelta():
            return _duration_text(value)


def number_text(number: float) -> str:
    """A number in plain digits."""
    if isinstance(number, int) or (number.is_integer() and abs(number) < _EXACT):
        return str(int(number))
    if abs(number) < _EXACT:
        return _plain(f"{number:.15g}")
    return _plain(repr(number)) if abs(number) < float("inf") else str(number)


def is_blank_value(value: Value) -> bool:
    """Whether a cell holds nothing but white space."""
    return isinstance(value, str) and (not value or value.isspace())


def _plain(text: str) -> str:
    plain = format(Decimal(text), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _moment_text(value: datetime, form: str | None) -> str:
    whole_day = value.time() == time()
    if form is None or not (whole_day or "%H" in form):
        return (value.date() if whole_day else value).isoformat()
    parts = {
        "%Y": f"{value.year:04}",
        "%m": f"{value.month:02}",
        "%d": f"{value.day:02}",
        "%H": f"{value.hour:02}",
        "%M": f"{value.minute:02}",
        "%S": f"{value.second:02}",
        "%.f": f".{value.microsecond:06}",
    }
    for code, digits in parts.items():
        form = form.replace(code, digits)
    return form


def _duration_text(value: timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
