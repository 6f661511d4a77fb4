"""Answers as JSON bytes: decimals as strings, dates as ISO 8601; query -> *HTTP*."""

from __future__ import annotations

import msgspec
from litestar import Response

from query_api.pages import Page
from shared.http.positions import HEADER, Position

Answer = Response[bytes]


def answer(body: object, position: Position | None = None, headers: dict[str, str] | None = None) -> Answer:
    """A 200 with JSON; `position` is how far the log is folded in it."""
    positions = {HEADER: str(position)} if position else {}
    return Response(
        content=msgspec.json.encode(body), media_type="application/json", headers={**positions, **(headers or {})}
    )


def list_body(page: Page, results: list[dict[str, object]]) -> dict[str, object]:
    """The shape of every list."""
    return {"results": results, "next": page.next, "previous": page.previous, "count": page.count}
