"""A whole file as columns of text, read as an upload of it would be; beside the flow, for `tablefold infer`."""

from __future__ import annotations

from collections import Counter

import msgspec
import polars as pl
from charset_normalizer import from_bytes

from command_api.texts import FIRST_BLOCK_BYTES
from shared.errors import BadFile, TooLarge
from shared.tabular.dialect import Dialect, settle_dialect
from shared.tabular.encoding import reads
from shared.tabular.header import first_record, match_header, normalized
from shared.tabular.records import RecordScanner
from shared.tabular.tokens import tokenize

CHUNK_BYTES = 16 * 1024**2
MOST_COLUMNS = 1_500
"""A table of PostgreSQL can have 1,600, and a record has some that no file brings."""
CODE_PAGES = ("cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "iso8859-2", "iso8859-7", "koi8-r", "cp866", "cp437")
"""What a file that is not UTF-8 is likely to be in."""


class Seen(msgspec.Struct, frozen=True):
    """A file: the text of each row that has as many cells as the header (columns `c0`..), and the number of others."""

    labels: tuple[str, ...]
    rows: pl.DataFrame
    broken: int
    blank: int
    dialect: Dialect


def read_file(content: bytes, encoding: str | None = None, delimiter: str | None = None) -> Seen:
    """Read a delimited file; raises BadFile where no dataset could take it, as with two labels that are the same."""
    first = content[:FIRST_BLOCK_BYTES]
    dialect = settle_dialect(
        first, (), declared_encoding=encoding, fallbacks=likely_encodings(first), delimiter=delimiter
    )
    transcoder = dialect.transcoder()
    text = transcoder.feed(content) + transcoder.finish()
    header = first_record(text, dialect.syntax)
    assert header is not None  # It was told that nothing follows.
    labels = match_header(header.cells, ()).columns
    if len(labels) > MOST_COLUMNS:
        says = f"The file has {len(labels):,} columns, more than the {MOST_COLUMNS:,} of a table. Send fewer of them."
        raise TooLarge("format-error", says)
    _refuse_same(labels)
    scanner = RecordScanner(dialect, CHUNK_BYTES, offset=header.size_bytes, line=1 + header.lines)
    scanner.feed(text[header.size_bytes :])
    chunks = [
        tokenize(text[one.offset : one.offset + one.size_bytes], dialect, len(labels), one.first_row, one.first_line)
        for one in scanner.finish()
    ]
    empty = pl.DataFrame(schema={f"c{index}": pl.String for index in range(len(labels))})
    rows = pl.concat([empty, *(one.frame.drop("row", "line") for one in chunks)])
    return Seen(labels, rows, sum(one.rejected.height for one in chunks), sum(one.blank for one in chunks), dialect)


def likely_encodings(first: bytes) -> tuple[str, ...]:
    """The code page that a text which is not UTF-8 is most likely in; none for UTF-8."""
    if reads(first, "utf-8"):
        return ()
    best = from_bytes(first, cp_isolation=list(CODE_PAGES)).best()
    guessed = [best.encoding] if best else []
    return tuple(dict.fromkeys([*guessed, "cp1252", "cp1251"]))


def _refuse_same(labels: tuple[str, ...]) -> None:
    counts = Counter(normalized(label) for label in labels)
    same = tuple(label for label in labels if normalized(label) and counts[normalized(label)] > 1)
    if same:
        named = " and ".join(map(repr, same[:2]))
        raise BadFile("duplicate-label", f"The columns {named} have the same label. Rename one of them.", same)
    if not any(map(normalized, labels)):
        raise BadFile("missing-label", "No column has a label with a letter or digit in it. Send a header row.")
