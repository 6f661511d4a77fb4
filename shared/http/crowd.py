"""How many requests one process has in work at the same time; *HTTP* -> command or query."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from shared.http.callers import address_of
from shared.http.problems import AnyRequest, problem

MOST: Final = 1_000
MOST_OF_ONE: Final = 250
"""From one address: slow bodies and streams of one caller leave room for others."""


def with_crowd_bound(app: ASGIApp, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> ASGIApp:
    """The same app; requests above the bounds are 503 at once, but for `/health`, which must tell the truth."""
    inside: dict[str, int] = {}
    count = 0

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/health":
            await app(scope, receive, send)
            return
        nonlocal count
        address = address_of(scope)
        own = inside.get(address, 0)
        if count >= most or own >= most_of_one:
            await _refuse(scope, receive, send)
            return
        inside[address], count = own + 1, count + 1
        try:
            await app(scope, receive, send)
        finally:
            count -= 1
            inside[address] -= 1
            if not inside[address]:
                del inside[address]

    return bounded


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    request: AnyRequest = Request(scope, receive, send)
    answer = problem(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "Too many requests are open, of all callers or from your address. Try again.",
        headers={"Retry-After": "1"},
    )
    await answer.to_asgi_response(app=None, request=request)(scope, receive, send)
