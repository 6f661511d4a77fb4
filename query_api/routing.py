"""Routes that answer GET and HEAD, whichever a client or a gateway asks; *HTTP -> query*."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Operation
from litestar.response import Stream
from litestar.response.base import Response

from query_api.answers import Ready
from shared.http.problems import AnyRequest

AnyConnection = ASGIConnection[Any, Any, Any, Any]
Handler = Callable[[AnyRequest], Awaitable[Response[bytes] | Stream]]


class _Route(HTTPRouteHandler):
    """Spares each request what Litestar does for handlers with arguments, layers and responses of any kind."""

    async def authorize_connection(self, connection: AnyConnection) -> None:
        """Ask the guards, of the route itself: ours change none, and the copy that Litestar makes costs as much."""
        for guard in self.resolve_guards():
            found = guard(connection, self)
            if found is not None:
                await found

    def resolve_exception_handlers(self) -> Any:
        """Litestar's documentation has them resolved once."""
        return self._exception_handlers

    @cached_property
    def _exception_handlers(self) -> Any:
        return super().resolve_exception_handlers()

    async def to_response(self, app: Any, data: Any, request: AnyRequest) -> Any:
        """What is ready needs nothing but to be sent."""
        if type(data) is Ready:
            return data.to_asgi_response(request=request)
        return await super().to_response(app, data, request)


def readable(path: str, handler: Handler, operation: type[Operation]) -> HTTPRouteHandler:
    """A route for GET and HEAD; OpenAPI names its operations after the path.

    The handler answers before Litestar would read arguments for it: it has none but the request.
    """
    name = path.strip("/").replace("/", "-").replace(".", "-").replace("{", "").replace(":str}", "")

    def operation_id(_route: HTTPRouteHandler, method: HttpMethod | str, _path: object) -> str:
        return f"{HttpMethod(method).value.lower()}-{name}"

    route = _Route(
        path,
        http_method=(HttpMethod.GET, HttpMethod.HEAD),
        operation_class=operation,
        operation_id=operation_id,
        before_request=handler,
    )
    return route(handler)
