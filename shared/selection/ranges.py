"""Ranges that end before they begin: a mistake of the caller, not an empty list; *HTTP -> query*."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from shared.datasets.fields import Field
from shared.errors import BadParameter
from shared.selection.parameters import Query
from shared.selection.values import Value


def check_range(query: Query, field: Field) -> None:
    """Raises BadParameter where both ends of a field's range are given and the first is after the last."""
    low, high = (query.one(name) if name and query.has(name) else None for name in (field.low, field.high))
    if low is not None and high is not None and is_after(low, high):
        raise BadParameter(
            field.low, f"{field.low}: it is beyond {field.high}; nothing lies between. Turn them around."
        )


def is_after(low: Value, high: Value) -> bool:
    """Whether nothing can be at least `low` and at most `high`; a day counts whole."""
    match low, high:
        case datetime(), datetime():
            return low > high
        case date(), date():
            return day_of(low) > day_of(high)
        case (int() | Decimal(), int() | Decimal()):
            return low > high
        case _:
            return False


def day_of(value: date) -> date:
    """The day of a date or a time."""
    return value.date() if isinstance(value, datetime) else value
