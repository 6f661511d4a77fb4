"""The grammar of delimited text, one record at a time in plain Python; the authority for the fast paths.

A record ends at a line end outside quotes. A quote opens only at the start of a field and `""` in it is one quote; a
quote anywhere else is literal. A quoted field is broken if its closing quote is followed by anything but a delimiter or
a line end, if it has more than MAX_FIELD_BYTES bytes or MAX_FIELD_LINES lines between its quotes, or if it never
closes. A broken field ends its record with the physical line on which its quote opened, and reading goes on with the
next line: an unclosed quote costs one line, never the file. So a record depends on no byte before it, and on none after
it that is further away than the limits.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

MAX_FIELD_BYTES: Final = 1024**2
MAX_FIELD_LINES: Final = 1000
QUOTE: Final = b'"'
_QUOTED = re.compile(rb'[^"]*+(?:""[^"]*+)*+')


class Syntax:
    """The structural bytes of a dialect. A CR before the LF that ends a record belongs to the line end."""

    __slots__ = ("delimiter", "end", "opening", "separator", "strips_cr")

    def __init__(self, delimiter: str, line_end: str) -> None:
        self.delimiter = delimiter.encode("ascii")
        self.end = b"\r" if line_end == "cr" else b"\n"
        self.strips_cr = self.end == b"\n"
        self.opening = self.delimiter + QUOTE
        self.separator = re.compile(b"[" + re.escape(self.delimiter) + self.end + b"]")

    def ended(self, text: bytes) -> bytes:
        """The text with a line end after its last record, which changes no record."""
        return text if not text or text.endswith(self.end) else text + self.end

    def without_cr(self, last_cell: bytes) -> bytes:
        """A last cell without the CR of its line end."""
        return last_cell[:-1] if self.strips_cr and last_cell.endswith(b"\r") else last_cell


class Record(msgspec.Struct, frozen=True, gc=False):
    """`end` is exclusive and after the line end; of a broken record the last cell is the line from the quote on."""

    end: int
    cells: list[bytes]
    broken: bool


def read_record(text: bytes, start: int, syntax: Syntax, final: bool) -> Record | None:
    """The record that starts at `start`, or None if more bytes are needed to tell.

    `final` says that nothing follows; the text then ends with a line end and the answer is never None.
    """
    stop = text.find(syntax.end, start)
    if stop < 0:
        return None
    line = text[start:stop]
    if not line.startswith(QUOTE) and syntax.opening not in line:
        return Record(stop + 1, syntax.without_cr(line).split(syntax.delimiter), False)
    return _read_fields(text, start, syntax, final)


def _read_fields(text: bytes, start: int, syntax: Syntax, final: bool) -> Record | None:
    cells: list[bytes] = []
    at = start
    while True:
        if text.startswith(QUOTE, at):
            close = _closing_quote(text, at, syntax, final)
            if close is None:
                return None
            if close < 0:
                return _broken(text, at, cells, syntax)
            cells.append(text[at + 1 : close].replace(b'""', QUOTE))
            stop = close + 1 + text.startswith(b"\r", close + 1) * syntax.strips_cr
        else:
            found = syntax.separator.search(text, at)
            if found is None:
                return None
            stop = found.start()
            cell = text[at:stop]
            cells.append(syntax.without_cr(cell) if text.startswith(syntax.end, stop) else cell)
        if not text.startswith(syntax.delimiter, stop):
            return Record(stop + 1, cells, False)
        at = stop + 1


def _broken(text: bytes, quote: int, cells: list[bytes], syntax: Syntax) -> Record | None:
    stop = text.find(syntax.end, quote)
    if stop < 0:
        return None
    return Record(stop + 1, [*cells, syntax.without_cr(text[quote:stop])], True)


def _closing_quote(text: bytes, quote: int, syntax: Syntax, final: bool) -> int | None:
    """Where the field whose quote opens at `quote` closes; -1 if it is broken, None if more bytes are needed."""
    match = _QUOTED.match(text, quote + 1, quote + MAX_FIELD_BYTES + 3)
    close = match.end() if match else quote + 1
    if close > quote + 1 + MAX_FIELD_BYTES or text.count(syntax.end, quote + 1, close) >= MAX_FIELD_LINES:
        return -1
    following = text[close + 1 : close + 3]
    if following.startswith((syntax.delimiter, syntax.end)):
        return close
    if syntax.strips_cr and following.startswith(b"\r"):
        return close if following == b"\r\n" else -1 if len(following) == 2 else None
    if following or final:
        return -1
    return None
