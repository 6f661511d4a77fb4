"""A file's way in: HTTP -> *blob and chunk plan* -> event. Constant memory, whatever the file's size.

Blocks are hashed, written and cut at record boundaries in a thread, while the next block arrives. gzip is inflated on
the way; a ZIP archive or a workbook is kept first and then opened by a child process.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Final
from uuid import UUID

import msgspec

from command_api.archives.orders import Order, formats_of, labels_of
from command_api.archives.unpacking import Unpacker
from command_api.blocks import gathered, one_ahead
from command_api.growth import Growth
from command_api.inflating import Inflater
from command_api.texts import Text, TextTaker, Wishes, text_key_of
from shared.blobs import Blobs
from shared.datasets.declaration import Dataset
from shared.errors import BadFile, BadParameter, TooLarge, WrongMediaType
from shared.settings import Settings
from shared.tabular.dialect import Dialect
from shared.tabular.header import Header
from shared.tabular.records import Chunk

GZIP: Final = b"\x1f\x8b"
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
WORKBOOK_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ReceivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that lies in the blob store, synced, with all that its event will say of it.

    `media_type` is what its bytes say, None where they are plain text.
    """

    blob_key: str
    text_key: str
    sha256: str
    size_bytes: int
    media_type: str | None
    dialect: Dialect
    header: Header
    chunks: tuple[Chunk, ...]


class Receiver:
    """Receives one file; `receive` is called once, and at once: the blob is begun."""

    def __init__(
        self, settings: Settings, blobs: Blobs, unpacker: Unpacker, dataset: Dataset, upload_id: UUID, wishes: Wishes
    ) -> None:
        self._settings = settings
        self._blobs = blobs
        self._unpacker = unpacker
        self._dataset = dataset
        self._wishes = wishes
        self._key = upload_id.hex
        self._hash = hashlib.sha256()
        self._size_bytes = 0
        self._writer = blobs.writer(self._key)
        self._text = self._taker()

    async def receive(self, body: AsyncIterator[bytes], *, gzipped: bool) -> ReceivedFile:
        """Store the whole body, which is said to be `gzipped` or not.

        Raises BadFile, or whatever the body raises; then nothing is kept.
        """
        blocks = gathered(body)
        try:
            first = await anext(blocks, b"")
            if gzipped and first and not first.startswith(GZIP):
                raise BadFile("format-error", "Content-Encoding says gzip, but the body is no gzip data.")
            return await self._receive(first, blocks)
        except BaseException:
            await asyncio.to_thread(self._abort)
            for key in (self._key, text_key_of(self._key)):
                await self._blobs.remove(key)
            raise

    async def _receive(self, first: bytes, blocks: AsyncIterator[bytes]) -> ReceivedFile:
        if first.startswith(OLE):
            raise _old_office(first)
        if first.startswith(ZIP):
            await self._each(first, blocks, self._keep)
            await asyncio.to_thread(self._writer.commit)
            return await self._unpack()
        if self._wishes.sheet is not None:
            raise BadParameter("sheet", "The file is no workbook and has no sheets. Leave the parameter out.")
        if first.startswith(GZIP):
            self._text = self._taker(packed=True)
            growth = Growth(self._settings.max_upload_bytes, self._settings.max_inflation)
            self._inflater = Inflater(growth)
            await self._each(first, blocks, self._keep_and_inflate)
            self._inflater.finish()
            return await asyncio.to_thread(self._finish, "application/gzip")
        await self._each(first, blocks, self._keep_and_take)
        return await asyncio.to_thread(self._finish, None)

    async def _each(self, first: bytes, blocks: AsyncIterator[bytes], take: Callable[[bytes], None]) -> None:
        await asyncio.to_thread(take, first)
        async for block in one_ahead(blocks):
            await asyncio.to_thread(take, block)

    async def _unpack(self) -> ReceivedFile:
        with self._blobs.open(self._key) as archive:
            async with self._unpacker.opened(archive, self._order()) as unpacked:
                sheet = (await unpacked.head()).sheet
                self._text = self._taker(packed=True, dialect=_sheet_dialect(sheet) if sheet is not None else None)
                async for block in unpacked.blocks():
                    await asyncio.to_thread(self._text.feed, block)
        text = await asyncio.to_thread(self._text.finish)
        return self._received(text, "application/zip" if sheet is None else WORKBOOK_TYPE)

    def _order(self) -> Order:
        return Order(
            labels=labels_of(self._dataset),
            formats=formats_of(self._dataset),
            sheet=self._wishes.sheet,
            max_bytes=self._settings.max_upload_bytes,
            max_inflation=self._settings.max_inflation,
            memory_bytes=self._settings.unpack_memory_bytes,
            cpu_s=max(1, int(self._settings.unpack_s)),
        )

    def _taker(self, *, packed: bool = False, dialect: Dialect | None = None) -> TextTaker:
        chunk_bytes = self._settings.chunk_bytes
        return TextTaker(
            self._blobs, self._key, self._dataset, self._wishes, chunk_bytes, packed=packed, dialect=dialect
        )

    def _keep(self, block: bytes) -> None:
        self._size_bytes += len(block)
        if self._size_bytes > self._settings.max_upload_bytes:
            says = f"The file is longer than {self._settings.max_upload_bytes} bytes. Send it in parts."
            raise TooLarge("format-error", says)
        self._hash.update(block)
        self._writer.write(block)

    def _keep_and_take(self, block: bytes) -> None:
        self._keep(block)
        self._text.feed(block)

    def _keep_and_inflate(self, block: bytes) -> None:
        self._keep(block)
        for piece in self._inflater.feed(block):
            self._text.feed(piece)

    def _finish(self, media_type: str | None) -> ReceivedFile:
        text = self._text.finish()
        self._writer.commit()
        return self._received(text, media_type)

    def _received(self, text: Text, media_type: str | None) -> ReceivedFile:
        return ReceivedFile(
            blob_key=self._key,
            text_key=text.key,
            sha256=self._hash.hexdigest(),
            size_bytes=self._size_bytes,
            media_type=media_type,
            dialect=text.dialect,
            header=text.header,
            chunks=text.chunks,
        )

    def _abort(self) -> None:
        self._writer.abort()
        self._text.abort()


def _sheet_dialect(sheet: str) -> Dialect:
    """How a sheet's text is written: CR ends a row, so that a line end within a cell is none of the text."""
    return Dialect("utf-8", "declared", ",", "cr", 0, sheet)


def _old_office(first: bytes) -> WrongMediaType:
    if ENCRYPTED in first:
        return WrongMediaType("format-error", "The workbook is encrypted. Save it without a password.")
    return WrongMediaType("format-error", "The file is an old Office document (.xls). Save it as XLSX or CSV.")
