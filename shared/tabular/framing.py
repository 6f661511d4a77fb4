"""Where the records of a piece of text end, found by numpy; between text and records.

What is well-formed throughout is framed by the parity of its quotes; from the first quote that does not fit, the plain
reader goes on for a stretch. The answer is the plain reader's for every input.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from shared.tabular.plain import MAX_FIELD_BYTES, MAX_FIELD_LINES, Record, Syntax, read_record

Offsets = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
STRETCH_BYTES: Final = 16 * 1024
_QUOTE: Final = 34
_CR: Final = 13


class Framing(NamedTuple):
    """Records of a text that starts with one: exclusive ends, line ends before each, and quote positions.

    `careful` marks those that are not well-formed: broken, or with a literal quote. What comes after the last end is
    unfinished.
    """

    ends: Offsets
    lines: Offsets
    careful: Flags
    quotes: Offsets

    @property
    def starts(self) -> Offsets:
        """Offset at which each record starts."""
        return np.concatenate((np.zeros(1, np.int64), self.ends[:-1])) if len(self.ends) else self.ends


def frame(text: bytes, syntax: Syntax, final: bool) -> Framing:
    """Frame the records of a text that starts at the start of one.

    `final` says that nothing follows; the text must then end with a line end, and nothing is left unfinished.
    """
    octets = np.frombuffer(text, np.uint8)
    line_ends = np.flatnonzero(octets == syntax.end[0])
    if b'"' not in text:
        count = len(line_ends)
        return Framing(line_ends + 1, np.arange(count), np.zeros(count, np.bool_), np.zeros(0, np.int64))
    quotes = _Quotes(octets, line_ends, syntax)
    ends, careful, broken = _frame_quoted(text, quotes, syntax, final)
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if len(ends) else ends
    careful[careful] = broken | quotes.misfit_in(starts[careful], ends[careful])
    return Framing(ends, np.searchsorted(line_ends, starts), careful, quotes.at)


def _frame_quoted(text: bytes, quotes: _Quotes, syntax: Syntax, final: bool) -> tuple[Offsets, Flags, Flags]:
    """Ends, which of the records the plain reader framed, and which of those are broken."""
    parts: list[Offsets] = []
    plainly: list[Flags] = []
    broken: list[bool] = []
    position, unfinished = 0, False
    while position < len(text) and not unfinished:
        good = quotes.ends_from(position)
        position = int(good[-1]) if len(good) else position
        stretch, unfinished = _stretch(text, position, syntax, final)
        position = stretch[-1].end if stretch else position
        parts += (good, np.array([record.end for record in stretch], np.int64))
        plainly += (np.zeros(len(good), np.bool_), np.ones(len(stretch), np.bool_))
        broken += (record.broken for record in stretch)
    return np.concatenate(parts), np.concatenate(plainly), np.array(broken, np.bool_)


def _stretch(text: bytes, start: int, syntax: Syntax, final: bool) -> tuple[list[Record], bool]:
    """About STRETCH_BYTES of records by the plain reader, and whether the text ran out within one."""
    records: list[Record] = []
    position = start
    while position < min(start + STRETCH_BYTES, len(text)):
        record = read_record(text, position, syntax, final)
        if record is None:
            return records, True
        position = record.end
        records.append(record)
    return records, False


class _Quotes:
    """Which quotes fit as opening and closing ones, counted from an even (phase 0) or an odd one (phase 1)."""

    def __init__(self, octets: npt.NDArray[np.uint8], line_ends: Offsets, syntax: Syntax) -> None:
        self.at = np.flatnonzero(octets == _QUOTE)
        self._line_ends = line_ends
        self._size_bytes = len(octets)
        delimiter, end = syntax.delimiter[0], syntax.end[0]
        padded = np.concatenate((np.array([end], np.uint8), octets, np.zeros(2, np.uint8)))
        before, after = padded[self.at], padded[self.at + 2]
        opens = (before == delimiter) | (before == end) | (before == _QUOTE)
        closes = (after == delimiter) | (after == end) | (after == _QUOTE)
        if syntax.strips_cr:
            closes |= (after == _CR) & (padded[self.at + 3] == end)
        even = np.arange(len(self.at)) % 2 == 0
        self._misfits = (
            np.flatnonzero(~np.where(even, opens, closes)),
            np.flatnonzero(~np.where(even, closes, opens)),
        )
        odd_before = np.searchsorted(self.at, line_ends) % 2
        self._record_ends = (np.flatnonzero(odd_before == 0), np.flatnonzero(odd_before == 1))

    def ends_from(self, position: int) -> Offsets:
        """Exclusive ends of the well-formed records from `position`, a record's start, up to the first doubtful one."""
        first = int(np.searchsorted(self.at, position))
        phase = first % 2
        misfits = self._misfits[phase]
        misfit = int(np.searchsorted(misfits, first))
        limit = int(self.at[misfits[misfit]]) if misfit < len(misfits) else self._size_bytes
        low, high = np.searchsorted(self._line_ends, (position, limit))
        within = self._record_ends[phase]
        numbers = within[np.searchsorted(within, low) : np.searchsorted(within, high)]
        ends = self._line_ends[numbers] + 1
        lines = np.diff(numbers, prepend=low - 1)
        doubtful = np.flatnonzero((lines > MAX_FIELD_LINES) | (np.diff(ends, prepend=position) > MAX_FIELD_BYTES))
        return ends[: doubtful[0]] if len(doubtful) else ends

    def misfit_in(self, starts: Offsets, ends: Offsets) -> Flags:
        """Records with a quote that does not fit, or that does not close, as counted from the record's start."""
        first, last = np.searchsorted(self.at, starts), np.searchsorted(self.at, ends)
        found = [np.searchsorted(each, last) > np.searchsorted(each, first) for each in self._misfits]
        misfit: Flags = np.where(first % 2 == 0, found[0], found[1]) | ((last - first) % 2 == 1)
        return misfit
