"""Each error becomes the problem that `shared/http/problems.py` promises."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NoReturn

import asyncpg
import msgspec
import pytest
from litestar import Litestar, Request, get, post
from litestar.exceptions import ClientException, HTTPException, InternalServerException
from litestar.testing import TestClient
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.errors import (
    BadFile,
    BadParameter,
    Behind,
    BlobCorrupt,
    Disconnected,
    Fenced,
    LogDiverged,
    NotFound,
    Refused,
    TooLarge,
    Unavailable,
    WrongMediaType,
)
from shared.http.problems import CLIENT_LEFT, MEDIA_TYPE, exception_handlers

Body = dict[str, object]


class Raised:
    """What the next request raises."""

    error: Exception


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    @get("/raise", sync_to_thread=False)
    def fail() -> NoReturn:
        raise Raised.error

    @post("/small", request_max_body_size=10)
    async def small(request: Request[Any, Any, Any]) -> None:
        await request.body()

    app = Litestar([fail, small], exception_handlers=exception_handlers, logging_config=None, openapi_config=None)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient[Litestar], error: Exception) -> tuple[int, Body, str | None]:
    """Status, body without what every problem has, and Retry-After."""
    Raised.error = error
    answer = client.get("/raise")
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.pop("status") == answer.status_code
    assert body.pop("instance") == "/raise"
    assert body.pop("title")
    return answer.status_code, body, answer.headers.get("retry-after")


@pytest.mark.parametrize(
    ("error", "status", "code", "members", "retry_after"),
    [
        (NotFound("x"), 404, "not-found", {}, None),
        (Refused("x"), 400, "refused", {}, None),
        (BadParameter("a", "x", "b"), 400, "bad-parameter", {"parameter": "a", "nearest": "b"}, None),
        (BadFile("missing-label", "x", ("l",)), 422, "missing-label", {"code": "missing-label", "labels": ["l"]}, None),
        (TooLarge("field-too-long", "x"), 413, "field-too-long", {"code": "field-too-long", "labels": []}, None),
        (WrongMediaType("format-error", "x"), 415, "format-error", {"code": "format-error", "labels": []}, None),
        (Disconnected("x"), 400, "disconnected", {}, None),
        (Unavailable("x", 7), 503, "unavailable", {}, "7"),
    ],
)
def test_our_errors_keep_their_message_and_what_they_know(
    client: TestClient[Litestar], error: Exception, status: int, code: str, members: Body, retry_after: str | None
) -> None:
    assert ask(client, error) == (status, {"type": f"/problems/{code}", "detail": "x", **members}, retry_after)


def test_a_read_that_is_behind_says_by_how_many_events(client: TestClient[Litestar]) -> None:
    status, body, retry_after = ask(client, Behind("debts:57", 4))
    assert (status, body["lag_events"], retry_after) == (503, 4, "1")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ClientException("no"), 400, "bad-request"),
        (HTTPException(status_code=413, detail="no"), 413, "request-entity-too-large"),
        (HTTPException(status_code=429, detail="no", headers={"Retry-After": "3"}), 429, "too-many-requests"),
        (InternalServerException(CLIENT_LEFT), 400, "disconnected"),
        (msgspec.ValidationError("Expected `int`"), 400, "bad-request"),
    ],
)
def test_errors_of_the_framework_are_problems(
    client: TestClient[Litestar], error: Exception, status: int, code: str
) -> None:
    found, body, _ = ask(client, error)
    assert (found, body["type"]) == (status, f"/problems/{code}")


def test_a_path_that_is_not_there_is_a_problem(client: TestClient[Litestar]) -> None:
    answer = client.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)
    assert answer.json()["detail"] == "There is nothing at /nothing."


def test_a_method_that_is_not_there_names_those_that_are(client: TestClient[Litestar]) -> None:
    answer = client.post("/raise")
    assert (answer.status_code, answer.headers["content-type"]) == (405, MEDIA_TYPE)
    assert "GET" in answer.headers["allow"]


def test_a_body_that_is_too_long_is_a_problem(client: TestClient[Litestar]) -> None:
    answer = client.post("/small", content=b"x" * 11)
    assert (answer.status_code, answer.headers["content-type"]) == (413, MEDIA_TYPE)


def by_state(kind: type[asyncpg.PostgresError], **said: Any) -> DBAPIError:
    return OperationalError("SELECT secret", {}, kind("secret"), **said)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("secret"),
        TimeoutError("secret"),
        PoolTimeoutError("secret"),
        asyncpg.CannotConnectNowError("secret"),
        asyncpg.ConnectionDoesNotExistError("secret"),
        by_state(asyncpg.exceptions.AdminShutdownError),
        by_state(asyncpg.TooManyConnectionsError),
        by_state(asyncpg.SyntaxOrAccessError, connection_invalidated=True),
    ],
)
def test_a_database_that_is_away_is_503_with_retry_after(client: TestClient[Litestar], error: Exception) -> None:
    status, body, retry_after = ask(client, error)
    assert (status, body["type"], retry_after) == (503, "/problems/unavailable", "1")
    assert "secret" not in str(body)


def test_a_query_that_took_too_long_says_how_to_narrow_it(client: TestClient[Litestar]) -> None:
    status, body, _ = ask(client, by_state(asyncpg.QueryCanceledError))
    assert (status, body["type"]) == (503, "/problems/query-timeout")
    assert "filter" in str(body["detail"])


@pytest.mark.parametrize(
    "error",
    [
        KeyError("secret"),
        BlobCorrupt("secret"),
        Fenced("secret"),
        LogDiverged("secret"),
        InternalServerException("secret"),
        asyncpg.PostgresSyntaxError("secret"),
        by_state(asyncpg.UniqueViolationError),
    ],
)
def test_what_nobody_expected_says_nothing_of_the_inside_and_is_logged(
    client: TestClient[Litestar], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status, body, _ = ask(client, error)
    assert (status, body["type"]) == (500, "/problems/internal")
    assert "secret" not in str(body)
    (record,) = caplog.records
    assert str(body["correlation_id"]) in record.getMessage()
    assert record.exc_info
    assert record.exc_info[1] is error


def test_the_callers_request_id_is_the_correlation_id(client: TestClient[Litestar]) -> None:
    Raised.error = KeyError()
    asked = "6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10"
    assert client.get("/raise", headers={"X-Request-ID": asked}).json()["correlation_id"] == asked
    assert client.get("/raise", headers={"X-Request-ID": "x"}).json()["correlation_id"] != "x"
