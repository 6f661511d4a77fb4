"""How many requests one process has in work at the same time; *HTTP* -> command or query."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection
from litestar.types import ASGIApp, Receive, Scope, Send

from shared.http.callers import address_of
from shared.http.problems import MEDIA_TYPE

MOST: Final = 1_000
MOST_OF_ONE: Final = 250
"""From one address: slow bodies and streams of one caller leave room for others."""


def with_crowd_bound(app: ASGIApp, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> ASGIApp:
    """The same app; requests above the bounds are 503 at once, but for `/health`, which must tell the truth."""
    inside: Counter[str] = Counter()

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/health":
            await app(scope, receive, send)
            return
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        address = address_of(connection)
        if inside.total() >= most or inside[address] >= most_of_one:
            await _refuse(scope["path"], send)
            return
        inside[address] += 1
        try:
            await app(scope, receive, send)
        finally:
            inside[address] -= 1
            if not inside[address]:
                del inside[address]

    return bounded


async def _refuse(path: str, send: Send) -> None:
    body = msgspec.json.encode(
        {
            "type": "/problems/unavailable",
            "title": "As much is being done as may be",
            "status": HTTPStatus.SERVICE_UNAVAILABLE.value,
            "detail": "Too many requests are open, of all callers or from your address. Try again.",
            "instance": path,
        }
    )
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.SERVICE_UNAVAILABLE.value, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
