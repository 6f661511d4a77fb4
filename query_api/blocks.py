"""Turns what PostgreSQL copies out into blocks worth a write; read table -> query -> *HTTP*."""

from __future__ import annotations

from typing import Protocol

from query_api.pushed import Write

BLOCK_BYTES = 128 * 1024


class Sink(Protocol):
    """Takes whole rows, any number at a time, and at last is told that there are no more."""

    async def take(self, rows: bytes) -> None: ...

    async def end(self) -> None: ...


class Blocks:
    """Passes the bytes on as they are."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting = bytearray()

    async def take(self, rows: bytes) -> None:
        """Keep them until they fill a block; returns when there is room for more."""
        self._waiting += rows
        if len(self._waiting) >= BLOCK_BYTES:
            await self.end()

    async def end(self) -> None:
        """Write what waits."""
        block, self._waiting = bytes(self._waiting), bytearray()
        await self._write(block)
