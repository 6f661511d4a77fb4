"""A chunk of text to columns of text, at the speed of polars; what the projector reads a file with."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.tabular.dialect import Dialect
from shared.tabular.framing import Flags, Framing, Offsets, frame
from shared.tabular.header import BLANK
from shared.tabular.plain import MAX_FIELD_BYTES, Syntax, read_record
from shared.tabular.rows import Located, Tokens, schema, sort_records, tokenize_plainly

__all__ = ["Tokens", "tokenize"]
_CR = 13


def tokenize(chunk: bytes, dialect: Dialect, width: int, first_row: int, first_line: int) -> Tokens:
    """Split a chunk into rows of `width` cells; the numbers are those of its first record.

    The chunk is UTF-8 text from the start of one record to the end of another; the last line end may lack. A row may
    end with one delimiter more than it needs. Whatever is not provably regular is read record by record: the result is
    always that of `tokenize_plainly`.
    """
    text = dialect.syntax.ended(chunk)
    try:
        return _Chunk(text, dialect.syntax, width, first_row, first_line).tokens()
    except _NotAsExpected:
        return tokenize_plainly(text, dialect.syntax, width, first_row, first_line)


class _NotAsExpected(Exception):
    """Polars did not read a piece as the framing says it should."""


class _Chunk:
    """A chunk, its framing, and for each record by which way it goes."""

    def __init__(self, text: bytes, syntax: Syntax, width: int, first_row: int, first_line: int) -> None:
        self.text, self.syntax, self.width = text, syntax, width
        self.octets = np.frombuffer(text, np.uint8)
        self.framing = frame(text, syntax, final=True)
        self.starts = self.framing.starts
        self.rows = np.arange(len(self.starts)) + first_row
        self.lines = self.framing.lines + first_line

    def tokens(self) -> Tokens:
        sound = self._sound()
        counts = _cell_counts(self.octets, self.framing, self.starts, self.syntax.delimiter[0])
        last = self._last_octets()
        empty = self.starts == last + 1
        exact = sound & ((counts == self.width) | empty)
        trailing = sound & ~exact & (counts == self.width + 1) & (self.octets[last] == self.syntax.delimiter[0])
        plain = sort_records(self._located(~(exact | trailing)), self.syntax, self.width)
        parts = [self._read(exact, self.width), self._read(trailing, self.width + 1)]
        parts.append(pl.DataFrame(plain.good, schema=schema(self.width), orient="row"))
        filled = [part for part in parts if part.height] or parts[:1]
        whole = filled[0] if len(filled) == 1 else pl.concat(filled).sort("row")
        good = _without_blanks(whole, self.width)
        blank = plain.blank + whole.height - good.height
        return Tokens(good, plain.rejected, blank, len(self.starts))

    def _sound(self) -> Flags:
        """Records that the framing vouches for and that are short, without NUL, and UTF-8."""
        sound = ~self.framing.careful & (self.framing.ends - self.starts <= MAX_FIELD_BYTES)
        if b"\0" in self.text:
            sound[self._records_at(np.flatnonzero(self.octets == 0))] = False
        if not _is_utf8(self.text):
            for record in np.unique(self._records_at(np.flatnonzero(self.octets > 127))):
                sound[record] &= _is_utf8(self.text[self.starts[record] : self.framing.ends[record]])
        return sound

    def _records_at(self, offsets: Offsets) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.framing.ends, offsets, side="right")

    def _last_octets(self) -> Offsets:
        """Offset of the last byte of each record before its line end; start - 1 if there is none, -1 even."""
        last = self.framing.ends - 2
        if self.syntax.strips_cr:
            last = last - ((last >= self.starts) & (self.octets[last] == _CR))
        return last

    def _located(self, chosen: Flags) -> Iterator[Located]:
        for number in np.flatnonzero(chosen).tolist():
            start, end = int(self.starts[number]), int(self.framing.ends[number])
            raw = self.text[start:end]
            record = read_record(raw, 0, self.syntax, final=True)
            if record is None or record.end != len(raw):
                raise _NotAsExpected
            yield Located(record, raw, int(self.rows[number]), int(self.lines[number]))

    def _read(self, chosen: Flags, cells: int) -> pl.DataFrame:
        """The chosen records, all of so many cells, as a frame of `width` columns."""
        if not chosen.any():
            return pl.DataFrame(schema=schema(self.width))
        text = self.text
        if not chosen.all():
            text = self.octets[np.repeat(chosen, self.framing.ends - self.starts)].tobytes()
        read = _read_regular(text, self.syntax, cells)
        if read.height != np.count_nonzero(chosen):
            raise _NotAsExpected
        numbers = [
            pl.Series("row", self.rows[chosen], pl.Int32),
            pl.Series("line", self.lines[chosen], pl.Int32),
        ]
        return read[:, : self.width].with_columns(numbers)


def _cell_counts(octets: npt.NDArray[np.uint8], framing: Framing, starts: Offsets, delimiter: int) -> Offsets:
    """Cells of each record that the framing vouches for; of others, some number."""
    at = np.flatnonzero(octets == delimiter)
    if len(framing.quotes):
        quotes_before = np.searchsorted(framing.quotes, at)
        if framing.careful.any():
            records = np.searchsorted(framing.ends, at, side="right")
            quotes_before = quotes_before - np.searchsorted(framing.quotes, starts)[records]
        at = at[quotes_before % 2 == 0]
    return np.diff(np.searchsorted(at, framing.ends), prepend=0) + 1


def _read_regular(text: bytes, syntax: Syntax, cells: int) -> pl.DataFrame:
    """Well-formed records, all of so many cells or empty lines.

    A first record of our own keeps polars from taking the first bytes for a BOM, for compressed data, or for the width.
    """
    guard = b"-" + syntax.delimiter * (cells - 1) + syntax.end
    quoted = b'"' in text
    try:
        read = pl.read_csv(
            io.BytesIO(guard + text),
            has_header=False,
            schema={f"c{number}": pl.String for number in range(cells)},
            separator=syntax.delimiter.decode(),
            eol_char=syntax.end.decode(),
            quote_char='"' if quoted else None,
        )
    except pl.exceptions.PolarsError as error:
        raise _NotAsExpected from error
    if b'""' in text:
        read = read.with_columns(pl.when(pl.all() != "").then(pl.all()))
    return read[1:]


def _without_blanks(frame: pl.DataFrame, width: int) -> pl.DataFrame:
    """The rows with anything but white space in any cell."""
    for number in range(width):
        if not frame.select(_is_blank(number).any()).item():
            return frame
    return frame.filter(~pl.all_horizontal(_is_blank(number) for number in range(width)))


def _is_blank(number: int) -> pl.Expr:
    return pl.col(f"c{number}").fill_null("").str.strip_chars(BLANK) == ""


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
