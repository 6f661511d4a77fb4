"""What can be wrong with a row or a file, by its stable code; between tokenizing and the error report."""

from __future__ import annotations

from typing import Final

import msgspec

MAX_VALUE_CHARACTERS: Final = 200
ERROR_MARK: Final = "\u2060"
"""Stands, unseen, before the error of a workbook's cell in its text, which is not the same as that text in a cell."""

CODES: Final[dict[str, str]] = {
    "blank-row": "The row has no value in any cell.",
    "extra-cell": "The row has more cells than the header.",
    "missing-cell": "The row has fewer cells than the header.",
    "encoding-error": "The bytes are no text in the encoding of the file.",
    "unclosed-quote": "A quoted cell does not end with a quote before a delimiter or a line end.",
    "field-too-long": "A cell is longer than 1 MiB.",
    "nul-character": "The row holds a NUL character.",
    "type-error": "The value cannot be read as the type of its column.",
    "constraint-error": "The value breaks a rule of its column.",
    "required": "The cell is empty and its column must have a value.",
    "minimum": "The value is less than its column allows.",
    "maximum": "The value is more than its column allows.",
    "min-length": "The value is shorter than its column allows.",
    "max-length": "The value is longer than its column allows.",
    "enum": "The value is none of those that its column allows.",
    "pattern": "The value does not have the form that its column asks for.",
    "error-cell": "The cell of the workbook holds an error such as #DIV/0!, or a formula without a value.",
    "duplicate-key": "Another row of the same file has the same key.",
    "conflicting-value": "Rows of one record say different things.",
    "missing-label": "The header lacks a mandatory column.",
    "duplicate-label": "Two columns of the header mean the same field.",
    "blank-label": "A column of the header has no label; it is ignored.",
    "unknown-label": "A column of the header is not known; it is ignored.",
    "format-error": "The bytes are no table that can be read.",
    "empty-file": "The file has no header row.",
    "archive-error": "The archive or workbook is damaged, or contradicts itself.",
}
"""Every code with one sentence; `encoding-error` and `field-too-long` are said of rows and of whole files."""


class RowError(msgspec.Struct, frozen=True, gc=False):
    """One thing that is wrong with one row."""

    row: int
    """Number of the record: the header is 1, so the first one after it is 2; blank ones count.

    Of a workbook it is the number of the sheet's row, and so is `line`.
    """
    line: int
    """Physical line, from 1, of the original file on which the row starts."""
    column: str | None
    """The file's own label, or None where the row as a whole is meant."""
    field: str | None
    """The declared field, or None where the row as a whole is meant."""
    code: str
    """A key of `CODES`."""
    value: str
    """The offending text, cut to 200 characters."""
    message: str
    """A sentence that names the remedy."""


def cut(value: str) -> str:
    """The first 200 characters, for `RowError.value`."""
    return value[:MAX_VALUE_CHARACTERS]
