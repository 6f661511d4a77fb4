"""What OpenAPI tells of the streams of what happens; *HTTP* -> query."""

from __future__ import annotations

from typing import Final

from shared.http.told import Answer, Told, ToldTable

STREAM: Final = Answer(
    says="Server-sent events, until the caller goes or an `end` comes: each with its name, JSON as its data and the"
    " `id` at which it can be gone on.",
    media_types=("text/event-stream",),
)
READS: Final = ("Last-Event-ID", "Read-After", "Prefer")
PROBLEMS: Final = ("bad-parameter", "query-timeout")

OF_EVENTS: ToldTable = {
    "GET /events": Told(
        says="Facts about uploads (`received`, `published`, `failed`, `withdrawn`), their `progress`, the `lag` of each"
        " dataset and each `rebuild`, as the caller may see them. It begins with what is under way, or after the last"
        " event that the caller has. At most 50 streams of one user are open at a time in one process: else 429.",
        answers={200: STREAM},
        problems=PROBLEMS,
        reads=READS,
    ),
    "GET /uploads/{upload_id}/events": Told(
        says="How the upload stands, and every change of it; the data is what `GET /uploads/{upload_id}` answers then."
        " An upload that was accepted just now may not be folded yet: a 404 with `Retry-After`, or `Read-After` waits.",
        answers={200: STREAM},
        problems=(*PROBLEMS, "not-found"),
        reads=READS,
    ),
}
