"""A file's way in: HTTP -> *blob and chunk plan* -> event. Constant memory, whatever the file's size.

Blocks are hashed, written and cut at record boundaries in a thread, while the next block arrives.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from shared.blobs import Blobs, BlobWriter
from shared.datasets.declaration import Dataset
from shared.errors import TooLarge
from shared.tabular.dialect import Dialect, settle_dialect
from shared.tabular.header import Header, Label, first_record, match_header
from shared.tabular.records import Chunk, RecordScanner

BLOCK_BYTES = 1024 * 1024
FIRST_BLOCK_BYTES = 2 * 1024 * 1024
"""How much is read before the dialect is settled: twice the longest header."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says of the file; None means that the file is to tell."""

    file_name: str = "upload.csv"
    source: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


class ReceivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that lies in the blob store, synced, with all that its event will say of it."""

    blob_key: str
    text_key: str
    sha256: str
    size_bytes: int
    dialect: Dialect
    header: Header
    chunks: tuple[Chunk, ...]


class Receiver:
    """Receives one file; `receive` is called once."""

    def __init__(
        self, blobs: Blobs, dataset: Dataset, upload_id: UUID, *, chunk_bytes: int, max_upload_bytes: int
    ) -> None:
        self._blobs = blobs
        self._dataset = dataset
        self._blob_key = upload_id.hex
        self._text_key = upload_id.hex
        self._chunk_bytes = chunk_bytes
        self._max_upload_bytes = max_upload_bytes
        self._hash = hashlib.sha256()
        self._size_bytes = 0
        self._writers: list[BlobWriter] = []

    async def receive(self, body: AsyncIterator[bytes], wishes: Wishes) -> ReceivedFile:
        """Store the whole body. Raises BadFile, or whatever the body raises; then nothing is kept."""
        blocks = _gathered(body)
        try:
            first = await anext(blocks, b"")
            await asyncio.to_thread(self._begin, first, wishes)
            async for block in _one_ahead(blocks):
                await asyncio.to_thread(self._take, block)
            return await asyncio.to_thread(self._finish)
        except BaseException:
            await asyncio.to_thread(self._abort)
            raise

    def _begin(self, first: bytes, wishes: Wishes) -> None:
        labels = labels_of(self._dataset)
        self._dialect = settle_dialect(
            first,
            labels,
            declared_encoding=wishes.encoding,
            fallbacks=self._dataset.encodings,
            delimiter=wishes.delimiter,
        )
        self._transcoder = self._dialect.transcoder()
        self._writers.append(self._blobs.writer(self._blob_key))
        if self._dialect.encoding != "utf-8":
            self._text_key = f"{self._blob_key}.utf-8"
            self._writers.append(self._blobs.writer(self._text_key))
        self._account(first)
        text = self._transcoder.feed(first)
        record = first_record(text, self._dialect.syntax, final=len(first) < FIRST_BLOCK_BYTES)
        if record is None:
            raise TooLarge("format-error", "The header row is longer than 1 MiB. Send one header row and data rows.")
        self._header = match_header(record.cells, labels)
        self._scanner = RecordScanner(
            self._dialect,
            self._chunk_bytes,
            offset=self._dialect.text_offset + record.size_bytes,
            row=2,
            line=1 + record.lines,
        )
        self._scan(text, text[record.size_bytes :])

    def _take(self, block: bytes) -> None:
        self._account(block)
        text = self._transcoder.feed(block)
        self._scan(text, text)

    def _account(self, block: bytes) -> None:
        self._size_bytes += len(block)
        if self._size_bytes > self._max_upload_bytes:
            says = f"The file is longer than {self._max_upload_bytes} bytes. Send it in parts."
            raise TooLarge("format-error", says)
        self._hash.update(block)
        self._writers[0].write(block)

    def _scan(self, text: bytes, records: bytes) -> None:
        if len(self._writers) == 2:
            self._writers[1].write(text)
        self._scanner.feed(records)

    def _finish(self) -> ReceivedFile:
        rest = self._transcoder.finish()
        self._scan(rest, rest)
        chunks = self._scanner.finish()
        for writer in self._writers:
            writer.commit()
        return ReceivedFile(
            blob_key=self._blob_key,
            text_key=self._text_key,
            sha256=self._hash.hexdigest(),
            size_bytes=self._size_bytes,
            dialect=self._dialect,
            header=self._header,
            chunks=chunks,
        )

    def _abort(self) -> None:
        for writer in self._writers:
            writer.abort()


def labels_of(dataset: Dataset) -> list[Label]:
    """The header labels that a dataset knows."""
    return [Label(field.name, (field.name, *field.labels), field.required) for field in dataset.file_fields]


async def _gathered(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes, the first block of FIRST_BLOCK_BYTES, the others of BLOCK_BYTES; only the last is shorter."""
    wanted, pending, size_bytes = FIRST_BLOCK_BYTES, [], 0
    async for piece in body:
        pending.append(piece)
        size_bytes += len(piece)
        while size_bytes >= wanted:
            whole = b"".join(pending)
            yield whole[:wanted]
            pending, size_bytes = [whole[wanted:]], size_bytes - wanted
            wanted = BLOCK_BYTES
    if size_bytes:
        yield b"".join(pending)


async def _one_ahead(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same blocks, each next one being awaited while the caller works on the one before."""
    coming = asyncio.ensure_future(anext(blocks, None))
    try:
        while (block := await coming) is not None:
            coming = asyncio.ensure_future(anext(blocks, None))
            yield block
    finally:
        coming.cancel()
