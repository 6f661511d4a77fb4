"""What OpenAPI can say of the rules of a field, so that what it calls valid is taken; *HTTP* -> command."""

from __future__ import annotations

from dataclasses import replace

from litestar.openapi.spec import Schema

from shared.datasets.fields import INTEGER_DIGITS, Field, Kind
from shared.wording import decimal_text, integer_text

SIGN = "[+-]?"
ANY_DIGITS = f"{{1,{INTEGER_DIGITS}}}"
TRIMMED = r"^\S([\s\S]*\S)?$"
MOST = 10**INTEGER_DIGITS - 1


def narrowed(field: Field, schema: Schema) -> Schema:
    """The schema of a field's value with the rules of the field.

    Rules beside other values, and bounds of numbers that are written as text but for their sign, remain unsaid.
    """
    match field.kind:
        case Kind.INTEGER:
            low, high = _bounds(field)
            return replace(schema, pattern=_pattern(field, integer_text()), minimum=low, maximum=high)
        case Kind.DECIMAL:
            low, high = _bounds(field)
            text = _pattern(field, decimal_text(field.scale))
            return replace(schema, pattern=text, minimum=low, maximum=high, multiple_of=10**-field.scale)
        case Kind.TEXT:
            return _text(field, schema)
        case _:
            return schema


def _bounds(field: Field) -> tuple[int, int]:
    low = -MOST if field.minimum is None else field.minimum
    return low, MOST if field.maximum is None else field.maximum


def _pattern(field: Field, expression: str) -> str:
    """The text of a number: without a minus or digits that it may not have; none at all is no value."""
    low, high = _bounds(field)
    digits = len(str(min(MOST, max(abs(low), high)) + 1)) - 1
    signed = expression.replace(SIGN, "[+]?") if low >= 0 else expression
    exact = signed.replace(ANY_DIGITS, f"{{1,{digits}}}").removeprefix("^").removesuffix("$")
    return f"^{exact}$" if field.required else f"^({exact})?$"


def _text(field: Field, schema: Schema) -> Schema:
    """A required text holds something that is no white space."""
    if field.length is not None:
        schema = replace(schema, min_length=field.length, max_length=field.length, pattern=TRIMMED)
    if field.pattern is not None:
        optional = "" if field.required else "?"
        return replace(schema, pattern=f"^({field.pattern.expression}){optional}$".replace(r"\d", "[0-9]"))
    if field.required and schema.pattern is None:
        return replace(schema, min_length=1, pattern=r"\S")
    return schema
