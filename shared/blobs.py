"""Received files by key, outside the log (claim check); *HTTP -> blob* before the event that names it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from shared.errors import BadSettings, BlobCorrupt

READ_BYTES = 1024 * 1024
PART = ".part"
"""How the name of a blob's file ends until it is whole."""


class BlobWriter(Protocol):
    """One blob in the making. Nothing is readable under its key before `commit` has returned."""

    def write(self, block: bytes) -> None:
        """Append; blocks the thread, so call it in one beside the event loop."""

    def commit(self) -> None:
        """Make the blob durable and readable; after a crash it is there whole or not at all."""

    def abort(self) -> None:
        """Forget what was written."""


class Kept(msgspec.Struct, frozen=True):
    """A blob as it lies in its store; `age_s` counts from when it was last written to."""

    key: str
    size_bytes: int
    age_s: float


class Blobs(Protocol):
    """A store of immutable blobs."""

    def writer(self, key: str) -> BlobWriter:
        """Begin a blob; a key is written once, or again after a crash that came before `commit`."""

    async def has(self, key: str) -> bool:
        """Whether the blob is there, whole."""

    def kept(self) -> AsyncIterator[Kept]:
        """All blobs in no order, and what crashes have left of blobs that were never whole."""

    async def remove(self, key: str) -> None:
        """Forget a blob that no event names, whole or not; does nothing where there is none."""

    def open(self, key: str) -> BinaryIO:
        """The whole blob as a file of this machine, for readers that seek; raises BlobCorrupt where it is missing."""

    async def read(self, key: str, start: int, size_bytes: int) -> bytes:
        """Exactly `size_bytes` from `start`; raises BlobCorrupt where they are not there."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """The whole blob in blocks of at most READ_BYTES; raises BlobCorrupt where it is missing."""


def open_blobs(url: str) -> Blobs:
    """The store behind a URL; `file:///folder` so far. Raises BadSettings."""
    parts = urlsplit(url)
    if parts.scheme != "file" or not parts.path:
        raise BadSettings(f"TABLEFOLD_BLOBS_URL: {url!r} is not of the form file:///folder.")
    return FolderBlobs(Path(unquote(parts.path)))


class FolderBlobs:
    """Blobs as files of one folder. A file is synced, renamed into place, and its folder synced."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def writer(self, key: str) -> BlobWriter:
        return _FileWriter(self._folder, key)

    async def has(self, key: str) -> bool:
        return await asyncio.to_thread((self._folder / key).exists)

    async def kept(self) -> AsyncIterator[Kept]:
        now = time.time()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                try:
                    found = entry.stat()
                except FileNotFoundError:
                    continue  # Removed or renamed meanwhile.
                yield Kept(entry.name.removesuffix(PART), found.st_size, now - found.st_mtime)

    async def remove(self, key: str) -> None:
        for name in (key, f"{key}{PART}"):
            (self._folder / name).unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        try:
            return (self._folder / key).open("rb")
        except FileNotFoundError as error:
            raise BlobCorrupt(f"Blob {key} is missing; restore it from a backup of the blob store.") from error

    async def read(self, key: str, start: int, size_bytes: int) -> bytes:
        return await asyncio.to_thread(self._read, key, start, size_bytes)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        start = 0
        while block := await asyncio.to_thread(self._read_some, key, start):
            start += len(block)
            yield block

    def _read(self, key: str, start: int, size_bytes: int) -> bytes:
        with self.open(key) as file:
            file.seek(start)
            block = file.read(size_bytes)
        if len(block) != size_bytes:
            raise BlobCorrupt(f"Blob {key} is shorter than it was received; restore it from a backup.")
        return block

    def _read_some(self, key: str, start: int) -> bytes:
        with self.open(key) as file:
            file.seek(start)
            return file.read(READ_BYTES)


class _FileWriter:
    def __init__(self, folder: Path, key: str) -> None:
        self._path = folder / key
        self._part = folder / f"{key}{PART}"
        self._file = self._part.open("wb", buffering=0)

    def write(self, block: bytes) -> None:
        view = memoryview(block)
        while view:
            view = view[self._file.write(view) :]

    def commit(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def abort(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)
