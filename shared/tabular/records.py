"""Cuts the text of a file at record boundaries while it is being received; between text and chunk plan."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from shared.errors import TooLarge
from shared.tabular.dialect import Dialect
from shared.tabular.framing import Offsets, frame
from shared.tabular.plain import MAX_FIELD_BYTES

MAX_RECORD_BYTES: Final = 16 * 1024**2
MAX_CHUNK_ROWS: Final = 250_000
MAX_ROWS: Final = 2**31 - 2
SCAN_BYTES: Final = 1024**2


class Chunk(msgspec.Struct, frozen=True):
    """A run of whole records, loaded as one."""

    number: int
    """From 0, in the order of the file."""
    offset: int
    """In the stored UTF-8 blob, whose first byte is 0 and part of its BOM if it has one."""
    size_bytes: int
    first_row: int
    """Number of the first record; the header is 1."""
    first_line: int
    """Physical line, from 1, on which the first record starts."""
    rows: int
    """Records, blank ones included."""


class RecordScanner:
    """Finds the chunks of a file as its UTF-8 text is fed, from the first byte after the header row on.

    A chunk ends with the first record that makes it at least `chunk_bytes` long, or 250,000 records; how the text is
    cut into blocks makes no difference. Holds a few MiB and at most one record. A record of more than 16 MiB raises
    TooLarge, and so do more records than Int32 can number.
    """

    def __init__(self, dialect: Dialect, chunk_bytes: int, *, offset: int = 0, row: int = 2, line: int = 2) -> None:
        """`offset`, `row` and `line` are those of the first record: `dialect.text_offset` plus what the header took."""
        self._syntax = dialect.syntax
        self._chunk_bytes = chunk_bytes
        self._chunks: list[Chunk] = []
        self._first = self._next = _Place(offset, row, line)
        self._received_to = offset
        self._pending: list[bytes] = []
        self._fresh_bytes = 0

    def feed(self, block: bytes) -> None:
        """Take the next text; raises TooLarge."""
        self._received_to += len(block)
        for start in range(0, len(block), SCAN_BYTES):
            self._pending.append(block[start : start + SCAN_BYTES])
            self._fresh_bytes += len(self._pending[-1])
            if self._fresh_bytes >= SCAN_BYTES:
                self._scan(b"".join(self._pending), final=False)

    def finish(self) -> tuple[Chunk, ...]:
        """All chunks, in order; none if no record came after the header. Raises TooLarge."""
        self._scan(self._syntax.ended(b"".join(self._pending)), final=True)
        if self._next.row > self._first.row:
            self._close_chunk()
        return tuple(self._chunks)

    def _scan(self, text: bytes, final: bool) -> None:
        ends = frame(text, self._syntax, final).ends
        self._refuse_too_large(text, ends)
        done, position = 0, 0
        while done < len(ends):
            wanted = self._first.offset + self._chunk_bytes - self._next.offset + position
            most = done + MAX_CHUNK_ROWS - (self._next.row - self._first.row) - 1
            last = min(int(np.searchsorted(ends, wanted)), most)
            full = last < len(ends)
            last = last if full else len(ends) - 1
            end = int(ends[last])
            lines = text.count(self._syntax.end, position, end)
            self._next = self._next.moved(end - position, last + 1 - done, lines)
            done, position = last + 1, end
            if full:
                self._close_chunk()
        self._pending, self._fresh_bytes = [text[position:]], 0

    def _close_chunk(self) -> None:
        first, end = self._first, min(self._next.offset, self._received_to)
        size_bytes, rows = end - first.offset, self._next.row - first.row
        self._chunks.append(Chunk(len(self._chunks), first.offset, size_bytes, first.row, first.line, rows))
        self._first = self._next

    def _refuse_too_large(self, text: bytes, ends: Offsets) -> None:
        tail_bytes = len(text) - (int(ends[-1]) if len(ends) else 0)
        longest = int(np.diff(ends, prepend=0).max()) if len(ends) and len(text) > MAX_RECORD_BYTES else 0
        if longest > MAX_RECORD_BYTES or tail_bytes > MAX_RECORD_BYTES + 2 * MAX_FIELD_BYTES:
            raise TooLarge("field-too-long", f"A row at or after line {self._next.line} is longer than 16 MiB.")
        if self._next.row + len(ends) > MAX_ROWS:
            raise TooLarge("format-error", f"The file has more than {MAX_ROWS} rows. Split it.")


class _Place(NamedTuple):
    """The start of a record."""

    offset: int
    row: int
    line: int

    def moved(self, size_bytes: int, rows: int, lines: int) -> _Place:
        return _Place(self.offset + size_bytes, self.row + rows, self.line + lines)
