"""Answers as JSON bytes: decimals as strings, dates as ISO 8601; query -> *HTTP*."""

from __future__ import annotations

import msgspec
from litestar import Response

from query_api.pages import Page
from shared.http.positions import HEADER, Position
from shared.http.problems import AnyRequest

Answer = Response[bytes]

OFTEN_ASKED = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
"""Of answers that have a tag: a client may keep them for itself, and asks each time whether they are still so."""

NEVER_KEPT = {"Cache-Control": "no-store"}


def answer(body: object, position: Position | None = None, headers: dict[str, str] | None = None) -> Answer:
    """A 200 with JSON; `position` is how far the log is folded in it."""
    positions = {HEADER: str(position)} if position else {}
    return Response(
        content=msgspec.json.encode(body), media_type="application/json", headers={**positions, **(headers or {})}
    )


def versioned(request: AnyRequest, body: object, position: Position, version: object) -> Answer:
    """One thing with its version as `ETag`, or a 304 where `If-None-Match` names that; None has no version."""
    if version is None:
        return answer(body, position, NEVER_KEPT)
    tag = f'"{version}"'
    headers = {"ETag": tag, **OFTEN_ASKED}
    if not is_known(request.headers.get("If-None-Match", ""), tag):
        return answer(body, position, headers)
    return unchanged({HEADER: str(position), **headers})


def unchanged(headers: dict[str, str]) -> Answer:
    """A 304: the caller has it already."""
    return Response(b"", status_code=304, headers=headers)


def is_known(if_none_match: str, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, weakly or not, or says `*` (RFC 9110)."""
    tag = tag.removeprefix("W/")
    named = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return bool({tag, "*"} & named)


def list_body(page: Page, results: list[dict[str, object]]) -> dict[str, object]:
    """The shape of every list."""
    return {"results": results, "next": page.next, "previous": page.previous, "count": page.count}
