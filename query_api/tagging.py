"""An `ETag` made of the bytes themselves, for answers that change without an event; query -> *HTTP*.

Uploads while they load, books, statistics: no position tells whether they are still so. They are read each time, and
sent where they differ. It is what the caller may see that is digested, after sensitive values were masked.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from query_api.answers import OFTEN_ASKED, is_known
from shared.http.sensitive import media_type

OWN = (b"etag", b"cache-control")
"""An answer that has one of these says itself how it may be kept."""


def with_tags_of_bodies(app: ASGIApp) -> ASGIApp:
    """The same app; a JSON answer to GET that has no tag gets one, or becomes a 304 where the caller named that."""

    async def tagged(scope: Scope, receive: Receive, send: Send) -> None:
        is_read = str(scope["type"]) == "http" and scope.get("method") == "GET"
        await app(scope, receive, _Answer(scope, send).take if is_read else send)

    return tagged


class _Answer:
    """One answer on its way out; its start waits for its body where that comes whole, as JSON does."""

    def __init__(self, scope: Any, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Any = None

    async def take(self, message: Message) -> None:
        """Pass a message on, or send start and body with the tag of the body."""
        if message["type"] == "http.response.start" and _is_untagged(message):
            self._start = message
            return
        start, self._start = self._start, None
        if start is None or message["type"] != "http.response.body" or message.get("more_body"):
            for one in (start, message):
                if one is not None:
                    await self._send(one)
            return
        await self._finish(start, message)

    async def _finish(self, start: Any, message: Any) -> None:
        tag = f'"{blake2b(message["body"], digest_size=12).hexdigest()}"'
        said = {"ETag": tag, **OFTEN_ASKED}
        start["headers"] = [*start["headers"], *((name.lower().encode(), text.encode()) for name, text in said.items())]
        known = [text.decode("latin-1") for name, text in self._scope["headers"] if name == b"if-none-match"]
        if is_known(",".join(known), tag):
            start["status"] = 304
            about_body = (b"content-length", b"content-type")
            start["headers"] = [pair for pair in start["headers"] if pair[0].lower() not in about_body]
            message = {**message, "body": b""}
        await self._send(start)
        await self._send(message)


def _is_untagged(message: Any) -> bool:
    if message["status"] != 200 or media_type(message) != b"application/json":
        return False
    return not any(name.lower() in OWN for name, _ in message["headers"])
