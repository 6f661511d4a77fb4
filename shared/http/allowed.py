"""`Allow` in the answer to OPTIONS: every method of the path, whichever handlers they belong to; *HTTP*."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.types import ASGIApp, Message, Receive, Scope, Send


def with_allow(app: ASGIApp, routes: Iterable[tuple[str, str]]) -> ASGIApp:
    """The same app; `routes` are its methods and path templates.

    Litestar makes the answer with the first handler of a path, and knows only the methods of that one.
    """
    methods: dict[str, list[str]] = {}
    for method, path in sorted(routes):
        methods.setdefault(path, ["OPTIONS"]).append(method)

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = methods.get(str(scope.get("path_template")), [])
                allow = ", ".join(sorted(known)).encode()
                others = [pair for pair in message["headers"] if pair[0].lower() != b"allow"]
                if len(others) < len(list(message["headers"])) and known:
                    message["headers"] = [*others, (b"allow", allow)]
            await send(message)

        await app(scope, receive, take if scope.get("method") == "OPTIONS" else send)

    return answered
