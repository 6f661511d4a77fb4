"""Declared formats and patterns, as Python reads them; beside the flow, for `shared.checking`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from shared.wording import DATE_PARTS

NAMES = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%M": "minute", "%S": "second", "%.f": "fraction"}

SPACES = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
r"""What `\s` means to Rust; Python's has four characters more."""

CLASSES = {r"\d": "0-9", r"\s": SPACES}
NEGATED = {r"\D": "0-9", r"\S": SPACES}

_ESCAPE_OR_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)


Reader = Callable[[str], datetime | None]


def written_in(formats: Sequence[str]) -> Reader:
    """What reads a text by the first format that fits: a time in UTC, or None where there is no such time."""
    readers = [_reader(form) for form in formats]

    def read(text: str) -> datetime | None:
        return next((found for one in readers if (found := one(text))), None)

    return readers[0] if len(readers) == 1 else read


def _reader(form: str) -> Reader:
    expression = re.escape(form)
    for code, (_, digits) in DATE_PARTS.items():
        expression = expression.replace(re.escape(code), f"(?P<{NAMES[code]}>{digits})")
    matches = re.compile(expression).fullmatch

    def read(text: str) -> datetime | None:
        found = matches(text)
        if found is None:
            return None
        parts = found.groupdict()
        microseconds = (parts.pop("fraction", None) or ".")[1:7].ljust(6, "0")
        try:
            numbers = {name: int(part) for name, part in parts.items()}
            return datetime(**numbers, microsecond=int(microseconds), tzinfo=UTC)
        except (ValueError, TypeError):  # No such day, or a format that names none.
            return None

    return read


def python_expression(expression: str) -> str:
    r"""A declared pattern with `\d` and `\s` as the columns read it: ASCII digits, Unicode's white space."""
    in_class = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal in_class
        said = found[0]
        if said in "[]":
            in_class = said == "["
            return said
        if said in CLASSES:
            return CLASSES[said] if in_class else f"[{CLASSES[said]}]"
        return f"[^{NEGATED[said]}]" if said in NEGATED and not in_class else said

    return _ESCAPE_OR_BRACKET.sub(replaced, expression)
