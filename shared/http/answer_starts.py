"""Changes the headers of answers on their way out; *command or query -> HTTP*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]


def with_changed_headers(app: ASGIApp, change: Callable[[Any, Headers], Headers]) -> ASGIApp:
    """The same app; `change` is given the scope and the headers of each answer, and says those that are sent."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = change(scope, list(message["headers"]))
            await send(message)

        await app(scope, receive, take)

    return answered
