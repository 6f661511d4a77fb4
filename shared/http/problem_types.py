"""Every type of problem that an answer can have, as one closed list; *command or query -> HTTP*.

`docs/problems.md` says the same to people, the OpenAPI documents to programs; tests hold the three together.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.tabular.row_errors import CODES


class ProblemType(msgspec.Struct, frozen=True):
    """The statuses that problems of a type have, its title, when it is answered, and what else they may tell."""

    statuses: tuple[int, ...]
    title: str
    says: str
    members: tuple[str, ...] = ()


FILE: Final = ("code", "labels")
"""What problems with files tell."""


def _of_file(code: str, *statuses: int) -> ProblemType:
    return ProblemType(statuses, "The file or body cannot be taken", CODES[code], FILE)


PROBLEM_TYPES: Final[dict[str, ProblemType]] = {
    "bad-request": ProblemType((400,), "The request cannot be read", "The body or the request itself is malformed."),
    "bad-parameter": ProblemType(
        (400,),
        "A query parameter is unknown or cannot be read",
        "A parameter or header is unknown, given twice, out of bounds or fits no other; `nearest` is a known name.",
        ("parameter", "nearest"),
    ),
    "disconnected": ProblemType(
        (400,), "The request did not arrive whole", "Fewer bytes came than were announced; nothing was kept."
    ),
    "refused": ProblemType((400,), "The request is refused", "The body is no JSON in UTF-8."),
    "unauthenticated": ProblemType(
        (401,), "It is not known who asks", "There is no token or key, or it is wrong, expired, revoked or disabled."
    ),
    "forbidden": ProblemType(
        (403,), "That is not allowed", "The caller lacks the role or the scope that `detail` names."
    ),
    "not-found": ProblemType(
        (404,),
        "There is no such thing here",
        "Nothing has that name, key or id, or it may not be seen; with `Retry-After` it may only be too new.",
    ),
    "method-not-allowed": ProblemType((405,), "Method Not Allowed", "`Allow` names the methods of the path."),
    "conflict": ProblemType((409,), "That does not fit what is there", "A key is taken, or a state does not allow it."),
    "still-running": ProblemType(
        (409,),
        "The first request with this key has no answer yet",
        "Another request with this `Idempotency-Key` is being done: ask again after `Retry-After`.",
    ),
    "stale-version": ProblemType(
        (412,),
        "The record has another version",
        "`If-Match` names none of its versions; `current` is the record now, `version` its version.",
        ("current", "version"),
    ),
    "request-entity-too-large": ProblemType(
        (413,), "The body is too long", "The body is longer than a command may be: send many rows as a file."
    ),
    "bad-password": ProblemType(
        (422,), "The password cannot be taken", "It is too short, too long, or one of the commonest."
    ),
    "invalid-record": ProblemType(
        (422,),
        "The values do not fit their dataset",
        "`errors` has one entry for each: where it stands (`pointer`, RFC 6901), its code, what it must be.",
        ("errors",),
    ),
    "idempotency-key-reused": ProblemType(
        (422,),
        "The idempotency key belongs to another request",
        "Another request with this `Idempotency-Key` asked for something else: take a new key.",
    ),
    "quota-exceeded": ProblemType(
        (429,),
        "As many bytes were sent today as may be",
        "The caller's quota of bytes is spent for today; `Retry-After` is the end of the day (UTC).",
        ("quota_bytes", "used_bytes"),
    ),
    "too-many-requests": ProblemType(
        (429,), "It was asked too often", "A limit is reached, or logins failed: wait as long as `Retry-After` says."
    ),
    "internal": ProblemType(
        (500,),
        "Something went wrong inside",
        "Our fault; whoever runs the service finds it in the log under `correlation_id`.",
        ("correlation_id",),
    ),
    "unavailable": ProblemType(
        (503,),
        "A server that is needed does not answer",
        "Something is away or has too much to do, or the read tables are `lag_events` behind `Read-After`: try again.",
        ("lag_events",),
    ),
    "query-timeout": ProblemType(
        (503,), "The query took too long", "Narrow it with a filter on an indexed field, or ask for no count."
    ),
    "format-error": _of_file("format-error", 413, 415, 422),
    "field-too-long": _of_file("field-too-long", 413),
    "archive-error": _of_file("archive-error", 422),
    "empty-file": _of_file("empty-file", 422),
    "encoding-error": _of_file("encoding-error", 422),
    "unclosed-quote": _of_file("unclosed-quote", 422),
    "missing-label": _of_file("missing-label", 422),
    "duplicate-label": _of_file("duplicate-label", 422),
}
"""By the code with which `type` ends: `/problems/bad-parameter`."""

ROW_ERRORS: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
        "required": ["pointer", "code", "detail"],
    },
}

MEMBERS: Final[dict[str, dict[str, Any]]] = {
    "parameter": {"type": "string", "description": "Its name; empty where the query as a whole is meant."},
    "nearest": {"type": ["string", "null"], "description": "The known name that is most like it."},
    "code": {"type": "string", "enum": list(CODES), "description": "A code of the row errors."},
    "labels": {"type": "array", "items": {"type": "string"}, "description": "The labels that are meant."},
    "lag_events": {"type": "integer", "description": "So many events are not folded yet."},
    "errors": ROW_ERRORS,
    "current": {"description": "The record as it is now; null where it is gone."},
    "version": {"type": ["integer", "null"]},
    "quota_bytes": {"type": "integer"},
    "used_bytes": {"type": "integer"},
    "correlation_id": {"type": "string", "format": "uuid"},
}
"""What a problem may tell beside its type, title, status, detail and instance, as JSON schemas.

Those of an error of ours are its attributes of these names.
"""
