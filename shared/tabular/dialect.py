"""How a delimited file is written: encoding, delimiter, line end; settled once, on its first block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from shared.errors import BadFile
from shared.tabular.encoding import Encoding, EncodingSource, settle_encoding
from shared.tabular.header import Label, count_matches, excel_hint, first_record
from shared.tabular.plain import Syntax, read_record
from shared.tabular.transcoding import Transcoder

__all__ = ["DELIMITERS", "Dialect", "Encoding", "Label", "settle_dialect", "settle_encoding"]

DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_RECORDS: Final = 100


class Dialect(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything needed to read a file from any of its records on."""

    encoding: str
    """Python's canonical name."""
    encoding_source: EncodingSource
    delimiter: str
    """One ASCII character."""
    line_end: Literal["lf", "crlf", "cr"]
    """`lf` and `crlf` read alike (either line end is taken); `cr` is the old Mac's."""
    bom_bytes: int
    """Length of the BOM in the received bytes, or in what they were compressed from."""
    sheet: str | None = None
    """The sheet that was read, where the file is a workbook: the dialect is then that of its text."""

    @property
    def text_offset(self) -> int:
        """Where the text starts in the stored UTF-8 blob: a UTF-8 file is stored as received, any other without BOM."""
        return self.bom_bytes if self.encoding == "utf-8" else 0

    @property
    def syntax(self) -> Syntax:
        """The structural bytes."""
        return Syntax(self.delimiter, self.line_end)

    def transcoder(self) -> Transcoder:
        """A fresh transcoder for the received bytes, BOM included."""
        return Transcoder(Encoding(self.encoding, self.encoding_source, self.bom_bytes))


def settle_dialect(
    first_block: bytes,
    labels: Sequence[Label],
    *,
    declared_encoding: str | None = None,
    fallbacks: tuple[str, ...] = (),
    delimiter: str | None = None,
) -> Dialect:
    """Settle the dialect by the first block of received bytes, which should be the whole file or at least 64 KiB.

    Unless it is given, the delimiter is the one that a `sep=` line names, else the one of `,` `;` tab `|` whose header
    row matches most labels, among equals the one that splits most rows as it splits the header. Raises what
    `settle_encoding` raises, and BadFile `format-error` for a delimiter that cannot be one.
    """
    encoding = settle_encoding(first_block, declared_encoding, fallbacks)
    text = Transcoder(encoding).feed(first_block)
    line_end = _line_end(text)
    chosen = delimiter or _hinted(text) or _best(text, line_end, labels)
    if len(chosen) != 1 or not chosen.isascii() or chosen in '"\r\n\0':
        raise BadFile("format-error", f"{chosen[:10]!r} cannot be a delimiter. Use one ASCII character.")
    return Dialect(encoding.name, encoding.source, chosen, line_end, encoding.bom_bytes)


def _line_end(text: bytes) -> Literal["lf", "crlf", "cr"]:
    line_feed = text.find(b"\n")
    if line_feed < 0:
        return "cr" if b"\r" in text[:-1] else "lf"
    return "crlf" if text[max(line_feed - 1, 0) : line_feed] == b"\r" else "lf"


def _hinted(text: bytes) -> str | None:
    hint = excel_hint(text)
    return hint if hint in DELIMITERS else None


def _best(text: bytes, line_end: str, labels: Sequence[Label]) -> str:
    return max(DELIMITERS, key=lambda each: _score(text, Syntax(each, line_end), labels))


def _score(text: bytes, syntax: Syntax, labels: Sequence[Label]) -> tuple[int, float]:
    """Labels matched, then the share of the first rows that have as many cells as the header.

    A header that is blank or broken with this delimiter says more of it than one that it leaves in one piece.
    """
    try:
        header = first_record(text, syntax)
    except BadFile:
        return 0, 0.5
    if header is None or len(header.cells) < 2:
        return (count_matches(header.cells, labels) if header else 0), 0.0
    rest, at, same, rows = syntax.ended(text), header.size_bytes, 0, 0
    while at < len(rest) and rows < _SAMPLE_RECORDS and (record := read_record(rest, at, syntax, final=True)):
        at, rows, same = record.end, rows + 1, same + (len(record.cells) == len(header.cells))
    return count_matches(header.cells, labels), same / rows if rows else 1.0
