"""Routes that answer GET and HEAD, whichever a client or a gateway asks; *HTTP -> query*."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Operation
from litestar.response import Stream
from litestar.response.base import Response

from query_api.answers import Ready
from shared.http.lean_routes import LeanRoute
from shared.http.problems import AnyRequest

Handler = Callable[[AnyRequest], Awaitable[Response[bytes] | Stream]]


class _Route(LeanRoute):
    async def to_response(self, app: Any, data: Any, request: AnyRequest) -> Any:
        """What is ready needs nothing but to be sent."""
        if type(data) is Ready:
            return data.to_asgi_response(request=request)
        return await super().to_response(app, data, request)


def readable(path: str, handler: Handler, operation: type[Operation]) -> HTTPRouteHandler:
    """A route for GET and HEAD; OpenAPI names its operations after the path."""
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
