"""A chunk of text to columns of text, at the speed of polars; what the projector reads a file with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from shared.tabular.dialect import Dialect
from shared.tabular.framing import Flags, Offsets, frame
from shared.tabular.header import BLANK
from shared.tabular.plain import MAX_FIELD_BYTES, Syntax, read_record
from shared.tabular.ragged import ragged_rows
from shared.tabular.rows import Located, Tokens, is_utf8, rejects_frame, schema, sort_records, tokenize_plainly

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
        if _may_be_regular(text, dialect.syntax) and (
            tokens := _regular(text, dialect.syntax, width, first_row, first_line)
        ):
            return tokens
        return _Chunk(text, dialect.syntax, width, first_row, first_line).tokens()
    except _NotAsExpected:
        return tokenize_plainly(text, dialect.syntax, width, first_row, first_line)


def _may_be_regular(text: bytes, syntax: Syntax) -> bool:
    """Whether every record is one line of cells without a quote, a NUL, a stray CR or a byte that is not UTF-8."""
    if b'"' in text or b"\0" in text or not is_utf8(text):
        return False
    return syntax.end == b"\r" or b"\r" not in text or text.count(b"\r") == text.count(b"\r\n")


def _regular(text: bytes, syntax: Syntax, width: int, first_row: int, first_line: int) -> Tokens | None:
    """The tokens of a chunk in which every record has `width` cells, or None where one has not.

    With as many delimiters as they have together, one that has fewer means one that has more, and that polars refuses.
    """
    octets = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(octets == syntax.end[0])
    rows = len(ends)
    if np.count_nonzero(octets == syntax.delimiter[0]) != rows * (width - 1):
        return None
    if np.diff(ends, prepend=-1).max(initial=0) > MAX_FIELD_BYTES:
        return None
    try:
        read = _read_regular(text, syntax, width, quoted=False)
    except _NotAsExpected:
        return None
    if read.height != rows:
        return None
    numbers = (pl.int_range(first, first + rows, dtype=pl.Int32) for first in (first_row, first_line))
    whole = read.with_columns(one.alias(name) for one, name in zip(numbers, ("row", "line"), strict=True))
    good = _without_blanks(whole, width)
    return Tokens(good, rejects_frame([]), rows - good.height, rows)


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
        self.literal = self._literal()

    def tokens(self) -> Tokens:
        sound, counts, last = self._sound(), self._cell_counts(), self._last_octets()
        exact = sound & ((counts == self.width) | (self.starts == last + 1))
        trailing = sound & ~exact & (counts == self.width + 1) & (self.octets[last] == self.syntax.delimiter[0])
        ragged = sound & self.literal & ~(exact | trailing)
        plain = sort_records(self._located(~(exact | trailing | ragged)), self.syntax, self.width)
        parts = [
            self._read(chosen & quoting, cells, quoted)
            for chosen, cells in ((exact, self.width), (trailing, self.width + 1))
            for quoting, quoted in ((self.literal, False), (~self.literal, True))
            if (chosen & quoting).any()
        ]
        if plain.good or not parts:
            parts.append(pl.DataFrame(plain.good, schema=schema(self.width), orient="row"))
        whole = parts[0] if len(parts) == 1 else pl.concat(parts).sort("row")
        good = _without_blanks(whole, self.width)
        rejected = self._rejected(ragged, rejects_frame(plain.rejected))
        return Tokens(good, rejected, len(self.starts) - good.height - rejected.height, len(self.starts))

    def _rejected(self, ragged: Flags, others: pl.DataFrame) -> pl.DataFrame:
        """The chosen records as far as they are not blank, with the others."""
        if not ragged.any():
            return others
        found = ragged_rows(self._text_of(ragged), self.syntax, self.width, *self._numbers_of(ragged))
        return found if others.is_empty() else pl.concat([found, others]).sort("row")

    def _literal(self) -> Flags:
        """Records in which no field starts with a quote, so that all quotes are literal and they are one line."""
        literal = np.ones(len(self.starts), np.bool_)
        quotes = self.framing.quotes
        before = self.octets[quotes - 1]
        opening = (before == self.syntax.delimiter[0]) | (before == self.syntax.end[0]) | (quotes == 0)
        literal[self._records_at(quotes[opening])] = False
        return literal

    def _sound(self) -> Flags:
        """Records that polars reads right if they have the right number of cells: short, without NUL, UTF-8."""
        sound = (self.literal | ~self.framing.careful) & (self.framing.ends - self.starts <= MAX_FIELD_BYTES)
        if b"\0" in self.text:
            sound[self._records_at(np.flatnonzero(self.octets == 0))] = False
        if b"\r" + self.syntax.delimiter in self.text:  # Polars drops this CR, as if it ended the record.
            returns = np.flatnonzero((self.octets[:-1] == _CR) & (self.octets[1:] == self.syntax.delimiter[0]))
            sound[self._records_at(returns)] = False
        if not is_utf8(self.text):
            for record in np.unique(self._records_at(np.flatnonzero(self.octets > 127))):
                sound[record] &= is_utf8(self.text[self.starts[record] : self.framing.ends[record]])
        return sound

    def _cell_counts(self) -> Offsets:
        """Cells of each sound record; of others, some number."""
        at = np.flatnonzero(self.octets == self.syntax.delimiter[0])
        quotes = self.framing.quotes
        if len(quotes):
            records = self._records_at(at)
            quotes_before = np.searchsorted(quotes, at) - np.searchsorted(quotes, self.starts)[records]
            at = at[(quotes_before % 2 == 0) | self.literal[records]]
        return np.diff(np.searchsorted(at, self.framing.ends), prepend=0) + 1

    def _records_at(self, offsets: Offsets) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.framing.ends, offsets, side="right")

    def _last_octets(self) -> Offsets:
        """Offset of the last byte of each record before its line end; start - 1 if there is none, -1 even."""
        last = self.framing.ends - 2
        if self.syntax.strips_cr:
            last = last - ((last >= self.starts) & (self.octets[last] == _CR))
        return last

    def _located(self, chosen: Flags) -> Iterator[Located]:
        columns = (self.starts, self.framing.ends, self.rows, self.lines)
        for start, end, row, line in zip(*(column[chosen].tolist() for column in columns), strict=True):
            raw = self.text[start:end]
            record = read_record(raw, 0, self.syntax, final=True)
            if record is None or record.end != len(raw):
                raise _NotAsExpected
            yield Located(record, raw, row, line)

    def _read(self, chosen: Flags, cells: int, quoted: bool) -> pl.DataFrame:
        """The chosen records, all of so many cells, as a frame of `width` columns."""
        read = _read_regular(self._text_of(chosen), self.syntax, cells, quoted)
        if read.height != np.count_nonzero(chosen):
            raise _NotAsExpected
        return read[:, : self.width].with_columns(self._numbers_of(chosen))

    def _text_of(self, chosen: Flags) -> bytes:
        if chosen.all():
            return self.text
        return self.octets[np.repeat(chosen, self.framing.ends - self.starts)].tobytes()

    def _numbers_of(self, chosen: Flags) -> tuple[pl.Series, pl.Series]:
        return pl.Series("row", self.rows[chosen], pl.Int32), pl.Series("line", self.lines[chosen], pl.Int32)


def _read_regular(text: bytes, syntax: Syntax, cells: int, quoted: bool) -> pl.DataFrame:
    """Well-formed records, all of so many cells or empty lines; `quoted` or with literal quotes only.

    A first record of our own keeps polars from taking the first bytes for a BOM, for compressed data, or for the width.
    """
    guard = b"-" + syntax.delimiter * (cells - 1) + syntax.end
    try:
        read = pl.read_csv(
            guard + text,
            has_header=False,
            schema={f"c{number}": pl.String for number in range(cells)},
            separator=syntax.delimiter.decode(),
            eol_char=syntax.end.decode(),
            quote_char='"' if quoted else None,
        )
    except pl.exceptions.PolarsError as error:
        raise _NotAsExpected from error
    if quoted and b'""' in text:
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
