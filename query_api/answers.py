"""Answers as JSON bytes: decimals as strings, dates as ISO 8601; query -> *HTTP*."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response
from litestar.types import Receive, Scope, Send

from query_api.pages import Page
from shared.http.callers import header_of
from shared.http.positions import HEADER, Position
from shared.http.problems import AnyRequest

JSON = "application/json"


class Ready(Response[bytes]):
    """Bytes that are sent as they are; it costs a fifth of what Litestar's own response does."""

    def __init__(self, content: bytes, status_code: int, headers: dict[str, str]) -> None:
        self.content, self.status_code, self.headers = content, status_code, headers

    def to_asgi_response(self, *_: Any, **said: Any) -> Any:
        """For Litestar alone."""
        return self._send_head if said["request"].method == "HEAD" else self._send

    async def _send(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        encoded = [(name.lower().encode(), text.encode("latin-1")) for name, text in self.headers.items()]
        start: Any = {"type": "http.response.start", "status": self.status_code, "headers": encoded}
        await send(start)
        await send({"type": "http.response.body", "body": self.content, "more_body": False})

    async def _send_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.content = b""
        await self._send(scope, receive, send)


Answer = Response[bytes]


def ready(content: bytes, headers: dict[str, str]) -> Answer:
    """A 200 with JSON."""
    return Ready(content, 200, {**headers, "Content-Type": JSON, "Content-Length": str(len(content))})


OFTEN_ASKED = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
"""Of answers that have a tag: a client may keep them for itself, and asks each time whether they are still so."""

NEVER_KEPT = {"Cache-Control": "no-store"}


def answer(body: object, position: Position | None = None, headers: dict[str, str] | None = None) -> Answer:
    """A 200 with JSON; `position` is how far the log is folded in it."""
    positions = {HEADER: str(position)} if position else {}
    return ready(msgspec.json.encode(body), {**positions, **(headers or {})})


def versioned(request: AnyRequest, body: object, position: Position, version: object) -> Answer:
    """One thing with its version as `ETag`, or a 304 where `If-None-Match` names that; None has no version."""
    if version is None:
        return answer(body, position, NEVER_KEPT)
    tag = f'"{version}"'
    headers = {"ETag": tag, **OFTEN_ASKED}
    if not is_known(header_of(request.scope, b"if-none-match") or "", tag):
        return answer(body, position, headers)
    return unchanged({HEADER: str(position), **headers})


def unchanged(headers: dict[str, str]) -> Answer:
    """A 304: the caller has it already."""
    return Ready(b"", 304, headers)


def is_known(if_none_match: str, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, weakly or not, or says `*` (RFC 9110)."""
    tag = tag.removeprefix("W/")
    named = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return bool({tag, "*"} & named)


def list_body(page: Page, results: list[dict[str, object]]) -> dict[str, object]:
    """The shape of every list."""
    return {"results": results, "next": page.next, "previous": page.previous, "count": page.count}
