"""The bytes of a body in blocks of even size, one ahead of whoever works on them; *HTTP* -> command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from command_api.texts import FIRST_BLOCK_BYTES

BLOCK_BYTES: Final = 1024 * 1024


async def gathered(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
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


async def one_ahead(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same blocks, each next one being awaited while the caller works on the one before."""
    coming = asyncio.ensure_future(anext(blocks, None))
    try:
        while (block := await coming) is not None:
            coming = asyncio.ensure_future(anext(blocks, None))
            yield block
    finally:
        coming.cancel()
