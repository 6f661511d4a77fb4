"""What every answer says to browsers, and which pages may call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from litestar import Litestar, Response, get
from litestar.testing import TestClient

from shared.errors import BadSettings
from shared.http.answer_starts import with_changed_headers
from shared.http.headers import ALWAYS, completed, cors_of
from shared.http.problems import exception_handlers

DESK = "https://desk.example.org"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    @get("/plain", sync_to_thread=False)
    def plain() -> dict[str, str]:
        return {}

    @get("/kept", sync_to_thread=False)
    def kept() -> Response[None]:
        return Response(None, headers={"Cache-Control": "max-age=60"})

    @get("/fails", sync_to_thread=False)
    def fails() -> None:
        raise ValueError("secret")

    routes = [plain, kept, fails]
    handlers = exception_handlers
    app = Litestar(routes, exception_handlers=handlers, cors_config=cors_of(DESK), logging_config=None)
    app.asgi_handler = with_changed_headers(app.asgi_handler, completed)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(("path", "status"), [("/plain", 200), ("/nothing", 404), ("/fails", 500)])
def test_every_answer_has_them_problems_too(client: TestClient[Litestar], path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    for name, value in ALWAYS.items():
        assert answer.headers[name.decode()] == value.decode()
    assert "strict-transport-security" not in answer.headers
    assert "secret" not in answer.text


def test_what_an_answer_says_itself_stands_and_tls_is_asked_for_where_it_is(client: TestClient[Litestar]) -> None:
    assert client.get("/kept").headers["cache-control"] == "max-age=60"
    over_tls = client.get("/plain", headers={"X-Forwarded-Proto": "https"})
    assert over_tls.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


def test_only_that_page_may_call(client: TestClient[Litestar]) -> None:
    asked = {"Origin": DESK, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Authorization"}
    allowed = client.options("/plain", headers=asked)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, DESK)
    assert client.get("/plain", headers={"Origin": DESK}).headers["access-control-allow-origin"] == DESK
    for origin in ("null", f"{DESK}.evil", "http://desk.example.org", "https://evil.org", f"{DESK}:8443", "*"):
        for answer in (
            client.get("/plain", headers={"Origin": origin}),
            client.options("/plain", headers={**asked, "Origin": origin}),
        ):
            assert "access-control-allow-origin" not in answer.headers, origin


def test_origins_are_whole_and_exact() -> None:
    assert cors_of("") is None
    for wrong in ("*", "https://*.example.org", "desk.example.org", f"{DESK}/", "ftp://x.org", f"{DESK}, *"):
        with pytest.raises(BadSettings, match="TABLEFOLD_CORS_ORIGINS"):
            cors_of(wrong)
