"""Answers that are to be saved as a file; query -> *HTTP*."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

_UNSAFE = re.compile(r"[^A-Za-z0-9 ._()+-]")


def attachment(file_name: str) -> dict[str, str]:
    """`Content-Disposition` as in RFC 6266, and no guessing of types; a name never leads into another folder."""
    last = re.split(r"[/\\]", file_name)[-1].strip()
    name = last if last.strip(".") else "file"
    plain = _UNSAFE.sub("_", name)[:200]
    encoded = quote(name[-200:].encode("utf-8", "replace"), safe="")
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}",
        "X-Content-Type-Options": "nosniff",
    }


async def begun(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same blocks once the first is there: what goes wrong before it is still answered as a problem."""
    return _joined(await anext(blocks, b""), blocks)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block
