"""A downloaded errors.csv that was fixed in a spreadsheet, row by row; *HTTP -> command*.

A spreadsheet may have changed its encoding, delimiter, quoting and the order of its columns, and may have dropped
columns; `_row` alone must be there, because it says which row is meant.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import msgspec

from command_api.archives.orders import labels_of
from command_api.texts import Wishes
from shared.datasets.declaration import Dataset
from shared.errors import BadFile, TooLarge
from shared.tabular.dialect import settle_dialect
from shared.tabular.formulas import SAFE, unguarded
from shared.tabular.framing import frame
from shared.tabular.header import BLANK, Header, Label, first_record, match_header
from shared.tabular.plain import Record, Syntax, read_record
from shared.tabular.row_errors import RowError
from shared.tabular.rows import Located, sort_records

MAX_ROWS = 100_000
MAX_BYTES = 64 * 1024**2
ROW = "_row"
OWN_COLUMNS = (ROW, "_line", "_errors", SAFE)
_NUMBER = re.compile(r"([0-9]{1,9})(?:[.,]0+)?")


Found = tuple[Header, int, bool]


class FixedRow(msgspec.Struct, frozen=True):
    """One row of the file: which row of the upload it is, None where it does not say, and its cells by field.

    `line` is that of this file. With `error` the row cannot be read, and there are no cells.
    """

    row: int | None
    line: int
    cells: Mapping[str, str]
    error: RowError | None = None


class FixFile:
    """A whole file whose header is understood; `digest` is the hash of its bytes."""

    def __init__(self, text: bytes, syntax: Syntax, found: Found, first_line: int, digest: str) -> None:
        self._text = syntax.ended(text)
        self._syntax = syntax
        self._header, self._at, self._is_safe = found
        self._first_line = first_line
        self.digest = digest

    def rows(self) -> Iterator[FixedRow]:
        """All rows in order but the blank ones."""
        at, line = 0, self._first_line
        while at < len(self._text) and (record := read_record(self._text, at, self._syntax, final=True)):
            raw = self._text[at : record.end]
            if (row := self._row(record, raw, line)) is not None:
                yield row
            at, line = record.end, line + raw.count(self._syntax.end)

    def _row(self, record: Record, raw: bytes, line: int) -> FixedRow | None:
        width = len(self._header.columns)
        located = Located(_cut(record, width), raw, line, line)
        found = sort_records([located], self._syntax, width)
        for _, _, cut_cells, *said in found.rejected:
            number = cut_cells[self._at] if self._at < len(cut_cells) else ""
            return FixedRow(_number(number), line, {}, RowError(line, line, None, None, *said))
        for *cells, _, _ in found.good:
            named = zip(self._header.fields, cells, strict=True)
            own = unguarded if self._is_safe else str
            corrected = {field: own(str(cell or "")) for field, cell in named if field is not None}
            return FixedRow(_number(str(cells[self._at] or "")), line, corrected)
        return None


async def read_fix_file(body: AsyncIterator[bytes], dataset: Dataset, wishes: Wishes) -> FixFile:
    """Receive a file and understand its header. Raises BadFile, TooLarge beyond 100,000 rows or 64 MiB."""
    blocks, size_bytes = [], 0
    async for block in body:
        blocks.append(block)
        size_bytes += len(block)
        if size_bytes > MAX_BYTES:
            raise TooLarge("format-error", f"The file is longer than {MAX_BYTES} bytes. Send it in parts.")
    return await asyncio.to_thread(_understood, b"".join(blocks), dataset, wishes)


def _understood(content: bytes, dataset: Dataset, wishes: Wishes) -> FixFile:
    labels = [msgspec.structs.replace(label, required=False) for label in labels_of(dataset)]
    dialect = settle_dialect(
        content,
        [*labels, *(Label(name, (name,), False) for name in OWN_COLUMNS)],
        declared_encoding=wishes.encoding,
        fallbacks=dataset.encodings,
        delimiter=wishes.delimiter,
    )
    transcoder = dialect.transcoder()
    text = transcoder.feed(content) + transcoder.finish()
    first = first_record(text, dialect.syntax)
    if first is None:
        raise TypeError("A whole text has a first record, or it is refused.")
    found = _matched(first.cells, labels)
    rest = text[first.size_bytes :]
    if len(frame(dialect.syntax.ended(rest), dialect.syntax, final=True).ends) > MAX_ROWS:
        raise TooLarge("format-error", f"The file has more than {MAX_ROWS} rows. Send it in parts.")
    return FixFile(rest, dialect.syntax, found, 1 + first.lines, hashlib.sha256(content).hexdigest())


def _matched(cells: Sequence[str], labels: Sequence[Label]) -> Found:
    """The header up to its last label, the column that says which row is meant, whether cells are guarded."""
    names = [cell.strip(BLANK).casefold() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if names.count(ROW) != 1:
        says = (
            f"The header has {names.count(ROW) or 'no'} column {ROW!r}. Send the file as `errors.csv` has it: with one."
        )
        raise BadFile("duplicate-label" if ROW in names else "missing-label", says, (ROW,))
    own = ["" if name in OWN_COLUMNS else cell for cell, name in zip(cells, names, strict=False)]
    header = match_header(own, labels)
    if not any(header.fields):
        raise BadFile("missing-label", f"No column beside {ROW!r} is known. There are {_named(labels)}.", (ROW,))
    return header, names.index(ROW), SAFE in names


def _named(labels: Sequence[Label]) -> str:
    return ", ".join(label.names[0] for label in labels)


def _cut(record: Record, width: int) -> Record:
    """Without what a spreadsheet adds to the right of a table, as long as nothing stands there."""
    if record.broken or any(cell.strip() for cell in record.cells[width:]):
        return record
    return Record(record.end, record.cells[:width], False)


def _number(cell: str) -> int | None:
    found = _NUMBER.fullmatch(cell.strip(BLANK))
    return int(found[1]) if found else None
