"""Every error as RFC 9457 problem JSON, and the only place that knows status codes; query or command -> *HTTP*.

`type` is `/problems/<code>`, as in `problem_types.py`, `instance` the path. What an error of ours knows beside its
message stands as members.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.database import OUTAGES, is_outage
from shared.errors import (
    BadFile,
    BadParameter,
    BadPassword,
    Conflict,
    Disconnected,
    Forbidden,
    InvalidRecord,
    KeyReused,
    NotFound,
    OverQuota,
    Redeclared,
    Refused,
    Stale,
    StillRunning,
    TablefoldError,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    WrongMediaType,
)
from shared.http.correlation import correlation_id
from shared.http.problem_types import MEMBERS, PROBLEM_TYPES

logger = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]
Answer = Response[bytes]

MEDIA_TYPE = "application/problem+json"

CODE: dict[type[TablefoldError], str] = {
    BadParameter: "bad-parameter",
    Disconnected: "disconnected",
    Refused: "refused",
    Unauthenticated: "unauthenticated",
    Forbidden: "forbidden",
    NotFound: "not-found",
    Conflict: "conflict",
    StillRunning: "still-running",
    Stale: "stale-version",
    BadPassword: "bad-password",
    InvalidRecord: "invalid-record",
    KeyReused: "idempotency-key-reused",
    OverQuota: "quota-exceeded",
    TooMany: "too-many-requests",
    Unavailable: "unavailable",
}
"""The type of problem that each error becomes; an error that is not here is answered like the nearest class above it.

Every other TablefoldError is our fault: a 500 that says nothing of the inside.
"""

OF_FILES: dict[type[TablefoldError], int] = {TooLarge: 413, WrongMediaType: 415, BadFile: 422}
"""The status of what is wrong with files; its code is its own."""

OF_FRAMEWORK = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "request-entity-too-large",
    429: "too-many-requests",
}
"""What Litestar answers by itself; `bad-request` stands for any other status."""

CHALLENGE = 'Bearer realm="tablefold"'
"""How to say who one is (RFC 6750); `Token` is taken as well."""

REDECLARED = "Redeclared"
"""A header that says within a service, not to clients: ask again, of an application that knows the new declaration."""

CLIENT_LEFT = "client disconnected prematurely"
"""Litestar's words for it; it has no class of its own."""

QUERY_CANCELED = "57014"

LATE = "The database took too long. Send it again, with the same Idempotency-Key where it has one."
"""A command that was cancelled is not in the log; of one that only waits for its answer that is not known."""


def problem(
    request: AnyRequest,
    status: int,
    code: str,
    detail: str,
    *,
    members: dict[str, object] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One answer of `application/problem+json`; never cached."""
    body = {
        "type": f"/problems/{code}",
        "title": PROBLEM_TYPES[code].title,
        "status": status,
        "detail": detail,
        "instance": request.scope["path"],
        **(members or {}),
    }
    return Response(
        content=msgspec.json.encode(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**(headers or {}), "Cache-Control": "no-store"},
    )


def answer_error(request: AnyRequest, error: TablefoldError, headers: Mapping[str, str] | None = None) -> Answer:
    """The problem that an error of ours becomes, with further headers."""
    known = _known(error)
    if known is None:
        return _answer_unexpected(request, error)
    status, code = known
    wait_s: int | None = getattr(error, "retry_after_s", None)
    said = dict(headers or {}) if wait_s is None else {**(headers or {}), "Retry-After": str(wait_s)}
    if isinstance(error, Redeclared):
        said[REDECLARED] = "true"
    if status == HTTPStatus.UNAUTHORIZED:
        said["WWW-Authenticate"] = CHALLENGE
    return problem(
        request,
        status,
        code,
        str(error),
        members={name: getattr(error, name) for name in MEMBERS if hasattr(error, name)},
        headers=said,
    )


def _known(error: TablefoldError) -> tuple[int, str] | None:
    """The status and the code of an error; None for one that is our fault."""
    kinds = type(error).__mro__
    if isinstance(error, BadFile):
        return next(OF_FILES[kind] for kind in kinds if kind in OF_FILES), error.code
    code = next((CODE[kind] for kind in kinds if kind in CODE), None)
    return None if code is None else (PROBLEM_TYPES[code].statuses[0], code)


def _answer_ours(request: AnyRequest, error: TablefoldError) -> Answer:
    return answer_error(request, error)


def _answer_http(request: AnyRequest, error: HTTPException) -> Answer:
    if error.detail == CLIENT_LEFT:
        return answer_error(request, Disconnected("The client went away before the request was whole."))
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer_unexpected(request, error)
    detail = f"There is nothing at {request.scope['path']}." if error.detail == "Not Found" else error.detail
    return problem(
        request,
        error.status_code,
        OF_FRAMEWORK.get(error.status_code, "bad-request"),
        detail,
        members={"errors": error.extra} if isinstance(error.extra, list) else {},
        headers=error.headers,
    )


def _answer_invalid(request: AnyRequest, error: msgspec.DecodeError) -> Answer:
    return problem(request, 400, "bad-request", f"{error}.")


def _answer_database(request: AnyRequest, error: Exception) -> Answer:
    raised = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(raised, "sqlstate", None) or ""
    if state == QUERY_CANCELED and request.method not in ("GET", "HEAD"):
        return answer_error(request, Unavailable(LATE))
    if state == QUERY_CANCELED:
        detail = "The query took longer than it may. Narrow it with a filter on an indexed field, or ask no count."
        return problem(request, 503, "query-timeout", detail)
    if is_outage(error):
        logger.warning("action=unavailable correlation_id=%s error=%r", correlation_id(request), error)
        return answer_error(request, Unavailable("The database does not answer; try again."))
    return _answer_unexpected(request, error)


def _answer_unexpected(request: AnyRequest, error: Exception) -> Answer:
    caused_by = correlation_id(request)
    logger.error(
        "action=failed correlation_id=%s method=%s path=%r",
        caused_by,
        request.method,
        request.scope["path"],
        exc_info=error,
    )
    detail = f"This is our fault, not yours. Whoever runs this service finds it in the log under {caused_by}."
    members: dict[str, object] = {"correlation_id": str(caused_by)}
    return problem(request, 500, "internal", detail, members=members)


exception_handlers: ExceptionHandlersMap = {
    TablefoldError: _answer_ours,
    HTTPException: _answer_http,
    msgspec.DecodeError: _answer_invalid,
    DBAPIError: _answer_database,
    PoolTimeoutError: _answer_database,
    asyncpg.PostgresError: _answer_database,
    **dict.fromkeys(OUTAGES, _answer_database),
    Exception: _answer_unexpected,
}
"""For `Litestar(exception_handlers=...)`."""
