"""What a service's tables tell of its routes, beyond what their declared parameters say; *HTTP*, for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

JSON: Final = "application/json"

Shape = Any
"""A type that msgspec can describe as a JSON schema: most often a Struct of the service's `shapes.py`."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is no problem: what it says, its headers (always, or sometimes there) and the shape of its JSON.

    Without a shape it is what the route derives from a declaration. Other media types are files, or streams; an answer
    with an empty `media_types` has no body.
    """

    says: str
    shape: Shape = None
    media_types: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()
    may_have: tuple[str, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the document of one route, or of one for each dataset.

    `says` are some sentences of Markdown. `problems` are the codes beside those that every route has (`EVERYWHERE`);
    where a code has several statuses one may be meant: `format-error/415`.
    `reads` are headers of the request, by their names in `REQUEST_HEADERS`; `body` is the shape of its JSON.
    """

    says: str
    answers: Mapping[int, Answer]
    problems: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    body: Shape = None
    body_may_be_missing: bool = False
    path: Mapping[str, dict[str, Any]] = {}
    """Words and examples of path parameters, where the route itself has none."""
    summary: str = ""
    tag: str = ""


ToldTable = Mapping[str, Told]
"""By the names of routes as in `RoleTable`: `GET /{dataset}/{key}`, GET for HEAD, `*` for any last part."""

NO_BODY: Final[tuple[str, ...]] = ()

EVERYWHERE: Final = ("internal", "unavailable")
GUARDED: Final = ("unauthenticated", "forbidden")
LIMITED: Final = ("too-many-requests",)
"""Problems of every route, of those that take a role, and of those with a rate limit; these need no entry."""

REQUEST_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Read-After": {
        "description": "Answer with at least these positions folded, or 503 after as long as `Prefer: wait` says.",
        "schema": {
            "type": "string",
            "pattern": r"^[A-Za-z_][A-Za-z0-9_]*:[0-9]{1,18}(, ?[A-Za-z_][A-Za-z0-9_]*:[0-9]{1,18})*$",
        },
        "example": "debts:0",
    },
    "If-None-Match": {
        "description": "Tags that the caller has; where one is still right the answer is 304 without a body.",
        "schema": {"type": "string"},
        "example": '"57"',
    },
    "If-Match": {
        "description": 'The versions that the change is meant for, as "57"; any other is a 412 with the record.',
        "schema": {
            "type": "string",
            "pattern": r'^([*]|"[1-9][0-9]{0,17}"(, "[1-9][0-9]{0,17}")*)$',
        },
        "example": "*",
    },
    "Prefer": {
        "description": "wait=N: seconds to wait, up to 10, 2 unless said. respond-async: do not wait for the outcome.",
        "schema": {"type": "string"},
        "example": "wait=2",
    },
    "Idempotency-Key": {
        "description": "The same key with the same request is one command, and is answered in the same way.",
        "schema": {"type": "string", "pattern": "^[!#-~]{1,255}$"},
        "example": "0b9a3c1f-7a10-4c0e-9a55-6f1a3c520d5c",
    },
    "Last-Event-ID": {
        "description": "The `id` of the last event that the caller has: those after it are sent.",
        "schema": {"type": "string"},
    },
}

ANSWER_HEADERS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "Position": ("How far the answer goes: `dataset:position`, of two datasets both.", "debts:57", {"type": "string"}),
    "ETag": ("The version of what is answered, for `If-Match` and `If-None-Match`.", '"57"', {"type": "string"}),
    "Location": ("Where the thing is, or where to ask what became of it.", "/uploads/{id}", {"type": "string"}),
    "Link": ("The pages before and after this one (RFC 8288).", '</debts?limit=50>; rel="next"', {"type": "string"}),
    "Vary": ("What else the answer depends on.", "Accept", {"type": "string"}),
    "Content-Disposition": ("The name of the file.", 'attachment; filename="debts.csv"', {"type": "string"}),
    "Idempotency-Replayed": ("`true`: answered before, under the same key.", "true", {"type": "string"}),
    "Retry-After": ("Seconds to wait before it is asked again.", "1", {"type": "integer", "minimum": 0}),
    "RateLimit": (
        'For each limit: `r`, how many calls are left, `t`, in how many seconds there are more: `"user";r=29999;t=60`.',
        '"user";r=29999;t=60',
        {"type": "string"},
    ),
    "RateLimit-Policy": ("The limits that count: `q` calls in `w` seconds.", '"user";q=30000;w=60', {"type": "string"}),
    "WWW-Authenticate": ("How to say who one is.", 'Bearer realm="tablefold"', {"type": "string"}),
}
"""What each says, an example, and its schema."""
