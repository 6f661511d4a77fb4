"""Changes the headers of answers on their way out; *command or query -> HTTP*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]
Change = Callable[[Any, Headers], Headers]
"""Is given the scope and the headers of an answer, and says those that are sent."""


def with_changed_headers(app: ASGIApp, *changes: Change) -> ASGIApp:
    """The same app; each change is given what the one before it says."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                for change in changes:
                    headers = change(scope, headers)
                message["headers"] = headers
            await send(message)

        await app(scope, receive, take)

    return answered
