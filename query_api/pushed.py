"""An answer whose body is pushed block by block, as fast as the client takes it; query -> *HTTP*."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from shared.errors import Disconnected
from shared.tasks import end_all

WRITE_S = 20.0
"""A client that does not take a block within that time is cut off."""

Write = Callable[[bytes], Awaitable[None]]
Start = Callable[[Mapping[str, str]], Write]
"""Takes further headers; answers what writes a block and returns when there is room for the next."""

Push = Callable[[Start], Awaitable[None]]


class Pushed(Response[bytes]):
    """Runs `push` once the client is there. What goes wrong before its first block is answered as a problem.

    `push` is cancelled as soon as the client goes away, and gets Disconnected when the client takes a block too slowly;
    the body is then cut off, which a client can tell from one that is whole. Of HEAD it gets that when it starts.
    """

    def __init__(self, push: Push, media_type: str, headers: dict[str, str], write_s: float) -> None:
        super().__init__(b"", media_type=media_type, headers=headers)
        self._push, self._write_s = push, write_s

    def to_asgi_response(self, *_: Any, headers: dict[str, str] | None = None, **said: Any) -> ASGIResponse:
        """For Litestar alone."""
        everything, is_head = {**(headers or {}), **self.headers}, said["request"].method == "HEAD"
        return _Pushing(self._push, self._write_s, str(self.media_type), everything, is_head)


class _Pushing(ASGIResponse):
    _should_set_content_length = False

    def __init__(self, push: Push, write_s: float, media_type: str, headers: dict[str, str], is_head: bool) -> None:
        super().__init__(media_type=media_type, headers=headers)
        self._push, self._write_s, self._is_head, self._started = push, write_s, is_head, False

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        pushing = asyncio.create_task(self._push_all(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({pushing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_all((pushing, leaving))
        if not pushing.cancelled():
            pushing.result()

    async def _push_all(self, send: Send) -> None:
        async def write(block: bytes, more: bool = True) -> None:
            try:
                async with asyncio.timeout(self._write_s):
                    if not self._started:
                        self._started = True
                        await self.start_response(send)
                    await send({"type": "http.response.body", "body": block, "more_body": more})
            except TimeoutError:
                raise Disconnected(f"A block was not taken within {self._write_s:g} s.") from None

        def start(headers: Mapping[str, str]) -> Write:
            for name, value in headers.items():
                self.headers[name] = value
            if self._is_head:
                raise Disconnected("No more than the head was asked for.")
            return write

        try:
            await self._push(start)
            await write(b"", more=False)
        except Disconnected:
            if self._is_head:
                await write(b"", more=False)
            elif not self._started:
                raise


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
