"""How values are written, as regular expressions and in words; beside the flow, for all that reads values.

The expressions mean the same to Rust (columns, `shared.validation`) and to Python (one value, `shared.checking`).
"""

from __future__ import annotations

import re

from shared.datasets.fields import INTEGER_DIGITS, Field, Kind, When

UUID_TEXT = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

DATE_PARTS = {
    "%Y": ("YYYY", "[0-9]{4}"),
    "%m": ("MM", "[0-9]{1,2}"),
    "%d": ("DD", "[0-9]{1,2}"),
    "%H": ("hh", "[0-9]{1,2}"),
    "%M": ("mm", "[0-9]{1,2}"),
    "%S": ("ss", "[0-5]?[0-9]"),
    "%.f": ("[.ffffff]", r"(?:\.[0-9]+)?"),
}
"""What a format may name, in words and as a regular expression: strptime alone takes `24` for the year 24."""

ISO_DATE = "%Y-%m-%d"

REQUIRED = "must not be empty"
ERROR_CELL = "must hold a value, not an error or a formula that was never calculated; mend the cell"


def type_message(field: Field) -> str:
    """What a value of the field must be, where its text is not free."""
    match field.kind:
        case Kind.INTEGER:
            return f"must be a whole number of at most {INTEGER_DIGITS} digits"
        case Kind.DECIMAL:
            return f"must be a number such as 1234.50, at most {field.scale} digits after the point"
        case Kind.UUID:
            return "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000"
        case Kind.CHOICE:
            return f"must be one of {', '.join(field.choices)}"
        case Kind.DATE | Kind.TIMESTAMP:
            return f"must be an existing date written {' or '.join(map(format_in_words, field.formats))}"
        case Kind.TEXT:
            return "must be a text"


def at_least(least: int) -> str:
    """What a number that is too small must be."""
    return f"must be at least {least}"


def at_most(most: int) -> str:
    """What a number that is too large must be."""
    return f"must be at most {most}"


def where(message: str, when: When) -> str:
    """A message that counts only beside another value."""
    return f"{message} where {when.field} is {when.value}"


def integer_text() -> str:
    """Whole numbers, signed, with any zeros before them."""
    return rf"^[+-]?0*[0-9]{{1,{INTEGER_DIGITS}}}$"


def decimal_text(scale: int) -> str:
    """Numbers of which nothing is lost at a scale; zeros after it do not count."""
    fraction = rf"(?:\.[0-9]{{1,{scale}}}0*)?" if scale else r"(?:\.0+)?"
    return rf"^[+-]?0*[0-9]{{1,{INTEGER_DIGITS}}}{fraction}$"


def format_in_words(form: str) -> str:
    """A format as people write it, such as YYYY-MM-DD."""
    for code, (words, _) in DATE_PARTS.items():
        form = form.replace(code, words)
    return form


def date_text(form: str) -> str:
    """Texts that may be dates of a format."""
    expression = re.escape(form)
    for code, (_, digits) in DATE_PARTS.items():
        expression = expression.replace(re.escape(code), digits)
    return f"^{expression}$"
