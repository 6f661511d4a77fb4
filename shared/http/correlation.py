"""One id for everything that a request causes: its log lines, its events, its problem; HTTP -> *command or query*."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from litestar.connection import ASGIConnection

KEY = "tablefold_correlation_id"


def correlation_id(connection: ASGIConnection[Any, Any, Any, Any]) -> UUID:
    """The caller's `X-Request-ID` where that is a UUID, else a new one; the same each time for one request."""
    state = connection.scope["state"]
    if KEY not in state:
        state[KEY] = _read(connection.headers.get("x-request-id", ""))
    found: UUID = state[KEY]
    return found


def _read(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        return uuid4()
