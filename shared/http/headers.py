"""What every answer says to browsers: never guess, never frame, never keep; *command or query -> HTTP*."""

from __future__ import annotations

from typing import Any, Final

from litestar.config.cors import CORSConfig
from litestar.types import Scope

from shared.errors import BadSettings
from shared.http.answer_starts import Headers

ALWAYS: Final = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""Where an answer does not say otherwise itself."""

OVER_TLS: Final = {b"strict-transport-security": b"max-age=63072000; includeSubDomains"}
"""Where the gateway says that it was asked by https."""

SENT: Final = [
    *("Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "Read-After", "Prefer"),
    "Last-Event-ID",
]
EXPOSED: Final = [
    *("Position", "Location", "Link", "ETag", "Content-Disposition"),
    *("Retry-After", "RateLimit", "RateLimit-Policy"),
]


def completed(scope: Scope, headers: Headers) -> Headers:
    """Those that every answer has, where it does not say otherwise."""
    by_tls = (b"x-forwarded-proto", b"https") in scope.get("headers", ())
    wanted = {**ALWAYS, **OVER_TLS} if by_tls else ALWAYS
    said = {name.lower() for name, _ in headers}
    return [*headers, *[pair for pair in wanted.items() if pair[0] not in said]]


def cors_of(origins: str) -> CORSConfig | None:
    """For `Litestar(cors_config=...)`: exactly these origins, with commas between them. Raises BadSettings."""
    wanted = [one.strip() for one in origins.split(",") if one.strip()]
    for origin in wanted:
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or not host or any(sign in host for sign in "/*?#@ "):
            raise BadSettings(f"TABLEFOLD_CORS_ORIGINS: {origin!r} is no origin such as https://desk.example.org.")
    if not wanted:
        return None
    methods: list[Any] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    return CORSConfig(
        allow_origins=wanted,
        allow_methods=methods,
        allow_headers=SENT,
        expose_headers=EXPOSED,
        allow_credentials=False,
    )
