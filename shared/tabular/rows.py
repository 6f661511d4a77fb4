"""What each record of a chunk is: a row, a blank, or a reject with its reason; the plain way from text to Tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
import polars as pl

from shared.tabular.header import is_blank
from shared.tabular.plain import MAX_FIELD_BYTES, Record, Syntax, read_record
from shared.tabular.row_errors import cut

NUMBERS: Final = {"row": pl.Int32, "line": pl.Int32}
SHOWN_NUL: Final = "\u2400"
"""Stands for NUL in what is said of a row, since PostgreSQL stores no NUL."""
REJECTED: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    **NUMBERS,
    "cells": pl.List(pl.String),
    "code": pl.String,
    "value": pl.String,
    "message": pl.String,
}
"""Columns of rejected records.

`cells` are as many as the record has: undecodable bytes are U+FFFD, NUL is U+2400, a broken quote is kept as it stands.
`value` is the offending text, cut to 200 characters, `message` a sentence that names the remedy.
"""
MISSING_CELL: Final = "The row has {} cells instead of {}. Add the missing ones."
EXTRA_CELL: Final = "The row has {} cells instead of {}. Quote cells that hold the delimiter."

Reject: TypeAlias = tuple[int, int, list[str], str, str, str]
"""One of them, in the order of REJECTED."""


class Tokens(msgspec.Struct, frozen=True):
    """One chunk as columns of text; `rows` is always the heights of `frame` and `rejected` plus `blank`."""

    frame: pl.DataFrame
    """Good rows in order: String columns c0 to cN-1, unquoted, else as written, null for empty; Int32 `row`, `line`."""
    rejected: pl.DataFrame
    """Records that are no rows of this width, in order, with the columns of REJECTED."""
    blank: int
    """Records of nothing but white space, whatever their number of cells."""
    rows: int
    """All records; what `Chunk.rows` says."""


class Located(msgspec.Struct, frozen=True, gc=False):
    """A record with its number, first line and raw bytes."""

    record: Record
    raw: bytes
    row: int
    line: int


class Sorted(msgspec.Struct, frozen=True):
    """Records told apart by the plain way; `good` are cells followed by row and line."""

    good: list[tuple[str | int | None, ...]]
    rejected: list[Reject]
    blank: int


def schema(width: int) -> dict[str, type[pl.DataType]]:
    """Names and types of the columns of a frame."""
    return {**{f"c{number}": pl.String for number in range(width)}, **NUMBERS}


def tokenize_plainly(chunk: bytes, syntax: Syntax, width: int, first_row: int, first_line: int) -> Tokens:
    """What `tokenize` answers, without any shortcut."""
    text = syntax.ended(chunk)
    located: list[Located] = []
    at, line = 0, first_line
    while at < len(text) and (record := read_record(text, at, syntax, final=True)):
        raw = text[at : record.end]
        located.append(Located(record, raw, first_row + len(located), line))
        at, line = record.end, line + raw.count(syntax.end)
    found = sort_records(located, syntax, width)
    frame = pl.DataFrame(found.good, schema=schema(width), orient="row")
    return Tokens(frame, rejects_frame(found.rejected), found.blank, len(located))


def rejects_frame(rejected: Sequence[Reject]) -> pl.DataFrame:
    """Rejected records as a frame."""
    return pl.DataFrame(rejected, schema=REJECTED, orient="row")


def sort_records(located: Iterable[Located], syntax: Syntax, width: int) -> Sorted:
    """Tell rows, rejects and blanks apart."""
    found = Sorted([], [], 0)
    blank = 0
    for each in located:
        cells = [cell.decode("utf-8", "replace") for cell in each.record.cells]
        if b"\0" in each.raw:
            cells = [cell.replace("\0", SHOWN_NUL) for cell in cells]
        fault = _fault(each, cells, syntax, width)
        if fault is not None:
            code, value, message = fault
            found.rejected.append((each.row, each.line, cells, code, cut(value), message))
        elif is_blank(cells):
            blank += 1
        else:
            found.good.append((*(cell or None for cell in cells[:width]), each.row, each.line))
    return msgspec.structs.replace(found, blank=blank)


def _fault(each: Located, cells: Sequence[str], syntax: Syntax, width: int) -> tuple[str, str, str] | None:
    """Code, value and message of what makes a record no row, the first that applies."""
    if each.record.broken:
        return _broken(cells)
    if b"\0" in each.raw:
        value = next(cell for cell in cells if SHOWN_NUL in cell)
        return "nul-character", value, "The row holds a NUL character. Remove it."
    if not is_utf8(each.raw):
        value = next((cell for cell in cells if "\ufffd" in cell), "")
        return "encoding-error", value, "The row is not in the encoding of the file. Save all of it in one encoding."
    if len(each.raw) > MAX_FIELD_BYTES and any(len(cell) > MAX_FIELD_BYTES for cell in each.record.cells):
        value = next(cell for cell in cells if len(cell.encode()) > MAX_FIELD_BYTES)
        return "field-too-long", value, "A cell is longer than 1 MiB. Shorten it."
    if len(cells) == width or (len(cells) == width + 1 and not cells[-1]) or is_blank(cells):
        return None
    if len(cells) < width:
        return "missing-cell", "", MISSING_CELL.format(len(cells), width)
    return "extra-cell", syntax.delimiter.decode().join(cells[width:]), EXTRA_CELL.format(len(cells), width)


def _broken(cells: Sequence[str]) -> tuple[str, str, str]:
    if len(cells[-1].encode()) > MAX_FIELD_BYTES:
        return "field-too-long", cells[-1], "A quoted cell is longer than 1 MiB. Shorten it, or close its quote."
    message = "A quote opens a cell and does not close it before a delimiter or line end. Close it, or double it."
    return "unclosed-quote", cells[-1], message


def is_utf8(text: bytes) -> bool:
    """Whether all of it is strict UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
