"""The text of a file, its dialect, header and chunk plan, while it comes; received bytes -> *text* -> event."""

from __future__ import annotations

from typing import Final

import msgspec

from command_api.archives.orders import labels_of
from shared.blobs import Blobs, BlobWriter
from shared.datasets.declaration import Dataset
from shared.errors import TooLarge, WrongMediaType
from shared.events import OnError
from shared.tabular.dialect import Dialect, settle_dialect
from shared.tabular.header import Header, first_record, match_header
from shared.tabular.records import Chunk, RecordScanner

FIRST_BLOCK_BYTES: Final = 2 * 1024 * 1024
"""How much is read before the dialect is settled: twice the longest header."""
ARCHIVES: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"\x1f\x8b", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How gzip data, ZIP archives and workbooks, old ones too, begin."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says of the file, None means that the file is to tell; and what is to be done with it."""

    file_name: str = "upload.csv"
    source: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    review: bool = False
    on_error: OnError = "skip"


def text_key_of(blob_key: str) -> str:
    """The key of a blob with a file's text, where the file is not that text."""
    return f"{blob_key}.utf-8"


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A text that lies in the blob store; `key` names it, as UTF-8."""

    key: str
    dialect: Dialect
    header: Header
    chunks: tuple[Chunk, ...]


class TextTaker:
    """Takes the text of one file in blocks of any size. Raises BadFile; whoever holds it then calls `abort`.

    `packed` says that the bytes came out of a compressed file, `dialect` that it is known; in both cases the text gets
    a blob of its own, as it does where the file is not UTF-8.
    """

    def __init__(
        self,
        blobs: Blobs,
        key: str,
        dataset: Dataset,
        wishes: Wishes,
        chunk_bytes: int,
        *,
        packed: bool = False,
        dialect: Dialect | None = None,
    ) -> None:
        self._blobs = blobs
        self._key = key
        self._dataset = dataset
        self._wishes = wishes
        self._chunk_bytes = chunk_bytes
        self._packed = packed
        self._known = dialect
        self._first: list[bytes] = []
        self._first_bytes = 0
        self._begun = False
        self._writer: BlobWriter | None = None

    def feed(self, block: bytes) -> None:
        """Take the next bytes; blocks the thread."""
        if self._begun:
            self._scan(block, self._transcoder.feed(block))
            return
        self._first.append(block)
        self._first_bytes += len(block)
        if self._first_bytes >= FIRST_BLOCK_BYTES:
            self._begin(b"".join(self._first))

    def finish(self) -> Text:
        """What was taken, once it is durable."""
        if not self._begun:
            self._begin(b"".join(self._first))
        self._scan(b"", self._transcoder.finish())
        chunks = self._scanner.finish()
        if self._writer:
            self._writer.commit()
        return Text(key=self._key, dialect=self._dialect, header=self._header, chunks=chunks)

    def abort(self) -> None:
        """Forget what was taken."""
        if self._writer:
            self._writer.abort()

    def _begin(self, first: bytes) -> None:
        labels = labels_of(self._dataset)
        self._dialect = self._known or self._settle(first)
        self._transcoder = self._dialect.transcoder()
        if self._packed or self._dialect.encoding != "utf-8":
            self._key = text_key_of(self._key)
            self._writer = self._blobs.writer(self._key)
        text = self._transcoder.feed(first)
        record = first_record(text, self._dialect.syntax, final=len(first) < FIRST_BLOCK_BYTES)
        if record is None:
            raise TooLarge("format-error", "The header row is longer than 1 MiB. Send one header row and data rows.")
        self._header = match_header(record.cells, labels)
        self._scanner = RecordScanner(
            self._dialect,
            self._chunk_bytes,
            offset=self._dialect.text_offset + record.size_bytes,
            row=1 + record.lines if self._dialect.sheet is not None else 2,
            line=1 + record.lines,
        )
        self._begun, self._first = True, []
        self._keep(first, text)
        self._scanner.feed(text[record.size_bytes :])

    def _settle(self, first: bytes) -> Dialect:
        if self._packed and first.startswith(ARCHIVES):
            says = "There is an archive or a workbook inside the archive. Send what is inside by itself."
            raise WrongMediaType("format-error", says)
        return settle_dialect(
            first,
            labels_of(self._dataset),
            declared_encoding=self._wishes.encoding,
            fallbacks=self._dataset.encodings,
            delimiter=self._wishes.delimiter,
        )

    def _scan(self, block: bytes, text: bytes) -> None:
        self._keep(block, text)
        self._scanner.feed(text)

    def _keep(self, block: bytes, text: bytes) -> None:
        """UTF-8 is kept as it is, with its BOM, anything else as what it became."""
        if self._writer:
            self._writer.write(block if self._dialect.encoding == "utf-8" else text)
